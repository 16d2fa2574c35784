//! Clients of speech engines and language models.
//!
//! - [`SpeechWorker`]: the engine that comes with Callplane (flite and pocketsphinx in a process of their own; it needs
//!   no key and no download).
//! - [`ChatModel`]: language models that speak OpenAI's chat protocol.

mod chat;
mod embedded;

pub use chat::{ChatConfig, ChatError, ChatLimits, ChatModel, InvalidChatConfig, Slow, Usage};
pub use embedded::protocol;
pub use embedded::{Recognition, SpeechConfig, SpeechError, SpeechWorker};
