//! Recognisers of speech that speak OpenAI's `audio/transcriptions`: OpenAI itself, Speaches, vLLM, LocalAI and others.
//!
//! One `POST {base}/audio/transcriptions` a turn, once the caller has ended it, with the turn as a WAV file (OpenAI
//! API reference, "Create transcription"). The answer is JSON with a `text`, and nothing that says how sure it is.

mod form;

use std::time::Duration;

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use self::form::Form;
use crate::error::{ModelError, Slow};
use crate::http::{Endpoint, HttpClient, first_octets, send};

/// What an answer may be: a turn of speech has some hundred words.
const MAX_ANSWER: usize = 64 * 1024;

/// Where a recogniser is, and what it is called there.
#[derive(Debug, Clone)]
pub struct TranscriptionConfig {
    /// Where it is.
    pub endpoint: Endpoint,
    /// Name of the model.
    pub model: String,
    /// Until the words are there, the connection included.
    pub timeout: Duration,
}

/// A recogniser of speech. Cheap to clone; clones share connections.
#[derive(Debug, Clone)]
pub struct Transcriber {
    http: HttpClient,
    config: TranscriptionConfig,
}

#[derive(Deserialize)]
struct Answer {
    text: String,
}

impl Transcriber {
    /// A recogniser behind the connections of `http`; nothing is sent yet.
    #[must_use]
    pub fn new(http: &HttpClient, config: TranscriptionConfig) -> Self {
        Self {
            http: http.clone(),
            config,
        }
    }

    /// The words in a WAV file, as the recogniser writes them; nothing where there are none. `language` is what is
    /// spoken (ISO 639), if it is known; `boundary` is what the audio does not have in it: some random characters.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn transcribe(
        &self,
        wav: &[u8],
        language: Option<&str>,
        boundary: &str,
    ) -> Result<Option<String>, ModelError> {
        let TranscriptionConfig {
            endpoint,
            model,
            timeout,
        } = &self.config;
        let until = Instant::now() + *timeout;
        let mut form = Form::new(boundary);
        form.text("model", model);
        form.text("response_format", "json");
        if let Some(language) = language {
            form.text("language", language);
        }
        form.file("file", "turn.wav", "audio/wav", wav);
        let request = self
            .http
            .request(Method::POST, endpoint, "audio/transcriptions")?
            .header(CONTENT_TYPE, form.content_type())
            .body(form.finish());
        let response = send(request, until).await?;
        let (body, is_whole) = timeout_at(until, first_octets(response, MAX_ANSWER))
            .await
            .map_err(|_| ModelError::TooSlow(Slow::Total))?;
        match is_whole {
            true => words(&body),
            false if body.len() > MAX_ANSWER => Err(ModelError::TooLong),
            false => Err(ModelError::Cut),
        }
    }
}

/// The words of an answer, on one line.
fn words(body: &[u8]) -> Result<Option<String>, ModelError> {
    let Answer { text } = serde_json::from_slice(body)
        .map_err(|_| ModelError::Protocol("it is no JSON with a text"))?;
    let words: Vec<&str> = text.split_whitespace().collect();
    // Silence comes back as nothing, or as dots.
    let has_words = words
        .iter()
        .any(|word| word.contains(char::is_alphanumeric));
    Ok(has_words.then(|| words.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_words_and_silence_is_none() {
        let of = |text: &str| words(text.as_bytes());
        let hello = Ok(Some("Hello, Emma.".to_owned()));
        assert_eq!(of(r#"{"text":" Hello,\n Emma. ","usage":{}}"#), hello);
        for silence in [r#"{"text":""}"#, r#"{"text":" ... "}"#] {
            assert_eq!(of(silence), Ok(None), "{silence}");
        }
        for wrong in ["", "Hello", r#"{"text":null}"#, "[]"] {
            assert!(matches!(of(wrong), Err(ModelError::Protocol(_))), "{wrong}");
        }
    }
}
