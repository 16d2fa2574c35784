//! The receiving end of an RTP stream.

use std::time::Duration;

use callplane_types::Instant;

use crate::delay::DelayEstimator;
use crate::dtmf::{DigitEvent, DigitReceiver};
use crate::jitter::{JitterBuffer, Slot, Stored};
use crate::packet::Packet;
use crate::rtcp::ReportBlock;
use crate::source::{Order, Source};
use crate::{FRAME_SAMPLES, duration, ticks};

/// A stream silent for this long gives way to another SSRC at once.
const TAKEOVER_AFTER: Duration = Duration::from_millis(200);

/// How to receive.
#[derive(Debug, Clone)]
pub struct ReceiverConfig {
    /// Payload types of the audio codecs that may arrive; one octet per tick of the clock each.
    pub audio: Vec<u8>,
    /// Payload type of telephone events.
    pub telephone_event: Option<u8>,
    /// Delay of the jitter buffer before it knows the network.
    pub start_delay: Duration,
    /// The delay never adapts below this.
    pub shortest_delay: Duration,
    /// The delay never adapts above this.
    pub longest_delay: Duration,
    /// Whether a frame of a payload type is quiet: frames are skipped in pauses when the delay can
    /// shrink, so that no word is cut.
    pub quiet: fn(payload_type: u8, frame: &[u8]) -> bool,
}

impl ReceiverConfig {
    /// The usual delays: start at 40 ms, adapt between 20 and 300 ms; no frame counts as quiet.
    #[must_use]
    pub fn new(audio: Vec<u8>, telephone_event: Option<u8>) -> Self {
        Self {
            audio,
            telephone_event,
            start_delay: Duration::from_millis(40),
            shortest_delay: Duration::from_millis(20),
            longest_delay: Duration::from_millis(300),
            quiet: |_, _| false,
        }
    }
}

/// What became of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// Audio that will be played.
    Audio,
    /// A telephone event; ask [`Receiver::poll_digit`].
    Event,
    /// Seen before.
    Duplicate,
    /// Too late to be played.
    Late,
    /// Another SSRC or numbering, not yet believed.
    Stray,
    /// A payload type that was not negotiated, such as comfort noise: counted, not played.
    Ignored,
}

/// The next 20 ms of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame<'a> {
    /// Encoded audio, [`FRAME_SAMPLES`] octets.
    Audio {
        /// The codec's payload type.
        payload_type: u8,
        /// The octets.
        payload: &'a [u8],
    },
    /// Audio is missing: conceal it.
    Lost,
    /// The sender is silent: nothing has come yet, or nothing for 100 ms.
    Idle,
}

/// Counters of a stream since its start, over all its SSRCs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReceiverStats {
    /// Packets of the stream, without duplicates.
    pub packets: u64,
    /// Octets of payload in them.
    pub octets: u64,
    /// Packets that never came.
    pub lost: u64,
    /// Packets that came twice.
    pub duplicates: u64,
    /// Packets that came out of order.
    pub reordered: u64,
    /// Packets that came too late to be played.
    pub late: u64,
    /// Packets with a payload type nobody agreed on.
    pub ignored: u64,
    /// How often the sender changed its SSRC.
    pub source_changes: u64,
    /// Frames reported as [`Frame::Lost`].
    pub concealed_frames: u64,
    /// Frames skipped to shorten the delay.
    pub skipped_frames: u64,
    /// Interarrival jitter (RFC 3550 section 6.4.1).
    pub jitter: Duration,
    /// The largest it was after the first second.
    pub max_jitter: Duration,
    /// The present delay of the jitter buffer.
    pub delay: Duration,
}

impl ReceiverStats {
    /// The part of the packets that was of no use, lost or late, 0 to 1: what the listener hears
    /// and [`crate::quality::mos`] wants.
    #[must_use]
    pub fn loss(&self) -> f64 {
        let expected = self.packets + self.lost;
        match expected {
            0 => 0.0,
            expected => (self.lost + self.late).min(expected) as f64 / expected as f64,
        }
    }
}

/// Receives one stream: push packets as they come, pop a frame every 20 ms, take the digits.
///
/// **Each sample is played at most once and in order; each digit is reported exactly once.**
#[derive(Debug, Clone)]
pub struct Receiver {
    config: ReceiverConfig,
    source: Option<Source>,
    /// An SSRC that was seen once, and the sequence number that would confirm it.
    candidate: Option<(u32, u16)>,
    /// When the present SSRC's last packet came.
    last_packet: Instant,
    /// When anything came that was agreed on.
    heard: Option<Instant>,
    buffer: JitterBuffer,
    digits: DigitReceiver,
    frame: [u8; FRAME_SAMPLES],
    /// Counters of the SSRCs before the present one, and those kept here.
    totals: ReceiverStats,
}

impl Receiver {
    /// A stream of which nothing has come.
    #[must_use]
    pub fn new(config: ReceiverConfig) -> Self {
        let delay = DelayEstimator::new(
            ticks(config.start_delay),
            ticks(config.shortest_delay),
            ticks(config.longest_delay),
        );
        Self {
            buffer: JitterBuffer::new(delay, config.quiet),
            config,
            source: None,
            candidate: None,
            last_packet: Instant::ZERO,
            heard: None,
            digits: DigitReceiver::default(),
            frame: [0; FRAME_SAMPLES],
            totals: ReceiverStats::default(),
        }
    }

    /// Other payload types from now on, after a re-INVITE; what is buffered stays.
    pub fn set_payload_types(&mut self, audio: Vec<u8>, telephone_event: Option<u8>) {
        self.config.audio = audio;
        self.config.telephone_event = telephone_event;
    }

    /// Takes a packet from the sender that the [`crate::Latch`] let through.
    pub fn push(&mut self, now: Instant, packet: &Packet<'_>) -> Arrival {
        let is_audio = self.config.audio.contains(&packet.payload_type);
        let is_event = self.config.telephone_event == Some(packet.payload_type);
        if is_audio || is_event {
            self.heard = Some(now);
        }
        if is_event {
            // Some senders give events an SSRC of their own: the digit counts, whatever it is.
            self.digits.push(now, packet);
        }
        let Some(order) = self.track(now, packet, is_audio) else {
            return match is_event {
                true => Arrival::Event,
                false => Arrival::Stray,
            };
        };
        if order == Order::Duplicate {
            return Arrival::Duplicate;
        }
        self.totals.octets += packet.payload.len() as u64;
        if is_event {
            return Arrival::Event;
        }
        if !is_audio {
            self.totals.ignored += 1;
            return Arrival::Ignored;
        }
        let newest = order != Order::Reordered;
        if order == Order::Restarted {
            self.buffer.reset();
        }
        if let Some(source) = &mut self.source {
            source.arrive(now, packet.timestamp);
            if source.received() > 50 {
                self.totals.max_jitter = self.totals.max_jitter.max(source.jitter());
            }
        }
        let (timestamp, payload) = (packet.timestamp, packet.payload);
        match self
            .buffer
            .push(now, timestamp, packet.payload_type, payload, newest)
        {
            Stored::Yes => Arrival::Audio,
            Stored::Late => {
                self.totals.late += 1;
                Arrival::Late
            }
        }
    }

    /// Finds the packet's place in the numbering of its sender. None: it is not counted.
    fn track(&mut self, now: Instant, packet: &Packet<'_>, is_audio: bool) -> Option<Order> {
        let order = match &mut self.source {
            Some(source) if source.ssrc == packet.ssrc => source.count(packet.sequence),
            current => {
                // Only audio makes a stream, and while one runs another must show two packets.
                let quiet = now.saturating_since(self.last_packet) >= TAKEOVER_AFTER;
                let confirmed = self.candidate == Some((packet.ssrc, packet.sequence));
                if !is_audio {
                    return None;
                }
                if current.is_some() && !quiet && !confirmed {
                    self.candidate = Some((packet.ssrc, packet.sequence.wrapping_add(1)));
                    return None;
                }
                self.switch(packet)
            }
        };
        if order == Order::Stray {
            return None;
        }
        self.candidate = None;
        self.last_packet = now;
        Some(order)
    }

    fn switch(&mut self, packet: &Packet<'_>) -> Order {
        if let Some(old) = self.source.take() {
            self.totals.source_changes += 1;
            add(&mut self.totals, &old);
        }
        self.buffer.reset();
        let source = self
            .source
            .insert(Source::new(packet.ssrc, packet.sequence));
        source.count(packet.sequence)
    }

    /// The next 20 ms. Call it once every 20 ms, whether packets came or not.
    pub fn pop(&mut self, now: Instant) -> Frame<'_> {
        self.digits.tick(now);
        match self.buffer.pop(now, &mut self.frame) {
            Slot::Audio(payload_type) => Frame::Audio {
                payload_type,
                payload: &self.frame,
            },
            Slot::Lost => Frame::Lost,
            Slot::Idle => Frame::Idle,
        }
    }

    /// The next thing a finger did. Ask after each [`Receiver::push`] and [`Receiver::pop`] until
    /// there is nothing more.
    pub fn poll_digit(&mut self) -> Option<DigitEvent> {
        self.digits.poll()
    }

    /// When the last audio or event came, if any has. For media timeouts: somebody who only presses
    /// keys is there.
    #[must_use]
    pub const fn last_packet(&self) -> Option<Instant> {
        self.heard
    }

    /// The SSRC of the stream.
    #[must_use]
    pub fn ssrc(&self) -> Option<u32> {
        self.source.as_ref().map(|source| source.ssrc)
    }

    /// The counters so far.
    #[must_use]
    pub fn stats(&self, now: Instant) -> ReceiverStats {
        let mut stats = self.totals;
        if let Some(source) = &self.source {
            add(&mut stats, source);
            stats.jitter = source.jitter();
        }
        stats.concealed_frames = self.buffer.concealed;
        stats.skipped_frames = self.buffer.skipped;
        stats.delay = duration(self.buffer.current(now).unwrap_or(0));
        stats
    }

    /// The report block about this stream for an RTCP report, without the fields that come from the
    /// sender's last report; starts the next interval of the fraction lost.
    pub(crate) fn report(&mut self) -> Option<ReportBlock> {
        let source = self.source.as_mut()?;
        Some(ReportBlock {
            ssrc: source.ssrc,
            fraction_lost: source.fraction_lost(),
            cumulative_lost: source.lost().min(0x7F_FFFF) as i32,
            highest_sequence: source.highest_sequence(),
            jitter: source.jitter_ticks(),
            last_sender_report: 0,
            delay_since_last_sender_report: 0,
        })
    }
}

fn add(stats: &mut ReceiverStats, source: &Source) {
    stats.packets += source.received();
    stats.lost += source.lost();
    stats.duplicates += source.duplicates;
    stats.reordered += source.reordered;
}
