//! What was said in the call, as far as the other side heard it, and what the model had done.

use std::collections::VecDeque;

use super::action::SayId;
use super::model::{ModelMessage, ToolCall, ToolRunId};

/// Messages kept; older ones are forgotten.
const MAX_ENTRIES: usize = 200;
/// Characters kept of all messages together.
const MAX_CHARACTERS: usize = 40_000;
/// Characters kept of what the tools of one answer said, and of each of them once more was said than is kept.
const MAX_RESULTS: usize = 16_000;
const MAX_OLD_RESULT: usize = 300;

/// What both sides said, in the order in which they began. **What the caller did not hear of a
/// sentence is not in it**; one that is still being said is there whole.
#[derive(Debug, Default)]
pub(super) struct Dialogue {
    entries: VecDeque<Entry>,
}

enum Entry {
    Agent {
        id: SayId,
        intended: String,
        heard: Option<String>,
    },
    Caller(String),
    Calls(Vec<(ToolCall, Outcome)>),
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// This.
    Known(String),
    /// It is not known yet.
    Awaited(ToolRunId),
}

impl Dialogue {
    /// A sentence is to be said.
    pub(super) fn says(&mut self, id: SayId, text: &str) {
        self.push(Entry::Agent {
            id,
            intended: text.to_owned(),
            heard: None,
        });
    }

    /// What was heard of it.
    pub(super) fn said(&mut self, done: SayId, words: &str) {
        let entry = self.entries.iter_mut().rev().find_map(|entry| match entry {
            Entry::Agent { id, heard, .. } if *id == done => Some(heard),
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

    /// The model called for these.
    pub(super) fn called(&mut self, calls: Vec<(ToolCall, Outcome)>) {
        self.push(Entry::Calls(calls));
    }

    /// What came of one of them.
    pub(super) fn tool_done(&mut self, done: ToolRunId, result: &Result<String, String>) {
        let mut calls = self.entries.iter_mut().filter_map(|entry| match entry {
            Entry::Calls(calls) => Some(calls),
            Entry::Agent { .. } | Entry::Caller(_) => None,
        });
        let awaited = Outcome::Awaited(done);
        let Some(calls) = calls.find(|calls| calls.iter().any(|(_, one)| *one == awaited)) else {
            return;
        };
        let most = MAX_RESULTS / calls.len();
        for (_, outcome) in calls.iter_mut().filter(|(_, one)| *one == awaited) {
            *outcome = Outcome::Known(match result {
                Ok(content) => content.chars().take(most).collect(),
                Err(why) => failure(why),
            });
        }
        self.trim();
    }

    /// For the model: turns of either side, one after the other.
    pub(super) fn messages(&self) -> Vec<ModelMessage> {
        let mut messages: Vec<ModelMessage> = Vec::new();
        for entry in &self.entries {
            match entry {
                Entry::Agent {
                    intended, heard, ..
                } => said(&mut messages, heard.as_deref().unwrap_or(intended).trim()),
                Entry::Caller(words) => heard(&mut messages, words.trim()),
                Entry::Calls(calls) => called(&mut messages, calls),
            }
        }
        messages
    }

    fn push(&mut self, entry: Entry) {
        self.entries.push_back(entry);
        self.trim();
    }

    /// Forgets what is too much: the end of what tools said before all, then the beginning of the call. What came last
    /// stays.
    fn trim(&mut self) {
        let mut size: usize = self.entries.iter().map(Entry::size).sum();
        if size > MAX_CHARACTERS {
            let newest = self.entries.len().saturating_sub(1);
            for entry in self.entries.iter_mut().take(newest) {
                size -= entry.shorten();
            }
        }
        while self.entries.len() > MAX_ENTRIES || size > MAX_CHARACTERS && self.entries.len() > 1 {
            let Some(oldest) = self.entries.pop_front() else {
                return;
            };
            size -= oldest.size();
        }
    }
}

/// How the model is told that something it called for was not done.
pub(super) fn failure(why: &str) -> String {
    format!("error: {why}")
}

fn said(messages: &mut Vec<ModelMessage>, words: &str) {
    match messages.last_mut() {
        _ if words.is_empty() => {}
        Some(ModelMessage::Assistant { text, .. }) => {
            text.push(' ');
            text.push_str(words);
        }
        _ => messages.push(ModelMessage::Assistant {
            text: words.to_owned(),
            calls: Vec::new(),
        }),
    }
}

fn heard(messages: &mut Vec<ModelMessage>, words: &str) {
    match messages.last_mut() {
        _ if words.is_empty() => {}
        Some(ModelMessage::User(text)) => {
            text.push(' ');
            text.push_str(words);
        }
        _ => messages.push(ModelMessage::User(words.to_owned())),
    }
}

/// The results follow at once, as the protocol of chats demands.
fn called(messages: &mut Vec<ModelMessage>, called: &[(ToolCall, Outcome)]) {
    let wanted = called.iter().map(|(call, _)| call.clone());
    match messages.last_mut() {
        Some(ModelMessage::Assistant { calls, .. }) => calls.extend(wanted),
        _ => messages.push(ModelMessage::Assistant {
            text: String::new(),
            calls: wanted.collect(),
        }),
    }
    messages.extend(called.iter().map(|(call, outcome)| ModelMessage::Tool {
        id: call.id.clone(),
        content: match outcome {
            Outcome::Known(content) => content.clone(),
            Outcome::Awaited(_) => "it is being done".to_owned(),
        },
    }));
}

impl Entry {
    /// Cuts what tools said; by how much.
    fn shorten(&mut self) -> usize {
        let before = self.size();
        if let Self::Calls(calls) = self {
            for (_, outcome) in calls {
                if let Outcome::Known(content) = outcome
                    && let Some((end, _)) = content.char_indices().nth(MAX_OLD_RESULT)
                {
                    content.truncate(end);
                }
            }
        }
        before - self.size()
    }

    /// About how many characters it is for the model.
    fn size(&self) -> usize {
        match self {
            Self::Agent {
                intended, heard, ..
            } => heard.as_ref().unwrap_or(intended).len(),
            Self::Caller(words) => words.len(),
            Self::Calls(calls) => calls
                .iter()
                .map(|(call, outcome)| {
                    let known = match outcome {
                        Outcome::Known(content) => content.len(),
                        Outcome::Awaited(_) => 0,
                    };
                    call.name.len() + call.arguments.len() + known
                })
                .sum(),
        }
    }
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Agent { .. } => "Agent",
            Self::Caller(_) => "Caller",
            Self::Calls(_) => "Calls",
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
        dialogue.says(SayId(1), "We open at nine.");
        dialogue.says(SayId(2), "And on Sundays at ten.");
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
    fn what_a_tool_said_stands_where_it_was_called_for_however_late_it_comes() {
        let call = ToolCall {
            id: "call_1".to_owned(),
            name: "slots".to_owned(),
            arguments: "{}".to_owned(),
        };
        let mut dialogue = Dialogue::default();
        dialogue.heard("When?");
        dialogue.says(SayId(1), "One moment.");
        dialogue.called(vec![(call.clone(), Outcome::Awaited(ToolRunId(7)))]);
        dialogue.heard("Hello?");
        let content = |dialogue: &Dialogue| match &dialogue.messages()[2] {
            ModelMessage::Tool { content, .. } => content.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(content(&dialogue), "it is being done");
        dialogue.tool_done(ToolRunId(8), &Ok("of another".to_owned()));
        dialogue.tool_done(ToolRunId(7), &Ok("nine".to_owned()));
        dialogue.tool_done(ToolRunId(7), &Ok("twice".to_owned()));
        dialogue.says(SayId(2), "At nine.");
        let expected = [
            ModelMessage::User("When?".to_owned()),
            ModelMessage::Assistant {
                text: "One moment.".to_owned(),
                calls: vec![call],
            },
            ModelMessage::Tool {
                id: "call_1".to_owned(),
                content: "nine".to_owned(),
            },
            ModelMessage::User("Hello?".to_owned()),
            assistant("At nine."),
        ];
        assert_eq!(dialogue.messages(), expected);
    }

    #[test]
    fn what_tools_said_is_cut_before_what_people_said_is_forgotten() {
        let mut dialogue = Dialogue::default();
        dialogue.heard("My name is Ada.");
        for number in 0..10 {
            let call = ToolCall {
                id: format!("call_{number}"),
                name: "slots".to_owned(),
                arguments: "{}".to_owned(),
            };
            let id = ToolRunId(number);
            dialogue.called(vec![(call, Outcome::Awaited(id))]);
            dialogue.tool_done(id, &Ok("ü".repeat(20_000)));
        }
        let messages = dialogue.messages();
        assert_eq!(
            messages[0],
            ModelMessage::User("My name is Ada.".to_owned())
        );
        let lengths: Vec<usize> = messages
            .iter()
            .filter_map(|message| match message {
                ModelMessage::Tool { content, .. } => Some(content.chars().count()),
                _ => None,
            })
            .collect();
        assert_eq!(lengths.len(), 10);
        assert_eq!(lengths[9], MAX_RESULTS, "the newest is whole");
        assert_eq!(lengths[0], MAX_OLD_RESULT);
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
