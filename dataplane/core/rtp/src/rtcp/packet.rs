//! The packets of a compound.

/// One packet of a compound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ControlPacket {
    /// SR: somebody who sends, and what arrived of others.
    SenderReport {
        /// Who reports.
        ssrc: u32,
        /// What it sent.
        info: SenderInfo,
        /// What arrived, at most 31.
        reports: Vec<ReportBlock>,
    },
    /// RR: somebody who only listens.
    ReceiverReport {
        /// Who reports.
        ssrc: u32,
        /// What arrived, at most 31.
        reports: Vec<ReportBlock>,
    },
    /// SDES: the canonical name of each source; other items are dropped.
    SourceDescription(Vec<(u32, String)>),
    /// BYE.
    Goodbye {
        /// Who leaves, at most 31.
        sources: Vec<u32>,
        /// Why, if it says so.
        reason: Option<String>,
    },
    /// XR: more about what arrived (RFC 3611). Blocks other than the VoIP metrics are dropped.
    ExtendedReport {
        /// Who reports.
        ssrc: u32,
        /// How streams sound to whoever plays them.
        voip: Vec<VoipMetrics>,
    },
    /// Any other type: APP, feedback. Its body is dropped.
    Other {
        /// The packet type.
        packet_type: u8,
    },
}

/// What a sender says about its own stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SenderInfo {
    /// Wall time, seconds since 1900 in the upper half, fraction in the lower.
    pub ntp: u64,
    /// The same moment in the stream's media time.
    pub timestamp: u32,
    /// Packets sent.
    pub packets: u32,
    /// Octets of payload sent.
    pub octets: u32,
}

/// What arrived of one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReportBlock {
    /// Whose stream.
    pub ssrc: u32,
    /// Part lost since the last report, in 256ths.
    pub fraction_lost: u8,
    /// Packets lost since the start, 24 bits; negative when duplicates outweigh.
    pub cumulative_lost: i32,
    /// Highest sequence number with its cycles.
    pub highest_sequence: u32,
    /// Interarrival jitter in ticks.
    pub jitter: u32,
    /// Middle 32 bits of the NTP time of the last sender report; 0 if none came.
    pub last_sender_report: u32,
    /// Time since that report came, in 65536ths of a second.
    pub delay_since_last_sender_report: u32,
}

/// How a stream sounds where it is played (RFC 3611 section 4.7), as far as we use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VoipMetrics {
    /// Whose stream.
    pub ssrc: u32,
    /// Part of the packets lost since the start, in 256ths.
    pub loss_rate: u8,
    /// Part that came too early or too late to be played, in 256ths.
    pub discard_rate: u8,
    /// Time between the RTP interfaces of both ends and back, in milliseconds; 0 if unknown.
    pub round_trip_ms: u16,
    /// Delay of the end system, in milliseconds; 0 if unknown.
    pub end_system_delay_ms: u16,
    /// Conversational quality, ten times the mean opinion score; 127 if unknown.
    pub mos_cq: u8,
    /// Present delay of the jitter buffer, in milliseconds.
    pub buffer_nominal_ms: u16,
    /// The most it can be, in milliseconds.
    pub buffer_max_ms: u16,
}

/// Why octets are no compound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// A packet is longer than what is there, or shorter than its type needs.
    #[error("truncated packet")]
    Truncated,
    /// Not version 2.
    #[error("not RTCP version 2")]
    Version,
    /// The padding does not fit, or is not in the last packet.
    #[error("malformed padding")]
    Padding,
    /// Not a single packet.
    #[error("empty compound")]
    Empty,
}
