//! What is spoken with.

use str0m::format::Codec;

/// The codec of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voice {
    /// RFC 6716, carried as RFC 7587 says.
    Opus,
    /// G.711 mu-law.
    Pcmu,
    /// G.711 A-law.
    Pcma,
}

impl Voice {
    /// Best first: what a browser offers all of is spoken in the first.
    pub(crate) const PREFERENCE: [Self; 3] = [Self::Opus, Self::Pcmu, Self::Pcma];

    /// The encoding name in SDP, as records have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opus => "opus",
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
        }
    }

    pub(crate) fn of(codec: Codec) -> Option<Self> {
        match codec {
            Codec::Opus => Some(Self::Opus),
            Codec::PCMU => Some(Self::Pcmu),
            Codec::PCMA => Some(Self::Pcma),
            _ => None,
        }
    }

    /// Ticks of the RTP clock in 20 ms.
    pub(crate) const fn frame_ticks(self) -> u32 {
        self.clock_rate() / 50
    }

    /// Ticks of the RTP clock a second.
    pub(crate) const fn clock_rate(self) -> u32 {
        match self {
            Self::Opus => 48_000,
            Self::Pcmu | Self::Pcma => 8_000,
        }
    }
}
