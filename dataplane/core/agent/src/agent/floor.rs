//! People take the floor: the agent keeps quiet, and takes up again where it was.

use callplane_types::Instant;

use super::{Agent, Phase};
use crate::output::{Capture, Output};
use crate::speech::{Origin, Sentence};

/// Who may talk with the caller.
#[derive(Debug)]
pub(super) enum Floor {
    /// The agent.
    Own,
    /// Somebody else. The sentences are those that the caller did not hear to their end.
    Taken { unsaid: Vec<Sentence> },
}

impl Agent {
    pub(super) fn floor_is_taken(&self) -> bool {
        matches!(self.floor, Floor::Taken { .. })
    }

    /// Breaks off, in the middle of a word if it has to be. What the caller has said or pressed of an answer is
    /// dropped: it will be asked for again.
    pub(super) fn take_floor(&mut self) {
        if self.floor_is_taken() {
            return;
        }
        if self.gate.reset() {
            self.outputs.push_back(Output::Capture(Capture::Discard));
        }
        self.recognizing = None;
        self.unanswered = None;
        self.keys.forget();
        if self.speech.audible() {
            self.outputs.push_back(Output::StopPlayout);
        }
        let (broken_off, unsaid) = self.speech.set_aside();
        if let Some(finished) = broken_off {
            // The flow is told when the sentence was said after all.
            self.report(finished);
        }
        self.floor = Floor::Taken { unsaid };
    }

    /// Says what was not said, or else the last sentence again: a question is asked anew, with all its time.
    pub(super) fn return_floor(&mut self, now: Instant) {
        let Floor::Taken { unsaid } = std::mem::replace(&mut self.floor, Floor::Own) else {
            return;
        };
        self.last_sound = now;
        self.last_frame = Some(now);
        self.release_cut_off(now);
        let again = match &self.last_said {
            Some(last) if unsaid.is_empty() && self.waits_for_an_answer() => vec![last.clone()],
            _ => unsaid,
        };
        // Before what came since.
        self.say_first(now, again);
    }

    fn waits_for_an_answer(&self) -> bool {
        self.phase == Phase::Talking && self.listening.is_some() && self.speech.idle()
    }

    /// Says these, in their order, before all others.
    pub(super) fn say_first(&mut self, now: Instant, sentences: Vec<Sentence>) {
        for sentence in sentences.into_iter().rev() {
            let text = sentence.text.clone();
            let utterance = self.speech.say_first(now, sentence);
            self.outputs
                .push_back(Output::Synthesize { utterance, text });
        }
    }

    pub(super) fn say(&mut self, now: Instant, sentence: Sentence) {
        let Sentence {
            id,
            text,
            interruptible,
        } = sentence;
        let utterance = self
            .speech
            .say(now, Origin::Flow(id), text.clone(), interruptible);
        self.outputs
            .push_back(Output::Synthesize { utterance, text });
    }
}
