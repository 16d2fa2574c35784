//! Identifiers, money and time shared by the crates of Callplane.
//!
//! Only what at least two crates need. Every type parses at the edge ("parse, don't validate") and
//! is small, comparable and serialisable; none of them reads a clock or makes a random number.

#![forbid(unsafe_code)]

mod e164;
mod ids;
mod money;
mod name;
mod outcome;
mod pii;
mod time;

pub use e164::{E164, InvalidE164};
pub use ids::{
    AgentId, CallId, CampaignId, FlowId, LegId, NumberId, ParseIdError, ProviderId, RecipientId,
    SegmentId, TenantId, TrunkId,
};
pub use money::{Currency, InvalidCurrency, Micros};
pub use name::{InvalidName, ResourceName, SchemaName, TenantName};
pub use outcome::{CallStatus, Direction, HangupParty, ObserverMode, ParseWordError};
pub use pii::Pii;
pub use time::{Instant, Seconds, WallTime};
