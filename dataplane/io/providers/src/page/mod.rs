//! Pages and files of web servers, for knowledge bases.
//!
//! Tenants write their addresses, so they are fetched by the rules of providers: only from addresses that
//! [`Egress`](crate::Egress) lets through, without redirects, which would lead around these rules, and within limits of
//! octets and time.

mod error;

use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, USER_AGENT};
use reqwest::{Response, Url};
use tokio::time::timeout;

pub use self::error::PageError;
use crate::http::{HttpClient, first_octets};

/// What is read first of several forms of a page.
const WANTED: &str = "text/html, text/markdown, text/plain, application/pdf, \
    application/vnd.openxmlformats-officedocument.wordprocessingml.document, */*;q=0.1";

/// What a server gave.
#[derive(Clone, PartialEq, Eq)]
pub struct Page {
    /// The body.
    pub octets: Vec<u8>,
    /// Its media type without parameters, in lower case, where the server says it.
    pub media_type: Option<String>,
    /// Its character set, where the server says it.
    pub charset: Option<String>,
}

impl std::fmt::Debug for Page {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Page({} octets)", self.octets.len())
    }
}

/// Fetches what is at `url`, of at most `limit` octets, within `patience`.
///
/// # Errors
/// When there is none; the error says whether it may be there later.
pub async fn fetch_page(
    http: &HttpClient,
    url: &str,
    limit: usize,
    patience: Duration,
) -> Result<Page, PageError> {
    let url: Url = url.parse().map_err(|_| PageError::Address)?;
    let is_plain = matches!(url.scheme(), "http" | "https")
        && url.username().is_empty()
        && url.password().is_none();
    if !is_plain {
        return Err(PageError::Address);
    }
    let request = http
        .get(url)
        .map_err(|_| PageError::Forbidden)?
        .header(ACCEPT, WANTED);
    let request = request.header(USER_AGENT, concat!("callplane/", env!("CARGO_PKG_VERSION")));
    let fetched = async {
        let response = request
            .send()
            .await
            .map_err(|error| PageError::of(&error))?;
        read(response, limit).await
    };
    timeout(patience, fetched)
        .await
        .unwrap_or(Err(PageError::TooSlow(patience)))
}

async fn read(response: Response, limit: usize) -> Result<Page, PageError> {
    let status = response.status();
    if status.is_redirection() {
        return Err(PageError::Redirect);
    }
    if !status.is_success() {
        return Err(PageError::Status(status.as_u16()));
    }
    // What says it is too long is not begun.
    let announced = response.content_length().unwrap_or(0);
    if usize::try_from(announced).map_or(true, |announced| announced > limit) {
        return Err(PageError::TooLong(limit));
    }
    let (media_type, charset) = content_type(response.headers());
    match first_octets(response, limit).await {
        (octets, true) => Ok(Page {
            octets,
            media_type,
            charset,
        }),
        (octets, false) if octets.len() > limit => Err(PageError::TooLong(limit)),
        _ => Err(PageError::Cut),
    }
}

/// The media type and the character set, RFC 9110 section 8.3.
fn content_type(headers: &HeaderMap) -> (Option<String>, Option<String>) {
    let value = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let mut parts = value.unwrap_or_default().split(';').map(str::trim);
    let media_type = parts.next().map(str::to_ascii_lowercase);
    let charset = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        let is_charset = name.trim().eq_ignore_ascii_case("charset");
        is_charset.then(|| value.trim().trim_matches('"').to_owned())
    });
    (
        media_type.filter(|media_type| !media_type.is_empty()),
        charset,
    )
}
