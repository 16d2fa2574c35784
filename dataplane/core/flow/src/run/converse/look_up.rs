//! Looking up what the caller said before the model is asked: **the model waits for it, but not for long**.

use callplane_types::Instant;

use crate::program::Converse;
use crate::run::Run;
use crate::run::action::Action;
use crate::run::knowledge::{Found, LOOK_UP, LookUp, LookUpId, Passage};

impl Run {
    /// Has looked up what the caller said, where the node has something to look it up in. What was found before is
    /// about something else.
    pub(super) fn look_up(&mut self, converse: &Converse, words: &str) {
        let bases: Vec<String> = self
            .program
            .bases(converse)
            .map(|known| known.base.clone())
            .collect();
        let id = LookUpId(self.looked_up);
        let Some(conversing) = self.conversing() else {
            return;
        };
        conversing.found = Found::default();
        if bases.is_empty() || words.trim().is_empty() {
            return;
        }
        conversing.looking = Some(id);
        self.looked_up = self.looked_up.wrapping_add(1);
        self.actions.push_back(Action::LookUp(LookUp {
            id,
            words: words.trim().to_owned(),
            bases,
            timeout: LOOK_UP,
        }));
    }

    /// What was found, or that nothing was found in time.
    pub(in crate::run) fn found(&mut self, now: Instant, id: LookUpId, passages: Vec<Passage>) {
        let Some(conversing) = self.conversing() else {
            return;
        };
        if conversing
            .looking
            .take_if(|looking| *looking == id)
            .is_some()
        {
            conversing.found = Found::new(passages);
            self.settle(now);
        }
    }
}
