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
    /// Packets of strangers.
    pub refused_packets: u64,
    /// There and back, from RTCP.
    pub round_trip: Option<Duration>,
    /// Mean opinion score, 1.0 to 4.4.
    pub mos: f64,
}

impl Quality {
    pub(crate) fn new(
        received: ReceiverStats,
        sent_packets: u32,
        refused_packets: u64,
        round_trip: Option<Duration>,
    ) -> Self {
        let one_way = round_trip.unwrap_or_default() / 2 + received.delay + FRAME_TIME;
        Self {
            mos: quality::mos(received.loss(), one_way),
            received,
            sent_packets,
            refused_packets,
            round_trip,
        }
    }
}
