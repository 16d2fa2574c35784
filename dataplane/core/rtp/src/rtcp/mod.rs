//! RTCP (RFC 3550 section 6): reports about what was sent and what arrived.

mod packet;
mod read;
mod session;
mod write;

pub use packet::{ControlPacket, ParseError, ReportBlock, SenderInfo};
pub use read::{parse, reporter};
pub use session::{ControlSession, Heard};
pub use write::write;
