//! A language model talks with the caller.
//!
//! A turn goes round like this: the caller is heard, the model is asked, its sentences are said while
//! it still makes the next, and the caller is listened to all the time. **The model is asked only when
//! it is known what came of the tools that were called for, and how much was heard of what was said before the
//! caller's turn**; what is being said while a tool runs is told to it as it is said.

mod calls;
mod look_up;
mod think;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use callplane_types::Instant;

use self::think::{Rounds, Thinking};
use super::action::{Action, Listen, SayId, Speech};
use super::knowledge::{Citation, Found, LookUpId};
use super::model::{ThinkId, Thought};
use super::{Run, State, only_key};
use crate::digits::{BETWEEN, DigitSpec};
use crate::grammar::{Grammar, Meaning};
use crate::graph::NotedKind;
use crate::program::{Cause, Converse, Program};
use crate::value::Value;

/// How far a conversation is.
#[derive(Debug, Default)]
pub(super) struct Conversing {
    /// Turns of the caller.
    turns: u32,
    /// How often in a row nothing was understood.
    failures: u32,
    /// Sentences of which it is not known yet how much was heard.
    unsaid: VecDeque<SayId>,
    /// What the caller said is being looked up.
    looking: Option<LookUpId>,
    /// What was found about what the caller said last.
    found: Found,
    /// The caller said something, and the model is to be asked.
    to_think: bool,
    thinking: Option<Thinking>,
    /// The model goes on when all tools have run.
    waiting: Option<Rounds>,
    /// Where the conversation goes when all was said.
    leaving: Option<Way>,
}

#[derive(Debug)]
enum Way {
    Prompt(String),
    Cause(Cause),
}

impl Run {
    /// Begins the conversation of `node`.
    pub(super) fn converse(&mut self, now: Instant, converse: &Converse) {
        for noted in &converse.variables {
            self.variables
                .entry(noted.name.clone())
                .or_insert_with(|| nothing(noted.kind));
        }
        self.state = State::Conversing(Box::default());
        match &converse.opening {
            Some(opening) => {
                let text = opening.render(&self.variables);
                self.say_here(text, converse);
                self.listen_freely(now, true);
            }
            None => self.think_soon(now),
        }
    }

    /// The conversation goes on after a global node.
    pub(super) fn converse_again(&mut self, now: Instant) {
        self.state = State::Conversing(Box::default());
        self.think_soon(now);
    }

    // --- what happens ---

    pub(super) fn heard_freely(&mut self, now: Instant, text: &str) {
        let mut globals = Grammar::default();
        self.add_globals(now, &mut globals);
        if let Some(Meaning::Global(name)) = globals.interpret(text) {
            if self.caller_turned() {
                self.stop_thinking();
                self.interrupt(now, name, 1);
            }
            return;
        }
        if !self.caller_turned() {
            return;
        }
        self.stop_thinking();
        let program = Arc::clone(&self.program);
        let Some(converse) = converse_of(&program, &self.node) else {
            return self.fault();
        };
        let Some(conversing) = self.conversing() else {
            return;
        };
        conversing.leaving = None;
        conversing.waiting = None;
        conversing.looking = None;
        conversing.turns += 1;
        conversing.failures = 0;
        if conversing.turns > converse.max_turns {
            conversing.leaving = Some(Way::Cause(Cause::Done));
            return self.settle(now);
        }
        self.look_up(converse, text);
        self.think_soon(now);
    }

    /// Silence, or speech that was not understood.
    pub(super) fn misheard(&mut self, now: Instant, cause: Cause) {
        if !self.caller_turned() {
            return;
        }
        let program = Arc::clone(&self.program);
        let Some(converse) = converse_of(&program, &self.node) else {
            return self.fault();
        };
        let Some(conversing) = self.conversing() else {
            return;
        };
        conversing.failures += 1;
        if conversing.failures >= converse.attempts {
            conversing.leaving = Some(Way::Cause(cause));
            return self.settle(now);
        }
        let words = match cause {
            Cause::NoMatch => &converse.no_match,
            _ => &converse.no_input,
        };
        let text = words.render(&self.variables);
        self.say_here(text, converse);
        self.listen_freely(now, true);
    }

    pub(super) fn pressed_freely(&mut self, now: Instant, digits: &str) {
        let program = Arc::clone(&self.program);
        let Some(node) = program.nodes.get(&self.node) else {
            return self.fault();
        };
        let key = only_key(digits);
        if let Some(to) = key.and_then(|key| node.edges.digits.get(&key)) {
            if self.caller_turned() {
                self.stop_thinking();
                self.turn_over(now, to.clone());
            }
            return;
        }
        match key.and_then(|key| self.global_by_key(now, key)) {
            Some(name) => {
                if self.caller_turned() {
                    self.stop_thinking();
                    self.interrupt(now, name, 1);
                }
            }
            None => self.listen_freely(now, true),
        }
    }

    /// A sentence was said to its end or cut short.
    pub(super) fn said_here(&mut self, now: Instant, id: SayId) {
        if let Some(conversing) = self.conversing() {
            conversing.unsaid.retain(|open| *open != id);
        }
        self.settle(now);
    }

    pub(super) fn thought(&mut self, now: Instant, id: ThinkId, thought: Thought) {
        let program = Arc::clone(&self.program);
        let Some(converse) = converse_of(&program, &self.node) else {
            return self.fault();
        };
        let Some(conversing) = self.conversing() else {
            return;
        };
        let Some(thinking) = conversing.thinking.as_mut().filter(|it| it.id == id) else {
            return;
        };
        match thought {
            Thought::Text(more) => {
                thinking.text.push_str(&more);
                let citations = conversing.found.citations();
                for sentence in thinking.sentences.push(&more) {
                    self.say_found(sentence, converse, Arc::clone(&citations));
                }
            }
            Thought::Call(call) => thinking.called(call),
            Thought::Done => self.answered_in_full(now, converse),
            Thought::Failed => {
                conversing.thinking = None;
                conversing.leaving = Some(Way::Cause(Cause::ModelFailed));
                self.settle(now);
            }
        }
    }

    // --- turns ---

    /// Counts a turn, with the actions that a turn too many brings.
    fn caller_turned(&mut self) -> bool {
        if self.count_turn() {
            return true;
        }
        self.stop_thinking();
        false
    }

    /// Asks the model as soon as it is known what was heard.
    fn think_soon(&mut self, now: Instant) {
        if let Some(conversing) = self.conversing() {
            conversing.to_think = true;
        }
        self.listen_freely(now, false);
        self.settle(now);
    }

    /// Does what waited until nothing is being said any more.
    fn settle(&mut self, now: Instant) {
        let is_running = !self.running.is_empty();
        let Some(conversing) = self.conversing() else {
            return;
        };
        if !conversing.unsaid.is_empty() || is_running || conversing.looking.is_some() {
            return;
        }
        if std::mem::take(&mut conversing.to_think) {
            return self.think(Rounds::default());
        }
        if conversing.thinking.is_some() {
            return;
        }
        match conversing.leaving.take() {
            Some(Way::Prompt(to)) => {
                self.actions.push_back(Action::StopListening);
                // Models may send a silent caller from one node to the other.
                if self.count_turn() {
                    self.turn_over(now, to);
                }
            }
            Some(Way::Cause(cause)) => {
                self.actions.push_back(Action::StopListening);
                self.leave(now, cause);
            }
            None => {}
        }
    }

    // --- saying and listening ---

    fn say_here(&mut self, text: String, converse: &Converse) {
        self.say_found(text, converse, Arc::default());
    }

    /// Says what the model made of what was found.
    fn say_found(&mut self, text: String, converse: &Converse, citations: Arc<[Citation]>) {
        let id = self.say_from(text, converse.interruptible, citations);
        if let Some(conversing) = self.conversing() {
            conversing.unsaid.push_back(id);
        }
    }

    /// Listens to whatever is said. While the model thinks or a tool runs, silence is not the caller's.
    fn listen_freely(&mut self, now: Instant, is_callers_turn: bool) {
        let program = Arc::clone(&self.program);
        let Some(node) = program.nodes.get(&self.node) else {
            return self.fault();
        };
        let timeout = node.converse().map(|converse| converse.timeout);
        let is_busy =
            self.waits_for_tools() || self.conversing().is_some_and(|it| it.thinking.is_some());
        let alone: BTreeSet<char> = node
            .edges
            .digits
            .keys()
            .copied()
            .chain(self.global_keys(now))
            .collect();
        self.actions.push_back(Action::Listen(Listen {
            speech: Some(Speech::Free),
            digits: (!alone.is_empty()).then_some(DigitSpec {
                max: 1,
                terminator: None,
                alone,
                between: BETWEEN,
            }),
            timeout: timeout.filter(|_| is_callers_turn && !is_busy),
        }));
    }

    /// Whether the conversation goes on only when tools have run.
    #[must_use]
    pub fn waits_for_tools(&self) -> bool {
        let is_held = match &self.state {
            State::Conversing(conversing) => {
                conversing.waiting.is_some() || conversing.to_think || conversing.leaving.is_some()
            }
            _ => false,
        };
        is_held && !self.running.is_empty()
    }

    fn conversing(&mut self) -> Option<&mut Conversing> {
        match &mut self.state {
            State::Conversing(conversing) => Some(conversing),
            _ => None,
        }
    }
}

/// The conversation of a node, if it has one.
fn converse_of<'a>(program: &'a Program, node: &str) -> Option<&'a Converse> {
    program.nodes.get(node)?.converse()
}

/// The value of a variable that is not noted yet.
fn nothing(kind: NotedKind) -> Value {
    match kind {
        NotedKind::Text => Value::text(""),
        NotedKind::Number => Value::Integer(0),
        NotedKind::YesNo => Value::Boolean(false),
    }
}
