//! Computing that neither calls nor connections wait for.

use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Instant;

use anyhow::Context as _;
use prometheus_client::metrics::counter::Counter;
use std::sync::atomic::AtomicU64;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// Seconds spent.
pub(crate) type Seconds = Counter<f64, AtomicU64>;

/// Threads that turn samples into packets, **as many at once as the machine has cores**: what is not done in
/// time waits for its turn, and the media threads share the machine with no more of them. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Encoders {
    turns: Arc<Semaphore>,
    spent: Seconds,
}

impl Encoders {
    /// `spent` counts what they work.
    pub(crate) fn new(spent: Seconds) -> Self {
        let cores = available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        Self {
            turns: Arc::new(Semaphore::new(cores)),
            spent,
        }
    }

    /// Does `work` when it is its turn.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> anyhow::Result<T> {
        let turn = Arc::clone(&self.turns).acquire_owned().await?;
        let spent = self.spent.clone();
        let done = spawn_blocking(move || {
            let began = Instant::now();
            let done = work();
            spent.inc_by(began.elapsed().as_secs_f64());
            drop(turn);
            done
        });
        done.await.context("an encoder of recordings has panicked")
    }
}
