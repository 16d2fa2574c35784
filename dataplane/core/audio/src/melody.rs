//! Music for who waits: a plucked string that never stops, and that nobody holds rights in.

use std::f32::consts::TAU;

/// Chords of four notes each, in hertz: C, A minor, F, G.
const CHORDS: [[f32; 4]; 4] = [
    [261.63, 329.63, 392.0, 523.25],
    [220.0, 261.63, 329.63, 440.0],
    [174.61, 220.0, 261.63, 349.23],
    [196.0, 246.94, 293.66, 392.0],
];
/// In which order the notes of a chord are plucked.
const PATTERN: [usize; 8] = [0, 1, 2, 3, 2, 1, 2, 1];
/// Milliseconds from one note to the next.
const NOTE_MS: u32 = 300;
/// The level of a plucked note: 20 dB below full scale.
const LOUDNESS: f32 = 3_277.0;
/// What is left of a note when the next begins.
const LEFT: f32 = 0.15;

/// Makes the music, frame by frame without a seam.
#[derive(Debug, Clone)]
pub struct Melody {
    rate: f32,
    /// Samples of a note.
    length: u32,
    /// What a note loses with each sample.
    decay: f32,
    note: usize,
    position: u32,
    phase: f32,
    loudness: f32,
}

impl Melody {
    /// At `rate` samples a second.
    #[must_use]
    pub fn new(rate: u32) -> Self {
        let length = (rate * NOTE_MS / 1_000).max(1);
        Self {
            rate: rate as f32,
            length,
            decay: LEFT.powf(1.0 / length as f32),
            note: 0,
            position: 0,
            phase: 0.0,
            loudness: LOUDNESS,
        }
    }

    /// Replaces all of `samples` with what comes next.
    pub fn fill(&mut self, samples: &mut [i16]) {
        for sample in samples {
            let chord = CHORDS[self.note / PATTERN.len() % CHORDS.len()];
            let frequency = chord[PATTERN[self.note % PATTERN.len()]];
            // The first milliseconds rise, so that no note begins with a click.
            let rise = (self.position as f32 / (self.rate * 0.004)).min(1.0);
            let string = (self.phase * TAU).sin() + 0.3 * (self.phase * 2.0 * TAU).sin();
            *sample = (string * self.loudness * rise).round() as i16;
            self.phase = (self.phase + frequency / self.rate).fract();
            self.loudness *= self.decay;
            self.position += 1;
            if self.position == self.length {
                self.position = 0;
                self.loudness = LOUDNESS;
                self.note = (self.note + 1) % (PATTERN.len() * CHORDS.len());
            }
        }
    }
}
