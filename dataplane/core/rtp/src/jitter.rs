//! The jitter buffer: samples in media time, played at the pace of our own clock.

use std::ops::Range;

use callplane_types::Instant;

use crate::delay::DelayEstimator;
use crate::depth::Depth;
use crate::{FRAME_SAMPLES, ticks};

/// About a second of media. A power of two, so that a position is a mask away.
const CAPACITY: usize = 8192;
const FRAME: i64 = FRAME_SAMPLES as i64;
/// A position nothing arrived for. A present sample is payload type and octet, so 15 bits.
const MISSING: u16 = u16::MAX;
/// A timestamp this far off is a new clock, not a late packet.
const JUMP: i64 = 8000;
/// Frames without anything to play before the sender counts as silent.
const IDLE_AFTER: u32 = 5;
/// Playout may be this much later than the network asks for before a frame is skipped: less is not
/// worth a frame of speech.
const SLACK: i64 = 2 * FRAME;
/// Frames between two skipped ones while the delay shrinks.
const SKIP_PAUSE: u32 = 10;
/// Frames a skip may wait for a pause in the talk.
const SKIP_PATIENCE: u32 = 100;

/// What the buffer did with a packet's samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stored {
    Yes,
    /// Their turn was over.
    Late,
}

/// What the next 20 ms are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot {
    /// The frame was filled; all of it has this payload type.
    Audio(u8),
    /// Something should be here and is not.
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

/// **Positions from `next` to `end` hold what will be played; every other position is `MISSING`.**
///
/// While a packet is late, playout waits instead of running ahead: the delay grows by what was
/// waited. It shrinks again by skipping frames, quiet ones where there are any.
#[derive(Debug, Clone)]
pub(crate) struct JitterBuffer {
    ring: Box<[u16]>,
    state: State,
    /// Media time to play next, unwrapped.
    next: i64,
    /// Behind the newest sample.
    end: i64,
    /// The last timestamp, wrapped and unwrapped.
    clock: Option<(u32, i64)>,
    delay: DelayEstimator,
    /// From here on the sender says nothing, and has said so.
    pause: Option<i64>,
    since_skip: u32,
    wanting_skip: u32,
    quiet: fn(u8, &[u8]) -> bool,
    pub(crate) skipped: u64,
    pub(crate) concealed: u64,
    pub(crate) played: u64,
    pub(crate) depth: Depth,
}

impl JitterBuffer {
    pub(crate) fn new(delay: DelayEstimator, quiet: fn(u8, &[u8]) -> bool) -> Self {
        Self {
            ring: vec![MISSING; CAPACITY].into_boxed_slice(),
            state: State::Empty,
            next: 0,
            end: 0,
            clock: None,
            delay,
            pause: None,
            since_skip: 0,
            wanting_skip: 0,
            quiet,
            skipped: 0,
            concealed: 0,
            played: 0,
            depth: Depth::default(),
        }
    }

    /// Forgets what is buffered: another sender, another clock.
    pub(crate) fn reset(&mut self) {
        self.ring.fill(MISSING);
        self.state = State::Empty;
        self.clock = None;
        self.pause = None;
        self.delay.rebase();
    }

    /// The sender is silent from `timestamp` on, until audio comes.
    pub(crate) fn pause(&mut self, timestamp: u32) {
        self.pause = Some(self.unwrap(timestamp));
    }

    /// Whether all from before a pause was played and nothing from after it.
    pub(crate) fn is_paused(&self) -> bool {
        self.pause.is_some() && matches!(self.state, State::Empty | State::Filling(_))
    }

    /// Takes a packet. `newest` says that its sequence number was in front.
    pub(crate) fn push(
        &mut self,
        now: Instant,
        timestamp: u32,
        payload_type: u8,
        payload: &[u8],
        newest: bool,
    ) -> Stored {
        let payload = &payload[..payload.len().min(CAPACITY / 4)];
        let length = payload.len() as i64;
        let mut start = self.unwrap(timestamp);
        if newest && self.clock.is_some() && (start - self.end).abs() > JUMP {
            let was_paused = self.pause.is_some();
            self.reset();
            start = self.unwrap(timestamp);
            // A long pause lasts until the audio behind it is played.
            self.pause = was_paused.then_some(start);
        }
        if newest {
            self.clock = Some((timestamp, start));
        }
        self.delay.observe(ticks(now.since_origin()) - start);
        match self.state {
            State::Empty => {
                self.ring.fill(MISSING);
                self.next = start;
                self.end = start;
                self.state = State::Filling(now);
            }
            // A packet overtook the first one.
            State::Filling(_) if start < self.next && self.end - start <= CAPACITY as i64 => {
                self.next = start;
            }
            State::Filling(_) => {}
            State::Playing { stalled } if start + length > self.next => {
                // What was waited for has been lost: the wait was its playing time.
                let hole = (start - self.next).clamp(0, i64::from(stalled) * FRAME);
                self.discard_until(self.next + hole);
                self.state = State::Playing { stalled: 0 };
            }
            State::Playing { .. } => {}
        }
        if start + length <= self.next {
            return Stored::Late;
        }
        // Too far ahead to hold: what is oldest gives way.
        self.discard_until(start + length - CAPACITY as i64);
        self.write(start, payload_type, payload);
        self.end = self.end.max(start + length);
        Stored::Yes
    }

    /// Puts in its place what of a packet is still to be played.
    fn write(&mut self, start: i64, payload_type: u8, payload: &[u8]) {
        let from = start.max(self.next);
        let payload = &payload[(from - start) as usize..];
        let format = u16::from(payload_type) << 8;
        let parts = parts(from, payload.len());
        let (newer, newest) = payload.split_at(parts[0].len());
        for (part, octets) in parts.into_iter().zip([newer, newest]) {
            for (sample, octet) in self.ring[part].iter_mut().zip(octets) {
                *sample = format | u16::from(*octet);
            }
        }
    }

    /// The next 20 ms, at the pace of our clock.
    pub(crate) fn pop(&mut self, now: Instant, frame: &mut [u8; FRAME_SAMPLES]) -> Slot {
        match self.state {
            State::Empty => return Slot::Idle,
            State::Filling(since) => {
                let waited = ticks(now.saturating_since(since));
                if waited < self.delay.target()
                    && self.end - self.next < self.delay.target() + FRAME
                {
                    return Slot::Idle;
                }
                self.state = State::Playing { stalled: 0 };
            }
            State::Playing { .. } => {}
        }
        self.shrink(now);
        if let Some(depth) = self.current(now) {
            self.depth.observe(depth);
        }
        if self.end - self.next < FRAME {
            return self.stall();
        }
        self.state = State::Playing { stalled: 0 };
        self.pause = self.pause.filter(|pause| self.next < *pause);
        let slot = self.read(frame);
        self.discard_until(self.next + FRAME);
        match slot {
            Slot::Lost => self.concealed += 1,
            Slot::Audio(_) => self.played += 1,
            Slot::Idle => {}
        }
        slot
    }

    fn stall(&mut self) -> Slot {
        if self.pause.is_some_and(|pause| pause < self.next + FRAME) {
            self.state = State::Empty;
            return Slot::Idle;
        }
        let stalled = match self.state {
            State::Playing { stalled } => stalled + 1,
            State::Empty | State::Filling(_) => 1,
        };
        if stalled > IDLE_AFTER {
            self.state = State::Empty;
            return Slot::Idle;
        }
        self.state = State::Playing { stalled };
        self.concealed += 1;
        Slot::Lost
    }

    /// Reads the frame at `next`. A frame at least half of which arrived is played, its holes
    /// filled with the sample before them: that happens only where packets and frames differ in
    /// length, and is less audible than dropping what is there.
    fn read(&self, frame: &mut [u8; FRAME_SAMPLES]) -> Slot {
        let mut samples = [MISSING; FRAME_SAMPLES];
        let parts = parts(self.next, FRAME_SAMPLES);
        let (newer, newest) = samples.split_at_mut(parts[0].len());
        for (part, samples) in parts.into_iter().zip([newer, newest]) {
            samples.copy_from_slice(&self.ring[part]);
        }
        let Some(first) = samples.iter().find(|sample| **sample != MISSING).copied() else {
            return Slot::Lost;
        };
        let is_alike = |sample: u16| sample >> 8 == first >> 8;
        let present = samples.iter().filter(|sample| is_alike(**sample)).count();
        if present < FRAME_SAMPLES {
            let mut held = first;
            for sample in &mut samples {
                match is_alike(*sample) {
                    true => held = *sample,
                    false => *sample = held,
                }
            }
        }
        for (octet, sample) in frame.iter_mut().zip(samples) {
            *octet = sample as u8;
        }
        match present * 2 >= FRAME_SAMPLES {
            true => Slot::Audio((first >> 8) as u8),
            false => Slot::Lost,
        }
    }

    /// Skips a frame when playout is further behind than the network asks for.
    fn shrink(&mut self, now: Instant) {
        self.since_skip = self.since_skip.saturating_add(1);
        let Some(delay) = self.current(now) else {
            return;
        };
        let buffered = self.end - self.next;
        if delay <= self.delay.target() + SLACK || buffered < 2 * FRAME {
            self.wanting_skip = 0;
            return;
        }
        self.wanting_skip += 1;
        if self.since_skip < SKIP_PAUSE {
            return;
        }
        let mut frame = [0; FRAME_SAMPLES];
        let pause = match self.read(&mut frame) {
            Slot::Audio(payload_type) => (self.quiet)(payload_type, &frame),
            Slot::Lost | Slot::Idle => true,
        };
        if pause || self.wanting_skip > SKIP_PATIENCE {
            self.discard_until(self.next + FRAME);
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

    fn discard_until(&mut self, position: i64) {
        let stop = position.min(self.end).max(self.next);
        for part in parts(self.next, (stop - self.next) as usize) {
            self.ring[part].fill(MISSING);
        }
        self.next = self.next.max(position);
        self.end = self.end.max(self.next);
    }

    fn unwrap(&self, timestamp: u32) -> i64 {
        match self.clock {
            Some((wrapped, unwrapped)) => {
                unwrapped + i64::from(timestamp.wrapping_sub(wrapped).cast_signed())
            }
            None => i64::from(timestamp),
        }
    }
}

/// Where in the ring `length` positions from one on are, no more than it has: up to its end, and from its beginning.
fn parts(position: i64, length: usize) -> [Range<usize>; 2] {
    let start = position.rem_euclid(CAPACITY as i64) as usize;
    let end = start + length;
    [start..end.min(CAPACITY), 0..end.saturating_sub(CAPACITY)]
}
