//! What was spoken before, so that the same prompt is synthesised once.

mod cache;
mod flights;

use std::sync::{Arc, Mutex, PoisonError};

use self::cache::Cache;
use self::flights::Flights;

/// Spoken prompts of one synthesiser, by voice and text. **Whoever asks for the same gets the same samples, not a
/// copy, and whoever asks while it is being spoken waits for that.**
pub struct Prompts {
    cache: Mutex<Cache>,
    flights: Flights,
}

impl std::fmt::Debug for Prompts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // What was said is not shown.
        f.debug_struct("Prompts").finish_non_exhaustive()
    }
}

impl Prompts {
    /// Keeps at most so many samples of two bytes; the oldest go first.
    #[must_use]
    pub fn new(samples: usize) -> Self {
        Self {
            cache: Mutex::new(Cache::new(samples)),
            flights: Flights::default(),
        }
    }

    /// What is kept of a prompt.
    #[must_use]
    pub fn get(&self, voice: &str, text: &str) -> Option<Arc<[i16]>> {
        self.cache().get(voice, text)
    }

    /// What is kept of a prompt, or what `speak` makes of it.
    ///
    /// # Errors
    /// Those of `speak`; the next who asks tries again.
    pub async fn get_or<E>(
        &self,
        voice: &str,
        text: &str,
        speak: impl Future<Output = Result<Arc<[i16]>, E>>,
    ) -> Result<Arc<[i16]>, E> {
        if let Some(audio) = self.get(voice, text) {
            return Ok(audio);
        }
        let flight = self.flights.of(voice, text);
        let _turn = flight.lock().await;
        if let Some(audio) = self.get(voice, text) {
            return Ok(audio);
        }
        let audio = speak.await?;
        self.cache().put(voice, text, Arc::clone(&audio));
        Ok(audio)
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, Cache> {
        // A panic while the lock was held can only have lost a cached prompt.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
