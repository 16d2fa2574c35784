//! Erased people leave the disk of this node: audio, and call records that wait for the database.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use callplane_store::erasure::{self, Done, Erasure};
use tokio::sync::Notify;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::node::Node;
use crate::recordings::began;

/// An erasure whose notification was lost is seen after this long; so is the end of a call from before.
const FALLBACK: Duration = Duration::from_secs(30);

/// Carries erasures out for as long as the node lives: those from before it began too. Woken by `erased`.
pub(crate) async fn keep_disk_clean(node: Arc<Node>, erased: Arc<Notify>) {
    loop {
        if let Err(error) = look(&node).await {
            tracing::warn!(error = %format_args!("{error:#}"), "failed to look for erased people; looking again soon");
        }
        // Either is a reason to look again.
        let _ = timeout(FALLBACK, erased.notified()).await;
    }
}

async fn look(node: &Arc<Node>) -> anyhow::Result<()> {
    let disk = Arc::clone(node);
    let oldest = spawn_blocking(move || oldest(&disk)).await??;
    let pending = erasure::pending(&node.database, &node.config.node, oldest).await?;
    for erasure in pending {
        // Those that are carried first: a call that ends between the two looks is in the spool, or was
        // stored without the person.
        let live = node.slots.calls();
        let waits = live
            .into_iter()
            .any(|call| began(call) < erasure.called_before && !erasure.held.contains(&call));
        let (disk, id) = (Arc::clone(node), erasure.id);
        let done = spawn_blocking(move || clean(&disk, &erasure)).await??;
        if !waits || done != Done::default() {
            let name = &node.config.node;
            erasure::tell(&node.database, id, name, done, !waits).await?;
        }
        tracing::info!(
            erasure = %id,
            recordings = done.recordings,
            records = done.records,
            confirmed = !waits,
            "Looked through the disk for an erased person"
        );
    }
    Ok(())
}

/// When the oldest call began of which something lies here.
fn oldest(node: &Node) -> io::Result<Option<callplane_types::WallTime>> {
    let spooled = node.records.oldest()?.map(began);
    let recorded = node.recordings.oldest()?;
    Ok(spooled.into_iter().chain(recorded).min())
}

fn clean(node: &Node, erasure: &Erasure) -> io::Result<Done> {
    let mut done = Done::default();
    for call in &erasure.calls {
        done.recordings += u32::from(node.recordings.delete(*call)?.is_some());
    }
    done.records = node.records.scrub(node.tenant_id, erasure, |call| {
        done.recordings += u32::from(node.recordings.delete(call)?.is_some());
        Ok(())
    })?;
    Ok(done)
}
