//! The caller's side: voice into turns, keys into answers, silence into no input.

use std::sync::Arc;
use std::time::Duration;

use callplane_flow::Event;
use callplane_types::Instant;

use super::{Agent, Phase, Recognizing};
use crate::APOLOGY;
use crate::gate::Edge;
use crate::input::{Recognition, SpeechDown, TurnId};
use crate::output::{Capture, Ending, Message, Output, Speaker, Stage};
use crate::speech::Origin;

impl Agent {
    pub(super) fn frame(&mut self, now: Instant, voice: bool) {
        let length = self
            .last_frame
            .replace(now)
            .map_or(Duration::ZERO, |last| now - last);
        if !self.goes_on(now) {
            return;
        }
        if self.floor_is_taken() {
            self.last_sound = now;
            return;
        }
        self.hear(now, length, voice);
        if voice || self.speech.audible() {
            self.last_sound = now;
        }
        if now - self.last_sound >= self.policy.max_silence {
            return self.hang_up(now, Ending::Silence);
        }
        self.check_keys(now);
        self.check_input_timeout(now);
        if !self.gate.open() && self.recognizing.is_none() && !self.keys.begun() {
            // The answer that cut in turned out to be none.
            self.release_cut_off(now);
        }
    }

    /// A frame of hold: no time of the caller's passes, but that of the call.
    pub(super) fn held(&mut self, now: Instant) {
        self.last_frame = Some(now);
        if !self.goes_on(now) {
            return;
        }
        self.last_sound = now;
        if self.gate.reset() {
            self.outputs.push_back(Output::Capture(Capture::Discard));
        }
        if let Some(listening) = self.listening.as_mut() {
            listening.timed_out(now, false);
        }
    }

    /// What the passing of time alone does; whether the conversation goes on.
    fn goes_on(&mut self, now: Instant) -> bool {
        let Some(started) = self.started else {
            return false;
        };
        if now - started >= self.policy.max_duration {
            self.hang_up(now, Ending::MaxDuration);
            return false;
        }
        if self.phase == Phase::Talking {
            self.check_speech_timeouts(now);
            self.check_look_up(now);
            self.check_model(now);
            self.check_tools(now);
        }
        self.phase == Phase::Talking
    }

    /// The gate's view of a frame. Nothing is listened to while a protected sentence is spoken.
    pub(super) fn hear(&mut self, now: Instant, length: Duration, voice: bool) {
        let wanted = match &self.listening {
            Some(listening) => listening.speech.is_some(),
            // Nothing was asked yet, but who is spoken to may cut in.
            None => self.speech.audible() || self.gate.in_turn(),
        };
        if !wanted || !self.speech.interruptible() {
            if self.gate.reset() {
                self.outputs.push_back(Output::Capture(Capture::Discard));
            }
            return;
        }
        match self.gate.frame(now, length, voice, self.speech.audible()) {
            None => {}
            Some(Edge::Onset) => self.outputs.push_back(Output::Capture(Capture::Begin)),
            Some(Edge::Discarded) => self.outputs.push_back(Output::Capture(Capture::Discard)),
            Some(Edge::Confirmed) => self.interrupt(now),
            Some(Edge::Ended { last_voice }) => self.recognize(now, last_voice),
        }
    }

    pub(super) fn recognize(&mut self, now: Instant, last_voice: Instant) {
        let speech = self.listening.as_ref().and_then(|l| l.speech.clone());
        let Some(speech) = speech else {
            self.outputs.push_back(Output::Capture(Capture::Discard));
            return;
        };
        self.last_turn += 1;
        let turn = TurnId(self.last_turn);
        self.recognizing = Some(Recognizing {
            turn,
            asked: now,
            last_voice,
        });
        self.outputs
            .push_back(Output::Stage(Stage::Endpoint, now - last_voice));
        self.outputs.push_back(Output::Recognize { turn, speech });
    }

    pub(super) fn recognized(
        &mut self,
        now: Instant,
        turn: TurnId,
        result: Result<Option<Recognition>, SpeechDown>,
    ) {
        let Some(asked) = self.recognizing.take_if(|r| r.turn == turn) else {
            return;
        };
        self.outputs
            .push_back(Output::Stage(Stage::Recognize, now - asked.asked));
        match result {
            Err(SpeechDown) => {
                self.outputs.push_back(Output::SpeechDown);
                self.release_cut_off(now);
                if self.may_apologise(now) {
                    self.speech
                        .say(now, Origin::Apology, APOLOGY.to_owned(), true);
                }
            }
            Ok(recognized) if self.was_no_interruption(recognized.as_ref()) => {
                if let Some(Recognition { text, confidence }) = recognized {
                    self.message_of_caller(asked.last_voice, Speaker::Caller, text, confidence);
                }
                self.resume(now);
            }
            Ok(None) => self.answer(now, asked.last_voice, Event::NoMatch),
            Ok(Some(Recognition { text, confidence })) => {
                self.message_of_caller(asked.last_voice, Speaker::Caller, text.clone(), confidence);
                self.answer(now, asked.last_voice, Event::Heard { text });
            }
        }
    }

    /// Ends the question with `event`, the caller's last word or key being at `since`. What was
    /// still to be said of the question is not said.
    pub(super) fn answer(&mut self, now: Instant, since: Instant, event: Event) {
        self.cut_off();
        self.stop_listening();
        self.broken_off.answered();
        self.unanswered = Some(since);
        self.tell(now, event);
        self.release_cut_off(now);
    }

    pub(super) fn stop_listening(&mut self) {
        self.listening = None;
        self.keys.stop();
    }

    pub(super) fn digit(&mut self, now: Instant, key: char) {
        if self.phase != Phase::Talking || self.floor_is_taken() || !self.keys.press(key) {
            return;
        }
        self.last_sound = now;
        if self.speech.interruptible() {
            self.interrupt(now);
        }
        self.check_keys(now);
    }

    /// Gives the flow a complete answer by keys. Keys pressed during a protected sentence wait.
    pub(super) fn check_keys(&mut self, now: Instant) {
        if !self.speech.interruptible() {
            return;
        }
        let Some(digits) = self.keys.answer(now) else {
            return;
        };
        // Keys are certain; a recognition under way is not waited for.
        self.recognizing = None;
        if self.gate.reset() {
            self.outputs.push_back(Output::Capture(Capture::Discard));
        }
        self.message_of_caller(now, Speaker::Keys, digits.clone(), None);
        self.answer(now, now, Event::Digits { digits });
    }

    /// Speech that does not answer in time is down.
    pub(super) fn check_speech_timeouts(&mut self, now: Instant) {
        let timeout = self.policy.speech_timeout;
        while let Some(utterance) = self.speech.overdue(now, timeout) {
            self.speech_failed(now, utterance);
        }
        if let Some(overdue) = self
            .recognizing
            .as_ref()
            .filter(|r| now - r.asked >= timeout)
        {
            let turn = overdue.turn;
            self.recognized(now, turn, Err(SpeechDown));
        }
    }

    pub(super) fn check_input_timeout(&mut self, now: Instant) {
        let waiting = self.speech.idle()
            && self.recognizing.is_none()
            && !self.gate.open()
            && !self.keys.begun();
        let Some(listening) = self.listening.as_mut() else {
            return;
        };
        if listening.timed_out(now, waiting) {
            self.answer(now, now, Event::NoInput);
        }
    }

    pub(super) fn message_of_caller(
        &mut self,
        at: Instant,
        speaker: Speaker,
        text: String,
        confidence: Option<f32>,
    ) {
        self.outputs.push_back(Output::Message(Message {
            speaker,
            text,
            at,
            intended: None,
            latency: None,
            confidence,
            citations: Arc::default(),
        }));
    }
}
