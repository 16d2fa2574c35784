//! Language models that speak OpenAI's chat protocol: OpenAI itself, vLLM, Ollama, llama.cpp, LiteLLM and many more.
//!
//! One `POST {base}/chat/completions` an answer, which comes as server-sent events (OpenAI API reference, "Create chat
//! completion"). Fields that are not known are passed over; an answer that breaks off is told from one that ends.

mod answer;
mod bounds;
mod error;
mod request;

use std::time::Duration;

use callplane_flow::{Think, Thought};
use eventsource_stream::Eventsource as _;
use futures::StreamExt as _;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use tokio::time::{Instant, timeout_at};

use self::answer::Answer;
use self::bounds::Bounds;
pub use self::error::{ChatError, InvalidChatConfig, Slow};

/// What is kept of a sentence by which a server refuses, in characters.
const MAX_REASON: usize = 200;

/// Where a model is, and what it is called there.
#[derive(Clone)]
pub struct ChatConfig {
    /// Its URL up to the version: `https://api.openai.com/v1`, `http://127.0.0.1:11434/v1`.
    pub base_url: String,
    /// Name of the model.
    pub model: String,
    /// The API key; servers of one's own need none.
    pub key: Option<String>,
    /// When to give up.
    pub limits: ChatLimits,
}

/// When to give up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChatLimits {
    /// Until the connection stands.
    pub connect: Duration,
    /// From the question until the first part of the answer.
    pub first_part: Duration,
    /// Between two parts.
    pub stall: Duration,
    /// Until the answer is complete.
    pub total: Duration,
    /// Octets of an answer, calls included.
    pub max_octets: usize,
}

impl Default for ChatLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(2),
            first_part: Duration::from_secs(6),
            stall: Duration::from_secs(4),
            total: Duration::from_secs(30),
            max_octets: 64 * 1024,
        }
    }
}

/// Tokens of a question and its answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Of the question.
    pub prompt_tokens: u64,
    /// Of the answer.
    pub completion_tokens: u64,
    /// The server did not say: four characters were taken for a token.
    pub is_estimated: bool,
}

/// A language model. Cheap to clone; clones share connections.
#[derive(Clone)]
pub struct ChatModel {
    http: reqwest::Client,
    url: reqwest::Url,
    model: String,
    authorization: Option<HeaderValue>,
    limits: ChatLimits,
}

impl ChatModel {
    /// A client; nothing is sent yet.
    ///
    /// # Errors
    /// When the URL is none of HTTP, or the key cannot stand in a header.
    pub fn new(config: ChatConfig) -> Result<Self, InvalidChatConfig> {
        let ChatConfig {
            base_url,
            model,
            key,
            limits,
        } = config;
        let base = base_url.trim_end_matches('/');
        let url: reqwest::Url = format!("{base}/chat/completions")
            .parse()
            .ok()
            .filter(|url: &reqwest::Url| matches!(url.scheme(), "http" | "https"))
            .ok_or(InvalidChatConfig::Url)?;
        let authorization = key.map(|key| {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", key.trim()))
                .map_err(|_| InvalidChatConfig::Key)?;
            value.set_sensitive(true);
            Ok(value)
        });
        let http = reqwest::Client::builder()
            .connect_timeout(limits.connect)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|_| InvalidChatConfig::Client)?;
        Ok(Self {
            http,
            url,
            model,
            authorization: authorization.transpose()?,
            limits,
        })
    }

    /// Asks the model and gives each part of its answer to `part` as it comes, the last of them
    /// [`Thought::Done`]. Drop the future when no more is wanted.
    ///
    /// # Errors
    /// When there is no complete answer. What came before stays said.
    pub async fn ask(
        &self,
        think: &Think,
        mut part: impl FnMut(Thought),
    ) -> Result<Usage, ChatError> {
        let begun = Instant::now();
        let end = begun + self.limits.total;
        let first = (begun + self.limits.first_part).min(end);
        let body = request::body(&self.model, think);
        let asked = body.to_string().len();
        let mut request = self
            .http
            .post(self.url.clone())
            .header(ACCEPT, "text/event-stream")
            .json(&body);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        let response = timeout_at(first, request.send())
            .await
            .map_err(|_| ChatError::TooSlow(Slow::First))?
            .map_err(|error| ChatError::of_connection(&error))?;
        if !response.status().is_success() {
            return Err(self.refused(response, first).await);
        }
        let mut bounds = Bounds::new(self.limits.max_octets);
        let stream = response.bytes_stream().map(move |chunk| {
            let chunk = chunk.map_err(|error| ChatError::of_connection(&error))?;
            bounds.take(&chunk)?;
            Ok(chunk)
        });
        let mut events = stream.eventsource();
        let mut answer = Answer::new(self.limits.max_octets);
        let mut until = first;
        let mut slow = Slow::First;
        loop {
            let next = timeout_at(until, events.next()).await;
            let event = match next {
                Err(_) if Instant::now() >= end => return Err(ChatError::TooSlow(Slow::Total)),
                Err(_) => return Err(ChatError::TooSlow(slow)),
                Ok(None) => break,
                Ok(Some(event)) => event.map_err(ChatError::of_event)?,
            };
            if event.data.trim() == "[DONE]" {
                break;
            }
            let came = answer.take(&event.data, &mut part)?;
            if came {
                slow = Slow::Stall;
            }
            // What is not part of the answer, such as keep-alives, puts nothing off.
            if slow == Slow::Stall {
                until = (Instant::now() + self.limits.stall).min(end);
            }
        }
        answer.finish(asked, &mut part)
    }

    /// Why the server refused, as far as it says.
    async fn refused(&self, response: reqwest::Response, until: Instant) -> ChatError {
        let status = response.status().as_u16();
        let retry_after = response
            .headers()
            .get(reqwest::header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.trim().parse().ok())
            .map(Duration::from_secs);
        let reason = match timeout_at(until, first_octets(response)).await {
            Ok(body) => reason(&body),
            Err(_) => String::new(),
        };
        match status {
            401 | 403 => ChatError::Unauthorized { status },
            429 => ChatError::Busy { retry_after },
            500.. => ChatError::Unavailable { status },
            _ => ChatError::Refused { status, reason },
        }
    }
}

/// The beginning of a body, whatever its length.
async fn first_octets(response: reqwest::Response) -> Vec<u8> {
    let mut body = Vec::new();
    let mut stream = response.bytes_stream();
    while body.len() < 16 * 1024
        && let Some(Ok(chunk)) = stream.next().await
    {
        body.extend_from_slice(&chunk);
    }
    body
}

/// `error.message` of a body, on one line.
fn reason(body: &[u8]) -> String {
    let json: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let message = json.as_ref().and_then(|json| {
        let error = &json["error"];
        error["message"].as_str().or(error.as_str())
    });
    let line: Vec<&str> = message.unwrap_or_default().split_whitespace().collect();
    line.join(" ").chars().take(MAX_REASON).collect()
}

impl std::fmt::Debug for ChatModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChatModel")
            .field("url", &self.url.as_str())
            .field("model", &self.model)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for ChatConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChatConfig")
            .field("base_url", &self.base_url)
            .field("model", &self.model)
            .finish_non_exhaustive()
    }
}
