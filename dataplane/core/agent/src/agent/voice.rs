//! The agent's side: what is said next, what was cut off, what was heard of it, and leaving.

use std::sync::Arc;

use callplane_flow::{Event, SayId};
use callplane_types::Instant;

use super::{APOLOGY, Agent, Phase};
use crate::input::Apology;
use crate::ledger::heard as heard_of;
use crate::output::Ending;
use crate::output::{Message, Output, Speaker, Stage};
use crate::speech::{Finished, Origin, Step};

impl Agent {
    /// Begins what waits to be said, and leaves when all is said.
    pub(super) fn go_on(&mut self, now: Instant) {
        self.tell_held(now);
        if self.floor_is_taken() {
            return;
        }
        while !self.gate.in_turn()
            && self.recognizing.is_none()
            && let Some(step) = self.speech.step(now)
        {
            match step {
                Step::Skipped(finished) => self.finish(now, finished),
                Step::Play(utterance, sound) => {
                    self.outputs.push_back(Output::Play { utterance, sound });
                    if let Some(since) = self.unanswered.take() {
                        self.speech.answers(now - since);
                        self.outputs
                            .push_back(Output::Stage(Stage::Total, now - since));
                    }
                }
            }
        }
        if self.speech.idle()
            && let Phase::Leaving(ending) = &self.phase
        {
            let ending = ending.clone();
            self.hang_up(now, ending);
        }
    }

    /// The caller cuts in.
    pub(super) fn interrupt(&mut self, now: Instant) {
        self.keep_unsaid();
        self.cut_off();
        if self.listening.is_none() {
            self.release_cut_off(now);
        }
    }

    /// Stops what is being said and drops what was to follow.
    pub(super) fn cut_off(&mut self) {
        if self.speech.audible() {
            self.outputs.push_back(Output::StopPlayout);
            self.outputs.push_back(Output::BargeIn);
        }
        for finished in self.speech.interrupt() {
            let done = self.report(finished);
            self.cut_off.extend(done);
        }
    }

    pub(super) fn release_cut_off(&mut self, now: Instant) {
        self.broken_off.forget();
        for (id, heard) in std::mem::take(&mut self.cut_off) {
            self.tell(now, Event::SayDone { id, heard });
        }
    }

    pub(super) fn finish(&mut self, now: Instant, finished: Finished) {
        if let Some((id, heard)) = self.report(finished) {
            self.tell(now, Event::SayDone { id, heard });
        }
    }

    /// Enters what the caller heard of an utterance into the transcript. Gives what the flow is to know.
    pub(super) fn report(&mut self, finished: Finished) -> Option<(SayId, String)> {
        let Finished {
            origin,
            heard,
            apologised,
            mut intended,
            since,
            latency,
        } = finished;
        let text = match (apologised, self.apology) {
            (None, _) => &heard,
            (Some(played), Apology::Spoken { samples }) => heard_of(APOLOGY, samples, played),
            (Some(_), Apology::Tone) => "",
        };
        if origin == Origin::Apology {
            intended = (text != APOLOGY).then(|| APOLOGY.to_owned());
        }
        let citations = match origin {
            Origin::Flow(id) => self.citations_of(id),
            Origin::Apology | Origin::Filler => Arc::default(),
        };
        if let Some(at) = since.filter(|_| !text.is_empty()) {
            self.outputs.push_back(Output::Message(Message {
                speaker: Speaker::Agent,
                text: text.to_owned(),
                at,
                intended,
                latency,
                confidence: None,
                citations,
            }));
        }
        match origin {
            Origin::Flow(id) => Some((id, self.broken_off.whole(id, heard))),
            Origin::Apology | Origin::Filler => None,
        }
    }

    pub(super) fn hang_up(&mut self, now: Instant, ending: Ending) {
        self.end(now);
        self.outputs.push_back(Output::HangUp(ending));
    }

    /// Closes the ledger; the flow hears of it last.
    pub(super) fn end(&mut self, now: Instant) {
        if self.phase == Phase::Over {
            return;
        }
        self.phase = Phase::Over;
        if self.speech.audible() {
            self.outputs.push_back(Output::StopPlayout);
        }
        for finished in self.speech.interrupt() {
            self.report(finished);
        }
        self.stop_listening();
        if let Some(thinking) = self.thinking.take() {
            self.outputs.push_back(Output::StopThinking(thinking.id()));
        }
        self.run.handle(now, Event::Hangup);
        while self.run.poll().is_some() {}
    }
}
