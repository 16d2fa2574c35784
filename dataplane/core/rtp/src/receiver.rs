//! The receiving end of an RTP stream.

use std::time::Duration;

use callplane_types::Instant;

use crate::delay::DelayEstimator;
use crate::dtmf::{DigitEvent, DigitReceiver};
use crate::jitter::{JitterBuffer, Slot, Stored};
use crate::packet::Packet;
use crate::packets::{PacketBuffer, PacketInfo, Piece};
use crate::rtcp::ReportBlock;
use crate::source::{Order, Source};
use crate::{Clock, FRAME_SAMPLES, FRAME_TIME, Format, duration, part, ticks};

/// A stream silent for this long gives way to another SSRC at once.
const TAKEOVER_AFTER: Duration = Duration::from_millis(200);

/// Octets of comfort noise that are kept: its level and the coefficients that matter.
const NOISE_OCTETS: usize = 16;

/// How to receive.
#[derive(Debug, Clone)]
pub struct ReceiverConfig {
    /// The audio codecs that may arrive. Those with a clock of 8000 have one octet per tick, packets of
    /// those with one of 48000 are decoded whole.
    pub audio: Vec<Format>,
    /// Telephone events.
    pub telephone_events: Vec<Format>,
    /// Payload type of comfort noise (RFC 3389).
    pub comfort_noise: Option<u8>,
    /// Delay of the jitter buffer before it knows the network.
    pub start_delay: Duration,
    /// The delay never adapts below this.
    pub shortest_delay: Duration,
    /// The delay never adapts above this.
    pub longest_delay: Duration,
    /// Whether a frame of a payload type is quiet: frames are skipped in pauses when the delay can
    /// shrink, so that no word is cut.
    pub quiet: fn(payload_type: u8, frame: &[u8]) -> bool,
    /// What a packet says that is decoded whole; nothing if it is malformed.
    pub inspect: fn(payload: &[u8]) -> Option<PacketInfo>,
}

impl ReceiverConfig {
    /// Formats with a clock of 8000 and the usual delays: start at 40 ms, adapt between 20 and 300 ms;
    /// no frame counts as quiet.
    #[must_use]
    pub fn new(audio: Vec<u8>, telephone_event: Option<u8>) -> Self {
        Self {
            audio: audio.into_iter().map(Format::khz8).collect(),
            telephone_events: telephone_event.map(Format::khz8).into_iter().collect(),
            comfort_noise: None,
            start_delay: Duration::from_millis(40),
            shortest_delay: Duration::from_millis(20),
            longest_delay: Duration::from_millis(300),
            quiet: |_, _| false,
            inspect: |_| None,
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
    /// Comfort noise: what the silence that follows sounds like.
    Noise,
    /// Another SSRC or numbering, not yet believed.
    Stray,
    /// A payload type that was not negotiated: counted, not played.
    Ignored,
}

/// What comes next in a stream: 20 ms, where it says nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame<'a> {
    /// Encoded audio, [`FRAME_SAMPLES`] octets.
    Audio {
        /// The codec's payload type.
        payload_type: u8,
        /// The octets.
        payload: &'a [u8],
    },
    /// A packet that is decoded whole: as much audio as it says itself.
    Packet {
        /// The codec's payload type.
        payload_type: u8,
        /// The octets.
        payload: &'a [u8],
    },
    /// Audio is missing right before a packet that is there, and may hold a copy of it. The packet
    /// itself comes next.
    LostBefore {
        /// The codec's payload type.
        payload_type: u8,
        /// The packet behind what is missing.
        next: &'a [u8],
        /// How much is missing, no more than the packet has.
        time: Duration,
    },
    /// 20 ms of audio are missing: conceal them.
    Lost,
    /// The sender is silent, and this is its last payload of comfort noise.
    Noise(&'a [u8]),
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
    /// Lost packets whose audio came again in a later one (in-band FEC).
    pub repaired: u64,
    /// Frames that were played as they came.
    pub played_frames: u64,
    /// Frames reported as [`Frame::Lost`] or [`Frame::LostBefore`], which were made up.
    pub concealed_frames: u64,
    /// Frames, or packets that are decoded whole, skipped to shorten the delay.
    pub skipped_frames: u64,
    /// Interarrival jitter (RFC 3550 section 6.4.1).
    pub jitter: Duration,
    /// The largest it was after the first second.
    pub max_jitter: Duration,
    /// The present delay of the jitter buffer.
    pub delay: Duration,
    /// Its mean over all frames that were played or made up.
    pub mean_delay: Duration,
    /// The largest it was.
    pub max_delay: Duration,
}

impl ReceiverStats {
    /// The part of the packets that was of no use, lost and not repaired, or late, 0 to 1: what the
    /// listener hears and [`crate::quality::rating`] wants.
    #[must_use]
    pub fn loss(&self) -> f64 {
        let missing = self.lost.saturating_sub(self.repaired) + self.late;
        part(missing, self.packets + self.lost)
    }

    /// The part of the frames that was made up, 0 to 1.
    #[must_use]
    pub fn concealed(&self) -> f64 {
        part(
            self.concealed_frames,
            self.concealed_frames + self.played_frames,
        )
    }

    /// How long what was made up took.
    #[must_use]
    pub fn concealed_time(&self) -> Duration {
        FRAME_TIME * u32::try_from(self.concealed_frames).unwrap_or(u32::MAX)
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
    /// The clock of the audio that comes now.
    clock: Clock,
    buffer: JitterBuffer,
    /// Made where there are codecs for it.
    packets: Option<PacketBuffer>,
    digits: DigitReceiver,
    frame: [u8; FRAME_SAMPLES],
    /// The last payload of comfort noise, and its length.
    noise: ([u8; NOISE_OCTETS], usize),
    /// Counters of the SSRCs before the present one, and those kept here.
    totals: ReceiverStats,
}

impl Receiver {
    /// A stream of which nothing has come.
    #[must_use]
    pub fn new(config: ReceiverConfig) -> Self {
        let mut receiver = Self {
            clock: Clock::Khz8,
            buffer: JitterBuffer::new(estimator(&config), config.quiet),
            packets: None,
            config,
            source: None,
            candidate: None,
            last_packet: Instant::ZERO,
            heard: None,
            digits: DigitReceiver::default(),
            frame: [0; FRAME_SAMPLES],
            noise: ([0; NOISE_OCTETS], 0),
            totals: ReceiverStats::default(),
        };
        receiver.prepare();
        receiver
    }

    /// Other formats from now on, after a re-INVITE; what is buffered stays.
    pub fn set_formats(
        &mut self,
        audio: Vec<Format>,
        telephone_events: Vec<Format>,
        comfort_noise: Option<u8>,
    ) {
        self.config.audio = audio;
        self.config.telephone_events = telephone_events;
        self.config.comfort_noise = comfort_noise;
        self.prepare();
    }

    fn prepare(&mut self) {
        let mut formats = self.config.audio.iter();
        if self.packets.is_none() && formats.any(|format| format.clock == Clock::Khz48) {
            self.packets = Some(PacketBuffer::new(estimator(&self.config)));
        }
    }

    /// Takes a packet from the sender that the [`crate::Latch`] let through.
    pub fn push(&mut self, now: Instant, packet: &Packet<'_>) -> Arrival {
        let audio = clock_of(&self.config.audio, packet);
        let event = clock_of(&self.config.telephone_events, packet);
        let (is_audio, is_event) = (audio.is_some(), event.is_some());
        let is_noise = !is_audio && self.config.comfort_noise == Some(packet.payload_type);
        if is_audio || is_event || is_noise {
            self.heard = Some(now);
        }
        if let Some(clock) = event {
            // Some senders give events an SSRC of their own: the digit counts, whatever it is.
            self.digits.push_counted(now, clock, packet);
        }
        let Some(order) = self.track(now, packet, is_audio || is_noise) else {
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
        if is_noise {
            self.quieten(packet, order);
            return Arrival::Noise;
        }
        let Some(clock) = audio else {
            self.totals.ignored += 1;
            return Arrival::Ignored;
        };
        if let Some(source) = &mut self.source {
            source.arrive(now, packet.timestamp, clock);
            if source.received() > 50 {
                self.totals.max_jitter = self.totals.max_jitter.max(source.jitter());
            }
        }
        if order == Order::Restarted {
            self.reset_buffers();
        }
        let stored = self.store(now, packet, clock, order != Order::Reordered);
        self.totals.late += u64::from(stored == Arrival::Late);
        stored
    }

    /// The silence begins where the audio before it ends. One that was overtaken by audio is over.
    fn quieten(&mut self, packet: &Packet<'_>, order: Order) {
        if order == Order::Restarted {
            self.reset_buffers();
        }
        if order != Order::Reordered && self.clock == Clock::Khz8 {
            let length = packet.payload.len().min(NOISE_OCTETS);
            self.noise.0[..length].copy_from_slice(&packet.payload[..length]);
            self.noise.1 = length;
            self.buffer.pause(packet.timestamp);
        }
    }

    fn store(&mut self, now: Instant, packet: &Packet<'_>, clock: Clock, newest: bool) -> Arrival {
        if clock != self.clock {
            // From before the sender changed to a codec with another clock.
            if !newest {
                return Arrival::Late;
            }
            self.reset_buffers();
            self.clock = clock;
        }
        let (timestamp, payload) = (packet.timestamp, packet.payload);
        let in_time = match (clock, &mut self.packets) {
            (Clock::Khz48, Some(packets)) => {
                let Some(info) = (self.config.inspect)(payload) else {
                    self.totals.ignored += 1;
                    return Arrival::Ignored;
                };
                let payload_type = packet.payload_type;
                packets.push(now, timestamp, payload_type, info, payload, newest)
            }
            _ => {
                let buffer = &mut self.buffer;
                buffer.push(now, timestamp, packet.payload_type, payload, newest) == Stored::Yes
            }
        };
        match in_time {
            true => Arrival::Audio,
            false => Arrival::Late,
        }
    }

    fn reset_buffers(&mut self) {
        self.buffer.reset();
        if let Some(packets) = &mut self.packets {
            packets.reset();
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
        self.reset_buffers();
        let source = self
            .source
            .insert(Source::new(packet.ssrc, packet.sequence));
        source.count(packet.sequence)
    }

    /// What comes next. Call it once every 20 ms, whether packets came or not; where it gives
    /// [packets](Frame::Packet), whenever less than 20 ms are left of those before.
    pub fn pop(&mut self, now: Instant) -> Frame<'_> {
        self.digits.tick(now);
        if let (Clock::Khz48, Some(packets)) = (self.clock, &mut self.packets) {
            return match packets.pop(now) {
                Piece::Packet(payload_type) => Frame::Packet {
                    payload_type,
                    payload: packets.payload(),
                },
                Piece::Before(payload_type, time) => Frame::LostBefore {
                    payload_type,
                    next: packets.payload(),
                    time,
                },
                Piece::Lost => Frame::Lost,
                Piece::Idle => Frame::Idle,
            };
        }
        match self.buffer.pop(now, &mut self.frame) {
            Slot::Audio(payload_type) => Frame::Audio {
                payload_type,
                payload: &self.frame,
            },
            Slot::Lost => Frame::Lost,
            Slot::Idle if self.buffer.is_paused() => Frame::Noise(&self.noise.0[..self.noise.1]),
            Slot::Idle => Frame::Idle,
        }
    }

    /// How long after the fastest recent packets playout runs, and how long it should; nothing while
    /// nothing is played. For who follows the sender's clock.
    #[must_use]
    pub fn playout(&self, now: Instant) -> Option<(Duration, Duration)> {
        let (current, target) = match (self.clock, &self.packets) {
            (Clock::Khz48, Some(packets)) => (packets.current(now), packets.target()),
            _ => (self.buffer.current(now), self.buffer.target()),
        };
        Some((duration(current?), duration(target)))
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
        stats.played_frames = self.buffer.played;
        let (mut delay, mut depth) = (self.buffer.current(now), self.buffer.depth);
        if let Some(packets) = &self.packets {
            stats.concealed_frames += packets.concealed;
            stats.skipped_frames += packets.skipped;
            stats.played_frames += packets.played_frames;
            if self.clock == Clock::Khz48 {
                (delay, depth) = (packets.current(now), packets.depth);
            }
        }
        (stats.mean_delay, stats.max_delay) = (duration(depth.mean()), duration(depth.max()));
        stats.delay = duration(delay.unwrap_or(0));
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

fn estimator(config: &ReceiverConfig) -> DelayEstimator {
    DelayEstimator::new(
        ticks(config.start_delay),
        ticks(config.shortest_delay),
        ticks(config.longest_delay),
    )
}

fn clock_of(formats: &[Format], packet: &Packet<'_>) -> Option<Clock> {
    let mut formats = formats.iter();
    formats.find_map(|format| (format.payload_type == packet.payload_type).then_some(format.clock))
}

fn add(stats: &mut ReceiverStats, source: &Source) {
    stats.packets += source.received();
    stats.lost += source.lost();
    stats.duplicates += source.duplicates;
    stats.reordered += source.reordered;
}
