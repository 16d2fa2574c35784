//! One telephone call: signalling, media, agent and record as one state machine.
//!
//! [`Call`] is sans-IO. It is made of parts that know little of each other: `media` turns packets
//! into frames and back, `callplane_agent` talks, `call::signal` answers SIP, `call::talk` carries
//! between agent and media, and `facts` collects what the record will say. Sockets, speech
//! providers, files and the database belong to whoever drives it.
//!
//! Left out: transfers and conferences (one leg a call), and choosing who may call whom.

#![forbid(unsafe_code)]

mod call;
mod facts;
mod hangup;
mod input;
mod media;
mod output;
mod setup;

pub use call::Call;
pub use callplane_agent::{APOLOGY, Recognition, SpeechDown, Stage, TurnId, UtteranceId};
pub use callplane_audio::{WAV_HEADER_LENGTH, wav_header};
pub use callplane_sdp::{Codec, LocalMedia};
pub use callplane_sip as sip;
pub use facts::{
    CallEvent, EventKind, Facts, Message, Quality, RefusedPackets, Segment, SpeechUse,
};
pub use hangup::{Hangup, HangupCause};
pub use input::Input;
pub use media::{Clip, Packets, wideband};
pub use output::Output;
pub use setup::{Guards, Opening, Setup};
