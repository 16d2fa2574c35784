//! Language models that speak OpenAI's chat protocol: OpenAI itself, vLLM, Ollama, llama.cpp, LiteLLM and many more.
//!
//! One `POST {base}/chat/completions` an answer, which comes as server-sent events (OpenAI API reference, "Create chat
//! completion"). Fields that are not known are passed over; an answer that breaks off is told from one that ends.

mod answer;
mod bounds;
mod request;

use std::time::Duration;

use callplane_flow::{ModelUse, Think, Thought};
use eventsource_stream::Eventsource as _;
use futures::StreamExt as _;
use reqwest::Method;
use reqwest::header::ACCEPT;
use tokio::time::{Instant, timeout_at};

use self::answer::Answer;
use self::bounds::Bounds;
use crate::error::{ModelError, Slow};
use crate::http::{Endpoint, HttpClient, of_connection, send};

/// Where a model is, and what it is called there.
#[derive(Debug, Clone)]
pub struct ChatConfig {
    /// Where it is.
    pub endpoint: Endpoint,
    /// Name of the model.
    pub model: String,
    /// When to give up.
    pub limits: ChatLimits,
}

/// When to give up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChatLimits {
    /// From the question until the first part of the answer, the connection included.
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
            first_part: Duration::from_millis(4_500),
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
#[derive(Debug, Clone)]
pub struct ChatModel {
    http: HttpClient,
    endpoint: Endpoint,
    model: String,
    temperature_percent: Option<u16>,
    max_tokens: Option<u32>,
    limits: ChatLimits,
}

impl ChatModel {
    /// A model behind the connections of `http`; nothing is sent yet.
    #[must_use]
    pub fn new(http: &HttpClient, config: ChatConfig) -> Self {
        let ChatConfig {
            endpoint,
            model,
            limits,
        } = config;
        Self {
            http: http.clone(),
            endpoint,
            model,
            temperature_percent: None,
            max_tokens: None,
            limits,
        }
    }

    /// The same, asked as an agent wishes.
    #[must_use]
    pub fn used_as(&self, wishes: &ModelUse) -> Self {
        let ModelUse {
            provider: _,
            model,
            temperature_percent,
            max_tokens,
            fallbacks: _,
        } = wishes;
        let mut used = self.clone();
        if let Some(model) = model {
            used.model.clone_from(model);
        }
        used.temperature_percent = *temperature_percent;
        used.max_tokens = *max_tokens;
        used
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
    ) -> Result<Usage, ModelError> {
        let begun = Instant::now();
        let end = begun + self.limits.total;
        let first = (begun + self.limits.first_part).min(end);
        let body = request::body(self, think);
        let asked = body.to_string().len();
        let request = self
            .http
            .request(Method::POST, &self.endpoint, "chat/completions")?
            .header(ACCEPT, "text/event-stream")
            .json(&body);
        let response = send(request, first).await?;
        let mut bounds = Bounds::new(self.limits.max_octets);
        let stream = response.bytes_stream().map(move |chunk| {
            let chunk = chunk.map_err(|error| of_connection(&error))?;
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
                Err(_) if Instant::now() >= end => return Err(ModelError::TooSlow(Slow::Total)),
                Err(_) => return Err(ModelError::TooSlow(slow)),
                Ok(None) => break,
                Ok(Some(event)) => event.map_err(ModelError::of_event)?,
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

    /// The tokens of a question and of so many octets of an answer, where nobody counted them.
    #[must_use]
    pub fn estimate(&self, think: &Think, answered: usize) -> Usage {
        Usage::estimate(request::body(self, think).to_string().len(), answered)
    }
}

impl Usage {
    /// Of so many octets: four of them are about a token.
    const fn estimate(asked: usize, answered: usize) -> Self {
        Self {
            prompt_tokens: Self::tokens_of(asked),
            completion_tokens: Self::tokens_of(answered),
            is_estimated: true,
        }
    }

    /// About how many tokens so many octets are.
    #[must_use]
    pub const fn tokens_of(octets: usize) -> u64 {
        octets.div_ceil(4) as u64
    }
}
