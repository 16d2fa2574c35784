//! The sending end of an RTP stream.

use std::time::Duration;

use crate::dtmf::{Digit, DigitSender, QueueFull};
use crate::packet::Packet;
use crate::{Clock, FRAME_TIME, Format};

/// How to send. The three numbers should be random (RFC 3550 section 5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SenderConfig {
    /// Who we are.
    pub ssrc: u32,
    /// The number of the first packet.
    pub first_sequence: u16,
    /// The media time of the first packet.
    pub first_timestamp: u32,
    /// The codec's payload type.
    pub payload_type: u8,
    /// The codec's clock.
    pub clock: Clock,
    /// The payload type of telephone events, if the other side takes them.
    pub telephone_event: Option<u8>,
}

/// Sends one stream: one call for each packet that is due, with audio or without.
///
/// **The media clock advances by the time of a packet a call, whatever is sent; the packet after a
/// pause carries the marker.** A stream that is passed on ([`Sender::pass`]) brings its own clock.
#[derive(Debug, Clone)]
pub struct Sender {
    config: SenderConfig,
    sequence: u16,
    timestamp: u32,
    paused: bool,
    digits: DigitSender,
    packets: u32,
    octets: u32,
    /// Packets under the SSRCs before.
    packets_before: u32,
    /// The stream that is passed on.
    passing: Option<Passing>,
}

/// Beyond this a packet that is passed on begins a new numbering (RFC 3550 appendix A.1).
const MAX_JUMP: u16 = 3_000;

/// More ticks than this between two packets are a pause, not the time of one: 120 ms at 48 kHz.
const MAX_STEP: u32 = 5_760;

/// How the numbers of a stream that is passed on become ours.
#[derive(Debug, Clone, Copy)]
struct Passing {
    ssrc: u32,
    /// To be added to its sequence numbers.
    sequence: u16,
    /// To be added to its timestamps.
    timestamp: u32,
    /// From one packet to the next, in ticks.
    step: u32,
}

impl Sender {
    /// A stream of which nothing has been sent.
    #[must_use]
    pub fn new(config: SenderConfig) -> Self {
        Self {
            config,
            sequence: config.first_sequence,
            timestamp: config.first_timestamp,
            paused: true,
            digits: DigitSender::default(),
            packets: 0,
            octets: 0,
            packets_before: 0,
            passing: None,
        }
    }

    /// Goes on as another source: what SRTP wants where its keys change, so that no SSRC comes twice
    /// under one key. The media clock runs on, and reports count anew (RFC 3550 section 6.4.1).
    pub fn change_source(&mut self, ssrc: u32, first_sequence: u16) {
        self.config.ssrc = ssrc;
        self.sequence = first_sequence;
        self.paused = true;
        self.passing = None;
        self.packets_before = self.total_packets();
        (self.packets, self.octets) = (0, 0);
    }

    /// Other payload types from now on, after a re-INVITE. With another clock go another source
    /// (RFC 7160 section 4.1).
    pub fn set_formats(&mut self, audio: Format, telephone_event: Option<u8>) {
        self.config.payload_type = audio.payload_type;
        self.config.clock = audio.clock;
        self.config.telephone_event = telephone_event;
    }

    /// What timestamps count.
    #[must_use]
    pub const fn clock(&self) -> Clock {
        self.config.clock
    }

    /// Queues a digit: it replaces the audio while it lasts.
    ///
    /// # Errors
    /// More than 32 digits are waiting.
    pub fn press(&mut self, digit: Digit, duration: Duration) -> Result<(), QueueFull> {
        self.digits.press(digit, duration)
    }

    /// Whether digits are being sent or waiting.
    #[must_use]
    pub fn is_pressing(&self) -> bool {
        self.digits.is_busy()
    }

    /// [`Sender::packet`] of 20 ms.
    pub fn frame(&mut self, audio: Option<&[u8]>, out: &mut Vec<u8>) -> bool {
        self.packet(FRAME_TIME, audio, out)
    }

    /// Builds the packet of the next `time` in `out`, which is cleared first. Without audio (and
    /// without a digit to send) there is none, and the result is false.
    pub fn packet(&mut self, time: Duration, audio: Option<&[u8]>, out: &mut Vec<u8>) -> bool {
        out.clear();
        self.passing = None;
        let clock = self.config.clock;
        let event = self.config.telephone_event.and_then(|payload_type| {
            let event = self.digits.next(self.timestamp, clock, time)?;
            Some((payload_type, event))
        });
        match (event, audio) {
            (Some((payload_type, event)), _) => {
                self.write(
                    payload_type,
                    event.marker,
                    event.timestamp,
                    &event.payload,
                    out,
                );
                self.paused = true;
            }
            (None, Some(payload)) => {
                let marker = self.paused;
                self.write(
                    self.config.payload_type,
                    marker,
                    self.timestamp,
                    payload,
                    out,
                );
                self.paused = false;
            }
            (None, None) => self.paused = true,
        }
        self.timestamp = self.timestamp.wrapping_add(clock.ticks(time) as u32);
        !out.is_empty()
    }

    /// Passes a packet of another stream on as one of this, in `out`, which is cleared first: its payload under
    /// `payload_type`, its gaps and its order, our source and numbers. It stands for [`Sender::frame`], which is not to
    /// be called meanwhile; the first frame after it goes on where the other stream was. **A packet may be passed on
    /// once only**, since it gets the same number again.
    pub fn pass(&mut self, packet: &Packet<'_>, payload_type: u8, out: &mut Vec<u8>) {
        out.clear();
        let known = self.passing.filter(|passing| {
            let sequence = packet.sequence.wrapping_add(passing.sequence);
            let ahead = sequence.wrapping_sub(self.sequence);
            passing.ssrc == packet.ssrc && (ahead < MAX_JUMP || ahead > MAX_JUMP.wrapping_neg())
        });
        let passing = known.unwrap_or(Passing {
            ssrc: packet.ssrc,
            sequence: self.sequence.wrapping_sub(packet.sequence),
            timestamp: self.timestamp.wrapping_sub(packet.timestamp),
            step: self.config.clock.ticks(FRAME_TIME) as u32,
        });
        let sequence = packet.sequence.wrapping_add(passing.sequence);
        let timestamp = packet.timestamp.wrapping_add(passing.timestamp);
        Packet {
            marker: packet.marker || known.is_none(),
            payload_type,
            sequence,
            timestamp,
            ssrc: self.config.ssrc,
            contributors: &[],
            extension: None,
            payload: packet.payload,
        }
        .write(out);
        let last = self.timestamp.wrapping_sub(passing.step);
        let step = match (known, timestamp.wrapping_sub(last)) {
            (Some(_), step) if sequence == self.sequence && (1..=MAX_STEP).contains(&step) => step,
            _ => passing.step,
        };
        if sequence.wrapping_sub(self.sequence) < MAX_JUMP {
            self.sequence = sequence.wrapping_add(1);
            self.timestamp = timestamp.wrapping_add(step);
        }
        self.passing = Some(Passing { step, ..passing });
        self.paused = true;
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(packet.payload.len() as u32);
    }

    fn write(
        &mut self,
        payload_type: u8,
        marker: bool,
        timestamp: u32,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) {
        Packet {
            marker,
            payload_type,
            sequence: self.sequence,
            timestamp,
            ssrc: self.config.ssrc,
            contributors: &[],
            extension: None,
            payload,
        }
        .write(out);
        self.sequence = self.sequence.wrapping_add(1);
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(payload.len() as u32);
    }

    /// Who we are.
    #[must_use]
    pub const fn ssrc(&self) -> u32 {
        self.config.ssrc
    }

    /// The number of the next packet.
    #[must_use]
    pub const fn next_sequence(&self) -> u16 {
        self.sequence
    }

    /// The media time of the next frame.
    #[must_use]
    pub const fn timestamp(&self) -> u32 {
        self.timestamp
    }

    /// Packets sent under this SSRC; wraps as in a sender report.
    #[must_use]
    pub const fn packets(&self) -> u32 {
        self.packets
    }

    /// Packets sent under all SSRCs.
    #[must_use]
    pub const fn total_packets(&self) -> u32 {
        self.packets_before.wrapping_add(self.packets)
    }

    /// Octets of payload sent; wraps as in a sender report.
    #[must_use]
    pub const fn octets(&self) -> u32 {
        self.octets
    }
}
