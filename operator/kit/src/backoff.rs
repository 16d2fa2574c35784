//! How long to wait: failures, resyncs, and the randomness that spreads both.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kube::runtime::reflector::ObjectRef;

use crate::object::Object;

/// First step of the backoff.
const FIRST: Duration = Duration::from_secs(1);
/// Longest step of the backoff.
const LONGEST: Duration = Duration::from_secs(300);
/// Never less than this, so that a jitter near zero makes no hot loop.
const SHORTEST: Duration = Duration::from_millis(50);
/// Time between two looks at an object that is as it should be.
const RESYNC: Duration = Duration::from_secs(600);

/// The wait before attempt `failures + 1`: full jitter over 1 s, 2 s, 4 s .. 5 min.
///
/// `unit` is a random number in `0.0..1.0`.
#[must_use]
pub fn failure_delay(failures: u32, unit: f64) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    let ceiling = LONGEST.min(FIRST.saturating_mul(1 << doublings));
    ceiling.mul_f64(unit).max(SHORTEST)
}

/// The resync period with a jitter of a fifth, so that objects created together drift apart.
#[must_use]
pub(crate) fn resync_delay(unit: f64) -> Duration {
    RESYNC.mul_f64(0.8 + 0.4 * unit)
}

/// A source of random numbers that are good enough to spread load, never for secrets.
#[derive(Debug)]
pub struct Jitter(AtomicU64);

impl Default for Jitter {
    fn default() -> Self {
        Self::seeded(RandomState::new().hash_one(std::process::id()))
    }
}

impl Jitter {
    /// The same seed gives the same numbers.
    #[must_use]
    pub const fn seeded(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// The next number in `0.0..1.0` (SplitMix64).
    pub fn unit(&self) -> f64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        // 53 bits fill the mantissa.
        #[expect(clippy::cast_precision_loss, reason = "53 bits are exact in an f64")]
        let numerator = (z >> 11) as f64;
        numerator / 9_007_199_254_740_992.0
    }
}

/// Failures in a row, per object of one kind.
#[derive(Debug)]
pub(crate) struct Failures<K: Object>(Mutex<HashMap<ObjectRef<K>, Failing>>);

#[derive(Debug, Default)]
struct Failing {
    times: u32,
    reason: &'static str,
}

/// What a failure adds to the failures before it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// Failures in a row, this one included.
    pub(crate) times: u32,
    /// The reason differs from that of the failure before: worth an Event.
    pub(crate) is_news: bool,
}

impl<K: Object> Default for Failures<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Object> Failures<K> {
    /// Counts a failure.
    pub(crate) fn count(&self, object: &ObjectRef<K>, reason: &'static str) -> Failure {
        let mut failures = self.lock();
        let failing = failures.entry(object.clone()).or_default();
        failing.times = failing.times.saturating_add(1);
        let is_news = failing.reason != reason;
        failing.reason = reason;
        Failure {
            times: failing.times,
            is_news,
        }
    }

    /// Failures in a row so far.
    pub(crate) fn times(&self, object: &ObjectRef<K>) -> u32 {
        self.lock().get(object).map_or(0, |failing| failing.times)
    }

    /// Forgets the failures of an object that succeeded or is gone.
    pub(crate) fn forget(&self, object: &ObjectRef<K>) {
        self.lock().remove(object);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<ObjectRef<K>, Failing>> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;

    use super::*;

    #[test]
    fn the_wait_doubles_up_to_five_minutes() {
        let most = 1.0 - f64::EPSILON;
        for (failures, seconds) in [(1, 1), (2, 2), (3, 4), (9, 256), (10, 300), (u32::MAX, 300)] {
            let delay = failure_delay(failures, most);
            assert!(
                delay <= Duration::from_secs(seconds)
                    && delay > Duration::from_secs(seconds).mul_f64(0.99),
                "{failures}: {delay:?}"
            );
        }
        assert_eq!(failure_delay(5, 0.0), SHORTEST);
    }

    #[test]
    fn jitter_is_spread_over_the_whole_range() {
        let jitter = Jitter::seeded(7);
        let units: Vec<f64> = (0..1000).map(|_| jitter.unit()).collect();
        assert!(units.iter().all(|unit| (0.0..1.0).contains(unit)));
        assert!(units.iter().filter(|unit| **unit < 0.5).count() > 400);
        assert!(units.iter().filter(|unit| **unit >= 0.5).count() > 400);
    }

    #[test]
    fn a_success_starts_the_count_again_and_a_new_reason_is_news() {
        let failures = Failures::<ConfigMap>::default();
        let object = ObjectRef::new("a").within("n");
        assert_eq!(
            failures.count(&object, "Apply"),
            Failure {
                times: 1,
                is_news: true
            }
        );
        assert_eq!(
            failures.count(&object, "Apply"),
            Failure {
                times: 2,
                is_news: false
            }
        );
        assert_eq!(
            failures.count(&object, "Status"),
            Failure {
                times: 3,
                is_news: true
            }
        );
        failures.forget(&object);
        assert_eq!(
            failures.count(&object, "Status"),
            Failure {
                times: 1,
                is_news: true
            }
        );
    }
}
