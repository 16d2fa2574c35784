//! Both sides of a conversation as frames, whatever carries them: ears, mouth and tape.

use callplane_agent::UtteranceId;
use callplane_audio::{Vad, VadConfig, mix_into};
use callplane_types::Instant;

use super::capture::{Capture, TurnAudio};
use super::playout::{Clip, Playout, Progress};
use super::{Audience, Deck, FRAME_SAMPLES, Frame, Line, Observers, RecordingState};

/// Silence the voice detector bridges: that of a stop consonant.
const VAD_HANGOVER_FRAMES: u32 = 4;

/// What one frame brought.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heard {
    pub(crate) voice: bool,
    pub(crate) played: Option<Progress>,
}

/// What is heard of the caller and said by the agent. **Nothing here allocates while no turn begins or
/// ends.**
#[derive(Debug)]
pub(crate) struct Voices {
    vad: Vad,
    playout: Playout,
    capture: Capture,
    deck: Deck,
    caller: Frame,
    agent: Frame,
}

impl Voices {
    pub(crate) fn new(record: bool) -> Self {
        Self {
            vad: Vad::new(VadConfig {
                // The agent's endpointing bridges pauses; twice would be too long.
                hangover_frames: VAD_HANGOVER_FRAMES,
                ..VadConfig::default()
            }),
            playout: Playout::default(),
            capture: Capture::new(),
            deck: Deck::new(record),
            caller: [0; FRAME_SAMPLES],
            agent: [0; FRAME_SAMPLES],
        }
    }

    /// Takes the next frame of both sides: what came over the line, and what the agent says. While the
    /// call is not `talking` or is held nothing is said; a hold is recorded as silence, so that the
    /// recording is handed out at its pace whatever happens.
    pub(crate) fn listen(
        &mut self,
        now: Instant,
        line: &mut Line,
        observers: &mut Observers,
        talking: bool,
    ) -> Heard {
        let is_heard = talking && !line.is_held();
        let audience = match is_heard {
            true => Audience::Recogniser,
            false => Audience::Nobody,
        };
        line.listen(now, audience, &mut self.caller);
        if !is_heard {
            self.agent.fill(0);
            observers.mix_alone();
            if talking {
                self.record(now, &[0; FRAME_SAMPLES]);
            }
            return Heard {
                voice: false,
                played: None,
            };
        }
        let voice = self.vad.push(&self.caller).is_speech();
        self.capture.push(&self.caller, line.wide());
        let played = self.playout.next(&mut self.agent);
        if played.is_none() {
            self.agent.fill(0);
        }
        let caller = self.caller;
        observers.mix(&caller, &mut self.agent);
        self.record(now, &caller);
        Heard { voice, played }
    }

    /// As [`Voices::listen`] while another party is there, whose `voice` is heard with the agent's. What people
    /// say to each other is nobody's turn: the agent does not listen. Gives what the caller and the agent said; of
    /// the caller nothing where the `audience` is nobody.
    pub(crate) fn join(
        &mut self,
        now: Instant,
        line: &mut Line,
        observers: &mut Observers,
        audience: Audience,
        voice: &Frame,
    ) -> (Frame, Frame, Option<Progress>) {
        line.listen(now, audience, &mut self.caller);
        let played = self.playout.next(&mut self.agent);
        if played.is_none() {
            self.agent.fill(0);
        }
        let (caller, agent) = (self.caller, self.agent);
        mix_into(&mut self.agent, voice);
        observers.mix(&caller, &mut self.agent);
        self.record(now, &caller);
        (caller, agent, played)
    }

    pub(crate) const fn is_playing(&self) -> bool {
        self.playout.is_playing()
    }

    /// Whether what is said now is recorded.
    pub(crate) fn are_recorded(&self) -> bool {
        self.deck.state() == RecordingState::Running
    }

    /// The last frame that the caller hears: of the agent, of another party, and of supervisors who talk.
    pub(crate) fn agent(&self) -> &Frame {
        &self.agent
    }

    fn record(&mut self, now: Instant, caller: &Frame) {
        self.deck.push(now, caller, &self.agent);
    }
}

// === What the agent wants ===

impl Voices {
    pub(crate) fn play(&mut self, utterance: UtteranceId, clip: Clip) {
        self.playout.play(utterance, clip);
    }

    pub(crate) fn stop_playing(&mut self) {
        self.playout.stop();
    }

    pub(crate) fn begin_capture(&mut self) {
        self.capture.begin();
    }

    pub(crate) fn discard_capture(&mut self) {
        self.capture.discard();
    }

    pub(crate) fn take_capture(&mut self) -> TurnAudio {
        self.capture.take()
    }
}

// === What records them ===

impl Voices {
    /// Whether a frame at `now` hands out a part of the recording without a buffer for it.
    pub(crate) fn wants_buffer(&self, now: Instant) -> bool {
        self.deck.wants_buffer(now)
    }

    /// What records them.
    pub(crate) fn deck(&mut self) -> &mut Deck {
        &mut self.deck
    }
}
