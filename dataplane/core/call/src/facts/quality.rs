//! How a call sounded.

use std::time::Duration;

use callplane_rtp::{FRAME_TIME, ReceiverStats, quality};

/// What one leg's media was like, as we received it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quality {
    /// Counters of what came.
    pub received: ReceiverStats,
    /// Packets we sent.
    pub sent_packets: u32,
    /// There and back, from RTCP.
    pub round_trip: Option<Duration>,
    /// Rating of the E-model (ITU-T G.107), 0 to 93.2.
    pub rating: f64,
    /// Mean opinion score, 1.0 to 4.4.
    pub mos: f64,
}

impl Quality {
    pub(crate) fn new(
        received: ReceiverStats,
        sent_packets: u32,
        round_trip: Option<Duration>,
    ) -> Self {
        let one_way = round_trip.unwrap_or_default() / 2 + received.delay + FRAME_TIME;
        Self {
            rating: quality::rating(received.loss(), one_way),
            mos: quality::mos(received.loss(), one_way),
            received,
            sent_packets,
            round_trip,
        }
    }
}

/// What was dropped because of where it came from. The first packets of a caller behind a NAT, whose
/// address is not known yet, are among them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RefusedPackets {
    /// Datagrams on the RTP port that held media of the agreed kinds.
    pub rtp: u64,
    /// Datagrams on the RTCP port.
    pub rtcp: u64,
}
