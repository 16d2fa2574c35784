//! Calls: taking them in, placing them, conducting them, and what they leave behind.

mod asking;
mod browser;
mod conductor;
mod costs;
mod inbound;
mod legs;
mod live;
mod live_calls;
mod meta;
mod observer;
mod outbound;
mod party;
mod quality;
mod quota;
mod record;
mod recorder;
mod segments;
mod signature;
mod slots;
mod used;

pub(crate) use browser::{Refusal as BrowserRefusal, answer_browser};
pub(crate) use inbound::{answer_calls, retry_when_overloaded};
pub(crate) use live::{Live, LiveEvent, Watcher};
pub(crate) use live_calls::LiveCalls;
pub(crate) use observer::{Refusal as ObserverRefusal, join_call};
pub(crate) use outbound::{Placement, place};
pub(crate) use quality::figures;
pub(crate) use quota::LastQuota;
pub(crate) use slots::{Slot, Slots};

/// How much audio we want in a packet.
const PACKET_TIME_MS: u8 = 20;
