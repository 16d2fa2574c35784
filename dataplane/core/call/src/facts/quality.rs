//! How a call sounded.

use std::time::Duration;

use callplane_rtp::quality::{self, Impairment};
use callplane_rtp::{FRAME_TIME, FarEnd, ReceiverStats};

/// What one leg's media was like, at both ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quality {
    /// Counters of what came.
    pub received: ReceiverStats,
    /// Packets we sent.
    pub sent_packets: u32,
    /// There and back, from RTCP: the mean of what was measured.
    pub round_trip: Option<Duration>,
    /// What we heard.
    pub heard: Score,
    /// What the far end heard of us, if its RTCP told.
    pub far_end: Option<FarEndQuality>,
}

/// How it sounds to one of both.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// Rating of the E-model (ITU-T G.107), 0 to 93.2.
    pub rating: f64,
    /// Mean opinion score, 1.0 to 4.4.
    pub mos: f64,
}

/// What the far end heard of us.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FarEndQuality {
    /// What its reports say.
    pub received: FarEnd,
    /// What follows from it.
    pub score: Score,
}

/// What the quality of a leg is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// Counters of what came.
    pub received: ReceiverStats,
    /// Packets we sent.
    pub sent_packets: u32,
    /// There and back, from RTCP.
    pub round_trip: Option<Duration>,
    /// What the far end reported.
    pub far_end: Option<FarEnd>,
}

impl Quality {
    /// `codec` is the encoding name in SDP.
    pub(crate) fn new(codec: &str, measured: Measured) -> Self {
        let Measured {
            received,
            sent_packets,
            round_trip,
            far_end,
        } = measured;
        let codec = Impairment::of(codec);
        let one_way = round_trip.unwrap_or_default() / 2;
        let delay = one_way + received.mean_delay + FRAME_TIME;
        Self {
            heard: Score::new(codec, received.loss(), delay),
            far_end: far_end.map(|far_end| FarEndQuality {
                received: far_end,
                score: Score::new(
                    codec,
                    far_end.loss(),
                    one_way + far_end.delay() + FRAME_TIME,
                ),
            }),
            received,
            sent_packets,
            round_trip,
        }
    }
}

impl Score {
    fn new(codec: Impairment, loss: f64, delay: Duration) -> Self {
        let rating = quality::rating(codec, loss, delay);
        Self {
            rating,
            mos: quality::mos(rating),
        }
    }
}

/// What was dropped because of where it came from or, where media is encrypted, because it was not
/// authentic or came twice. The first packets of a caller behind a NAT, whose address is not known
/// yet, are among them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RefusedPackets {
    /// Datagrams on the RTP port that held media of the agreed kinds, or claimed to.
    pub rtp: u64,
    /// Datagrams on the RTCP port.
    pub rtcp: u64,
}
