//! Why a description cannot be read, and why an offer cannot be accepted.

/// Why octets are no session description.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// The first line is not `v=0`.
    #[error("session description does not start with v=0")]
    NotSdp,
    /// Longer than any telephone needs.
    #[error(
        "session description is longer than {} octets",
        crate::parse::MAX_OCTETS
    )]
    TooLong,
    /// More lines or media than any telephone needs.
    #[error("session description has too many lines")]
    TooManyLines,
    /// An `m=` line without kind, port, protocol and format.
    #[error("malformed m= line")]
    Media,
    /// A `c=` line without network type, address type and address.
    #[error("malformed c= line")]
    Connection,
}

/// Why two descriptions do not lead to a telephone conversation. A SIP server answers 488.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NegotiationError {
    /// No audio line that is open RTP and carries a codec in common.
    #[error("no audio stream with a common codec")]
    NoCommonAudio,
    /// Audio only as [`MediaSecurity`](crate::MediaSecurity) forbids it: plain, or encrypted.
    #[error("no audio stream with the encryption that is wanted")]
    Security,
    /// No `a=crypto` that we can do, or an answer with another tag or suite than those offered.
    #[error("no crypto attribute in common")]
    Crypto,
    /// No `a=fingerprint` that is good enough, or an `a=setup` that leads to no handshake.
    #[error("no certificate or no role for a handshake")]
    Handshake,
    /// No address, or a host name, which SIP telephones do not use and we do not look up.
    #[error("audio stream without an IP address")]
    NoAddress,
    /// The answer has other media lines than the offer.
    #[error("answer does not fit the offer")]
    MismatchedAnswer,
    /// The other side refused the audio stream.
    #[error("audio stream refused")]
    Refused,
    /// An answer arrived and no offer of ours is open.
    #[error("answer without an offer")]
    UnexpectedAnswer,
}
