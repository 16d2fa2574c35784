use std::time::Duration;

/// More than this in one packet is malformed (RFC 6716 section 3.4, R5).
const LONGEST: Duration = Duration::from_millis(120);
/// A frame of SILK holds this much; longer ones hold several.
const SILK_FRAME: Duration = Duration::from_millis(20);

/// What the first octets say of a packet, without decoding it (RFC 6716 section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpusPacket {
    /// Of each frame: 2.5 to 60 ms.
    pub frame_time: Duration,
    /// How many frames, 1 to 48.
    pub frames: u8,
    /// Two channels.
    pub stereo: bool,
    /// Holds a copy of the packet before it (LBRR, section 4.2.4).
    pub fec: bool,
    /// Somebody may talk in it: all but what says that nobody does (section 4.2.3), or holds nothing.
    pub voice: bool,
}

impl OpusPacket {
    /// Reads any octets; nothing if they are empty, say that there is no frame, or more than 120 ms.
    #[must_use]
    pub fn read(packet: &[u8]) -> Option<Self> {
        let [toc, rest @ ..] = packet else {
            return None;
        };
        let frames = match toc & 3 {
            0 => 1,
            1 | 2 => 2,
            _ => rest.first()? & 0x3F,
        };
        let read = Self {
            frame_time: frame_time(toc >> 3),
            frames,
            stereo: toc & 4 != 0,
            fec: false,
            voice: false,
        };
        let (is_silk, frame) = (toc >> 7 == 0, first_frame(packet));
        let fec = is_silk && frame.is_some_and(|frame| read.has_copy(frame));
        let voice = frame.is_some_and(|frame| !is_silk || read.has_voice(frame));
        (frames > 0 && read.duration() <= LONGEST).then_some(Self { fec, voice, ..read })
    }

    /// Of the whole packet.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.frame_time * u32::from(self.frames)
    }

    /// The first bits of a SILK frame are one for the activity of each 20 ms, then one for the copy;
    /// for two channels the same again (section 4.2.3).
    fn has_copy(&self, frame: u8) -> bool {
        let parts = self.parts();
        let bit = |place: u32| frame >> (7 - place) & 1 == 1;
        bit(parts) || self.stereo && bit(2 * parts + 1)
    }

    /// Of the first channel, which the other one follows.
    fn has_voice(&self, frame: u8) -> bool {
        frame >> (8 - self.parts()) != 0
    }

    /// How many frames of SILK, 1 to 3.
    fn parts(&self) -> u32 {
        (self.frame_time.as_millis() / SILK_FRAME.as_millis()).max(1) as u32
    }
}

/// By the configuration number (table 2).
fn frame_time(configuration: u8) -> Duration {
    let micros = match (configuration, configuration & 3) {
        // SILK only
        (..12, place) => [10_000, 20_000, 40_000, 60_000][usize::from(place)],
        // Hybrid
        (12..16, place) => [10_000, 20_000][usize::from(place & 1)],
        // CELT only
        (_, place) => [2500, 5000, 10_000, 20_000][usize::from(place)],
    };
    Duration::from_micros(micros)
}

/// The first octet of the first frame, which may be empty (sections 3.2.2 to 3.2.5).
fn first_frame(packet: &[u8]) -> Option<u8> {
    let [toc, rest @ ..] = packet else {
        return None;
    };
    match toc & 3 {
        0 | 1 => rest.first().copied(),
        2 => after_lengths(rest, 1),
        _ => {
            let [count, rest @ ..] = rest else {
                return None;
            };
            let rest = if count & 0x40 == 0 {
                rest
            } else {
                after_padding(rest)?
            };
            // Without a variable bit rate, no lengths stand before the frames.
            let lengths = if count & 0x80 == 0 {
                0
            } else {
                (count & 0x3F).saturating_sub(1)
            };
            after_lengths(rest, lengths)
        }
    }
}

/// Steps over `count` lengths of one or two octets (section 3.2.1); nothing if the first is zero.
fn after_lengths(mut octets: &[u8], count: u8) -> Option<u8> {
    for place in 0..count {
        octets = match octets {
            [0, ..] if place == 0 => return None,
            [short, rest @ ..] if *short < 252 => rest,
            [_, _, rest @ ..] => rest,
            _ => return None,
        };
    }
    octets.first().copied()
}

/// Steps over the length of the padding: 255 stands for 254 octets and one more length.
fn after_padding(octets: &[u8]) -> Option<&[u8]> {
    let more = octets.iter().take_while(|octet| **octet == 255).count();
    octets.get(more + 1..)
}
