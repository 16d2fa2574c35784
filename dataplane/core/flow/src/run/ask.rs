//! Asking a question until it is answered, given up, or left for a global node.

use std::collections::BTreeSet;
use std::sync::Arc;

use callplane_types::Instant;

use super::{Action, Listen, Run, Speech, State, only_key};
use crate::digits::{BETWEEN, DigitSpec};
use crate::grammar::{Builtin, Grammar, Meaning};
use crate::program::{Ask, Cause, ProgramNode, Wanted};
use crate::template::spell;
use crate::value::Value;

/// A question that was asked.
#[derive(Debug)]
pub(super) struct Asking {
    /// How often it was asked, 1 the first time.
    attempt: u32,
    grammar: Arc<Grammar>,
    /// The answer that is to be confirmed.
    confirming: Option<Value>,
}

impl Run {
    /// Asks the question of `node` for the `attempt`-th time, with the words for `why`.
    pub(super) fn ask(
        &mut self,
        now: Instant,
        node: &ProgramNode,
        ask: &Ask,
        attempt: u32,
        why: Cause,
    ) {
        let words = match why {
            Cause::Done | Cause::NotReached | Cause::ModelFailed => None,
            Cause::NoInput => ask.no_input.as_ref(),
            Cause::NoMatch => ask.no_match.as_ref(),
        };
        self.say(words.unwrap_or(&ask.prompt), ask.interruptible);
        let mut grammar = Grammar::default();
        add_answers(&mut grammar, ask);
        self.add_globals(now, &mut grammar);
        let digits = ask.keys.then(|| self.keys(now, node, ask));
        self.listen(
            ask,
            Asking {
                attempt,
                grammar: Arc::new(grammar),
                confirming: None,
            },
            digits,
        );
    }

    fn listen(&mut self, ask: &Ask, asking: Asking, digits: Option<DigitSpec>) {
        self.actions.push_back(Action::Listen(Listen {
            // Without any phrase, as in a menu of keys, there is nothing to listen to.
            speech: (ask.speech && !asking.grammar.is_empty())
                .then(|| Speech::Grammar(Arc::clone(&asking.grammar))),
            digits,
            timeout: Some(ask.timeout),
        }));
        self.state = State::Asking(asking);
    }

    /// Which keys answer: those of the question, of its edges and of global nodes.
    fn keys(&self, now: Instant, node: &ProgramNode, ask: &Ask) -> DigitSpec {
        let mut alone: BTreeSet<char> = node.edges.digits.keys().copied().collect();
        let globals = self.global_keys(now);
        match &ask.wanted {
            Wanted::Digits { spec, .. } => {
                let mut spec = spec.clone();
                alone.extend(globals.filter(|key| free(*key, spec.terminator)));
                spec.alone = alone;
                spec
            }
            Wanted::Number { max, .. } => {
                alone.extend(globals.filter(|key| free(*key, Some('#'))));
                DigitSpec {
                    max: max.checked_ilog10().unwrap_or(0) + 1,
                    terminator: Some('#'),
                    alone,
                    between: BETWEEN,
                }
            }
            Wanted::Option { .. } | Wanted::Choice { .. } | Wanted::YesNo { .. } => {
                alone.extend(globals);
                DigitSpec {
                    max: 1,
                    terminator: None,
                    alone,
                    between: BETWEEN,
                }
            }
        }
    }

    // --- answers ---

    pub(super) fn heard(&mut self, now: Instant, text: &str) {
        let meaning = match &self.state {
            State::Asking(asking) => asking.grammar.interpret(text),
            _ => return,
        };
        match meaning {
            Some(meaning) => self.answered(now, meaning),
            None => self.failed(now, Cause::NoMatch),
        }
    }

    pub(super) fn pressed(&mut self, now: Instant, digits: &str) {
        let program = Arc::clone(&self.program);
        let (Some(node), State::Asking(asking)) = (program.nodes.get(&self.node), &self.state)
        else {
            return;
        };
        let Some(ask) = node.ask() else { return };
        let key = only_key(digits);
        if asking.confirming.is_some() {
            return match key {
                Some('1') => self.answered(now, Meaning::Answer(Value::Boolean(true))),
                Some('2') => self.answered(now, Meaning::Answer(Value::Boolean(false))),
                _ => self.failed(now, Cause::NoMatch),
            };
        }
        if let Some(to) = key.and_then(|key| node.edges.digits.get(&key)) {
            if self.count_turn() {
                self.turn_over(now, to.clone());
            }
            return;
        }
        let meaning = meaning_of_keys(&ask.wanted, digits)
            .or_else(|| self.global_by_key(now, key?).map(Meaning::Global));
        match meaning {
            Some(meaning) => self.answered(now, meaning),
            None => self.failed(now, Cause::NoMatch),
        }
    }

    fn answered(&mut self, now: Instant, meaning: Meaning) {
        let program = Arc::clone(&self.program);
        let State::Asking(asking) = &mut self.state else {
            return;
        };
        let Some(ask) = program.nodes.get(&self.node).and_then(ProgramNode::ask) else {
            return;
        };
        if let Meaning::Global(name) = meaning {
            let attempt = asking.attempt;
            if self.count_turn() {
                self.interrupt(now, name, attempt);
            }
            return;
        }
        match (asking.confirming.take(), meaning) {
            (Some(value), Meaning::Answer(Value::Boolean(true))) => self.accept(now, ask, value),
            (Some(_), _) => self.failed(now, Cause::NoMatch),
            (None, Meaning::Answer(value)) => match &ask.confirm {
                Some(_) if self.count_turn() => self.confirm(now, ask, value),
                Some(_) => {}
                None => self.accept(now, ask, value),
            },
            (None, Meaning::Option(index)) => self.choose(now, ask, index),
            (None, Meaning::Global(_)) => {}
        }
    }

    fn confirm(&mut self, now: Instant, ask: &Ask, value: Value) {
        let (State::Asking(asking), Some(confirm)) = (&self.state, &ask.confirm) else {
            return;
        };
        let attempt = asking.attempt;
        let spoken = match ask.wanted {
            Wanted::Digits { .. } => Value::text(spell(&value.to_string())),
            _ => value.clone(),
        };
        let mut variables = self.variables.clone();
        variables.insert("value".to_owned(), spoken);
        let text = confirm.render(&variables);
        self.say_text(text, ask.interruptible);
        let mut grammar = Grammar::default();
        grammar.add_yes_and_no();
        self.add_globals(now, &mut grammar);
        let digits = ask.keys.then(|| DigitSpec {
            max: 1,
            terminator: None,
            alone: BTreeSet::new(),
            between: BETWEEN,
        });
        self.listen(
            ask,
            Asking {
                attempt,
                grammar: Arc::new(grammar),
                confirming: Some(value),
            },
            digits,
        );
    }

    fn accept(&mut self, now: Instant, ask: &Ask, value: Value) {
        if !self.count_turn() {
            return;
        }
        match &ask.wanted {
            Wanted::Choice { variable, .. }
            | Wanted::Digits { variable, .. }
            | Wanted::YesNo { variable }
            | Wanted::Number { variable, .. } => self.capture(variable, value),
            Wanted::Option { .. } => {}
        }
        self.leave(now, Cause::Done);
    }

    fn choose(&mut self, now: Instant, ask: &Ask, index: usize) {
        let Wanted::Option { variable, options } = &ask.wanted else {
            return;
        };
        let Some(option) = options.get(index) else {
            return;
        };
        if !self.count_turn() {
            return;
        }
        if let Some(variable) = variable {
            self.capture(variable, Value::text(option.choice.value.as_str()));
        }
        self.turn_over(now, option.to.clone());
    }

    /// No answer, or none that was understood: once more, or given up.
    pub(super) fn failed(&mut self, now: Instant, cause: Cause) {
        let program = Arc::clone(&self.program);
        let State::Asking(asking) = &self.state else {
            return;
        };
        let attempt = asking.attempt;
        let Some(node) = program.nodes.get(&self.node) else {
            return;
        };
        let Some(ask) = node.ask() else { return };
        if !self.count_turn() {
            return;
        }
        if attempt < ask.attempts {
            self.ask(now, node, ask, attempt + 1, cause);
        } else {
            self.leave(now, cause);
        }
    }
}

/// Whether a key is no part of an answer of digits.
fn free(key: char, terminator: Option<char>) -> bool {
    !key.is_ascii_digit() && Some(key) != terminator
}

fn add_answers(grammar: &mut Grammar, ask: &Ask) {
    match &ask.wanted {
        Wanted::Option { options, .. } => {
            for (index, option) in options.iter().enumerate() {
                for phrase in &option.choice.phrases {
                    grammar.add(phrase, Meaning::Option(index));
                }
            }
        }
        Wanted::Choice { choices, .. } => {
            for choice in choices {
                for phrase in &choice.phrases {
                    let value = Value::text(choice.value.as_str());
                    grammar.add(phrase, Meaning::Answer(value));
                }
            }
        }
        Wanted::YesNo { .. } => grammar.add_yes_and_no(),
        Wanted::Digits { min, spec, .. } => grammar.set_builtin(Builtin::Digits {
            min: *min,
            max: spec.max,
        }),
        Wanted::Number { min, max, .. } => grammar.set_builtin(Builtin::Number {
            min: *min,
            max: *max,
        }),
    }
}

fn meaning_of_keys(wanted: &Wanted, digits: &str) -> Option<Meaning> {
    let key = only_key(digits);
    match wanted {
        Wanted::Option { options, .. } => options
            .iter()
            .position(|option| key.is_some() && option.choice.digit == key)
            .map(Meaning::Option),
        Wanted::Choice { choices, .. } => choices
            .iter()
            .find(|choice| key.is_some() && choice.digit == key)
            .map(|choice| Meaning::Answer(Value::text(choice.value.as_str()))),
        Wanted::YesNo { .. } => match key {
            Some('1') => Some(Meaning::Answer(Value::Boolean(true))),
            Some('2') => Some(Meaning::Answer(Value::Boolean(false))),
            _ => None,
        },
        Wanted::Digits { min, spec, .. } => {
            let long_enough = digits.len() >= *min as usize && digits.len() <= spec.max as usize;
            let plain = digits.bytes().all(|b| b.is_ascii_digit());
            (long_enough && plain).then(|| Meaning::Answer(Value::text(digits)))
        }
        Wanted::Number { min, max, .. } => {
            let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
            let number: u32 = digits.parse().ok().filter(|_| plain)?;
            let inside = (*min..=*max).contains(&number);
            inside.then(|| Meaning::Answer(Value::Integer(i64::from(number))))
        }
    }
}
