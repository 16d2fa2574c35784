//! The end of a node: no new calls, those that run end by themselves, their records are delivered.

use std::time::Duration;

use callplane_types::Instant;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::assemble::Running;
use crate::node::Node;
use crate::uploads::look;

/// How long calls that were hung up may take to write their records.
const LAST_RECORDS: Duration = Duration::from_secs(10);
/// How long the writer may take to deliver what is spooled when the node ends, at least; at most it
/// has what is left of the longest drain.
const LAST_DELIVERY: Duration = Duration::from_secs(5);
/// How long the last recordings may take to the object storage. What a call took minutes to record is there in
/// a second.
const LAST_UPLOADS: Duration = Duration::from_secs(20);
/// How long INVITEs of claimed recipients may take to leave when the node drains.
const LAST_INVITES: Duration = Duration::from_secs(3);

impl Running {
    /// Takes no new calls, waits for those that run, at most for the longest drain, then hangs up
    /// and ends. Records that the database does not take stay in the spool.
    pub async fn drain(self) {
        let began = self.node.clock.now();
        let node = self.node;
        tracing::info!(calls = node.slots.used(), "Draining");
        node.draining.cancel();
        finish_dialing(&node, self.dialer).await;
        finish_calls(&node).await;
        finish_records(&node, self.writer, began).await;
        finish_recordings(&node).await;
        self.stop.cancel();
        // What it does not say the lease will.
        let _ = timeout(LAST_DELIVERY, self.heart).await;
        for task in self.background {
            task.abort();
            // It ends at its next await; what it holds is free then.
            let _ = task.await;
        }
        tracing::info!("Media node ended");
    }
}

/// Rings whoever is committed as being dialled, before the SIP task takes no more calls.
async fn finish_dialing(node: &Node, dialer: JoinHandle<()>) {
    node.placing.close();
    let last_invites = async {
        // It returns because the node drains.
        let _ = dialer.await;
        node.placing.wait().await;
    };
    if timeout(LAST_INVITES, last_invites).await.is_err() {
        tracing::warn!("claimed recipients could not be rung in time");
    }
    // A SIP task that is gone takes no calls either.
    let _ = node.sip.drain(true).await;
}

async fn finish_calls(node: &Node) {
    let ended = timeout(node.config.max_drain, node.slots.idle()).await;
    if ended.is_err() {
        tracing::warn!(
            calls = node.slots.used(),
            "Hanging up what is left after the longest drain"
        );
        node.hang_up_all.cancel();
    }
    node.tasks.close();
    if timeout(LAST_RECORDS, node.tasks.wait()).await.is_err() {
        tracing::error!("calls did not end in time");
    }
}

/// Carries what was recorded to the object storage: the folder may go with the pod.
async fn finish_recordings(node: &Node) {
    let Some(storage) = &node.objects else {
        return;
    };
    match timeout(LAST_UPLOADS, look(node, storage)).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => {
            tracing::error!(error = %format_args!("{error:#}"), "the object storage does not take the last recordings; they stay in the data folder");
        }
        Err(_elapsed) => {
            tracing::error!(
                "the object storage does not take the last recordings in time; they stay in the data folder"
            );
        }
    }
}

/// Delivers what is spooled, for as long as the drain may still take.
async fn finish_records(node: &Node, writer: JoinHandle<()>, began: Instant) {
    node.records.close().await;
    let abort = writer.abort_handle();
    let passed = node.clock.now() - began;
    let left = node.config.max_drain.saturating_sub(passed);
    if timeout(left.max(LAST_DELIVERY), writer).await.is_err() {
        tracing::error!(
            records = node.records.spooled().map_or(0, |spooled| spooled.len()),
            "the database does not answer; records stay in the spool for the next start"
        );
        abort.abort();
    }
}
