//! Media node: answers and places the calls of one tenant.
//!
//! ```text
//! SIP task (transport) -- session --> conductor of a call -- inputs --> media thread: Call (core)
//!                                       |  speech, recording, record <-- outputs --
//! dialer -- claimed recipient --------->|
//! WHIP (whip) -- offer of a browser --->|
//! ```
//!
//! What a call needs is in memory: numbers, trunks and programs are a snapshot
//! (`routing`), so PostgreSQL may be down while calls are answered. What a call leaves behind is
//! on the disk before the database is asked (`records`); what must not stay there leaves it, of a person who
//! was erased (`erasure`) or by age (`expiry`). Media threads own their calls alone
//! (`media`); what models answer and understand comes from `models`; everything else is asynchronous and never waited for by them.

mod assemble;
mod calls;
mod clock;
mod config;
mod control;
mod dialing;
mod drain;
mod erasure;
mod expiry;
mod fault;
mod health;
mod heartbeat;
mod keys;
mod media;
mod metrics;
mod models;
mod node;
mod recordings;
mod records;
mod routing;
mod speech;
mod trace;
mod uploads;
mod whip;

pub use assemble::{Running, run, start};
pub use config::{
    CapturePolicy, Config, IceServer, InvalidIceServer, InvalidPortRange, PortClash, PortRange,
    SpeechProgram,
};
