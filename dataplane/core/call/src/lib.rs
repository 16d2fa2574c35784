//! One telephone call: signalling, media, agent and record as one state machine.
//!
//! [`Call`] is sans-IO. It is made of parts that know little of each other: `media` turns packets
//! into frames and back, `callplane_agent` talks, `call::signal` answers SIP, `call::talk` carries
//! between agent and media, `call::transfer` joins the caller with another party, `call::observer` lets
//! supervisors in, and `facts` collects what the record will say. Sockets, speech
//! providers, files and the database belong to whoever drives it.
//!
//! Left out: conferences of more than caller, agent, one other party and four supervisors, and choosing who may
//! call or join whom.

#![forbid(unsafe_code)]

mod call;
mod facts;
mod hangup;
mod input;
mod media;
mod output;
mod setup;

pub use call::{Call, CannotObserve, Observer, PartyId};
pub use callplane_agent::{APOLOGY, Recognition, Speaker, SpeechDown, Stage, TurnId, UtteranceId};
pub use callplane_audio::{
    OGG_OPUS_HEADER_LENGTH, OggOpusWriter, SampleRate, WAV_HEADER_LENGTH, last_ogg_page, wav_header,
};
pub use callplane_dtls::Identity;
pub use callplane_flow::RecordingAction;
pub use callplane_rtp::ReceiverStats;
pub use callplane_rtp::{mask_rtcp, mask_rtp};
pub use callplane_sdp::{Codec, KeyExchange, LocalMedia, MediaSecurity};
pub use callplane_sip as sip;
pub use callplane_srtp::{KeySource, Profile};
pub use facts::{
    CallEvent, EventKind, Facts, FarEndQuality, Gap, GapReason, Measured, Message, ObserverFacts,
    PartyFacts, Quality, Recorded, RefusedPackets, Score, Segment, SpeechUse,
};
pub use hangup::{Hangup, HangupCause};
pub use input::{Input, Left, PartyLine};
pub use media::{CannotRecord, Clip, Frame, Outgoing, Packets, Port, RecordingState, TurnAudio};
pub use output::Output;
pub use setup::{Guards, Opening, Secrecy, Setup};
