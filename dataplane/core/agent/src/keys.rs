//! The keys of the caller: collected for the question that is open, kept for the one that is not.

use std::collections::VecDeque;

use callplane_flow::{DigitCollector, DigitSpec, is_key};
use callplane_types::Instant;

/// Most keys kept for a question that was not asked yet; more is noise or an attack.
const MAX_AHEAD: usize = 32;

/// What was pressed. **A key belongs to exactly one answer.**
#[derive(Debug, Default)]
pub(crate) struct Keys {
    ahead: VecDeque<char>,
    question: Question,
}

#[derive(Debug, Default)]
enum Question {
    /// None is open; what is pressed waits for the next.
    #[default]
    None,
    /// One is open that keys do not answer.
    Deaf,
    /// One is open that keys answer.
    Open(DigitCollector),
}

impl Keys {
    /// A question was asked; `digits` when keys answer it.
    pub(crate) fn ask(&mut self, digits: Option<DigitSpec>) {
        self.question = match digits {
            Some(digits) => Question::Open(DigitCollector::new(digits)),
            None => {
                self.ahead.clear();
                Question::Deaf
            }
        };
    }

    /// Whether keys answer the question that is open.
    pub(crate) const fn are_asked(&self) -> bool {
        matches!(self.question, Question::Open(_))
    }

    /// No question is open any more.
    pub(crate) fn stop(&mut self) {
        self.question = Question::None;
    }

    /// What was pressed is for nobody.
    pub(crate) fn forget(&mut self) {
        self.ahead.clear();
        if let Question::Open(open) = &mut self.question {
            open.restart();
        }
    }

    /// A key was pressed; whether it counts.
    pub(crate) fn press(&mut self, key: char) -> bool {
        let counts =
            is_key(key) && !matches!(self.question, Question::Deaf) && self.ahead.len() < MAX_AHEAD;
        if counts {
            self.ahead.push_back(key);
        }
        counts
    }

    /// The answer, if the keys pressed so far or the pause after them complete it.
    pub(crate) fn answer(&mut self, now: Instant) -> Option<String> {
        let Question::Open(open) = &mut self.question else {
            return None;
        };
        let mut answer = None;
        while answer.is_none()
            && let Some(key) = self.ahead.pop_front()
        {
            answer = open.press(now, key);
        }
        let answer = answer.or_else(|| open.timeout(now));
        if answer.is_some() {
            // What is pressed now is for the next question.
            self.question = Question::None;
        }
        answer
    }

    /// Whether the caller is pressing an answer: the silence meanwhile is none.
    pub(crate) fn begun(&self) -> bool {
        matches!(&self.question, Question::Open(open) if open.begun())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn spec(max: u32) -> DigitSpec {
        DigitSpec {
            max,
            terminator: Some('#'),
            alone: [].into(),
            between: Duration::from_secs(3),
        }
    }

    #[test]
    fn what_is_typed_ahead_answers_one_question_after_the_other() {
        let mut keys = Keys::default();
        assert!("1204#".chars().all(|key| keys.press(key)));
        assert_eq!(keys.answer(Instant::ZERO), None, "nothing was asked");
        keys.ask(Some(spec(1)));
        assert_eq!(keys.answer(Instant::ZERO).as_deref(), Some("1"));
        assert_eq!(keys.answer(Instant::ZERO), None, "one answer a question");
        keys.ask(Some(spec(8)));
        assert_eq!(keys.answer(Instant::ZERO).as_deref(), Some("204"));
    }

    #[test]
    fn a_question_without_keys_forgets_them() {
        let mut keys = Keys::default();
        keys.press('1');
        keys.ask(None);
        keys.ask(Some(spec(1)));
        assert_eq!(keys.answer(Instant::ZERO), None);
    }
}
