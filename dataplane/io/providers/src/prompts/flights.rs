//! Who wants a prompt that is being spoken for another waits for that one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared, WeakShared};

type Spoken<E> = Result<Arc<[i16]>, E>;
type Flight<E> = WeakShared<BoxFuture<'static, Spoken<E>>>;

/// The prompts that are being synthesised. Twenty callers who reach a new prompt at once cost one synthesis, and none of
/// them waits longer than that takes, whatever comes of it. It ends when the last who waits for it is gone.
pub(super) struct Flights<E>(Mutex<HashMap<(String, String), Flight<E>>>);

impl<E> Default for Flights<E> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<E: Clone> Flights<E> {
    /// The flight of a prompt: the one that is on its way, or `speak`.
    pub(super) fn join(
        &self,
        voice: &str,
        text: &str,
        speak: impl Future<Output = Spoken<E>> + Send + 'static,
    ) -> Shared<BoxFuture<'static, Spoken<E>>> {
        // A panic while the map was held can only have lost an entry.
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        flights.retain(|_, flight| on_its_way(flight).is_some());
        let key = (voice.to_owned(), text.to_owned());
        if let Some(flight) = flights.get(&key).and_then(on_its_way) {
            return flight;
        }
        let flight = speak.boxed().shared();
        if let Some(weak) = flight.downgrade() {
            flights.insert(key, weak);
        }
        flight
    }
}

/// Nothing of one that has landed.
fn on_its_way<E: Clone>(flight: &Flight<E>) -> Option<Shared<BoxFuture<'static, Spoken<E>>>> {
    flight.upgrade().filter(|flight| flight.peek().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_has_one_flight_and_leaves_nothing_behind() {
        let flights = Flights::<()>::default();
        let never = std::future::pending::<Spoken<()>>;
        let first = flights.join("slt", "hello", never());
        assert!(first.ptr_eq(&flights.join("slt", "hello", never())));
        assert!(!first.ptr_eq(&flights.join("rms", "hello", never())));
        drop(first);
        let _other = flights.join("slt", "other", never());
        assert_eq!(flights.0.lock().unwrap().len(), 1);
    }

    #[test]
    fn one_that_has_failed_is_begun_anew_while_somebody_still_holds_it() {
        let flights = Flights::default();
        let first = flights.join("slt", "hello", std::future::ready(Err(7)));
        assert_eq!(first.clone().now_or_never().unwrap(), Err(7));
        let audio: Arc<[i16]> = [1].into();
        let second = flights.join("slt", "hello", std::future::ready(Ok(audio)));
        assert_eq!(second.now_or_never().unwrap().unwrap()[..], [1]);
    }
}
