//! When the records of finished calls go to the database together: when there are many, or when the
//! first has waited its time. A commit waits for the disk of the server, whatever is in it.

use std::time::Duration;

use callplane_types::{CallId, Instant};

/// Most calls of one transaction.
const MOST: usize = 100;
/// Longest that a record waits for company.
const LONGEST: Duration = Duration::from_millis(25);

/// Calls whose records wait to be delivered. **None waits longer than [`LONGEST`] before it is due.**
#[derive(Debug)]
pub(super) struct Batch {
    calls: Vec<CallId>,
    /// When the first of them came.
    since: Instant,
    limit: usize,
}

impl Batch {
    pub(super) const fn new() -> Self {
        Self {
            calls: Vec::new(),
            since: Instant::ZERO,
            limit: MOST,
        }
    }

    /// Most calls that a transaction should have now.
    pub(super) const fn limit(&self) -> usize {
        self.limit
    }

    pub(super) fn add(&mut self, now: Instant, call: CallId) {
        if self.calls.is_empty() {
            self.since = now;
        }
        self.calls.push(call);
    }

    /// How long until the calls are due; `None` when there are none.
    pub(super) fn wait(&self, now: Instant) -> Option<Duration> {
        if self.calls.is_empty() {
            return None;
        }
        if self.calls.len() >= self.limit {
            return Some(Duration::ZERO);
        }
        Some(LONGEST.saturating_sub(now - self.since))
    }

    /// The calls, when they are due.
    pub(super) fn take(&mut self, now: Instant) -> Option<Vec<CallId>> {
        (self.wait(now)? == Duration::ZERO).then(|| std::mem::take(&mut self.calls))
    }

    /// Forgets the calls: somebody delivers all there are.
    pub(super) fn clear(&mut self) {
        self.calls.clear();
    }

    /// A transaction took too long, or met a lock: the next ones are smaller.
    pub(super) const fn shrink(&mut self) {
        self.limit = if self.limit > 1 { self.limit / 2 } else { 1 };
    }

    /// A transaction went well: the next ones may be larger.
    pub(super) const fn grow(&mut self) {
        self.limit = if self.limit * 2 < MOST {
            self.limit * 2
        } else {
            MOST
        };
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn at(milliseconds: u64) -> Instant {
        Instant::from_origin(Duration::from_millis(milliseconds))
    }

    fn call(n: usize) -> CallId {
        CallId::new(Uuid::from_u128(n as u128))
    }

    #[test]
    fn calls_leave_together_when_the_first_has_waited() {
        let mut batch = Batch::new();
        assert_eq!((batch.wait(at(0)), batch.take(at(0))), (None, None));
        batch.add(at(10), call(1));
        batch.add(at(30), call(2));
        assert_eq!(batch.wait(at(30)), Some(Duration::from_millis(5)));
        assert_eq!(batch.take(at(34)), None);
        assert_eq!(batch.take(at(35)), Some(vec![call(1), call(2)]));
        assert_eq!(batch.take(at(90)), None);
        // The next one waits from its own coming on.
        batch.add(at(100), call(3));
        assert_eq!(batch.wait(at(100)), Some(LONGEST));
    }

    #[test]
    fn many_calls_leave_at_once() {
        let mut batch = Batch::new();
        for n in 1..=MOST {
            assert_eq!(batch.take(at(0)), None);
            batch.add(at(0), call(n));
        }
        assert_eq!(batch.take(at(0)).map(|calls| calls.len()), Some(MOST));
    }

    #[test]
    fn what_is_too_much_for_the_database_becomes_less_until_one_by_one() {
        let mut batch = Batch::new();
        for limit in [50, 25, 12, 6, 3, 1, 1] {
            batch.shrink();
            assert_eq!(batch.limit(), limit);
        }
        batch.add(at(0), call(1));
        assert_eq!(batch.take(at(0)), Some(vec![call(1)]));
        for limit in [2, 4, 8, 16, 32, 64, 100, 100] {
            batch.grow();
            assert_eq!(batch.limit(), limit);
        }
    }
}
