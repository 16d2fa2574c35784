//! Calls: taking them in, placing them, conducting them, and what they leave behind.

mod conductor;
mod costs;
mod inbound;
mod meta;
mod outbound;
mod quota;
mod record;
mod recorder;
mod segments;
mod signature;
mod slots;

use callplane_call::Codec;

pub(crate) use inbound::answer_calls;
pub(crate) use outbound::{Placement, place};
pub(crate) use quota::LastQuota;
pub(crate) use slots::{Slot, Slots};

/// What we speak, best first.
const CODECS: [Codec; 2] = [Codec::Pcmu, Codec::Pcma];
/// How much audio we want in a packet.
const PACKET_TIME_MS: u8 = 20;
