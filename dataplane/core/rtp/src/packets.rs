//! The jitter buffer of codecs whose packets are decoded whole: packets in media time, played at the
//! pace of our own clock.

use std::collections::VecDeque;
use std::time::Duration;

use callplane_types::Instant;

use crate::delay::DelayEstimator;
use crate::depth::Depth;
use crate::{Clock, FRAME_SAMPLES, duration, ticks};

/// A frame of ours in 8000ths of a second, in which all of this counts.
const FRAME: i64 = FRAME_SAMPLES as i64;
/// Of the clock of 48000 in one of these.
const TICKS: i64 = (Clock::Khz48.rate() / Clock::Khz8.rate()) as i64;
/// About a second of media.
const LONGEST: i64 = 8192;
/// Packets that wait at most: a third of a second of the shortest.
const MOST: usize = 128;
/// Packets that there is room for from the beginning: a third of a second of 20 ms. More make room when they
/// come.
const USUAL: usize = 16;
/// Octets that most packets have room in; longer ones make room when they come.
const USUAL_OCTETS: usize = 256;
/// A timestamp this far off is a new clock, not a late packet.
const JUMP: i64 = 8000;
/// Frames without anything to play before the sender counts as silent.
const IDLE_AFTER: u32 = 5;
/// Playout may be this much later than the network asks for before a packet is skipped.
const SLACK: i64 = 2 * FRAME;
/// Media played between two skipped packets while the delay shrinks.
const SKIP_PAUSE: i64 = 10 * FRAME;
/// Pieces a skip may wait for a pause in the talk.
const SKIP_PATIENCE: u32 = 100;

/// What the octets of a packet say about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PacketInfo {
    /// How much media it holds.
    pub time: Duration,
    /// Nobody talks in it.
    pub quiet: bool,
}

/// What is to be played next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece {
    /// [`PacketBuffer::payload`].
    Packet(u8),
    /// So much is missing before [`PacketBuffer::payload`], which stays.
    Before(u8, Duration),
    /// A frame is missing.
    Lost,
    /// Nothing is being said.
    Idle,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing to play.
    Empty,
    /// The first packet came then; playout starts when the target delay has passed.
    Filling(Instant),
    /// Playing, and for so many frames already waiting for a packet.
    Playing { stalled: u32 },
}

#[derive(Debug, Clone, Default)]
struct Waiting {
    start: i64,
    length: i64,
    payload_type: u8,
    quiet: bool,
    payload: Vec<u8>,
}

impl Waiting {
    const fn end(&self) -> i64 {
        self.start + self.length
    }
}

/// **What waits is in the order of media time, and each packet is played at most once.** Waiting and
/// skipping are as in [`crate::jitter::JitterBuffer`], with packets in place of frames.
#[derive(Debug, Clone)]
pub(crate) struct PacketBuffer {
    waiting: VecDeque<Waiting>,
    /// Packets that were played, for their room.
    spare: Vec<Waiting>,
    /// The packet played last.
    played: Waiting,
    /// Whether [`PacketBuffer::payload`] is the first that waits.
    shows_next: bool,
    state: State,
    /// Media time to play next.
    next: i64,
    /// The last timestamp, wrapped and unwrapped, in its own ticks.
    clock: Option<(u32, i64)>,
    delay: DelayEstimator,
    since_skip: i64,
    wanting_skip: u32,
    pub(crate) skipped: u64,
    pub(crate) concealed: u64,
    /// In frames of 20 ms.
    pub(crate) played_frames: u64,
    pub(crate) depth: Depth,
}

impl PacketBuffer {
    pub(crate) fn new(delay: DelayEstimator) -> Self {
        let room = || Waiting {
            payload: Vec::with_capacity(USUAL_OCTETS),
            ..Waiting::default()
        };
        Self {
            waiting: VecDeque::with_capacity(USUAL + 1),
            spare: (0..=USUAL).map(|_| room()).collect(),
            played: room(),
            shows_next: false,
            state: State::Empty,
            next: 0,
            clock: None,
            delay,
            since_skip: 0,
            wanting_skip: 0,
            skipped: 0,
            concealed: 0,
            played_frames: 0,
            depth: Depth::default(),
        }
    }

    /// Forgets what is buffered: another sender, another clock.
    pub(crate) fn reset(&mut self) {
        self.clear();
        self.state = State::Empty;
        self.clock = None;
        self.delay.rebase();
    }

    /// Takes a packet; false: its turn was over. `newest` says that its sequence number was in front.
    pub(crate) fn push(
        &mut self,
        now: Instant,
        timestamp: u32,
        payload_type: u8,
        info: PacketInfo,
        payload: &[u8],
        newest: bool,
    ) -> bool {
        let length = ticks(info.time);
        let (mut raw, mut start) = self.unwrap(timestamp);
        if newest && self.clock.is_some() && (start - self.end()).abs() > JUMP {
            self.reset();
            (raw, start) = self.unwrap(timestamp);
        }
        if newest {
            self.clock = Some((timestamp, raw));
        }
        self.delay.observe(ticks(now.since_origin()) - start);
        match self.state {
            State::Empty => {
                self.clear();
                self.next = start;
                self.state = State::Filling(now);
            }
            // A packet overtook the first one.
            State::Filling(_) if start < self.next && self.end() - start <= LONGEST => {
                self.next = start;
            }
            State::Filling(_) => {}
            State::Playing { stalled } if start + length > self.next => {
                // What was waited for has been lost: the wait was its playing time.
                self.next += (start - self.next).clamp(0, i64::from(stalled) * FRAME);
                self.state = State::Playing { stalled: 0 };
            }
            State::Playing { .. } => {}
        }
        if start + length <= self.next {
            return false;
        }
        self.insert(start, length, payload_type, info.quiet, payload);
        self.bound();
        true
    }

    fn insert(&mut self, start: i64, length: i64, payload_type: u8, quiet: bool, payload: &[u8]) {
        let mut room = self.spare.pop().unwrap_or_default();
        room.payload.clear();
        room.payload.extend_from_slice(payload);
        let packet = Waiting {
            start,
            length,
            payload_type,
            quiet,
            payload: room.payload,
        };
        let place = self.waiting.iter().rposition(|other| other.start <= start);
        self.waiting
            .insert(place.map_or(0, |place| place + 1), packet);
    }

    /// Too much to hold: what is oldest gives way, and a hole before it first.
    fn bound(&mut self) {
        while self.waiting.len() > MOST || self.end() - self.next > LONGEST {
            match self.waiting.front() {
                Some(first) if first.start > self.next => self.next = first.start,
                Some(_) => {
                    self.play();
                }
                None => return,
            }
        }
    }

    /// What comes next. To be asked whenever less than a frame is left to play.
    pub(crate) fn pop(&mut self, now: Instant) -> Piece {
        self.shows_next = false;
        match self.state {
            State::Empty => return Piece::Idle,
            State::Filling(since) => {
                let waited = ticks(now.saturating_since(since));
                if waited < self.delay.target()
                    && self.end() - self.next < self.delay.target() + FRAME
                {
                    return Piece::Idle;
                }
                self.state = State::Playing { stalled: 0 };
            }
            State::Playing { .. } => {}
        }
        self.shrink(now);
        if let Some(depth) = self.current(now) {
            self.depth.observe(depth);
        }
        let Some(first) = self.waiting.front() else {
            return self.stall();
        };
        self.state = State::Playing { stalled: 0 };
        let (missing, length) = (first.start - self.next, first.length);
        if missing <= 0 {
            self.played_frames += u64::try_from(length / FRAME).unwrap_or(0).max(1);
            return self.play();
        }
        self.concealed += 1;
        // Only what is right before a packet may be in it, and no more than it is long itself.
        if missing <= length {
            let payload_type = first.payload_type;
            self.next += missing;
            self.since_skip += missing;
            self.shows_next = true;
            return Piece::Before(payload_type, duration(missing));
        }
        self.next += FRAME;
        self.since_skip += FRAME;
        Piece::Lost
    }

    fn play(&mut self) -> Piece {
        let Some(first) = self.waiting.pop_front() else {
            return Piece::Idle;
        };
        self.next = self.next.max(first.end());
        self.since_skip += first.length;
        let before = std::mem::replace(&mut self.played, first);
        self.spare.push(before);
        Piece::Packet(self.played.payload_type)
    }

    /// The octets that the last [`Piece`] speaks of.
    pub(crate) fn payload(&self) -> &[u8] {
        match self.waiting.front() {
            Some(first) if self.shows_next => &first.payload,
            _ => &self.played.payload,
        }
    }

    fn stall(&mut self) -> Piece {
        let stalled = match self.state {
            State::Playing { stalled } => stalled + 1,
            State::Empty | State::Filling(_) => 1,
        };
        if stalled > IDLE_AFTER {
            self.state = State::Empty;
            return Piece::Idle;
        }
        self.state = State::Playing { stalled };
        self.concealed += 1;
        Piece::Lost
    }

    /// Skips a packet when playout is further behind than the network asks for.
    fn shrink(&mut self, now: Instant) {
        let Some(delay) = self.current(now) else {
            return;
        };
        if delay <= self.delay.target() + SLACK || self.end() - self.next < 2 * FRAME {
            self.wanting_skip = 0;
            return;
        }
        self.wanting_skip += 1;
        let pause = self.waiting.front().is_none_or(|first| first.quiet);
        if self.since_skip >= SKIP_PAUSE && (pause || self.wanting_skip > SKIP_PATIENCE) {
            self.play();
            self.skipped += 1;
            (self.since_skip, self.wanting_skip) = (0, 0);
        }
    }

    /// How long after the fastest recent packets playout should run, in ticks.
    pub(crate) fn target(&self) -> i64 {
        self.delay.target()
    }

    /// How long after the fastest recent packets playout runs, in ticks.
    pub(crate) fn current(&self, now: Instant) -> Option<i64> {
        let State::Playing { .. } = self.state else {
            return None;
        };
        let base = self.delay.base()?;
        Some(ticks(now.since_origin()) - self.next - base)
    }

    /// Behind the newest sample.
    fn end(&self) -> i64 {
        let newest = self.waiting.back().map(Waiting::end);
        newest.map_or(self.next, |newest| newest.max(self.next))
    }

    fn clear(&mut self) {
        self.spare.extend(self.waiting.drain(..));
    }

    /// A timestamp without its wraps, in its own ticks and in ours.
    fn unwrap(&self, timestamp: u32) -> (i64, i64) {
        let raw = match self.clock {
            Some((wrapped, unwrapped)) => {
                unwrapped + i64::from(timestamp.wrapping_sub(wrapped).cast_signed())
            }
            None => i64::from(timestamp),
        };
        (raw, raw.div_euclid(TICKS))
    }
}
