//! Which replica may write: a `coordination.k8s.io` Lease.
//!
//! * The holder renews every 2 s and stops by itself when it could not renew for 10 s; others take
//!   over 15 s after they last saw a change. Nobody compares the clocks of two machines.
//! * **A process that lost the Lease ends** ([`Elector::run`] returns [`Lost`]): nothing that it
//!   believes is fresh. Its writes are refused before that, from the moment in which it should have
//!   renewed ([`Leadership::is_held`]).
//! * `leaseTransitions` is the epoch: it grows with each change of the holder, and the database
//!   refuses writes of an older epoch than it has seen.

mod evaluate;

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::Client;
use kube::api::{Api, ObjectMeta, PostParams};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use evaluate::{Observed, Verdict, evaluate};

use crate::backoff::Jitter;
use crate::client::bounded;
use crate::metrics::Metrics;

/// The three times of an election; each must be longer than the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// Others take over when they saw no change for this long. 15 s.
    pub duration: Duration,
    /// The holder stops writing and ends when it could not renew for this long. 10 s.
    pub renew_deadline: Duration,
    /// Time between two attempts. 2 s.
    pub retry: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            duration: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry: Duration::from_secs(2),
        }
    }
}

/// The Lease was held and could not be renewed, or was taken. The process must end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("lost the lease: {0}")]
pub struct Lost(String);

#[derive(Debug, Clone, Copy)]
struct Held {
    epoch: i64,
    until: Instant,
}

/// Whether this process may write. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Leadership(watch::Receiver<Option<Held>>);

impl Leadership {
    /// A leadership that is never lost, for one-shot tools and tests without an election.
    #[must_use]
    pub fn always(epoch: i64) -> Self {
        let until = Instant::now() + Duration::from_secs(86_400 * 365);
        // The value stays readable after its sender is gone.
        Self(watch::channel(Some(Held { epoch, until })).1)
    }

    /// Whether the Lease is held now.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.epoch().is_some()
    }

    /// The epoch of this leadership, to be checked by the database in the transaction of each write.
    #[must_use]
    pub fn epoch(&self) -> Option<i64> {
        (*self.0.borrow())
            .filter(|held| Instant::now() < held.until)
            .map(|held| held.epoch)
    }

    /// Waits until the Lease is held, at once if it is.
    pub async fn acquired(&mut self) {
        if self.0.wait_for(Option::is_some).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Runs for the Lease on behalf of one process.
#[derive(Debug)]
pub struct Elector {
    api: Api<Lease>,
    name: String,
    identity: String,
    timing: Timing,
    held: watch::Sender<Option<Held>>,
    metrics: Metrics,
    jitter: Jitter,
}

impl Elector {
    /// An elector for the Lease `namespace/name`. `pod` names this process for humans; a random
    /// suffix tells it from the process that ran in the pod before a restart.
    #[must_use]
    pub fn new(
        client: Client,
        namespace: &str,
        name: &str,
        pod: &str,
        timing: Timing,
        metrics: Metrics,
    ) -> (Self, Leadership) {
        let (held, leadership) = watch::channel(None);
        let elector = Self {
            api: Api::namespaced(client, namespace),
            name: name.to_owned(),
            identity: format!("{pod}_{}", uuid::Uuid::now_v7().simple()),
            timing,
            held,
            metrics,
            jitter: Jitter::default(),
        };
        (elector, Leadership(leadership))
    }

    /// Runs until `shutdown`, then releases the Lease so that another takes over at once.
    ///
    /// # Errors
    /// [`Lost`] when the Lease was held and is no more.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), Lost> {
        let mut observed: Option<Observed> = None;
        loop {
            let step = tokio::select! {
                () = shutdown.cancelled() => break,
                step = self.step(&mut observed) => step,
            };
            if let Err(error) = step {
                tracing::warn!(%error, lease.name = %self.name, "Could not look after the lease");
            }
            self.check_held(observed.as_ref())?;
            let pause = if self.held.borrow().is_some() {
                self.timing.retry
            } else {
                // Spread, so that standbys do not all reach for a free Lease together.
                self.timing.retry.mul_f64(1.0 + 0.2 * self.jitter.unit())
            };
            tokio::select! {
                () = shutdown.cancelled() => break,
                () = tokio::time::sleep(pause) => {}
            }
        }
        self.release(observed.as_ref()).await;
        Ok(())
    }

    /// One look at the Lease and what follows from it.
    async fn step(&self, observed: &mut Option<Observed>) -> kube::Result<()> {
        let started = Instant::now();
        let lease = bounded(self.api.get_opt(&self.name)).await?;
        *observed = lease.map(|lease| Observed::new(&lease, observed.as_ref(), started));
        let written = match evaluate(observed.as_ref(), &self.identity, started) {
            Verdict::Wait => return Ok(()),
            Verdict::Create => {
                let lease = self.lease(first_transitions(Timestamp::now()), None, None);
                bounded(self.api.create(&PostParams::default(), &lease)).await
            }
            Verdict::Take { transitions } => {
                self.replace(observed.as_ref(), transitions + 1, None).await
            }
            Verdict::Renew { transitions } => {
                let acquired = observed.as_ref().and_then(|o| o.acquire_time.clone());
                self.replace(observed.as_ref(), transitions, acquired).await
            }
        };
        match written {
            Ok(lease) => {
                let now = Observed::new(&lease, observed.as_ref(), started);
                let epoch = i64::from(now.transitions);
                *observed = Some(now);
                self.hold(epoch, started + self.timing.renew_deadline);
                Ok(())
            }
            // Another was faster; the next look tells who.
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn hold(&self, epoch: i64, until: Instant) {
        let before = self.held.send_replace(Some(Held { epoch, until }));
        if before.is_none() {
            self.metrics.set_leader(true);
            tracing::info!(lease.name = %self.name, epoch, "Became the leader");
        }
    }

    /// Fail-stop: a Lease once held is either in time or lost.
    fn check_held(&self, observed: Option<&Observed>) -> Result<(), Lost> {
        let Some(held) = *self.held.borrow() else {
            return Ok(());
        };
        let taken = observed
            .filter(|observed| observed.holder.as_deref() != Some(&self.identity))
            .map(|observed| observed.holder.clone().unwrap_or_default());
        let reason = match taken {
            Some(holder) => format!("`{holder}` has it"),
            None if Instant::now() >= held.until => format!(
                "it could not be renewed for {:?}",
                self.timing.renew_deadline
            ),
            None => return Ok(()),
        };
        self.held.send_replace(None);
        self.metrics.set_leader(false);
        Err(Lost(reason))
    }

    async fn release(&self, observed: Option<&Observed>) {
        if self.held.send_replace(None).is_none() {
            return;
        }
        self.metrics.set_leader(false);
        let Some(observed) = observed else { return };
        let mut lease = self.lease(
            observed.transitions,
            Some(observed.resource_version.clone()),
            observed.acquire_time.clone(),
        );
        if let Some(spec) = &mut lease.spec {
            spec.holder_identity = Some(String::new());
            spec.lease_duration_seconds = Some(1);
        }
        let params = PostParams::default();
        match bounded(self.api.replace(&self.name, &params, &lease)).await {
            Ok(_) => tracing::info!(lease.name = %self.name, "Released the lease"),
            Err(error) => tracing::warn!(%error, "Could not release the lease; it expires"),
        }
    }

    async fn replace(
        &self,
        observed: Option<&Observed>,
        transitions: i32,
        acquired: Option<MicroTime>,
    ) -> kube::Result<Lease> {
        let version = observed.map(|observed| observed.resource_version.clone());
        let lease = self.lease(transitions, version, acquired);
        bounded(self.api.replace(&self.name, &PostParams::default(), &lease)).await
    }

    fn lease(
        &self,
        transitions: i32,
        resource_version: Option<String>,
        acquired: Option<MicroTime>,
    ) -> Lease {
        let now = MicroTime(Timestamp::now());
        Lease {
            metadata: ObjectMeta {
                name: Some(self.name.clone()),
                resource_version,
                ..ObjectMeta::default()
            },
            spec: Some(LeaseSpec {
                holder_identity: Some(self.identity.clone()),
                // At least one second, because the API server refuses zero.
                lease_duration_seconds: Some(
                    i32::try_from(self.timing.duration.as_secs())
                        .unwrap_or(15)
                        .max(1),
                ),
                acquire_time: Some(acquired.unwrap_or_else(|| now.clone())),
                renew_time: Some(now),
                lease_transitions: Some(transitions),
                ..LeaseSpec::default()
            }),
        }
    }
}

/// A Lease that is created anew starts at the seconds since 2026 and not at zero, so that the epoch
/// does not go back when somebody deleted the Lease, or the cluster and not the database. Leaders
/// change less often than once a second, and 31 bits last until 2094.
fn first_transitions(now: Timestamp) -> i32 {
    const START_OF_2026: i64 = 1_767_225_600;
    i32::try_from((now.as_second() - START_OF_2026).max(0)).unwrap_or(i32::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_lease_starts_above_every_epoch_before_it() {
        let then: Timestamp = "2026-11-21T08:00:00Z".parse().unwrap();
        let later: Timestamp = "2026-11-21T09:00:00Z".parse().unwrap();
        assert_eq!(first_transitions(later) - first_transitions(then), 3600);
    }

    #[tokio::test]
    async fn a_leadership_ends_when_its_time_is_over() {
        let (sender, receiver) = watch::channel(Some(Held {
            epoch: 7,
            until: Instant::now() + Duration::from_secs(3600),
        }));
        let leadership = Leadership(receiver);
        assert_eq!(leadership.epoch(), Some(7));
        sender.send_replace(Some(Held {
            epoch: 7,
            until: Instant::now(),
        }));
        assert!(!leadership.is_held());
    }
}
