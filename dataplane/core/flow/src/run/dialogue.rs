//! What was said in the call, as far as the other side heard it.

use std::collections::VecDeque;

use super::action::SayId;
use super::model::ModelMessage;

/// Messages kept; older ones are forgotten.
const MAX_ENTRIES: usize = 200;
/// Characters kept of all messages together.
const MAX_CHARACTERS: usize = 40_000;

/// What both sides said, in the order in which they began. **What the caller did not hear of a
/// sentence is not in it.**
#[derive(Debug, Default)]
pub(super) struct Dialogue {
    entries: VecDeque<Entry>,
}

enum Entry {
    Agent { id: SayId, heard: Option<String> },
    Caller(String),
}

impl Dialogue {
    /// A sentence is to be said.
    pub(super) fn says(&mut self, id: SayId) {
        self.push(Entry::Agent { id, heard: None });
    }

    /// What was heard of it.
    pub(super) fn said(&mut self, done: SayId, words: &str) {
        let entry = self.entries.iter_mut().rev().find_map(|entry| match entry {
            Entry::Agent { id, heard } if *id == done => Some(heard),
            _ => None,
        });
        if let Some(heard) = entry {
            *heard = Some(words.to_owned());
        }
    }

    /// The caller said something, or pressed keys.
    pub(super) fn heard(&mut self, words: &str) {
        self.push(Entry::Caller(words.to_owned()));
    }

    /// For the model: turns of either side, one after the other.
    pub(super) fn messages(&self) -> Vec<ModelMessage> {
        let mut messages: Vec<ModelMessage> = Vec::new();
        for entry in &self.entries {
            let words = entry.words().trim();
            if words.is_empty() {
                continue;
            }
            match (entry, messages.last_mut()) {
                (Entry::Caller(_), Some(ModelMessage::User(text)))
                | (Entry::Agent { .. }, Some(ModelMessage::Assistant { text, .. })) => {
                    text.push(' ');
                    text.push_str(words);
                }
                (Entry::Caller(_), _) => messages.push(ModelMessage::User(words.to_owned())),
                (Entry::Agent { .. }, _) => messages.push(ModelMessage::Assistant {
                    text: words.to_owned(),
                    calls: Vec::new(),
                }),
            }
        }
        messages
    }

    fn push(&mut self, entry: Entry) {
        self.entries.push_back(entry);
        let mut characters: usize = self.entries.iter().map(|one| one.words().len()).sum();
        while self.entries.len() > MAX_ENTRIES || characters > MAX_CHARACTERS {
            let Some(oldest) = self.entries.pop_front() else {
                return;
            };
            characters -= oldest.words().len();
        }
    }
}

impl Entry {
    fn words(&self) -> &str {
        match self {
            Self::Agent { heard, .. } => heard.as_deref().unwrap_or_default(),
            Self::Caller(words) => words,
        }
    }
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Agent { .. } => "Agent",
            Self::Caller(_) => "Caller",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assistant(text: &str) -> ModelMessage {
        ModelMessage::Assistant {
            text: text.to_owned(),
            calls: Vec::new(),
        }
    }

    #[test]
    fn a_sentence_that_was_cut_off_stands_before_the_words_that_cut_it_off() {
        let mut dialogue = Dialogue::default();
        dialogue.says(SayId(1));
        dialogue.says(SayId(2));
        dialogue.heard("No, wait.");
        dialogue.said(SayId(1), "We open at");
        dialogue.said(SayId(2), "");
        let expected = [
            assistant("We open at"),
            ModelMessage::User("No, wait.".to_owned()),
        ];
        assert_eq!(dialogue.messages(), expected);
    }

    #[test]
    fn a_long_call_forgets_its_beginning() {
        let mut dialogue = Dialogue::default();
        for number in 0..1_000 {
            dialogue.heard(&format!("{number} {}", "x".repeat(500)));
        }
        let ModelMessage::User(text) = dialogue.messages().remove(0) else {
            panic!("the caller spoke");
        };
        assert!(text.len() <= MAX_CHARACTERS + MAX_ENTRIES);
        assert!(text.contains("999 "));
        assert!(!text.contains(" 900 "));
    }
}
