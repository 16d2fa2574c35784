//! What was spoken before, so that the same prompt is synthesised once.

mod cache;
mod flights;

use std::sync::{Arc, Mutex, PoisonError};

use self::cache::Cache;
use self::flights::Flights;

/// Spoken prompts of one synthesiser, by voice and text. **Whoever asks for the same gets the same samples, not a
/// copy, and whoever asks while it is being spoken gets what comes of that, a failure too.**
pub struct Prompts<E> {
    cache: Arc<Mutex<Cache>>,
    flights: Flights<E>,
}

impl<E> std::fmt::Debug for Prompts<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // What was said is not shown.
        f.debug_struct("Prompts").finish_non_exhaustive()
    }
}

impl<E: Clone> Prompts<E> {
    /// Keeps at most so many samples of two bytes; the oldest go first.
    #[must_use]
    pub fn new(samples: usize) -> Self {
        Self {
            cache: Arc::new(Mutex::new(Cache::new(samples))),
            flights: Flights::default(),
        }
    }

    /// What is kept of a prompt, or what `speak` makes of it, which goes on as long as anybody waits for it.
    ///
    /// # Errors
    /// Those of `speak`; who asks afterwards tries again.
    pub async fn get_or(
        &self,
        voice: &str,
        text: &str,
        speak: impl Future<Output = Result<Arc<[i16]>, E>> + Send + 'static,
    ) -> Result<Arc<[i16]>, E> {
        let kept = || lock(&self.cache).get(voice, text);
        if let Some(audio) = kept() {
            return Ok(audio);
        }
        let (cache, key) = (Arc::clone(&self.cache), (voice.to_owned(), text.to_owned()));
        let speak = async move {
            // Another flight may have landed since.
            let landed = lock(&cache).get(&key.0, &key.1);
            if let Some(audio) = landed {
                return Ok(audio);
            }
            let audio = speak.await?;
            lock(&cache).put(&key.0, &key.1, Arc::clone(&audio));
            Ok(audio)
        };
        self.flights.join(voice, text, speak).await
    }
}

fn lock(cache: &Mutex<Cache>) -> std::sync::MutexGuard<'_, Cache> {
    // A panic while the lock was held can only have lost a cached prompt.
    cache.lock().unwrap_or_else(PoisonError::into_inner)
}
