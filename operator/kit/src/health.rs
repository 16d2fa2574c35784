//! Is the process alive, is it ready.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::metrics::Metrics;

/// Answers of the probes. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Health {
    metrics: Metrics,
    synced: Arc<AtomicBool>,
    silent_after: Duration,
}

impl Health {
    pub(crate) fn new(metrics: Metrics, silent_after: Duration) -> Self {
        Self {
            metrics,
            synced: Arc::default(),
            silent_after,
        }
    }

    pub(crate) fn set_synced(&self) {
        self.synced.store(true, Ordering::Release);
    }

    /// Alive while no watch that fills a cache is silent for more than twice its idle timeout. A watch
    /// that is answered with errors is silent too: a new process reads its credentials and its schema
    /// anew. Watches of metadata do not count: no controller depends on one, and a right that is
    /// missing for it does not come with a new process.
    ///
    /// # Errors
    /// A sentence that names the silent watches.
    pub fn live(&self) -> Result<(), String> {
        let silent: Vec<String> = self
            .metrics
            .watches()
            .iter()
            .filter(|watch| watch.fills_cache() && watch.age() > self.silent_after)
            .map(|watch| format!("{} for {} s", watch.name(), watch.age().as_secs()))
            .collect();
        if silent.is_empty() {
            Ok(())
        } else {
            Err(format!("silent watches: {}", silent.join(", ")))
        }
    }

    /// Ready once every cache had its first complete list.
    ///
    /// # Errors
    /// A sentence that says what is missing.
    pub fn ready(&self) -> Result<(), String> {
        if self.synced.load(Ordering::Acquire) {
            Ok(())
        } else {
            Err("caches are not synced yet".to_owned())
        }
    }
}
