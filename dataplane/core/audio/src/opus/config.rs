/// How to encode. Values beyond a range count as its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpusConfig {
    /// Bits a second that are aimed at, 6000 to 510000, without the headers of the network.
    pub bitrate: u32,
    /// How much computing a frame is worth, 0 to 10.
    pub complexity: u8,
    /// Packets of a hundred that are expected to get lost. From 1 on, packets may carry a coarse copy
    /// of the one before (RFC 6716 section 2.1.7), out of the same bit rate.
    pub expected_loss_percent: u8,
    /// Send next to nothing while nobody speaks (RFC 6716 section 2.1.9).
    pub dtx: bool,
}

impl Default for OpusConfig {
    /// 24 kbit/s at complexity 1, without copies or pauses.
    fn default() -> Self {
        Self {
            bitrate: 24_000,
            complexity: 1,
            expected_loss_percent: 0,
            dtx: false,
        }
    }
}
