//! The embedded speech engine: `callplane-speech` processes, fed over their standard streams.
//!
//! A process that dies or hangs takes only its own request with it: the request fails with
//! [`SpeechError::Down`] or [`SpeechError::Timeout`], the process is replaced, and calls go on.

mod pool;
mod process;
pub mod protocol;

pub use pool::{Recognition, SpeechConfig, SpeechError, SpeechWorker};
