//! Models of embeddings that speak OpenAI's `embeddings`: OpenAI itself, Text Embeddings Inference, vLLM, Ollama,
//! llama.cpp and others.
//!
//! One `POST {base}/embeddings` for some texts (OpenAI API reference, "Create embeddings"). The answer is JSON with a
//! vector for each of them.

mod answer;

use std::time::Duration;

use reqwest::Method;
use serde::Serialize;
use tokio::time::{Instant, timeout_at};

use crate::error::{ModelError, Slow};
use crate::http::{Endpoint, HttpClient, first_octets, send};

/// What is around the vectors of an answer, in octets.
const ENVELOPE: usize = 64 * 1024;
/// What one vector may be: the largest that is taken, with 24 octets a number.
const PER_TEXT: usize = 24 * answer::MAX_DIMENSIONS;
/// What an answer may be, however many texts it is for.
const MAX_ANSWER: usize = 32 * 1024 * 1024;

/// Where a model of embeddings is, and what it is called there.
#[derive(Debug, Clone)]
pub struct EmbeddingConfig {
    /// Where it is.
    pub endpoint: Endpoint,
    /// Name of the model.
    pub model: String,
    /// Until the embeddings are there, the connection included.
    pub timeout: Duration,
}

/// A model of embeddings. Cheap to clone; clones share connections.
#[derive(Debug, Clone)]
pub struct Embedder {
    http: HttpClient,
    config: EmbeddingConfig,
}

#[derive(Serialize)]
struct Question<'a> {
    model: &'a str,
    input: &'a [&'a str],
    encoding_format: &'static str,
}

impl Embedder {
    /// A model behind the connections of `http`; nothing is sent yet.
    #[must_use]
    pub fn new(http: &HttpClient, config: EmbeddingConfig) -> Self {
        Self {
            http: http.clone(),
            config,
        }
    }

    /// Name of the model: what embeddings are compared by.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.config.model
    }

    /// Where each of `texts` lies in the space of the model, in their order. All vectors have the same length and
    /// finite numbers. One request: how many texts it may have, and of which length, is for the server to say.
    ///
    /// # Errors
    /// When there is no answer, or not one such vector for each text.
    pub async fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, ModelError> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let EmbeddingConfig {
            endpoint,
            model,
            timeout,
        } = &self.config;
        let until = Instant::now() + *timeout;
        let request = self
            .http
            .request(Method::POST, endpoint, "embeddings")?
            .json(&Question {
                model,
                input: texts,
                encoding_format: "float",
            });
        let response = send(request, until).await?;
        let limit = texts
            .len()
            .saturating_mul(PER_TEXT)
            .saturating_add(ENVELOPE)
            .min(MAX_ANSWER);
        let (body, is_whole) = timeout_at(until, first_octets(response, limit))
            .await
            .map_err(|_| ModelError::TooSlow(Slow::Total))?;
        match is_whole {
            true => answer::vectors(&body, texts.len()),
            false if body.len() > limit => Err(ModelError::TooLong),
            false => Err(ModelError::Cut),
        }
    }
}
