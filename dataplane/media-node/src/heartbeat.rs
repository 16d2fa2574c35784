//! Says every second that this node lives, and closes what lost nodes left open.

use std::sync::Arc;
use std::time::Duration;

use callplane_store::media_nodes::{self, LEASE, Load, NodeEpoch, Registration, STRAY_AGE, Swept};
use callplane_store::{Error, quotas};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::node::Node;

/// A beat.
const BEAT: Duration = Duration::from_secs(1);
/// Beats between two sweeps, and between two looks at the quotas.
const SWEEP_BEATS: u64 = 5;
/// A beat that takes longer than this is given up: the next one is more use.
const PATIENCE: Duration = Duration::from_secs(3);

/// Registers the node, then beats until `stop`. Publishes the epoch the database gave.
pub(crate) async fn beat(
    node: Arc<Node>,
    epoch: watch::Sender<Option<NodeEpoch>>,
    stop: CancellationToken,
    superseded: CancellationToken,
) {
    let mut ticks = interval(BEAT);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut beats = 0u64;
    let mut heard = Instant::now();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = ticks.tick() => {}
        }
        // Also without a failure: a process that stood still was silent.
        if heard.elapsed() > LEASE {
            node.last_quota.doubt();
        }
        let known = epoch.borrow().clone();
        let done = match known {
            None => with_patience(register(&node, &epoch)).await,
            Some(known) => {
                beats += 1;
                with_patience(once(&node, &known, beats)).await
            }
        };
        node.metrics.database_up.set(i64::from(done.is_ok()));
        match done {
            Ok(()) => heard = Instant::now(),
            Err(failure @ Failure::Superseded) => {
                failure.log();
                superseded.cancel();
                return;
            }
            Err(failure) => {
                if matches!(failure, Failure::Unregistered) {
                    // The next beat registers. Calls that run are closed there as those of an earlier
                    // epoch, and their records, when they end, take the place of that.
                    epoch.send_replace(None);
                }
                node.last_quota.doubt();
                failure.log();
            }
        }
    }
    if let Some(known) = node.epoch()
        && let Err(error) = media_nodes::leave(&node.database, &known).await
    {
        tracing::warn!(%error, "failed to sign this node off; its lease runs out instead");
    }
}

enum Failure {
    Superseded,
    Unregistered,
    Database(Error),
    Slow,
}

impl Failure {
    fn log(&self) {
        match self {
            Self::Superseded => {
                tracing::error!("another process has taken the name of this node; it stops");
            }
            Self::Unregistered => {
                tracing::warn!(
                    "the database does not know this node: it was restored, or is another one; registering again"
                );
            }
            Self::Database(error) => {
                tracing::warn!(%error, "failed to tell the database that this node lives");
            }
            Self::Slow => {
                tracing::warn!("the database is too slow to tell it that this node lives");
            }
        }
    }
}

async fn with_patience(
    work: impl Future<Output = callplane_store::Result<()>>,
) -> Result<(), Failure> {
    match timeout(PATIENCE, work).await {
        Err(_elapsed) => Err(Failure::Slow),
        Ok(Ok(())) => Ok(()),
        Ok(Err(Error::Superseded { .. })) => Err(Failure::Superseded),
        Ok(Err(Error::Unregistered { .. })) => Err(Failure::Unregistered),
        Ok(Err(error)) => Err(Failure::Database(error)),
    }
}

/// A new epoch; what the ones before left open is closed at once.
async fn register(
    node: &Node,
    epoch: &watch::Sender<Option<NodeEpoch>>,
) -> callplane_store::Result<()> {
    let config = &node.config;
    let registration = Registration {
        name: config.node.clone(),
        namespace: config.namespace.to_string(),
        pool: config.pool.to_string(),
        pod_uid: config.pod_uid,
        address: config.address.to_string(),
        slots: config.slots.get(),
    };
    let given = media_nodes::register(&node.database, &registration).await?;
    tracing::info!(node = given.name, epoch = given.epoch, "Registered");
    sweep(node, &given).await?;
    read_quotas(node).await?;
    // Known to others only now: nothing is dialled before the past is closed.
    epoch.send_replace(Some(given));
    Ok(())
}

async fn once(node: &Node, known: &NodeEpoch, beats: u64) -> callplane_store::Result<()> {
    let load = Load {
        active_calls: node.slots.used(),
        draining: node.draining.is_cancelled(),
    };
    media_nodes::heartbeat(&node.database, known, load).await?;
    // Before the quotas are read, so that what is free is known with these calls.
    hold_again(node, known).await?;
    if beats.is_multiple_of(SWEEP_BEATS) {
        sweep(node, known).await?;
        read_quotas(node).await?;
    }
    Ok(())
}

/// Takes holds for the calls that the database may not know of. After the heartbeat: who was heard
/// is no more taken for lost.
async fn hold_again(node: &Node, known: &NodeEpoch) -> callplane_store::Result<()> {
    let doubts = node.last_quota.doubts();
    if doubts == 0 {
        return Ok(());
    }
    let calls = node.slots.admitted();
    if !calls.is_empty() {
        quotas::hold(&node.database, quotas::CONCURRENT_CALLS, &calls, known).await?;
    }
    node.last_quota.settle(doubts);
    Ok(())
}

async fn read_quotas(node: &Node) -> callplane_store::Result<()> {
    let before = node.slots.used();
    let usage = quotas::own_usage(&node.database).await?;
    // Who came or went meanwhile may be in the use or not: the lower number is the careful one.
    node.last_quota.learn(&usage, before.min(node.slots.used()));
    for quota in usage {
        node.metrics.quota(quota.resource, quota.used, quota.limit);
    }
    Ok(())
}

async fn sweep(node: &Node, known: &NodeEpoch) -> callplane_store::Result<()> {
    // Those that are carried first: a call that ends between the two questions is in the spool.
    let mut live = node.slots.calls();
    let records = node.records.clone();
    let spooled = tokio::task::spawn_blocking(move || records.spooled()).await;
    if let Ok(Ok(spooled)) = spooled {
        live.extend(spooled);
        report(&media_nodes::close_strays(&node.database, known, &live, STRAY_AGE).await?);
    }
    report(&media_nodes::sweep(&node.database, known).await?);
    Ok(())
}

fn report(swept: &Swept) {
    if !swept.calls.is_empty() || swept.recipients > 0 {
        tracing::warn!(
            calls = swept.calls.len(),
            recipients = swept.recipients,
            nodes = swept.nodes.len(),
            "Closed what lost media nodes or calls left open"
        );
    }
}
