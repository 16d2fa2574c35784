//! The clocks of media.

use std::time::Duration;

/// The clock that timestamps count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Clock {
    /// 8000 ticks a second, one for each octet: G.711 and G.722.
    #[default]
    Khz8,
    /// 48000 ticks a second: Opus (RFC 7587 section 4.1).
    Khz48,
}

/// A payload type and its clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Format {
    /// 0 to 127.
    pub payload_type: u8,
    /// What its timestamps count.
    pub clock: Clock,
}

impl Clock {
    /// The clock of so many ticks a second, if it is one of these.
    #[must_use]
    pub const fn of_rate(rate: u32) -> Option<Self> {
        match rate {
            8000 => Some(Self::Khz8),
            48_000 => Some(Self::Khz48),
            _ => None,
        }
    }

    /// Ticks a second.
    #[must_use]
    pub const fn rate(self) -> u32 {
        match self {
            Self::Khz8 => 8000,
            Self::Khz48 => 48_000,
        }
    }

    /// Ticks in `time`.
    pub(crate) const fn ticks(self, time: Duration) -> i64 {
        (time.as_micros() * self.rate() as u128 / 1_000_000) as i64
    }

    /// The duration of `ticks`; nothing if negative.
    pub(crate) const fn duration(self, ticks: i64) -> Duration {
        let ticks = if ticks < 0 { 0 } else { ticks as u64 };
        Duration::from_micros(ticks.saturating_mul(1_000_000) / self.rate() as u64)
    }
}

impl Format {
    /// One with a clock of 8000.
    #[must_use]
    pub const fn khz8(payload_type: u8) -> Self {
        Self {
            payload_type,
            clock: Clock::Khz8,
        }
    }

    /// One with a clock of 48000.
    #[must_use]
    pub const fn khz48(payload_type: u8) -> Self {
        Self {
            payload_type,
            clock: Clock::Khz48,
        }
    }
}
