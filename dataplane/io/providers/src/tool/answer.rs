//! What an endpoint answers, for a model.

use reqwest::Response;
use reqwest::header::CONTENT_TYPE;
use serde_json::Value;
use tokio::time::Instant;

use crate::error::ModelError;
use crate::http::{first_octets, refused};

/// Octets of an answer that are read.
const MAX_OCTETS: usize = 256 * 1024;
/// Characters of it that a model gets.
const MAX_CHARACTERS: usize = 6_000;
/// What it says where it says nothing.
const DONE: &str = "done";
/// Characters of a refusal.
const MAX_REFUSAL: usize = 500;

/// Reads an answer. By 400, 404, 409, 410 and 422 the endpoint says something about the arguments: the model is told.
pub(super) async fn read(response: Response, until: Instant) -> Result<String, ModelError> {
    let status = response.status().as_u16();
    match status {
        204 | 205 => Ok(DONE.to_owned()),
        200..300 => whole(response).await,
        400 | 404 | 409 | 410 | 422 => {
            let said = match is_text(&response) {
                true => first_octets(response, MAX_OCTETS).await.0,
                false => Vec::new(),
            };
            let said = cut(compact(&said), MAX_REFUSAL);
            Ok(format!("refused with HTTP status {status}: {said}"))
        }
        _ => Err(refused(response, until).await),
    }
}

async fn whole(response: Response) -> Result<String, ModelError> {
    if !is_text(&response) {
        return Err(ModelError::Protocol("it is neither JSON nor text"));
    }
    let (body, is_whole) = first_octets(response, MAX_OCTETS).await;
    match is_whole {
        true => Ok(match cut(compact(&body), MAX_CHARACTERS) {
            said if said.is_empty() => DONE.to_owned(),
            said => said,
        }),
        false if body.len() > MAX_OCTETS => Err(ModelError::TooLong),
        false => Err(ModelError::Cut),
    }
}

/// Where it does not say what it is, it may be either.
fn is_text(response: &Response) -> bool {
    let Some(kind) = response.headers().get(CONTENT_TYPE) else {
        return true;
    };
    let kind = kind.to_str().unwrap_or_default().to_ascii_lowercase();
    kind.contains("json") || kind.starts_with("text/")
}

/// JSON without its layout, which costs tokens; anything else as it is.
fn compact(body: &[u8]) -> String {
    match serde_json::from_slice::<Value>(body) {
        Ok(json) => json.to_string(),
        Err(_) => String::from_utf8_lossy(body).trim().to_owned(),
    }
}

fn cut(text: String, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text,
        Some((end, _)) => format!("{} [the rest is left out]", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_loses_its_layout_and_what_is_too_long_its_end() {
        assert_eq!(compact(b"{\n  \"a\": [1,\n 2]\n}"), r#"{"a":[1,2]}"#);
        assert_eq!(compact(b" nine o'clock \n"), "nine o'clock");
        assert_eq!(compact(b"\xff"), "\u{fffd}");
        assert_eq!(cut("äöü".to_owned(), 3), "äöü");
        assert_eq!(cut("äöü".to_owned(), 2), "äö [the rest is left out]");
    }
}
