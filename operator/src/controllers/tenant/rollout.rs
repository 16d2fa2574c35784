//! Whose schema is rolled forward now.
//!
//! After an upgrade of the operator every tenant lacks a file at once. A few at a time get it, so that
//! the database stays with the calls; **the others wait without holding anything**: their reconcile goes
//! on with the schema as it is, which the code of now works on, and is woken when a place is free.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use callplane_store::migrate::Throttle;

/// When a tenant that waits looks by itself: the one that was to be woken may be gone.
pub(super) const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// Gives out the places. Cheap to clone; one for the whole controller.
#[derive(Clone)]
pub(super) struct Rollout(Arc<Shared>);

/// Wakes the Tenant of a name.
type Wake = Box<dyn Fn(&str) + Send + Sync>;

struct Shared {
    throttle: Throttle,
    places: Mutex<Places>,
    wake: OnceLock<Wake>,
}

#[derive(Default)]
struct Places {
    taken: usize,
    /// Names of Tenants, in the order in which they asked.
    waiting: VecDeque<String>,
}

/// A place; it is free again some time after this is dropped.
pub(super) struct Turn(Arc<Shared>);

impl Rollout {
    pub(super) fn new(throttle: Throttle) -> Self {
        Self(Arc::new(Shared {
            throttle,
            places: Mutex::default(),
            wake: OnceLock::new(),
        }))
    }

    /// Says how to wake the Tenant of a name. The first time counts.
    pub(super) fn wake_with(&self, wake: impl Fn(&str) + Send + Sync + 'static) {
        let _ = self.0.wake.set(Box::new(wake));
    }

    /// A place for the schema of a Tenant, or none yet: then it is woken.
    pub(super) fn turn(&self, tenant: &str) -> Option<Turn> {
        let mut places = self.0.places();
        if places.taken < self.0.throttle.at_once.get() {
            places.taken += 1;
            places.waiting.retain(|waiting| waiting != tenant);
            return Some(Turn(Arc::clone(&self.0)));
        }
        if !places.waiting.iter().any(|waiting| waiting == tenant) {
            places.waiting.push_back(tenant.to_owned());
        }
        None
    }
}

impl Shared {
    fn places(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn free(&self) {
        let next = {
            let mut places = self.places();
            places.taken = places.taken.saturating_sub(1);
            places.waiting.pop_front()
        };
        if let (Some(next), Some(wake)) = (next, self.wake.get()) {
            wake(&next);
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let shared = Arc::clone(&self.0);
        // Without a runtime the process is ending.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                tokio::time::sleep(shared.throttle.pause).await;
                shared.free();
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn places_are_given_in_turn_and_rest_between() {
        let rollout = Rollout::new(Throttle {
            at_once: NonZeroUsize::new(2).unwrap(),
            pause: Duration::from_secs(3),
        });
        let (woken, mut wakes) = tokio::sync::mpsc::unbounded_channel();
        rollout.wake_with(move |name| woken.send(name.to_owned()).unwrap());
        let a = rollout.turn("a").unwrap();
        let b = rollout.turn("b").unwrap();
        for name in ["c", "d", "c"] {
            assert!(rollout.turn(name).is_none(), "{name}");
        }
        let begun = Instant::now();
        drop(a);
        assert!(rollout.turn("e").is_none(), "the place rests");
        assert_eq!(wakes.recv().await.unwrap(), "c");
        assert_eq!(begun.elapsed(), Duration::from_secs(3));
        let c = rollout.turn("c").unwrap();
        drop((b, c));
        assert_eq!(wakes.recv().await.unwrap(), "d");
        assert_eq!(wakes.recv().await.unwrap(), "e");
        let _d = rollout.turn("d").unwrap();
        assert!(rollout.turn("e").is_some());
    }
}
