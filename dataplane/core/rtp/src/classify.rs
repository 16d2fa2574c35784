//! What kind of datagram arrived on a media port.

/// What a datagram is (RFC 7983; RFC 5761 section 4 for RTP against RTCP).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Datagram {
    /// Media.
    Rtp,
    /// Control.
    Rtcp,
    /// A check of ICE.
    Stun,
    /// A handshake.
    Dtls,
    /// Anything else.
    Other,
}

/// Sorts a datagram by its first two octets.
#[must_use]
pub fn classify(datagram: &[u8]) -> Datagram {
    match datagram {
        [first, second, _, _, ..] if first >> 6 == 2 => match second {
            192..=223 => Datagram::Rtcp,
            _ => Datagram::Rtp,
        },
        [0..=3, ..] => Datagram::Stun,
        [20..=63, ..] => Datagram::Dtls,
        _ => Datagram::Other,
    }
}
