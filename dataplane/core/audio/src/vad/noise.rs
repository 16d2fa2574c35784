//! The noise floor of a line.

/// Frames in one part of the window: half a second.
const PART_FRAMES: u32 = 25;
const PARTS: usize = 3;
/// What a line is taken for before anything is known of it.
const START_DBOV: f32 = -60.0;
/// No line is quieter than this: digital silence would make every crackle loud.
const LOWEST_DBOV: f32 = -65.0;

/// **The floor is the quietest smoothed frame of the last one to one and a half seconds.** Speech dips
/// to the noise between its syllables; noise and music do not.
#[derive(Debug, Clone)]
pub(super) struct NoiseFloor {
    smoothed: f32,
    parts: [f32; PARTS],
    current: f32,
    frames: u32,
}

impl Default for NoiseFloor {
    fn default() -> Self {
        Self {
            smoothed: START_DBOV,
            parts: [START_DBOV; PARTS],
            current: 0.0,
            frames: 0,
        }
    }
}

impl NoiseFloor {
    /// Takes the level of a frame.
    pub(super) fn observe(&mut self, level_dbov: f32) {
        self.smoothed += (level_dbov - self.smoothed) * 0.4;
        self.current = self.current.min(self.smoothed);
        self.frames += 1;
        if self.frames == PART_FRAMES {
            self.parts.rotate_left(1);
            self.parts[PARTS - 1] = self.current;
            self.current = self.smoothed;
            self.frames = 0;
        }
    }

    /// The floor in dBov.
    pub(super) fn dbov(&self) -> f32 {
        self.parts
            .iter()
            .fold(self.current, |lowest, part| lowest.min(*part))
            .max(LOWEST_DBOV)
    }
}
