//! Concealing lost frames after ITU-T G.711 appendix I.
//!
//! The last pitch periods heard are repeated, one at first, two after 10 ms, three after 20 ms, so
//! that it does not sound like a buzzer, and fade to nothing by 60 ms. The appendix delays all audio
//! by 3.75 ms to smooth the start of a loss; here the step between the last sample played and the
//! first one repeated fades out instead: no delay, and no error where the voice is steady.

use crate::SAMPLE_RATE;

/// The appendix' frame, 10 ms.
const SUBFRAME: usize = SAMPLE_RATE as usize / 100;
const PITCH_MIN: usize = 40;
const PITCH_MAX: usize = 120;
/// Samples that are compared to find the pitch: 20 ms.
const COMPARED: usize = 160;
/// Three of the longest periods and the quarter before them.
const HISTORY: usize = PITCH_MAX * 3 + PITCH_MAX / 4;
/// After this many subframes there is silence.
const LONGEST: usize = 6;
/// Crossfade back to the received signal: at first, more a subframe lost, at most.
const RETURN_FIRST: usize = 32;
const RETURN_MORE: usize = 32;

/// Fills the gaps in one stream.
#[derive(Debug, Clone)]
pub struct Concealer {
    /// What was played last, newest at the end.
    history: [i16; HISTORY],
    /// What it was when the loss began.
    past: [i16; HISTORY],
    /// Subframes made up since the last received one.
    lost: usize,
    pitch: usize,
    /// What is repeated: `periods` of the pitch.
    cycle: [i16; PITCH_MAX * 3],
    periods: usize,
    position: usize,
}

impl Default for Concealer {
    fn default() -> Self {
        Self {
            history: [0; HISTORY],
            past: [0; HISTORY],
            lost: 0,
            pitch: PITCH_MIN,
            cycle: [0; PITCH_MAX * 3],
            periods: 1,
            position: 0,
        }
    }
}

impl Concealer {
    /// Takes a frame that arrived, and blends its start with what was made up before it.
    pub fn received(&mut self, frame: &mut [i16]) {
        if self.lost > 0 {
            let blend = RETURN_FIRST + RETURN_MORE * (self.lost - 1).min(3);
            let blend = blend.min(frame.len());
            let gain = gain(self.lost);
            for (place, sample) in frame.iter_mut().take(blend).enumerate() {
                let old = f32::from(self.next()) * gain;
                let weight = (place + 1) as f32 / blend as f32;
                *sample = (old * (1.0 - weight) + f32::from(*sample) * weight) as i16;
            }
            self.lost = 0;
        }
        self.remember(frame);
    }

    /// Makes up a frame that is missing.
    pub fn conceal(&mut self, frame: &mut [i16]) {
        for part in frame.chunks_mut(SUBFRAME) {
            self.fill(part);
        }
        self.remember(frame);
    }

    fn fill(&mut self, part: &mut [i16]) {
        if self.lost >= LONGEST {
            part.fill(0);
            return;
        }
        match self.lost {
            0 => self.begin(part),
            1 | 2 => self.widen(part),
            _ => part.iter_mut().for_each(|sample| *sample = self.next()),
        }
        let (from, to) = (gain(self.lost), gain(self.lost + 1));
        let length = part.len() as f32;
        for (place, sample) in part.iter_mut().enumerate() {
            let gain = from + (to - from) * place as f32 / length;
            *sample = (f32::from(*sample) * gain) as i16;
        }
        self.lost += 1;
    }

    /// The first 10 ms: one period, brought to where the past ended.
    fn begin(&mut self, part: &mut [i16]) {
        self.past = self.history;
        self.pitch = find_pitch(&self.past);
        self.take_periods(1);
        self.position = 0;
        let blend = (self.pitch / 4).min(part.len());
        let step =
            f32::from(self.past[HISTORY - 1]) - f32::from(self.past[HISTORY - 1 - self.pitch]);
        for (place, sample) in part.iter_mut().enumerate() {
            let left = blend.saturating_sub(place + 1) as f32 / blend as f32;
            *sample = (f32::from(self.next()) + step * left) as i16;
        }
    }

    /// One period more than before, blended with the shorter cycle.
    fn widen(&mut self, part: &mut [i16]) {
        let blend = (self.pitch / 4).min(part.len());
        let mut before = [0; PITCH_MAX / 4];
        let start = self.position;
        before[..blend].fill_with(|| self.next());
        // The longer cycle ends with the same period: keep the phase within it.
        self.position = start % self.pitch;
        self.take_periods(self.periods + 1);
        for (place, sample) in part.iter_mut().enumerate() {
            let new = self.next();
            *sample = match place < blend {
                true => crossfade(before[place], new, place, blend),
                false => new,
            };
        }
    }

    /// Takes the last periods before the loss. Their end is blended with the quarter period before
    /// their start, so that the repetition has no seam.
    fn take_periods(&mut self, periods: usize) {
        let length = periods * self.pitch;
        let blend = self.pitch / 4;
        let start = HISTORY - length;
        self.cycle[..length].copy_from_slice(&self.past[start..]);
        for place in 0..blend {
            let end = length - blend + place;
            let before = self.past[start - blend + place];
            self.cycle[end] = crossfade(self.cycle[end], before, place, blend);
        }
        self.periods = periods;
    }

    fn next(&mut self) -> i16 {
        let length = self.periods * self.pitch;
        let sample = self.cycle[self.position % length];
        self.position = (self.position + 1) % length;
        sample
    }

    fn remember(&mut self, frame: &[i16]) {
        let newest = &frame[frame.len().saturating_sub(HISTORY)..];
        self.history.copy_within(newest.len().., 0);
        self.history[HISTORY - newest.len()..].copy_from_slice(newest);
    }
}

/// The volume after so many subframes: full for 10 ms, then a fifth less every 10 ms.
fn gain(subframes: usize) -> f32 {
    match subframes {
        0 | 1 => 1.0,
        more => (1.0 - 0.2 * (more - 1) as f32).max(0.0),
    }
}

/// From `old` to `new` over `length` samples.
fn crossfade(old: i16, new: i16, place: usize, length: usize) -> i16 {
    let weight = (place + 1) as f32 / (length + 1) as f32;
    (f32::from(old) * (1.0 - weight) + f32::from(new) * weight) as i16
}

/// The lag between 5 and 15 ms at which the last 20 ms are most like what was before.
fn find_pitch(past: &[i16; HISTORY]) -> usize {
    let recent = &past[HISTORY - COMPARED..];
    let score = |lag: usize| {
        let before = &past[HISTORY - COMPARED - lag..HISTORY - lag];
        let (product, energy) =
            recent
                .iter()
                .zip(before)
                .fold((0i64, 0i64), |(product, energy), (a, b)| {
                    let (a, b) = (i64::from(*a), i64::from(*b));
                    (product + a * b, energy + b * b)
                });
        // Near silence every lag is as good: the floor keeps noise from looking periodic.
        product as f64 / (energy.max(COMPARED as i64 * 64) as f64).sqrt()
    };
    let best = |lags: &mut dyn Iterator<Item = usize>| {
        lags.map(|lag| (lag, score(lag)))
            .fold((PITCH_MIN, f64::MIN), |best, next| match next.1 > best.1 {
                true => next,
                false => best,
            })
            .0
    };
    let coarse = best(&mut (PITCH_MIN..=PITCH_MAX).step_by(2));
    let near = coarse.saturating_sub(1).max(PITCH_MIN)..=(coarse + 1).min(PITCH_MAX);
    best(&mut near.into_iter())
}
