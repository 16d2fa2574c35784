//! The way to providers: one client for all of them, so that connections are kept and used again.

mod egress;
mod endpoint;

use std::time::Duration;

use futures::StreamExt as _;
use reqwest::RequestBuilder;
use tokio::time::{Instant, timeout_at};

pub use self::egress::{Egress, InvalidNetworks};
use self::egress::{Forbidden, Guard};
use self::endpoint::literal_address;
pub use self::endpoint::{Endpoint, InvalidEndpoint, KeyHeader};
use crate::error::{ModelError, Slow};

/// Until a connection stands. Providers are asked in the middle of a turn: who is not there by then is too late.
const CONNECT: Duration = Duration::from_secs(2);
/// How long a connection that nobody uses is kept: beyond the pauses of a conversation.
const IDLE: Duration = Duration::from_secs(300);
/// How often it is asked whether the other side is still there, so that a half-open one is found before it is needed.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// What is kept of a sentence by which a server refuses, in characters.
const MAX_REASON: usize = 200;
/// What is read of a body that says no, in octets.
const MAX_REFUSAL: usize = 16 * 1024;

/// Connections to providers. Cheap to clone; clones share them.
///
/// **It connects only to addresses that [`Egress`] lets it**: names are resolved once, each address is looked at, and
/// one of those is connected to. Redirects are not followed and proxies of the environment not used.
#[derive(Debug, Clone)]
pub struct HttpClient {
    http: reqwest::Client,
    egress: Egress,
}

impl HttpClient {
    /// A client that may connect to what `egress` says.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(egress: Egress) -> Result<Self, InvalidEndpoint> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .pool_idle_timeout(IDLE)
            .tcp_keepalive(KEEP_ALIVE)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .dns_resolver(Guard(egress.clone()))
            .build()
            .map_err(|_| InvalidEndpoint::Client)?;
        Ok(Self { http, egress })
    }

    /// A request for what is at `url`, without a key.
    pub(crate) fn get(&self, url: reqwest::Url) -> Result<RequestBuilder, ModelError> {
        if literal_address(&url).is_some_and(|address| !self.egress.allows(address)) {
            return Err(ModelError::Forbidden);
        }
        Ok(self.http.get(url))
    }

    /// A request to `path` below the endpoint, with its key.
    pub(crate) fn request(
        &self,
        method: reqwest::Method,
        endpoint: &Endpoint,
        path: &str,
    ) -> Result<RequestBuilder, ModelError> {
        self.request_with(method, endpoint, path, &[])
    }

    /// As [`Self::request`], with a query.
    pub(crate) fn request_with(
        &self,
        method: reqwest::Method,
        endpoint: &Endpoint,
        path: &str,
        query: &[(String, String)],
    ) -> Result<RequestBuilder, ModelError> {
        // A host that is an address is never resolved.
        if endpoint
            .literal_address()
            .is_some_and(|address| !self.egress.allows(address))
        {
            return Err(ModelError::Forbidden);
        }
        let mut url = endpoint.at(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let request = self.http.request(method, url);
        Ok(match endpoint.key() {
            Some((name, value)) => request.header(name, value.clone()),
            None => request,
        })
    }
}

/// Sends a request; the response, if it says yes before `until`.
pub(crate) async fn send(
    request: RequestBuilder,
    until: Instant,
) -> Result<reqwest::Response, ModelError> {
    let response = timeout_at(until, request.send())
        .await
        .map_err(|_| ModelError::TooSlow(Slow::First))?
        .map_err(|error| of_connection(&error))?;
    match response.status().is_success() {
        true => Ok(response),
        false => Err(refused(response, until).await),
    }
}

/// Errors of the client name the URL, which helps nobody: it is not kept.
pub(crate) fn of_connection(error: &reqwest::Error) -> ModelError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<Forbidden>() {
            return ModelError::Forbidden;
        }
        cause = error.source();
    }
    ModelError::Connection
}

/// Why the server refused, as far as it says.
pub(crate) async fn refused(response: reqwest::Response, until: Instant) -> ModelError {
    let status = response.status().as_u16();
    let retry_after = response
        .headers()
        .get(reqwest::header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.trim().parse().ok())
        .map(Duration::from_secs);
    match status {
        401 | 403 => ModelError::Unauthorized { status },
        429 => ModelError::Busy { retry_after },
        500.. => ModelError::Unavailable { status },
        _ => {
            let body = timeout_at(until, first_octets(response, MAX_REFUSAL)).await;
            let reason = body.map_or_else(|_| String::new(), |(body, _)| reason(&body));
            ModelError::Refused { status, reason }
        }
    }
}

/// The beginning of a body, about `limit` octets of it, and whether that is all.
pub(crate) async fn first_octets(response: reqwest::Response, limit: usize) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    let mut stream = response.bytes_stream();
    loop {
        match stream.next().await {
            None => return (body, true),
            Some(Err(_)) => return (body, false),
            Some(Ok(chunk)) => body.extend_from_slice(&chunk),
        }
        if body.len() > limit {
            return (body, false);
        }
    }
}

/// `error.message` of a body, on one line.
pub(crate) fn reason(body: &[u8]) -> String {
    let json: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let message = json.as_ref().and_then(|json| {
        let error = &json["error"];
        error["message"].as_str().or(error.as_str())
    });
    let line: Vec<&str> = message.unwrap_or_default().split_whitespace().collect();
    line.join(" ").chars().take(MAX_REASON).collect()
}
