//! Tools of agents that are requests of HTTP.
//!
//! Arguments fill the braces of the path; what is left of them is the query of GET and DELETE, and a JSON object in
//! the body of the others. Each request has an `Idempotency-Key`, which is the same when it is sent again, and says for
//! which tenant and which call it is: **no model chooses those**.

mod answer;

use std::time::Duration;

use callplane_flow::{HttpMethod, HttpUse};
use reqwest::{Method, RequestBuilder};
use serde_json::{Map, Value};
use tokio::time::{Instant, sleep, timeout_at};

use self::answer::read;
use crate::error::{ModelError, Slow};
use crate::http::{Endpoint, HttpClient, of_connection};

/// How often a request is sent at most.
const ATTEMPTS: u32 = 3;
/// Until it is sent again; it doubles.
const PAUSE: Duration = Duration::from_millis(200);

/// Requests to one endpoint. Cheap to clone; clones share connections.
#[derive(Debug, Clone)]
pub struct ToolClient {
    http: HttpClient,
    endpoint: Endpoint,
}

/// On whose behalf a tool is called: headers of the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCaller {
    /// `Callplane-Tenant`.
    pub tenant: String,
    /// `Callplane-Call`.
    pub call: String,
    /// `Idempotency-Key`: another for each run of a tool.
    pub key: String,
}

impl ToolClient {
    /// Requests behind the connections of `http`; nothing is sent yet.
    #[must_use]
    pub fn new(http: &HttpClient, endpoint: Endpoint) -> Self {
        Self {
            http: http.clone(),
            endpoint,
        }
    }

    /// Calls a tool and gives what it says, as far as a model has use for it. That includes a refusal by which the
    /// endpoint says what is wrong with the arguments.
    ///
    /// It is sent again only where that does no harm: by its method, or by what `tool` says of its endpoint.
    ///
    /// # Errors
    /// When there is no answer that the endpoint stands for.
    pub async fn call(
        &self,
        tool: &HttpUse,
        arguments: Map<String, Value>,
        caller: &ToolCaller,
        timeout: Duration,
    ) -> Result<String, ModelError> {
        let until = Instant::now() + timeout;
        let may_repeat = tool.method.is_idempotent() || tool.idempotent;
        let mut pause = PAUSE;
        let mut attempt = 1;
        loop {
            let request = self.request(tool, arguments.clone(), caller)?;
            let error = match send(request, until).await {
                Ok(text) => return Ok(text),
                Err(error) => error,
            };
            let wait = match error {
                ModelError::Connection | ModelError::Unavailable { .. } => pause,
                ModelError::Busy { retry_after } => retry_after.unwrap_or(pause),
                error => return Err(error),
            };
            let left = until.saturating_duration_since(Instant::now());
            if !may_repeat || attempt == ATTEMPTS || wait >= left {
                return Err(error);
            }
            sleep(wait).await;
            pause *= 2;
            attempt += 1;
        }
    }

    fn request(
        &self,
        tool: &HttpUse,
        mut arguments: Map<String, Value>,
        caller: &ToolCaller,
    ) -> Result<RequestBuilder, ModelError> {
        let path = tool
            .path
            .fill(&mut arguments)
            .ok_or(ModelError::Protocol("an argument of the path is missing"))?;
        let query: Vec<(String, String)> = match tool.method.has_body() {
            true => Vec::new(),
            false => std::mem::take(&mut arguments)
                .into_iter()
                .map(|(name, value)| (name, plain(value)))
                .collect(),
        };
        let request = self
            .http
            .request_with(method(tool.method), &self.endpoint, &path, &query)?
            .header("accept", "application/json, text/*;q=0.5")
            .header("idempotency-key", &caller.key)
            .header("callplane-tenant", &caller.tenant)
            .header("callplane-call", &caller.call);
        Ok(match tool.method.has_body() {
            true => request.json(&arguments),
            false => request,
        })
    }
}

async fn send(request: RequestBuilder, until: Instant) -> Result<String, ModelError> {
    let response = timeout_at(until, request.send())
        .await
        .map_err(|_| ModelError::TooSlow(Slow::Total))?
        .map_err(|error| of_connection(&error))?;
    timeout_at(until, read(response, until))
        .await
        .map_err(|_| ModelError::TooSlow(Slow::Total))?
}

const fn method(method: HttpMethod) -> Method {
    match method {
        HttpMethod::Get => Method::GET,
        HttpMethod::Post => Method::POST,
        HttpMethod::Put => Method::PUT,
        HttpMethod::Patch => Method::PATCH,
        HttpMethod::Delete => Method::DELETE,
    }
}

/// A value in a query: texts as they are, the others as JSON.
fn plain(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}
