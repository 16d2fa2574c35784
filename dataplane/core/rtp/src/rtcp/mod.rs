//! RTCP (RFC 3550 section 6): reports about what was sent and what arrived.

mod far_end;
mod packet;
mod read;
mod session;
mod write;

pub use far_end::FarEnd;
pub use packet::{ControlPacket, ParseError, ReportBlock, SenderInfo, VoipMetrics};
pub(crate) use read::is_report;
pub use read::{parse, reporter};
pub use session::{ControlSession, Heard};
pub use write::write;
