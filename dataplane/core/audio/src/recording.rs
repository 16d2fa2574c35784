//! A stereo recording of a call as pure octets.

use std::time::Duration;

use crate::wav::{WAV_HEADER_LENGTH, wav_header};
use crate::{FRAME_SAMPLES, SAMPLE_RATE};

/// A frame this close to where the last one ended follows it without a gap: clocks and timers are
/// not exact, sound is.
const TOLERANCE: u64 = 2 * FRAME_SAMPLES as u64;

/// A side of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The left channel.
    Caller,
    /// The right channel.
    Agent,
}

/// Records both sides of a call at 8 kHz on one time line.
///
/// **What both sides said at one moment stands at the same place of the file; where a side said
/// nothing there is silence.** Samples are placed by the time they were heard or said, so nothing
/// shifts when packets are lost, a side is on hold, or frames come in bursts.
///
/// What was not drained is held as far as there is room: samples further ahead of the last drain are
/// dropped and counted.
#[derive(Debug, Clone)]
pub struct Recording {
    /// Ring of both sides, caller first.
    ring: Box<[[i16; 2]]>,
    /// Where on the time line the ring starts.
    drained: u64,
    /// Where the next sample of each side is expected.
    next: [u64; 2],
    dropped: u64,
}

impl Recording {
    /// With `room` for what comes between two calls of [`Recording::drain`], at least one sample.
    #[must_use]
    pub fn with_room(room: Duration) -> Self {
        let samples = usize::try_from(position(room)).unwrap_or(usize::MAX);
        Self {
            ring: vec![[0; 2]; samples.max(1)].into_boxed_slice(),
            drained: 0,
            next: [0; 2],
            dropped: 0,
        }
    }

    /// Places samples of one side that began `at` after the start of the recording.
    pub fn write(&mut self, side: Side, at: Duration, samples: &[i16]) {
        let channel = side as usize;
        let next = self.next[channel];
        let start = follow(position(at), next);
        self.next[channel] = next.max(start + samples.len() as u64);
        // Behind: said before the last frame ended, faster than time. Or drained already.
        let place = start.max(next).max(self.drained);
        let behind = usize::try_from(place - start).unwrap_or(usize::MAX);
        let samples = samples.get(behind..).unwrap_or_default();
        let room = (self.drained + self.ring.len() as u64).saturating_sub(place);
        let kept = samples.len().min(room as usize);
        self.dropped += (samples.len() - kept) as u64;
        for (pair, sample) in self.ring_from(place).zip(&samples[..kept]) {
            pair[channel] = *sample;
        }
    }

    /// The ring once round, from a place on the time line on.
    fn ring_from(&mut self, place: u64) -> impl Iterator<Item = &mut [i16; 2]> {
        let at = (place % self.ring.len() as u64) as usize;
        let (before, after) = self.ring.split_at_mut(at);
        after.iter_mut().chain(before)
    }

    /// Where on the time line samples of one side are placed that begin `at` after the start.
    #[must_use]
    pub fn place_of(&self, side: Side, at: Duration) -> Duration {
        time(follow(position(at), self.next[side as usize]))
    }

    /// Leaves out what is before `until`, which was not recorded: whoever makes the file puts as much
    /// silence there. How much that is. To be called with everything drained.
    pub fn skip(&mut self, until: Duration) -> Duration {
        let until = position(until);
        let skipped = until.saturating_sub(self.drained);
        self.drained = self.drained.max(until);
        self.next = self.next.map(|next| next.max(self.drained));
        time(skipped)
    }

    /// Appends everything before `until` to `out`, as the file's next octets. Leave half a second
    /// between `until` and the present, so that both sides have said what they will.
    pub fn drain(&mut self, until: Duration, out: &mut Vec<u8>) {
        let count = position(until).saturating_sub(self.drained) as usize;
        // Nothing is beyond what the ring holds.
        let held = count.min(self.ring.len());
        for pair in self.ring_from(self.drained).take(held) {
            let [caller, agent] = std::mem::take(pair).map(i16::to_le_bytes);
            out.extend_from_slice(&[caller[0], caller[1], agent[0], agent[1]]);
        }
        out.resize(out.len() + 4 * (count - held), 0);
        self.drained += count as u64;
    }

    /// Appends the rest, up to the end of the recording, to `out`.
    pub fn finish(&mut self, end: Duration, out: &mut Vec<u8>) {
        let last = self.next[0].max(self.next[1]);
        let end = position(end).max(last).min(position(end) + TOLERANCE);
        self.drain(time(end), out);
    }

    /// The header for what has been drained so far: write it at the start of the file, first when
    /// the file is made and again whenever octets were appended.
    #[must_use]
    pub fn header(&self) -> [u8; WAV_HEADER_LENGTH] {
        wav_header(2, SAMPLE_RATE, self.drained * 4)
    }

    /// How long the drained part is.
    #[must_use]
    pub fn duration(&self) -> Duration {
        time(self.drained)
    }

    /// Samples that were dropped because nobody drained.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }
}

/// Where samples begin that were heard or said `at`, when the last ones ended at `next`.
const fn follow(at: u64, next: u64) -> u64 {
    match at.abs_diff(next) <= TOLERANCE {
        true => next,
        false => at,
    }
}

fn position(at: Duration) -> u64 {
    (at.as_micros() * u128::from(SAMPLE_RATE) / 1_000_000) as u64
}

fn time(position: u64) -> Duration {
    Duration::from_micros(position * 1_000_000 / u64::from(SAMPLE_RATE))
}
