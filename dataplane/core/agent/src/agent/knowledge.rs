//! What is looked up while the caller waits: ended by what was found, or by its time.

use std::sync::Arc;

use callplane_flow::{Citation, Event, LookUp, LookUpId, Passage, SayId};
use callplane_types::Instant;

use super::Agent;
use crate::output::Output;

/// Sentences whose citations are kept: more than are ever waiting to be said.
const MAX_CITED: usize = 64;

/// Something is being looked up.
#[derive(Debug)]
pub(super) struct Looking {
    id: LookUpId,
    until: Instant,
}

impl Agent {
    pub(super) fn look_up(&mut self, now: Instant, look_up: LookUp) {
        self.looking = Some(Looking {
            id: look_up.id,
            until: now + look_up.timeout,
        });
        self.outputs.push_back(Output::LookUp(look_up));
    }

    pub(super) fn found(&mut self, now: Instant, id: LookUpId, passages: Vec<Passage>) {
        if self.looking.take_if(|looking| looking.id == id).is_some() {
            self.tell_in_turn(now, Event::Found { id, passages });
        }
    }

    /// The conversation goes on without what was not found in time.
    pub(super) fn check_look_up(&mut self, now: Instant) {
        let overdue = self.looking.as_ref().filter(|it| now >= it.until);
        if let Some(id) = overdue.map(|it| it.id) {
            self.found(now, id, Vec::new());
        }
    }

    pub(super) fn keep_citations(&mut self, sentence: SayId, citations: Arc<[Citation]>) {
        if self.citations.len() >= MAX_CITED {
            self.citations.pop_front();
        }
        self.citations.push_back((sentence, citations));
    }

    /// What a sentence was made of. One that is broken off and goes on is asked for twice.
    pub(super) fn citations_of(&self, sentence: SayId) -> Arc<[Citation]> {
        let kept = self.citations.iter().find(|(id, _)| *id == sentence);
        kept.map_or_else(Arc::default, |(_, citations)| Arc::clone(citations))
    }
}
