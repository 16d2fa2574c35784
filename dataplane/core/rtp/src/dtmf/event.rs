//! The payload of a telephone event.

/// The four octets of RFC 4733 section 2.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// Which event; 0 to 15 are keys.
    pub code: u8,
    /// The event is over.
    pub end: bool,
    /// Power of the tone in -dBm0, 0 to 63.
    pub volume: u8,
    /// Ticks since the packet's timestamp.
    pub duration: u16,
}

impl Event {
    /// Reads a payload; what follows the first event is ignored.
    #[must_use]
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let [code, flags, high, low, ..] = *payload else {
            return None;
        };
        Some(Self {
            code,
            end: flags & 0x80 != 0,
            volume: flags & 0x3F,
            duration: u16::from_be_bytes([high, low]),
        })
    }

    /// The payload.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 4] {
        let flags = (self.end as u8) << 7 | self.volume & 0x3F;
        let [high, low] = self.duration.to_be_bytes();
        [self.code, flags, high, low]
    }
}
