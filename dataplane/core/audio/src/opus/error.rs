/// Why Opus made nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpusError {
    /// Encoding takes 10, 20, 40 or 60 ms at once.
    #[error("{0} samples are no frame of 10, 20, 40 or 60 ms")]
    FrameLength(usize),
    /// What comes out does not fit.
    #[error("the output is too small")]
    OutputTooSmall,
    /// Not as RFC 6716 section 3.4 wants it.
    #[error("the packet is malformed")]
    MalformedPacket,
    /// The codec failed for a reason of its own.
    #[error("the codec failed with code {0}")]
    Codec(i32),
}

impl From<i32> for OpusError {
    fn from(code: i32) -> Self {
        match code {
            ropus::OPUS_BUFFER_TOO_SMALL => Self::OutputTooSmall,
            ropus::OPUS_INVALID_PACKET => Self::MalformedPacket,
            code => Self::Codec(code),
        }
    }
}
