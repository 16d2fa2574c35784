//! Why a packet is not protected, or not taken.

/// Why a packet was refused. **Nothing about the stream has changed; the packet is to be dropped**,
/// for its octets may have been touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Shorter than its header, or than what protection adds.
    #[error("truncated packet")]
    Truncated,
    /// Not version 2 of RTP or RTCP.
    #[error("not RTP version 2")]
    Version,
    /// The tag does not fit: a wrong key, a packet that was changed, or one whose rollover counter
    /// was guessed wrong.
    #[error("packet failed authentication")]
    Unauthentic,
    /// An index that was used before, or that is too old to tell.
    #[error("packet was seen before or is too old")]
    Replayed,
    /// An SRTCP packet that is not encrypted, which was never agreed on.
    #[error("control packet is not encrypted")]
    Unencrypted,
    /// One key serves a limited number of sources, since none of them may ever be forgotten.
    #[error("too many sources under one key")]
    TooManySources,
    /// The key has protected all the packets it may (RFC 3711 section 9.2): a new one must be
    /// agreed on.
    #[error("the key has protected as many packets as it may")]
    KeyExhausted,
    /// The cryptographic library failed.
    #[error("the cipher failed")]
    Cipher,
}

impl From<aws_lc_rs::error::Unspecified> for Error {
    fn from(_: aws_lc_rs::error::Unspecified) -> Self {
        Self::Cipher
    }
}
