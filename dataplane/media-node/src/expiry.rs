//! Audio past its age leaves the disk of this node.
//!
//! The database decides: how long recordings are kept, and which is under legal hold. A node that was away
//! finds what is old when it is back.

use std::sync::Arc;
use std::time::Duration;

use callplane_store::retention;
use callplane_types::{CallId, WallTime};
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};

use crate::node::Node;

/// Ages are days.
const OFTEN: Duration = Duration::from_secs(3_600);
/// Calls that the database is asked about at once.
const ASKED: usize = 500;

/// Deletes what is old for as long as the node lives.
pub(crate) async fn expire_recordings(node: Arc<Node>) {
    let mut ticks = interval(OFTEN);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match expire(&node).await {
            Ok(Deleted { recordings: 0, .. }) => {}
            Ok(Deleted { recordings, bytes }) => {
                tracing::info!(recordings, bytes, "Deleted recordings past their age");
            }
            Err(error) => {
                tracing::warn!(error = %format_args!("{error:#}"), "failed to delete recordings past their age; trying again in an hour");
            }
        }
    }
}

#[derive(Default)]
struct Deleted {
    recordings: u64,
    bytes: u64,
}

async fn expire(node: &Node) -> anyhow::Result<Deleted> {
    let mut deleted = Deleted::default();
    let Some(days) = retention::recording_days(&node.database).await? else {
        return Ok(deleted);
    };
    let age = i64::from(days).saturating_mul(86_400_000_000);
    let limit = node.clock.wall().unix_micros().saturating_sub(age);
    let limit = WallTime::from_unix_micros(limit);
    let recordings = node.recordings.clone();
    let old = spawn_blocking(move || recordings.before(limit)).await??;
    for calls in old.chunks(ASKED) {
        let calls = retention::let_go(&node.database, calls).await?;
        let recordings = node.recordings.clone();
        let bytes = spawn_blocking(move || delete(&recordings, &calls)).await??;
        deleted.recordings += bytes.len() as u64;
        deleted.bytes += bytes.iter().sum::<u64>();
    }
    Ok(deleted)
}

/// How long each file was that is gone now.
fn delete(
    recordings: &crate::recordings::Recordings,
    calls: &[CallId],
) -> std::io::Result<Vec<u64>> {
    let each = calls.iter().map(|call| recordings.delete(*call));
    each.filter_map(std::io::Result::transpose).collect()
}
