//! Clients of speech engines.
//!
//! Today there is one: [`SpeechWorker`], the engine that comes with Callplane (flite and
//! pocketsphinx in a process of their own; it needs no key and no download).

mod embedded;

pub use embedded::protocol;
pub use embedded::{Recognition, SpeechConfig, SpeechError, SpeechWorker};
