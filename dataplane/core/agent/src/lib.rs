//! Turn taking of one conversation: who speaks, what was heard, what happens next.
//!
//! [`Agent`] stands between the media of a call and its flow ([`callplane_flow::Run`]). It turns
//! 20 ms frames of voice or silence into turns, keys into answers and the flow's words into
//! utterances; it lets the caller interrupt, notices silence, and keeps the ledger of what the
//! caller has really heard. It performs nothing itself: hand it an [`Input`] with the time, then
//! drain [`Agent::poll`] to `None`.
//!
//! Left out: detecting voice and keys in audio (the media path does), and the providers of speech and models.

#![forbid(unsafe_code)]

mod acknowledgement;
mod agent;
mod gate;
mod input;
mod keys;
mod ledger;
mod listening;
mod output;
mod policy;
mod speech;

pub use agent::{APOLOGY, Agent, Awaits, FILLER, STILL_THERE};
pub use input::{Apology, Input, Recognition, SpeechDown, TurnId};
pub use ledger::{UtteranceId, heard};
pub use output::{Capture, Ending, Message, Output, Sound, Speaker, Stage, Transfer};
pub use policy::TurnPolicy;
