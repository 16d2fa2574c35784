//! Who wants a prompt that is being spoken for another waits for that one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

type Flight = tokio::sync::Mutex<()>;

/// One lock for each prompt that is being synthesised. Twenty callers who reach a new prompt at
/// once cost one synthesis: the others take the lock when it is done, and find it in the cache.
#[derive(Default)]
pub(super) struct Flights(Mutex<HashMap<(String, String), Weak<Flight>>>);

impl Flights {
    /// The lock of a prompt; forgotten when the last who waits for it is gone.
    pub(super) fn of(&self, voice: &str, text: &str) -> Arc<Flight> {
        // A panic while the map was held can only have lost an entry.
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        flights.retain(|_, flight| flight.strong_count() > 0);
        let key = (voice.to_owned(), text.to_owned());
        if let Some(flight) = flights.get(&key).and_then(Weak::upgrade) {
            return flight;
        }
        let flight = Arc::default();
        flights.insert(key, Arc::downgrade(&flight));
        flight
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_has_one_flight_and_leaves_nothing_behind() {
        let flights = Flights::default();
        let first = flights.of("slt", "hello");
        assert!(Arc::ptr_eq(&first, &flights.of("slt", "hello")));
        assert!(!Arc::ptr_eq(&first, &flights.of("rms", "hello")));
        drop(first);
        let _other = flights.of("slt", "other");
        assert_eq!(flights.0.lock().unwrap().len(), 1);
    }
}
