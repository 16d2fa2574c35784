//! One conversation: a program in motion.

mod action;
mod ask;
mod converse;
mod dialogue;
mod global;
mod knowledge;
mod model;
mod sentences;
mod transfer;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use callplane_types::Instant;

pub use self::action::{Action, EndReason, Ending, Event, Listen, RecordingAction, SayId, Speech};
use self::ask::Asking;
use self::converse::Conversing;
use self::dialogue::Dialogue;
pub use self::knowledge::{Citation, LookUp, LookUpId, Passage};
pub use self::model::{ModelMessage, Think, ThinkId, Thought, Tool, ToolCall, ToolRun, ToolRunId};
pub use self::transfer::{Transfer, TransferEnd};
use crate::digits::{BETWEEN, DigitSpec};
use crate::expression::Expression;
use crate::graph::NodeRecording;
use crate::program::{Assigned, Cause, Program, ProgramNode, ProgramStep};
use crate::template::Template;
use crate::value::Value;

/// A program in motion, for one call.
///
/// Give it every [`Event`] with [`Run::handle`] and after each take actions with [`Run::poll`]
/// until there are none. Deterministic: the same program, inputs, times and events give the same
/// actions. An event that does not fit the moment (a `SayDone` of an earlier sentence, an answer
/// when nothing was asked) is ignored.
#[derive(Debug)]
pub struct Run {
    program: Arc<Program>,
    variables: BTreeMap<String, Value>,
    /// The variables that the conversation bound, as opposed to those it was given.
    captured: BTreeSet<String>,
    node: String,
    state: State,
    actions: VecDeque<Action>,
    /// A node paused the recording, and it is still this node's.
    unrecorded: bool,
    said: u32,
    turns: u32,
    thought: u32,
    looked_up: u32,
    /// Tools that were run, and those that still run, whatever node called for them.
    tool_runs: u32,
    running: Vec<ToolRunId>,
    dialogue: Dialogue,
    /// Where the global node that was entered returns to.
    back: Option<Back>,
    /// When each global node may be entered again.
    cooldowns: BTreeMap<String, Instant>,
    ending: Option<Ending>,
}

#[derive(Debug)]
enum State {
    New,
    /// The first sentence is being said.
    Opening(SayId),
    /// A say node is being said.
    Saying(SayId),
    Asking(Asking),
    /// A language model talks with the caller.
    Conversing(Box<Conversing>),
    /// What is said to the caller before somebody is rung.
    Announcing(SayId),
    /// Somebody is rung, or the caller talks with them.
    Transferring,
    /// The last sentence is being said.
    Closing(SayId),
    Over,
}

/// Where a returning global node returns to.
#[derive(Debug, Clone)]
enum Back {
    /// The question it interrupted, with the attempts it had.
    Again { node: String, attempt: u32 },
    /// The node that was next.
    To(String),
}

impl Run {
    /// A conversation that has not begun. `given` are the variables of the call; those that the
    /// program does not know are ignored, those that are missing have their defaults.
    pub fn new(program: Arc<Program>, given: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut variables: BTreeMap<String, Value> = program
            .inputs
            .iter()
            .map(|(name, default)| (name.clone(), Value::text(default.as_str())))
            .collect();
        for (name, text) in given {
            if let Some(value) = variables.get_mut(&name) {
                *value = Value::text(text);
            }
        }
        Self {
            node: program.start.clone(),
            program,
            variables,
            captured: BTreeSet::new(),
            state: State::New,
            actions: VecDeque::new(),
            unrecorded: false,
            said: 0,
            turns: 0,
            thought: 0,
            looked_up: 0,
            tool_runs: 0,
            running: Vec::new(),
            dialogue: Dialogue::default(),
            back: None,
            cooldowns: BTreeMap::new(),
            ending: None,
        }
    }

    /// Takes what happened at `now`.
    pub fn handle(&mut self, now: Instant, event: Event) {
        if let Event::Hangup = event {
            if self.ending.is_none() {
                self.end(EndReason::CallEnded, None);
            }
            return;
        }
        self.note_down(&event);
        match (&self.state, event) {
            (State::New, Event::Started) => {
                let program = Arc::clone(&self.program);
                match &program.first_sentence {
                    Some(text) => self.state = State::Opening(self.say(text, true)),
                    None => self.advance(now, program.start.clone()),
                }
            }
            (State::Opening(current), Event::SayDone { id, .. }) if id == *current => {
                let start = self.program.start.clone();
                self.advance(now, start);
            }
            (State::Saying(current), Event::SayDone { id, .. }) if id == *current => {
                if self.listens_while_saying() {
                    self.actions.push_back(Action::StopListening);
                }
                self.leave(now, Cause::Done);
            }
            (State::Saying(_), Event::Digits { digits }) => self.key_while_saying(now, &digits),
            (State::Announcing(current), Event::SayDone { id, .. }) if id == *current => {
                self.announced();
            }
            (State::Transferring, Event::Transferred(end)) => self.transferred(now, end),
            (State::Closing(current), Event::SayDone { id, .. }) if id == *current => {
                self.hang_up();
            }
            (State::Asking(_), Event::Heard { text }) => self.heard(now, &text),
            (State::Asking(_), Event::Digits { digits }) => self.pressed(now, &digits),
            (State::Asking(_), Event::NoMatch) => self.failed(now, Cause::NoMatch),
            (State::Asking(_), Event::NoInput) => self.failed(now, Cause::NoInput),
            (State::Conversing(_), Event::SayDone { id, .. }) => self.said_here(now, id),
            (State::Conversing(_), Event::Heard { text }) => self.heard_freely(now, &text),
            (State::Conversing(_), Event::Digits { digits }) => self.pressed_freely(now, &digits),
            (State::Conversing(_), Event::NoMatch) => self.misheard(now, Cause::NoMatch),
            (State::Conversing(_), Event::NoInput) => self.misheard(now, Cause::NoInput),
            (State::Conversing(_), Event::Thought { id, thought }) => {
                self.thought(now, id, thought);
            }
            (State::Conversing(_), Event::ToolDone { .. }) => self.tool_done(now),
            (State::Conversing(_), Event::Found { id, passages }) => self.found(now, id, passages),
            _ => {}
        }
    }

    /// Keeps what was said, for a model.
    fn note_down(&mut self, event: &Event) {
        match event {
            Event::SayDone { id, heard } => self.dialogue.said(*id, heard),
            Event::Heard { text } | Event::Digits { digits: text } => self.dialogue.heard(text),
            Event::ToolDone { id, result } => {
                self.running.retain(|running| running != id);
                self.dialogue.tool_done(*id, result);
            }
            _ => {}
        }
    }

    /// What is to be done next; `None` when that was all for now.
    pub fn poll(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// The variables that the conversation bound.
    #[must_use]
    pub fn captured(&self) -> serde_json::Map<String, serde_json::Value> {
        let captured = self.captured.iter().filter_map(|name| {
            let value = serde_json::to_value(self.variables.get(name)?).ok()?;
            Some((name.clone(), value))
        });
        captured.collect()
    }

    /// Name of the node the conversation is at.
    #[must_use]
    pub fn node(&self) -> &str {
        &self.node
    }

    /// How the run ended; `None` while it goes on. A hangup node ends it when its words were said.
    #[must_use]
    pub const fn ending(&self) -> Option<&Ending> {
        match self.state {
            State::Over => self.ending.as_ref(),
            _ => None,
        }
    }

    // --- moving on ---

    /// Enters `target` and goes on until somebody has to say something.
    fn advance(&mut self, now: Instant, target: String) {
        self.back = None;
        self.proceed(now, target);
    }

    /// Like [`Run::advance`], but keeps where to return to. The compiler refuses circles without
    /// a question, so no more nodes are passed than there are; a program that says otherwise was
    /// not compiled here.
    fn proceed(&mut self, now: Instant, target: String) {
        let program = Arc::clone(&self.program);
        let mut target = target;
        for _ in 0..=program.nodes.len() {
            let Some(node) = program.nodes.get(&target) else {
                return self.fault();
            };
            self.node = target;
            self.entered(node);
            match &node.step {
                ProgramStep::Say {
                    text,
                    interruptible,
                } => {
                    let id = self.say(text, *interruptible);
                    self.state = State::Saying(id);
                    self.listen_while_saying(node);
                    return;
                }
                ProgramStep::Ask(ask) => return self.ask(now, node, ask, 1, Cause::Done),
                ProgramStep::Converse(converse) => return self.converse(now, converse),
                ProgramStep::Branch => {}
                ProgramStep::Set(assignments) => self.assign(assignments),
                ProgramStep::Transfer { text, to } => return self.transfer(text.as_ref(), to),
                ProgramStep::Hangup { text, outcome } => {
                    return self.close(text.as_ref(), outcome.clone());
                }
            }
            match self.next(node, Cause::Done) {
                Some(Way::Forward(to)) => {
                    self.back = None;
                    target = to;
                }
                Some(Way::Back(back)) => match self.resume(now, back) {
                    Some(to) => target = to,
                    None => return,
                },
                None => return self.fault(),
            }
        }
        self.fault();
    }

    /// Leaves the current node after `cause`.
    fn leave(&mut self, now: Instant, cause: Cause) {
        let program = Arc::clone(&self.program);
        let Some(node) = program.nodes.get(&self.node) else {
            return self.fault();
        };
        match self.next(node, cause) {
            Some(Way::Forward(to)) if node.listens() => self.turn_over(now, to),
            Some(Way::Forward(to)) => self.advance(now, to),
            Some(Way::Back(back)) => {
                if let Some(to) = self.resume(now, back) {
                    self.proceed(now, to);
                }
            }
            None => self.fault(),
        }
    }

    /// The way out of `node`: its event's edge, its expressions by priority, then the edge without
    /// either, then back to where a global node was entered from.
    fn next(&mut self, node: &ProgramNode, cause: Cause) -> Option<Way> {
        let event = match cause {
            Cause::NoInput => node.edges.no_input.as_ref(),
            Cause::NoMatch => node.edges.no_match.as_ref(),
            Cause::NotReached => node.edges.not_reached.as_ref(),
            Cause::ModelFailed => node.edges.model_failed.as_ref(),
            Cause::Done => None,
        };
        if let Some(to) = event {
            return Some(Way::Forward(to.clone()));
        }
        for (expression, to) in &node.edges.conditions {
            if self.is_true(expression) {
                return Some(Way::Forward(to.clone()));
            }
        }
        if let Some(to) = &node.edges.otherwise {
            return Some(Way::Forward(to.clone()));
        }
        self.back.take().map(Way::Back)
    }

    /// Goes back; returns the node to enter, or nothing when a question was asked again.
    fn resume(&mut self, now: Instant, back: Back) -> Option<String> {
        match back {
            Back::To(node) => Some(node),
            Back::Again { node, attempt } => {
                let program = Arc::clone(&self.program);
                match program.nodes.get(&node).map(|n| (n, n.ask())) {
                    Some((found, Some(ask))) => {
                        self.node = node;
                        self.entered(found);
                        self.ask(now, found, ask, attempt, Cause::Done);
                    }
                    Some((found, None)) if found.converse().is_some() => {
                        self.node = node;
                        self.entered(found);
                        self.converse_again(now);
                    }
                    _ => self.fault(),
                }
                None
            }
        }
    }

    fn entered(&mut self, node: &ProgramNode) {
        self.actions.push_back(Action::Entered {
            node: self.node.clone(),
            kind: node.kind(),
        });
        self.record(node.recording);
    }

    /// What the node that was entered does to the recording. A pause ends with the node.
    fn record(&mut self, wish: Option<NodeRecording>) {
        let pauses = wish == Some(NodeRecording::Pause);
        let pause = (pauses != self.unrecorded).then_some(match pauses {
            true => RecordingAction::Pause,
            false => RecordingAction::Resume,
        });
        self.unrecorded = pauses;
        let change = match wish {
            Some(NodeRecording::Start) => Some(RecordingAction::Start),
            Some(NodeRecording::Stop) => Some(RecordingAction::Stop),
            Some(NodeRecording::Pause) | None => None,
        };
        // Whoever stops hears nothing of a moment in between.
        let actions = match change {
            Some(RecordingAction::Stop) => [change, pause],
            _ => [pause, change],
        };
        self.actions
            .extend(actions.into_iter().flatten().map(Action::Record));
    }

    // --- say ---

    fn say(&mut self, text: &Template, interruptible: bool) -> SayId {
        let text = text.render(&self.variables);
        self.say_text(text, interruptible)
    }

    fn say_text(&mut self, text: String, interruptible: bool) -> SayId {
        self.say_from(text, interruptible, Arc::default())
    }

    /// Says what was made with the passages of `citations` at hand.
    fn say_from(&mut self, text: String, interruptible: bool, citations: Arc<[Citation]>) -> SayId {
        let id = SayId(self.said);
        self.said = self.said.wrapping_add(1);
        self.dialogue.says(id, &text);
        self.actions.push_back(Action::Say {
            id,
            text,
            interruptible,
            citations,
        });
        id
    }

    /// While a say node speaks only the keys of its edges count.
    fn listen_while_saying(&mut self, node: &ProgramNode) {
        if node.edges.digits.is_empty() {
            return;
        }
        self.actions.push_back(Action::Listen(Listen {
            speech: None,
            digits: Some(DigitSpec {
                max: 1,
                terminator: None,
                alone: node.edges.digits.keys().copied().collect(),
                between: BETWEEN,
            }),
            timeout: None,
        }));
    }

    fn listens_while_saying(&self) -> bool {
        let node = self.program.nodes.get(&self.node);
        node.is_some_and(|node| !node.edges.digits.is_empty())
    }

    fn key_while_saying(&mut self, now: Instant, digits: &str) {
        let program = Arc::clone(&self.program);
        let Some(node) = program.nodes.get(&self.node) else {
            return self.fault();
        };
        let key = only_key(digits);
        match key.and_then(|key| node.edges.digits.get(&key)) {
            Some(to) => {
                if self.count_turn() {
                    self.turn_over(now, to.clone());
                }
            }
            None => self.listen_while_saying(node),
        }
    }

    // --- set ---

    fn assign(&mut self, assignments: &[(String, Assigned)]) {
        for (variable, assigned) in assignments {
            let value = match assigned {
                Assigned::Text(text) => Value::text(text.render(&self.variables)),
                Assigned::Expression(expression) => match expression.evaluate(&self.variables) {
                    Ok(value) => value,
                    Err(error) => {
                        self.expression_failed(expression, &error.to_string());
                        Value::Null
                    }
                },
            };
            self.capture(variable, value);
        }
    }

    fn capture(&mut self, variable: &str, value: Value) {
        self.captured.insert(variable.to_owned());
        self.variables.insert(variable.to_owned(), value.clone());
        self.actions.push_back(Action::Captured {
            variable: variable.to_owned(),
            value,
        });
    }

    fn is_true(&mut self, expression: &Expression) -> bool {
        match expression.is_true(&self.variables) {
            Ok(truth) => truth,
            Err(error) => {
                self.expression_failed(expression, &error.to_string());
                false
            }
        }
    }

    fn expression_failed(&mut self, expression: &Expression, error: &str) {
        self.actions.push_back(Action::Failed {
            node: self.node.clone(),
            message: format!("the expression `{}` failed: {error}", expression.source()),
        });
    }

    // --- turns and ends ---

    /// Counts a turn of the caller; false when it was one too many and the run is over.
    fn count_turn(&mut self) -> bool {
        self.turns += 1;
        if self.turns <= self.program.agent.limits.max_turns {
            return true;
        }
        self.end(EndReason::TurnLimit, None);
        self.hang_up();
        false
    }

    fn close(&mut self, text: Option<&Template>, outcome: Option<String>) {
        let closing = text.map(|text| self.say(text, false));
        self.ending = Some(Ending {
            reason: EndReason::Completed,
            outcome,
            node: self.node.clone(),
        });
        match closing {
            Some(id) => self.state = State::Closing(id),
            None => self.hang_up(),
        }
    }

    fn fault(&mut self) {
        self.end(EndReason::Fault, None);
        self.hang_up();
    }

    fn end(&mut self, reason: EndReason, outcome: Option<String>) {
        self.ending = Some(Ending {
            reason,
            outcome,
            node: self.node.clone(),
        });
        self.state = State::Over;
    }

    fn hang_up(&mut self) {
        self.state = State::Over;
        if let Some(ending) = self.ending.clone() {
            self.actions.push_back(Action::Hangup(ending));
        }
    }
}

/// The way out of a node.
enum Way {
    Forward(String),
    Back(Back),
}

/// The key, when one was pressed.
fn only_key(digits: &str) -> Option<char> {
    let mut keys = digits.chars();
    keys.next().filter(|_| keys.next().is_none())
}
