//! Collect and menu: phrases, keys, and what an answer may be.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Lower, shorten};
use crate::digits::{BETWEEN, DigitSpec};
use crate::grammar::normalize;
use crate::graph::{Answer, Collect, InputMode, MAX_PHRASE, Menu, Retry};
use crate::program::{Ask, Edges, ProgramChoice, ProgramOption, Wanted};

/// What collect and menu have in common.
struct Question<'a> {
    prompt: &'a str,
    confirm: Option<&'a String>,
    retry: &'a Retry,
    timeout_seconds: u32,
    interruptible: bool,
    input: InputMode,
}

impl Lower<'_> {
    pub(super) fn phrases(&mut self, given: &[String]) -> Vec<String> {
        if given.len() > 20 {
            self.problem("more than 20 phrases mean the same", "keep to 20");
        }
        let mut phrases = Vec::new();
        for phrase in given {
            let words = normalize(phrase);
            let countable = phrase.bytes().any(|b| b.is_ascii_digit());
            if words.is_empty() || countable || phrase.chars().count() > MAX_PHRASE {
                self.problem(
                    format!("`{}` is no phrase", shorten(phrase)),
                    "use words, without digits, of 100 characters in all",
                );
            } else {
                phrases.push(words);
            }
        }
        phrases
    }

    fn choice(&mut self, value: &str, phrases: &[String], digit: Option<&str>) -> ProgramChoice {
        ProgramChoice {
            value: value.to_owned(),
            phrases: self.phrases(phrases),
            digit: self.key(digit),
        }
    }

    /// Each phrase and each key may mean one thing only.
    fn distinct<'c>(&mut self, choices: impl Iterator<Item = &'c ProgramChoice>, edges: &Edges) {
        let mut phrases = BTreeSet::new();
        let mut keys: BTreeSet<char> = edges.digits.keys().copied().collect();
        for choice in choices {
            for phrase in &choice.phrases {
                if !phrases.insert(phrase.as_str()) {
                    self.problem(
                        format!("the phrase `{phrase}` occurs twice"),
                        "keep it at one of them",
                    );
                }
            }
            if let Some(key) = choice.digit
                && !keys.insert(key)
            {
                self.problem(
                    format!("the key {key} has two meanings"),
                    "keep one of them",
                );
            }
        }
    }

    pub(super) fn menu(&mut self, menu: &Menu, edges: &Edges) -> Option<Ask> {
        if menu.options.is_empty() || menu.options.len() > 24 {
            self.problem("a menu has 1 to 24 options", "offer fewer or more");
            return None;
        }
        if let Some(variable) = &menu.variable {
            self.variable(variable);
        }
        let mut options = Vec::new();
        for option in &menu.options {
            let first = option.phrases.first().or(option.digit.as_ref());
            let Some(value) = option.value.as_ref().or(first) else {
                self.problem(
                    "an option has neither phrases nor a digit",
                    "say how a caller chooses it",
                );
                continue;
            };
            if first.is_none() {
                self.problem(
                    format!(
                        "the option `{}` has neither phrases nor a digit",
                        shorten(value)
                    ),
                    "say how a caller chooses it",
                );
            }
            options.push(ProgramOption {
                choice: self.choice(value, &option.phrases, option.digit.as_deref()),
                to: option.to.clone(),
            });
        }
        self.distinct(options.iter().map(|option| &option.choice), edges);
        let wanted = Wanted::Option {
            variable: menu.variable.clone(),
            options,
        };
        let ask = Question {
            prompt: &menu.prompt,
            confirm: None,
            retry: &menu.retry,
            timeout_seconds: menu.timeout_seconds,
            interruptible: menu.interruptible,
            input: InputMode::Any,
        };
        self.ask(&ask, wanted)
    }

    pub(super) fn collect(&mut self, collect: &Collect, edges: &Edges) -> Option<Ask> {
        self.variable(&collect.variable);
        let wanted = self.wanted(collect, edges)?;
        let ask = Question {
            prompt: &collect.prompt,
            confirm: collect.confirm.as_ref(),
            retry: &collect.retry,
            timeout_seconds: collect.timeout_seconds,
            interruptible: collect.interruptible,
            input: collect.input,
        };
        self.ask(&ask, wanted)
    }

    fn wanted(&mut self, collect: &Collect, edges: &Edges) -> Option<Wanted> {
        let variable = collect.variable.clone();
        if collect.answer != Answer::Choice && !collect.choices.is_empty() {
            self.problem(
                "only type choice has choices",
                "remove them or use type: choice",
            );
        }
        if collect.answer != Answer::Digits && collect.digits.is_some() {
            self.problem(
                "only type digits has digits",
                "remove it or use type: digits",
            );
        }
        if collect.answer != Answer::Number && collect.number.is_some() {
            self.problem(
                "only type number has number",
                "remove it or use type: number",
            );
        }
        match collect.answer {
            Answer::Choice => self.choices(collect, edges),
            Answer::YesNo => {
                if edges.digits.keys().any(|key| "12".contains(*key)) {
                    self.problem("the keys 1 and 2 mean yes and no", "use another key");
                }
                Some(Wanted::YesNo { variable })
            }
            Answer::Number => {
                let range = collect.number.clone().unwrap_or_default();
                if range.min > range.max || range.max > 999_999 {
                    self.problem(
                        "the range of the number is empty or ends above 999999",
                        "correct min and max",
                    );
                }
                self.free_keys(edges, '#');
                Some(Wanted::Number {
                    variable,
                    min: range.min,
                    max: range.max,
                })
            }
            Answer::Digits => {
                let rules = collect.digits.clone().unwrap_or_default();
                if rules.min == 0 || rules.min > rules.max || rules.max > 32 {
                    self.problem("the number of digits is not 1 to 32", "correct min and max");
                }
                let terminator = match rules.terminator.as_str() {
                    "*" => '*',
                    "#" => '#',
                    _ => {
                        self.problem("the terminator is neither # nor *", "use one of them");
                        return None;
                    }
                };
                self.free_keys(edges, terminator);
                Some(Wanted::Digits {
                    variable,
                    min: rules.min,
                    spec: DigitSpec {
                        max: rules.max,
                        terminator: Some(terminator),
                        alone: BTreeSet::new(),
                        between: BETWEEN,
                    },
                })
            }
        }
    }

    /// A question for digits leaves only one key for edges.
    fn free_keys(&mut self, edges: &Edges, terminator: char) {
        let taken = |key: &&char| key.is_ascii_digit() || **key == terminator;
        if let Some(key) = edges.digits.keys().find(taken) {
            self.problem(
                format!("the key {key} is part of the answer"),
                "use the one of * and # that does not end it",
            );
        }
    }

    fn choices(&mut self, collect: &Collect, edges: &Edges) -> Option<Wanted> {
        if collect.choices.is_empty() || collect.choices.len() > 100 {
            self.problem("type choice has 1 to 100 choices", "offer fewer or more");
            return None;
        }
        let mut choices = Vec::new();
        for choice in &collect.choices {
            let own = [choice.value.clone()];
            let keys_only = collect.input == InputMode::Digits && choice.digit.is_some();
            let phrases = if choice.phrases.is_empty() && !keys_only {
                &own[..]
            } else {
                &choice.phrases
            };
            choices.push(self.choice(&choice.value, phrases, choice.digit.as_deref()));
        }
        self.distinct(choices.iter(), edges);
        let unreachable = choices.iter().find(|choice| match collect.input {
            InputMode::Digits => choice.digit.is_none(),
            InputMode::Any | InputMode::Speech => false,
        });
        if let Some(choice) = unreachable {
            self.problem(
                format!("`{}` cannot be chosen by digits", shorten(&choice.value)),
                "give it a digit or use input: any",
            );
        }
        Some(Wanted::Choice {
            variable: collect.variable.clone(),
            choices,
        })
    }

    fn ask(&mut self, question: &Question<'_>, wanted: Wanted) -> Option<Ask> {
        let Retry {
            attempts,
            no_input,
            no_match,
        } = question.retry;
        if !(1..=10).contains(attempts) {
            self.problem("retry.attempts is not 1 to 10", "use 1 to 10");
        }
        if !(1..=60).contains(&question.timeout_seconds) {
            self.problem("timeoutSeconds is not 1 to 60", "use 1 to 60");
        }
        let prompt = self.template("prompt", question.prompt);
        let no_input = self.optional("retry.noInput", no_input.as_ref());
        let no_match = self.optional("retry.noMatch", no_match.as_ref());
        let confirm = self.optional("confirm", question.confirm);
        Some(Ask {
            prompt: prompt?,
            no_input: no_input?,
            no_match: no_match?,
            confirm: confirm?,
            attempts: *attempts,
            timeout: Duration::from_secs(u64::from(question.timeout_seconds)),
            interruptible: question.interruptible,
            speech: question.input != InputMode::Digits,
            keys: question.input != InputMode::Speech,
            wanted,
        })
    }
}
