//! The codecs of a telephone call and what `a=rtpmap` says about a payload type.

use std::fmt;

/// An audio codec this platform speaks on SIP calls. Both are 8000 samples a second, one octet each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Codec {
    /// G.711 mu-law, static payload type 0 (RFC 3551).
    Pcmu,
    /// G.711 A-law, static payload type 8 (RFC 3551).
    Pcma,
}

impl Codec {
    /// The encoding name of RFC 3551.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
        }
    }

    /// The payload type RFC 3551 fixed for it.
    #[must_use]
    pub const fn static_payload_type(self) -> u8 {
        match self {
            Self::Pcmu => 0,
            Self::Pcma => 8,
        }
    }

    pub(crate) fn of(map: &RtpMap) -> Option<Self> {
        let mono = map.channels == 1 && map.clock_rate == 8000;
        [Self::Pcmu, Self::Pcma]
            .into_iter()
            .find(|codec| mono && map.encoding.eq_ignore_ascii_case(codec.name()))
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a payload type means: `a=rtpmap`, or the static assignment of RFC 3551.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RtpMap {
    /// The payload type, 0 to 127.
    pub payload_type: u8,
    /// The encoding name, as written.
    pub encoding: String,
    /// Ticks of the RTP clock a second.
    pub clock_rate: u32,
    /// Audio channels; 1 when not written.
    pub channels: u8,
}

impl RtpMap {
    /// Reads the value of `a=rtpmap`, `101 telephone-event/8000`.
    pub(crate) fn parse(value: &str) -> Option<Self> {
        let (payload_type, encoding) = value.trim().split_once(char::is_whitespace)?;
        let mut parts = encoding.trim().split('/');
        Some(Self {
            payload_type: payload_type.parse().ok().filter(|pt| *pt < 128)?,
            encoding: parts.next()?.to_owned(),
            clock_rate: parts.next()?.trim().parse().ok()?,
            channels: parts
                .next()
                .and_then(|c| c.trim().parse().ok())
                .unwrap_or(1),
        })
    }

    /// The static assignments that matter for telephone audio.
    pub(crate) fn well_known(payload_type: u8) -> Option<Self> {
        let encoding = match payload_type {
            0 => "PCMU",
            3 => "GSM",
            8 => "PCMA",
            9 => "G722",
            13 => "CN",
            18 => "G729",
            _ => return None,
        };
        Some(Self {
            payload_type,
            encoding: encoding.to_owned(),
            clock_rate: 8000,
            channels: 1,
        })
    }

    pub(crate) fn is_telephone_event(&self) -> bool {
        self.clock_rate == 8000 && self.encoding.eq_ignore_ascii_case("telephone-event")
    }
}
