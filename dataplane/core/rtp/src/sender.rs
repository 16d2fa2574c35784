//! The sending end of an RTP stream.

use std::time::Duration;

use crate::FRAME_SAMPLES;
use crate::dtmf::{Digit, DigitSender, QueueFull};
use crate::packet::Packet;

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
    /// The payload type of telephone events, if the other side takes them.
    pub telephone_event: Option<u8>,
}

/// Sends one stream: one call a frame of 20 ms, with audio or without.
///
/// **The media clock advances by one frame a call, whatever is sent; the packet after a pause
/// carries the marker.**
#[derive(Debug, Clone)]
pub struct Sender {
    config: SenderConfig,
    sequence: u16,
    timestamp: u32,
    paused: bool,
    digits: DigitSender,
    packets: u32,
    octets: u32,
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
        }
    }

    /// Other payload types from now on, after a re-INVITE.
    pub fn set_payload_types(&mut self, audio: u8, telephone_event: Option<u8>) {
        self.config.payload_type = audio;
        self.config.telephone_event = telephone_event;
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

    /// Builds the packet of the next 20 ms in `out`, which is cleared first. Without audio (and
    /// without a digit to send) there is none, and the result is false.
    pub fn frame(&mut self, audio: Option<&[u8]>, out: &mut Vec<u8>) -> bool {
        out.clear();
        let event = self
            .config
            .telephone_event
            .and_then(|payload_type| Some((payload_type, self.digits.next(self.timestamp)?)));
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
        self.timestamp = self.timestamp.wrapping_add(FRAME_SAMPLES as u32);
        !out.is_empty()
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

    /// The media time of the next frame.
    #[must_use]
    pub const fn timestamp(&self) -> u32 {
        self.timestamp
    }

    /// Packets sent; wraps as in a sender report.
    #[must_use]
    pub const fn packets(&self) -> u32 {
        self.packets
    }

    /// Octets of payload sent; wraps as in a sender report.
    #[must_use]
    pub const fn octets(&self) -> u32 {
        self.octets
    }
}
