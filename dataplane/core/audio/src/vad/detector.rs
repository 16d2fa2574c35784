//! The detector: energy gate, tone gate, neural network, hangover.

use std::fmt;
use std::time::Duration;

use crate::level::level_dbov;
use crate::resample::Upsampler;
use crate::vad::noise::NoiseFloor;
use crate::vad::tonal::is_tone;
use crate::vad::voicing::is_voiced;
use crate::{FRAME_SAMPLES, FRAME_TIME};

/// What the network looks at: 16 ms at 16 kHz.
const NETWORK_FRAME: usize = 256;
/// Frames before the present one that are kept: what a tone goes on from, and what the network
/// hears first when the gate opens.
const CONTEXT: usize = 2 * FRAME_SAMPLES;
/// Frames of an onset that must have a pitch: noise that sets in is no speech, whatever the network
/// makes of it.
const PITCHED_FRAMES: u32 = 2;
/// Frames the network goes on listening after the gate closed.
const AFTER_FRAMES: u32 = 15;

/// How to listen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VadConfig {
    /// The network's score, 0 to 1, from which a frame is speech.
    pub threshold: f32,
    /// How far above the noise floor speech is, in dB.
    pub above_noise_db: f32,
    /// Nothing below this level is speech, in dBov.
    pub quietest_dbov: f32,
    /// Frames of speech that make an onset: each costs 20 ms before a barge-in is seen, and each
    /// keeps a kind of click from being one.
    pub onset_frames: u32,
    /// Frames without speech until it is over: bridges the pauses within words.
    pub hangover_frames: u32,
}

impl Default for VadConfig {
    /// Onset after 60 ms of voice, hangover of 200 ms.
    fn default() -> Self {
        Self {
            threshold: 0.5,
            above_noise_db: 7.0,
            quietest_dbov: -52.0,
            onset_frames: 3,
            hangover_frames: 10,
        }
    }
}

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Activity {
    /// Nobody speaks.
    Silence,
    /// Somebody has begun to speak; [`Vad::onset_age`] says when.
    Onset,
    /// Somebody speaks.
    Speech,
    /// Somebody has stopped; the speech ended a hangover ago.
    Offset,
}

impl Activity {
    /// Whether somebody speaks during this frame, hangover included.
    #[must_use]
    pub const fn is_speech(self) -> bool {
        matches!(self, Self::Onset | Self::Speech)
    }
}

/// Hears whether somebody speaks, frame by frame.
///
/// A frame counts as speech when it is louder than the line's noise, is no tone of the network, and
/// the network (earshot) takes it for a voice; speech begins when several such frames follow each
/// other and some of them have a pitch. The neural network alone calls ringback speech without
/// exception and pink noise half of the time, which is why it is not asked alone. It runs only while
/// the energy gate is open, which saves most of its cost on a quiet line.
pub struct Vad {
    config: VadConfig,
    network: Box<earshot::Detector>,
    upsampler: Upsampler,
    /// 16 kHz samples the network has not seen yet.
    wideband: Vec<i16>,
    /// The frame and those before it.
    line: [i16; CONTEXT + FRAME_SAMPLES],
    noise: NoiseFloor,
    /// Frames since the gate was open.
    closed: u32,
    score: f32,
    speaking: bool,
    /// Speech frames in a row, with single misses forgiven, and frames since the first of them.
    voiced: u32,
    /// Those of them that have a pitch.
    pitched: u32,
    age: u32,
    /// Frames since the last speech frame.
    unvoiced: u32,
}

impl fmt::Debug for Vad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vad")
            .field("speaking", &self.speaking)
            .field("score", &self.score)
            .field("noise_dbov", &self.noise.dbov())
            .finish_non_exhaustive()
    }
}

impl Default for Vad {
    fn default() -> Self {
        Self::new(VadConfig::default())
    }
}

impl Vad {
    /// A line of which nothing has been heard.
    #[must_use]
    pub fn new(config: VadConfig) -> Self {
        Self {
            config,
            network: earshot::Detector::default_boxed(),
            upsampler: Upsampler::default(),
            wideband: Vec::with_capacity(NETWORK_FRAME + 2 * (CONTEXT + FRAME_SAMPLES)),
            line: [0; CONTEXT + FRAME_SAMPLES],
            noise: NoiseFloor::default(),
            closed: AFTER_FRAMES,
            score: 0.0,
            speaking: false,
            voiced: 0,
            pitched: 0,
            age: 0,
            unvoiced: 0,
        }
    }

    /// Judges the next 20 ms at 8 kHz.
    pub fn push(&mut self, frame: &[i16; FRAME_SAMPLES]) -> Activity {
        self.line.copy_within(FRAME_SAMPLES.., 0);
        self.line[CONTEXT..].copy_from_slice(frame);
        let is_voice = self.is_voice(frame);
        match self.speaking {
            true => self.go_on(is_voice),
            false => self.wait(is_voice),
        }
    }

    fn is_voice(&mut self, frame: &[i16; FRAME_SAMPLES]) -> bool {
        let level = level_dbov(frame);
        let floor = self.noise.dbov();
        self.noise.observe(level);
        let loud =
            level >= self.config.quietest_dbov && level >= floor + self.config.above_noise_db;
        let was_closed = self.closed >= AFTER_FRAMES;
        self.closed = match loud {
            true => 0,
            false => self.closed.saturating_add(1),
        };
        if self.closed >= AFTER_FRAMES {
            self.score = 0.0;
            return false;
        }
        if was_closed {
            self.upsampler.reset();
            self.wideband.clear();
            let before = &self.line[..CONTEXT];
            self.upsampler.process(before, &mut self.wideband);
        }
        self.upsampler.process(frame, &mut self.wideband);
        self.ask_network();
        loud && self.score >= self.config.threshold && !is_tone(&self.line)
    }

    /// Shows the network what has gathered; the score is the best of this frame's answers.
    fn ask_network(&mut self) {
        let mut best: Option<f32> = None;
        let mut seen = 0;
        for frame in self.wideband.chunks_exact(NETWORK_FRAME) {
            let score = self.network.predict_i16(frame);
            best = Some(best.map_or(score, |best| best.max(score)));
            seen += NETWORK_FRAME;
        }
        self.wideband.drain(..seen);
        self.score = best.unwrap_or(self.score);
    }

    fn wait(&mut self, is_voice: bool) -> Activity {
        if is_voice {
            self.voiced += 1;
            self.pitched += u32::from(is_voiced(&self.line));
            self.age += 1;
            self.unvoiced = 0;
        } else if self.voiced > 0 {
            self.age += 1;
            self.unvoiced += 1;
            if self.unvoiced > 1 {
                (self.voiced, self.pitched, self.age) = (0, 0, 0);
            }
        }
        let enough = self.config.onset_frames.max(1);
        if self.voiced < enough || self.pitched < PITCHED_FRAMES.min(enough) {
            return Activity::Silence;
        }
        self.speaking = true;
        self.unvoiced = 0;
        Activity::Onset
    }

    fn go_on(&mut self, is_voice: bool) -> Activity {
        self.unvoiced = match is_voice {
            true => 0,
            false => self.unvoiced + 1,
        };
        if self.unvoiced <= self.config.hangover_frames {
            return Activity::Speech;
        }
        self.speaking = false;
        (self.voiced, self.pitched, self.age, self.unvoiced) = (0, 0, 0, 0);
        Activity::Offset
    }

    /// At an [`Activity::Onset`]: how long ago the speech began, this frame included. Give the
    /// recogniser a little more than that, because words begin softer than they are.
    #[must_use]
    pub fn onset_age(&self) -> Duration {
        FRAME_TIME * self.age
    }

    /// At an [`Activity::Offset`]: how long ago the speech ended.
    #[must_use]
    pub fn hangover(&self) -> Duration {
        FRAME_TIME * (self.config.hangover_frames + 1)
    }

    /// The noise floor of the line in dBov.
    #[must_use]
    pub fn noise_dbov(&self) -> f32 {
        self.noise.dbov()
    }

    /// Starts over: another speaker, another line.
    pub fn reset(&mut self) {
        *self = Self::new(self.config);
    }
}
