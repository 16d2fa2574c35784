use super::{NoiseDescription, ORDER};

/// The part of the way to another volume that is gone with each sample: 5 ms at 8 kHz.
const GLIDE: f32 = 1.0 / 40.0;

/// Makes noise after a description, frame by frame without a seam; none before the first one.
#[derive(Debug, Clone)]
pub struct ComfortNoise {
    /// Never zero.
    random: u64,
    /// Volume of the white noise that is shaped, and what it glides to.
    volume: f32,
    target: f32,
    reflections: [f32; ORDER],
    /// What runs backwards through the lattice, of the sample before.
    backward: [f32; ORDER + 1],
}

impl ComfortNoise {
    /// The same `seed` makes the same noise. Calls that are heard together need different ones.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            random: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
            volume: 0.0,
            target: 0.0,
            reflections: [0.0; ORDER],
            backward: [0.0; ORDER + 1],
        }
    }

    /// Makes such noise from now on.
    pub fn describe(&mut self, description: &NoiseDescription) {
        self.reflections = description.reflections();
        // Shaping makes it louder by the power of the filter.
        let shaped: f32 = self.reflections.iter().map(|k| 1.0 - k * k).product();
        let level = 32_768.0 * 10f32.powf(description.level_dbov() / 20.0);
        self.target = level * shaped.sqrt();
    }

    /// Replaces all of `samples` with what comes next.
    pub fn fill(&mut self, samples: &mut [i16]) {
        for sample in samples {
            self.volume += GLIDE * (self.target - self.volume);
            let white = self.volume * self.white();
            *sample = self.shape(white).round() as i16;
        }
    }

    /// One pass through the lattice of the all-pole filter.
    fn shape(&mut self, white: f32) -> f32 {
        let mut forward = white;
        for (stage, reflection) in self.reflections.iter().enumerate().rev() {
            forward -= reflection * self.backward[stage];
            self.backward[stage + 1] = self.backward[stage] + reflection * forward;
        }
        self.backward[0] = forward;
        forward
    }

    /// Uniform, with a power of one.
    fn white(&mut self) -> f32 {
        // Marsaglia's xorshift, 64 bits.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let uniform = (self.random >> 40) as f32 / (1u32 << 23) as f32 - 1.0;
        uniform * 3f32.sqrt()
    }
}
