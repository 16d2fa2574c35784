//! The codecs of a telephone call and what `a=rtpmap` says about a payload type.

use std::fmt;

/// An audio codec this platform speaks on SIP calls. All but Opus have an RTP clock of 8000 and one
/// octet a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Codec {
    /// G.711 mu-law, static payload type 0 (RFC 3551).
    Pcmu,
    /// G.711 A-law, static payload type 8 (RFC 3551).
    Pcma,
    /// G.722, static payload type 9. It samples at 16 kHz, and its clock is 8000 all the same: the
    /// first RFC about it was wrong, and that became the rule (RFC 3551 section 4.5.2).
    G722,
    /// Opus (RFC 7587), with a payload type that the describing side chooses.
    Opus,
}

impl Codec {
    const ALL: [Self; 4] = [Self::Pcmu, Self::Pcma, Self::G722, Self::Opus];

    /// The encoding name of RFC 3551 or RFC 7587.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
            Self::G722 => "G722",
            Self::Opus => "opus",
        }
    }

    /// The payload type of our own offers: the one RFC 3551 fixed or, for Opus, the one that most
    /// others choose.
    #[must_use]
    pub const fn payload_type(self) -> u8 {
        match self {
            Self::Pcmu => 0,
            Self::Pcma => 8,
            Self::G722 => 9,
            Self::Opus => 111,
        }
    }

    /// Ticks of the RTP clock a second.
    #[must_use]
    pub const fn clock_rate(self) -> u32 {
        match self {
            Self::Pcmu | Self::Pcma | Self::G722 => 8000,
            Self::Opus => 48_000,
        }
    }

    /// What stands behind the payload type in `a=rtpmap`. Opus has two channels there, however many
    /// are used (RFC 7587 section 7).
    pub(crate) fn encoding(self) -> String {
        let channels = if self == Self::Opus { "/2" } else { "" };
        format!("{}/{}{channels}", self.name(), self.clock_rate())
    }

    pub(crate) fn of(map: &RtpMap) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| {
            let channels = match codec {
                // Some leave out the two channels that the RFC demands.
                Self::Opus => 1..=2,
                _ => 1..=1,
            };
            map.clock_rate == codec.clock_rate()
                && channels.contains(&map.channels)
                && map.encoding.eq_ignore_ascii_case(codec.name())
        })
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

    /// RFC 3389; of other clocks it goes with codecs that we do not speak.
    pub(crate) fn is_comfort_noise(&self) -> bool {
        self.clock_rate == 8000 && self.encoding.eq_ignore_ascii_case("CN")
    }

    pub(crate) fn is_telephone_event(&self) -> bool {
        matches!(self.clock_rate, 8000 | 48_000)
            && self.encoding.eq_ignore_ascii_case("telephone-event")
    }
}
