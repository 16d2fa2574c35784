//! How busy a media thread is, and whether it may be given one more call.
//!
//! Threads measure themselves, once a second; what is made of it is arithmetic. What counts is the time of the
//! clock, not of the CPU: a thread that others keep waiting is as little able to carry a call as one that works.

use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use callplane_types::Instant;

/// What is measured at a time.
const WINDOW: Duration = Duration::from_secs(1);
/// Weight of the last window in [`ThreadLoad::busy`].
const NEWEST: f64 = 0.5;
/// What one window leaves of the turns counted before: ten seconds are seen.
const KEPT: f64 = 0.9;
/// The turn that stands for all: only one in a hundred is later.
const QUANTILE: f64 = 0.99;
/// Bounds of what turns are counted by, in milliseconds.
const BOUNDS: [u64; 8] = [1, 2, 5, 10, 20, 50, 100, 200];
/// Fewer calls say nothing of what one costs.
const TELLING_CALLS: usize = 20;

/// How busy a thread may be to be given a call.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Limits {
    /// Share of its time, 0 to 1; with 1 nothing is refused for it.
    pub(crate) busy: f64,
    /// How late the latest turn in a hundred may be. Only of a thread that is at least half as busy as it may be:
    /// one that has little to do is late because of others on the machine, which fewer calls would not change.
    pub(crate) late: Duration,
}

/// A thread in its last seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct ThreadLoad {
    /// Share of the time in which it works, 0 to 1.
    pub(crate) busy: f64,
    /// How late the latest turn in a hundred is, as the bound of a bucket.
    pub(crate) late: Duration,
    /// Calls it had.
    pub(crate) calls: usize,
}

impl ThreadLoad {
    /// Whether a thread that has `calls` by now may have one more. **Calls that came since it was measured count as
    /// much as those that were**, so that a burst within a second is held back, too.
    pub(crate) fn has_room(&self, calls: usize, limits: &Limits) -> bool {
        let expected = match self.calls {
            0..TELLING_CALLS => self.busy,
            measured => self.busy * (calls as f64 / measured as f64).max(1.0),
        };
        let is_late = self.late > limits.late && expected >= limits.busy / 2.0;
        limits.busy >= 1.0 || (expected <= limits.busy && !is_late)
    }
}

/// Measures one thread.
#[derive(Debug)]
pub(super) struct Meter {
    began: Instant,
    worked: Duration,
    busy: f64,
    /// Turns by how late they were, and those beyond the last bound.
    turns: [f64; BOUNDS.len() + 1],
}

impl Meter {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            began: now,
            worked: Duration::ZERO,
            busy: 0.0,
            turns: Default::default(),
        }
    }

    /// The thread did something for so long.
    pub(super) fn worked(&mut self, time: Duration) {
        self.worked += time;
    }

    /// A slot of the wheel was served so late.
    pub(super) fn turned(&mut self, late: Duration) {
        let place = BOUNDS.iter().position(|bound| late <= millis(*bound));
        self.turns[place.unwrap_or(BOUNDS.len())] += 1.0;
    }

    /// What the thread, which has `calls`, is like; once in a second.
    pub(super) fn measure(&mut self, now: Instant, calls: usize) -> Option<ThreadLoad> {
        let time = now - self.began;
        if time < WINDOW {
            return None;
        }
        let share = (self.worked.as_secs_f64() / time.as_secs_f64()).min(1.0);
        self.busy += NEWEST * (share - self.busy);
        let load = ThreadLoad {
            busy: self.busy,
            late: self.late(),
            calls,
        };
        (self.began, self.worked) = (now, Duration::ZERO);
        for count in &mut self.turns {
            *count *= KEPT;
        }
        Some(load)
    }

    fn late(&self) -> Duration {
        let enough = QUANTILE * self.turns.iter().sum::<f64>();
        let mut counted = 0.0;
        let place = self.turns.iter().position(|count| {
            counted += count;
            counted >= enough
        });
        let bound = place.and_then(|place| BOUNDS.get(place));
        bound.map_or(Duration::MAX, |bound| millis(*bound))
    }
}

const fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// A [`ThreadLoad`] that others may read at any time. Its parts may be a second apart.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// Calls of the thread, those included that are on their way to it.
    pub(super) calls: AtomicUsize,
    measured_calls: AtomicUsize,
    busy_permille: AtomicU32,
    late_micros: AtomicU64,
}

impl Shown {
    pub(super) fn show(&self, load: ThreadLoad) {
        let ThreadLoad { busy, late, calls } = load;
        let late = u64::try_from(late.as_micros()).unwrap_or(u64::MAX);
        self.measured_calls.store(calls, Ordering::Relaxed);
        self.busy_permille
            .store((busy * 1_000.0).round() as u32, Ordering::Relaxed);
        self.late_micros.store(late, Ordering::Relaxed);
    }

    pub(super) fn load(&self) -> ThreadLoad {
        ThreadLoad {
            busy: f64::from(self.busy_permille.load(Ordering::Relaxed)) / 1_000.0,
            late: Duration::from_micros(self.late_micros.load(Ordering::Relaxed)),
            calls: self.measured_calls.load(Ordering::Relaxed),
        }
    }

    /// Whether the thread may have one more call.
    pub(super) fn has_room(&self, limits: &Limits) -> bool {
        self.load()
            .has_room(self.calls.load(Ordering::Relaxed), limits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        busy: 0.7,
        late: millis(5),
    };

    /// Seconds in which a thread with 100 calls works for a share of the time, and serves its 400 turns so late.
    fn seconds(count: u32, share: f64, late: impl Fn(u32) -> Duration) -> ThreadLoad {
        let mut meter = Meter::new(Instant::ZERO);
        let mut load = ThreadLoad::default();
        for second in 0..count {
            for turn in 0..400 {
                meter.turned(late(turn));
            }
            meter.worked(WINDOW.mul_f64(share));
            let now = Instant::ZERO + WINDOW * (second + 1);
            load = meter.measure(now, 100).expect("a second has passed");
        }
        load
    }

    #[test]
    fn a_thread_that_is_busier_than_it_may_be_gets_no_call() {
        assert!(seconds(10, 0.65, |_| millis(0)).has_room(100, &LIMITS));
        assert!(!seconds(10, 0.75, |_| millis(0)).has_room(100, &LIMITS));
    }

    #[test]
    fn one_busy_second_alone_keeps_no_call_out() {
        let load = seconds(1, 1.0, |_| millis(0));
        assert_eq!(load.busy, 0.5);
        assert!(load.has_room(100, &LIMITS));
    }

    #[test]
    fn calls_that_came_since_count_as_those_before() {
        let load = seconds(10, 0.5, |_| millis(0));
        assert!(load.has_room(139, &LIMITS));
        assert!(!load.has_room(145, &LIMITS));
        // Those that left do not: their time is not measured yet.
        assert!(!seconds(10, 0.75, |_| millis(0)).has_room(10, &LIMITS));
    }

    #[test]
    fn a_few_calls_say_nothing_of_many() {
        let load = ThreadLoad {
            busy: 0.1,
            late: Duration::ZERO,
            calls: 2,
        };
        assert!(load.has_room(40, &LIMITS));
    }

    #[test]
    fn more_than_one_late_turn_in_a_hundred_keeps_calls_out() {
        let often = |turn: u32| millis(if turn.is_multiple_of(50) { 8 } else { 0 });
        let seldom = |turn: u32| millis(if turn.is_multiple_of(200) { 8 } else { 0 });
        assert_eq!(seconds(10, 0.5, often).late, millis(10));
        assert!(!seconds(10, 0.5, often).has_room(100, &LIMITS));
        assert!(seconds(10, 0.5, seldom).has_room(100, &LIMITS));
        // Late, and not by its own work.
        assert!(seconds(10, 0.1, often).has_room(100, &LIMITS));
    }

    #[test]
    fn lateness_is_forgotten_within_a_minute() {
        let mut meter = Meter::new(Instant::ZERO);
        meter.turned(millis(500));
        let mut last = Duration::MAX;
        for second in 1..=60 {
            for _ in 0..400 {
                meter.turned(millis(0));
            }
            meter.worked(WINDOW / 2);
            let now = Instant::ZERO + WINDOW * second;
            last = meter.measure(now, 100).expect("a second has passed").late;
        }
        assert_eq!(last, millis(1));
    }

    #[test]
    fn with_the_highest_limit_nothing_is_refused() {
        let limits = Limits {
            busy: 1.0,
            ..LIMITS
        };
        assert!(seconds(10, 1.0, |_| millis(300)).has_room(1_000, &limits));
    }

    #[test]
    fn what_is_shown_is_what_was_measured() {
        let shown = Shown::default();
        let load = ThreadLoad {
            busy: 0.25,
            late: millis(5),
            calls: 40,
        };
        shown.show(load);
        assert_eq!(shown.load(), load);
    }
}
