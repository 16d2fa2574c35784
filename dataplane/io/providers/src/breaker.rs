//! Leaves a provider alone that fails again and again, so that callers need not wait for it in vain.
//!
//! **While it is open nothing is asked; then one question goes ahead, and the others wait for what comes of it.** No
//! clock here: the time is an argument.

use std::time::Duration;

use callplane_types::Instant;

use crate::error::ModelError;

/// When a provider is left alone, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerPolicy {
    /// Failures in a row after which it is.
    pub failures: u32,
    /// For how long at first. It doubles with each question that fails again.
    pub pause: Duration,
    /// The longest that it becomes.
    pub max_pause: Duration,
}

impl Default for BreakerPolicy {
    fn default() -> Self {
        Self {
            failures: 5,
            pause: Duration::from_secs(5),
            max_pause: Duration::from_secs(60),
        }
    }
}

/// What came of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The provider did what it is there for.
    Worked,
    /// It did not.
    Failed {
        /// When it wants to be asked again, if it says.
        retry_after: Option<Duration>,
    },
    /// That says nothing about the provider: it was not waited for, or the question was wrong.
    Neither,
}

impl From<&ModelError> for Outcome {
    fn from(error: &ModelError) -> Self {
        match error {
            ModelError::Busy { retry_after } => Self::Failed {
                retry_after: *retry_after,
            },
            // The question is wrong or too long, and the next one need not be.
            ModelError::Refused {
                status: 400 | 413 | 422,
                ..
            } => Self::Neither,
            ModelError::Forbidden
            | ModelError::Connection
            | ModelError::Unauthorized { .. }
            | ModelError::Unavailable { .. }
            | ModelError::Refused { .. }
            | ModelError::TooSlow(_)
            | ModelError::Cut
            | ModelError::TooLong
            | ModelError::Protocol(_) => Self::Failed { retry_after: None },
        }
    }
}

/// The permission to ask once; to be given back with [`Breaker::report`].
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a breaker that waits for what comes of a question lets no other through"]
pub struct Permit {
    /// The state that it was given in.
    epoch: u64,
}

/// Nothing is asked now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Open {
    /// Until then at least.
    pub until: Instant,
}

/// The breaker of one provider.
#[derive(Debug)]
pub struct Breaker {
    policy: BreakerPolicy,
    state: State,
    /// Counts changes of the state: what comes of questions from before changes nothing any more.
    epoch: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed { failures: u32 },
    Open { until: Instant, pause: Duration },
    Trying { pause: Duration },
}

impl Breaker {
    /// A breaker that is closed.
    #[must_use]
    pub const fn new(policy: BreakerPolicy) -> Self {
        Self {
            policy,
            state: State::Closed { failures: 0 },
            epoch: 0,
        }
    }

    /// Asks for permission to ask.
    ///
    /// # Errors
    /// When the provider is left alone.
    pub fn admit(&mut self, now: Instant) -> Result<Permit, Open> {
        match self.state {
            State::Closed { .. } => {}
            State::Open { until, .. } if now < until => return Err(Open { until }),
            State::Open { pause, .. } => self.change(State::Trying { pause }),
            State::Trying { .. } => return Err(Open { until: now }),
        }
        Ok(Permit { epoch: self.epoch })
    }

    /// Tells what came of a question.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a permit is for one question, whose end is told once"
    )]
    pub fn report(&mut self, now: Instant, permit: Permit, outcome: Outcome) {
        let Permit { epoch } = permit;
        if epoch != self.epoch {
            return;
        }
        match (self.state, outcome) {
            (State::Closed { .. }, Outcome::Worked) => self.state = State::Closed { failures: 0 },
            (State::Closed { .. }, Outcome::Neither) | (State::Open { .. }, _) => {}
            (State::Closed { failures }, Outcome::Failed { retry_after }) => {
                match failures + 1 < self.policy.failures {
                    true => {
                        self.state = State::Closed {
                            failures: failures + 1,
                        }
                    }
                    false => self.open(now, self.policy.pause, retry_after),
                }
            }
            (State::Trying { .. }, Outcome::Worked) => self.change(State::Closed { failures: 0 }),
            (State::Trying { pause }, Outcome::Failed { retry_after }) => {
                self.open(now, pause * 2, retry_after);
            }
            // Nobody knows more than before: the next question tries.
            (State::Trying { pause }, Outcome::Neither) => {
                self.change(State::Open { until: now, pause });
            }
        }
    }

    /// Whether questions are refused, but for one that tries.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        !matches!(self.state, State::Closed { .. })
    }

    fn open(&mut self, now: Instant, pause: Duration, retry_after: Option<Duration>) {
        let pause = pause.min(self.policy.max_pause);
        let wished = retry_after.unwrap_or_default().min(self.policy.max_pause);
        let until = now + pause.max(wished);
        self.change(State::Open { until, pause });
    }

    const fn change(&mut self, state: State) {
        self.state = state;
        self.epoch += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAILED: Outcome = Outcome::Failed { retry_after: None };

    fn at(seconds: u64) -> Instant {
        Instant::from_origin(Duration::from_secs(seconds))
    }

    fn ask(breaker: &mut Breaker, now: Instant, outcome: Outcome) {
        let permit = breaker.admit(now).unwrap();
        breaker.report(now, permit, outcome);
    }

    /// Opened at 0, until 5.
    fn opened() -> Breaker {
        let mut breaker = Breaker::new(BreakerPolicy::default());
        for _ in 0..5 {
            ask(&mut breaker, at(0), FAILED);
        }
        breaker
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_not_before() {
        let mut breaker = Breaker::new(BreakerPolicy::default());
        for outcome in [FAILED, FAILED, FAILED, FAILED, Outcome::Worked] {
            ask(&mut breaker, at(0), outcome);
        }
        for _ in 0..4 {
            ask(&mut breaker, at(0), FAILED);
            ask(&mut breaker, at(0), Outcome::Neither);
            assert!(!breaker.is_open());
        }
        ask(&mut breaker, at(0), FAILED);
        assert_eq!(breaker.admit(at(4)), Err(Open { until: at(5) }));
    }

    #[test]
    fn one_question_tries_and_the_others_wait_for_it() {
        let mut breaker = opened();
        let permit = breaker.admit(at(5)).unwrap();
        assert!(breaker.admit(at(5)).is_err(), "the first is not back");
        breaker.report(at(6), permit, Outcome::Worked);
        assert!(!breaker.is_open());
        // The count begins anew.
        ask(&mut breaker, at(6), FAILED);
        assert!(!breaker.is_open());
    }

    #[test]
    fn each_failed_try_doubles_the_pause_up_to_a_minute() {
        let mut breaker = opened();
        let mut now = at(5);
        for pause in [10, 20, 40, 60, 60] {
            ask(&mut breaker, now, FAILED);
            let until = now + Duration::from_secs(pause);
            assert_eq!(breaker.admit(now), Err(Open { until }));
            now = until;
        }
    }

    #[test]
    fn a_try_that_is_not_waited_for_leaves_the_next_one_to_try() {
        let mut breaker = opened();
        ask(&mut breaker, at(5), Outcome::Neither);
        let permit = breaker.admit(at(5)).unwrap();
        breaker.report(at(5), permit, FAILED);
        assert_eq!(breaker.admit(at(6)), Err(Open { until: at(15) }));
    }

    #[test]
    fn what_comes_late_of_questions_from_before_changes_nothing() {
        let mut breaker = Breaker::new(BreakerPolicy::default());
        let (slow, slower) = (breaker.admit(at(0)).unwrap(), breaker.admit(at(0)).unwrap());
        for _ in 0..5 {
            ask(&mut breaker, at(0), FAILED);
        }
        breaker.report(at(1), slow, Outcome::Worked);
        assert!(breaker.is_open());
        let permit = breaker.admit(at(5)).unwrap();
        breaker.report(at(5), slower, FAILED);
        breaker.report(at(5), permit, Outcome::Worked);
        assert!(!breaker.is_open());
    }

    #[test]
    fn a_provider_that_says_when_to_come_back_is_left_alone_until_then_but_not_for_ever() {
        let mut breaker = Breaker::new(BreakerPolicy {
            failures: 1,
            ..BreakerPolicy::default()
        });
        let busy = |seconds| Outcome::Failed {
            retry_after: Some(Duration::from_secs(seconds)),
        };
        ask(&mut breaker, at(0), busy(30));
        assert_eq!(breaker.admit(at(0)), Err(Open { until: at(30) }));
        ask(&mut breaker, at(30), busy(86_400));
        assert_eq!(breaker.admit(at(30)), Err(Open { until: at(90) }));
    }
}
