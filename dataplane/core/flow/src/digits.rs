//! Pressed keys into answers.

use std::collections::BTreeSet;
use std::time::Duration;

use callplane_types::Instant;
use serde::{Deserialize, Serialize};

use crate::settings::millis;

/// Which keys make an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DigitSpec {
    /// The answer is complete with this many digits.
    pub max: u32,
    /// A key that ends a shorter answer; it is not part of the answer.
    pub terminator: Option<char>,
    /// Keys that are an answer of their own when they are the first one pressed.
    pub alone: BTreeSet<char>,
    /// What may pass between two keys until the answer counts as complete.
    #[serde(rename = "betweenMs", with = "millis")]
    pub between: Duration,
}

/// What may pass between two keys unless a program says otherwise.
pub(crate) const BETWEEN: Duration = Duration::from_secs(3);

/// Collects keys into one answer of a [`DigitSpec`].
///
/// Give it every key of the caller in order, also those pressed before the question was said to
/// its end; it makes at most one answer.
#[derive(Debug)]
pub struct DigitCollector {
    spec: DigitSpec,
    digits: String,
    last: Option<Instant>,
    done: bool,
}

impl DigitCollector {
    /// Starts with no key pressed.
    #[must_use]
    pub const fn new(spec: DigitSpec) -> Self {
        Self {
            spec,
            digits: String::new(),
            last: None,
            done: false,
        }
    }

    /// Forgets the keys that were pressed.
    pub fn restart(&mut self) {
        self.digits.clear();
        self.last = None;
        self.done = false;
    }

    /// Takes one key (`0` to `9`, `*`, `#`; others are ignored) and returns the answer when it is
    /// complete with it.
    pub fn press(&mut self, now: Instant, key: char) -> Option<String> {
        if self.done || !is_key(key) {
            return None;
        }
        self.last = Some(now);
        if self.digits.is_empty() && self.spec.alone.contains(&key) {
            self.digits.push(key);
            return self.finish();
        }
        if self.spec.terminator == Some(key) {
            return self.finish();
        }
        self.digits.push(key);
        let complete = self.digits.len() >= self.spec.max as usize;
        complete.then(|| self.finish()).flatten()
    }

    /// When [`DigitCollector::timeout`] wants to be called.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Instant> {
        let last = self.last.filter(|_| !self.done)?;
        Some(last + self.spec.between)
    }

    /// Returns the answer when the caller has paused long enough.
    pub fn timeout(&mut self, now: Instant) -> Option<String> {
        let due = self.next_timeout()?;
        (now >= due).then(|| self.finish()).flatten()
    }

    /// Whether the caller has begun to press an answer: silence is then no "no input".
    #[must_use]
    pub const fn begun(&self) -> bool {
        self.last.is_some()
    }

    fn finish(&mut self) -> Option<String> {
        self.done = true;
        Some(std::mem::take(&mut self.digits))
    }
}

/// Whether `key` is on a telephone's keypad.
#[must_use]
pub const fn is_key(key: char) -> bool {
    key.is_ascii_digit() || key == '*' || key == '#'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::from_origin(Duration::from_millis(ms))
    }

    fn collector(max: u32) -> DigitCollector {
        DigitCollector::new(DigitSpec {
            max,
            terminator: Some('#'),
            alone: ['*'].into(),
            between: BETWEEN,
        })
    }

    #[test]
    fn the_last_digit_completes_the_answer() {
        let mut keys = collector(3);
        assert_eq!(keys.press(at(0), '1'), None);
        assert_eq!(keys.press(at(1), '2'), None);
        assert_eq!(keys.press(at(2), '3').as_deref(), Some("123"));
        assert_eq!(keys.press(at(3), '4'), None, "one answer only");
    }

    #[test]
    fn the_terminator_ends_a_shorter_answer_and_is_no_part_of_it() {
        let mut keys = collector(8);
        keys.press(at(0), '7');
        assert_eq!(keys.press(at(1), '#').as_deref(), Some("7"));
    }

    #[test]
    fn a_pause_ends_the_answer_at_its_time_and_not_before() {
        let mut keys = collector(8);
        assert_eq!(keys.next_timeout(), None);
        keys.press(at(500), '7');
        assert_eq!(keys.next_timeout(), Some(at(3500)));
        assert_eq!(keys.timeout(at(3499)), None);
        assert_eq!(keys.timeout(at(3500)).as_deref(), Some("7"));
        assert_eq!(keys.next_timeout(), None);
    }

    #[test]
    fn a_key_that_stands_alone_does_so_only_as_the_first() {
        assert_eq!(collector(8).press(at(0), '*').as_deref(), Some("*"));
        let mut keys = collector(2);
        keys.press(at(0), '1');
        assert_eq!(keys.press(at(1), '*').as_deref(), Some("1*"));
    }
}
