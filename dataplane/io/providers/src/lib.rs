//! Clients of speech engines, language models and tools.
//!
//! - [`SpeechWorker`]: the engine that comes with Callplane (flite and pocketsphinx in a process of their own; it needs
//!   no key and no download).
//! - [`ChatModel`]: language models that speak OpenAI's chat protocol.
//! - [`Transcriber`]: recognisers of speech that speak OpenAI's transcription protocol.
//! - [`SpeechModel`]: voices that speak OpenAI's speech protocol; [`Prompts`]: what was spoken before.
//! - [`Embedder`]: models of embeddings that speak OpenAI's protocol.
//! - [`ToolClient`]: tools of agents that are requests of HTTP.
//! - [`fetch_page`]: web pages and files for knowledge bases.
//! - [`HttpClient`]: what carries them, to addresses that it may; [`probe()`]: whether one is there.
//! - [`Breaker`]: when to leave one alone.

mod breaker;
mod chat;
mod embedded;
mod embedding;
mod error;
mod http;
mod page;
mod probe;
mod prompts;
mod speech;
mod tool;
mod transcription;

pub use breaker::{Breaker, BreakerPolicy, Open, Outcome, Permit};
pub use chat::{ChatConfig, ChatLimits, ChatModel, Usage};
pub use embedded::protocol;
pub use embedded::{Recognition, SpeechConfig, SpeechError, SpeechWorker};
pub use embedding::{Embedder, EmbeddingConfig};
pub use error::{ModelError, Slow};
pub use http::{Egress, Endpoint, HttpClient, InvalidEndpoint, InvalidNetworks, KeyHeader};
pub use page::{Page, PageError, fetch_page};
pub use probe::{Probed, probe};
pub use prompts::Prompts;
pub use speech::{SpeechModel, SpeechModelConfig};
pub use tool::{ToolCaller, ToolClient};
pub use transcription::{Transcriber, TranscriptionConfig};
