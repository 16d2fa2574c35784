//! Interruptions that are none: the agent goes on where it was.

use callplane_flow::{SayId, Speech};
use callplane_types::Instant;

use super::Agent;
use crate::acknowledgement::is_nothing_else;
use crate::input::Recognition;
use crate::speech::Sentence;

/// What an interruption cut off, until it is known whether it was meant as one.
#[derive(Debug, Default)]
pub(super) struct BrokenOff {
    /// What the caller has not heard of it, in order.
    unsaid: Vec<Sentence>,
    /// Of a sentence that goes on: what was heard before.
    heard_before: Option<(SayId, String)>,
    /// Something was asked since the caller's last answer: then `yes` is one.
    has_asked: bool,
}

impl BrokenOff {
    pub(super) fn forget(&mut self) {
        self.unsaid.clear();
    }

    /// The caller has answered.
    pub(super) fn answered(&mut self) {
        self.has_asked = false;
    }

    /// All that was heard of a sentence, by what was heard of its last part.
    pub(super) fn whole(&mut self, id: SayId, heard: String) -> String {
        self.has_asked |= heard.contains('?');
        match self.heard_before.take_if(|(before, _)| *before == id) {
            None => heard,
            Some((_, before)) if heard.is_empty() => before,
            Some((_, before)) => format!("{before} {heard}"),
        }
    }
}

impl Agent {
    /// Keeps what the caller is about to cut off, where they may say anything: whether they meant to, their words tell.
    pub(super) fn keep_unsaid(&mut self) {
        let listening = self.listening.as_ref();
        let is_open = listening.is_some_and(|it| it.speech == Some(Speech::Free));
        if is_open && self.broken_off.unsaid.is_empty() {
            self.broken_off.unsaid = self.speech.unsaid();
        }
    }

    /// Whether the caller cut in without meaning to: with no word, or with words that say no more than "go on".
    pub(super) fn was_no_interruption(&self, recognized: Option<&Recognition>) -> bool {
        if self.broken_off.unsaid.is_empty() {
            return false;
        }
        match recognized {
            None => true,
            Some(Recognition { text, .. }) => {
                let has_words = text.chars().any(char::is_alphanumeric);
                let goes_on = is_nothing_else(text, self.policy.acknowledgements);
                goes_on && !(has_words && self.broken_off.has_asked)
            }
        }
    }

    /// Says what was cut off, before what came since. The flow is told of it when it was said.
    pub(super) fn resume(&mut self, now: Instant) {
        let unsaid = std::mem::take(&mut self.broken_off.unsaid);
        for (id, heard) in std::mem::take(&mut self.cut_off) {
            match unsaid.iter().any(|sentence| sentence.id == id) {
                true if heard.is_empty() => {}
                true => self.broken_off.heard_before = Some((id, heard)),
                false => self.cut_off.push((id, heard)),
            }
        }
        self.release_cut_off(now);
        self.say_first(now, unsaid);
    }
}
