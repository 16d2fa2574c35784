//! Recordings go to the object storage when their call is over.
//!
//! **The file is the queue**: it is deleted when the storage has all of it and the database says so, whatever
//! is interrupted in between. Where the storage is away, files wait.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use callplane_objects::{ObjectStorage, UPLOAD_PART};
use callplane_store::retention;
use callplane_types::CallId;
use futures::{Stream, stream};
use tokio::task::spawn_blocking;

use crate::node::Node;

/// How often it is looked for recordings whose call is over.
const OFTEN: Duration = Duration::from_secs(5);
/// The longest pause before a storage is asked again that refuses or is away.
const LONGEST: Duration = Duration::from_secs(300);
/// Calls that the database is asked about at once.
const ASKED: usize = 500;

/// Carries recordings to `storage` for as long as the node lives.
pub(crate) async fn carry_recordings(node: Arc<Node>, storage: ObjectStorage) {
    let mut pause = OFTEN;
    loop {
        tokio::time::sleep(pause).await;
        pause = match look(&node, &storage).await {
            Ok(waiting) => {
                node.metrics.recordings_waiting.set(waiting);
                OFTEN
            }
            Err(error) => {
                let again = (pause * 2).min(LONGEST);
                tracing::warn!(error = %format_args!("{error:#}"), again_in = ?again, "failed to carry recordings to the object storage; they wait on the disk");
                node.metrics.recordings_refused.inc();
                again
            }
        };
    }
}

/// Carries what there is; how many wait for the record of their call.
pub(crate) async fn look(node: &Node, storage: &ObjectStorage) -> anyhow::Result<i64> {
    // One at a time, also when the node ends: of two that carry one recording the later one finds its row
    // changed.
    let _turn = node.carrying.lock().await;
    // Before the disk is looked at: a call that ends in between waits for the next look.
    let live = node.slots.calls();
    let recordings = node.recordings.clone();
    let mut ended = spawn_blocking(move || recordings.all()).await??;
    ended.retain(|call| !live.contains(call));
    let mut waiting = 0;
    for calls in ended.chunks(ASKED) {
        let kept_at = retention::kept_at(&node.database, calls).await?;
        for call in calls {
            match kept_at.get(call) {
                // Its record is in the spool; or it was erased, and whoever erases deletes it.
                None => waiting += 1,
                Some(url) if storage.name_of(url).is_some() => {
                    // It was deleted where it was carried to, had the node not been interrupted.
                    delete(node, *call).await?;
                }
                Some(name) => carry(node, storage, *call, name).await?,
            }
        }
    }
    Ok(waiting)
}

async fn carry(
    node: &Node,
    storage: &ObjectStorage,
    call: CallId,
    name: &str,
) -> anyhow::Result<()> {
    // By the tenant's id, under which whoever removes a tenant finds it.
    let object = format!("{}/recordings/{name}", node.tenant_id);
    let path = node.recordings.path(name);
    storage
        .upload(&object, pieces(path))
        .await
        .context("failed to upload a recording")?;
    let url = storage.url_of(&object);
    if retention::moved(&node.database, call, name, &url).await? {
        node.metrics.recordings_carried.inc();
        return delete(node, call).await;
    }
    let kept_at = retention::kept_at(&node.database, &[call]).await?;
    if kept_at.get(&call) != Some(&url) {
        // It was erased or grew too old meanwhile.
        storage.delete(&object).await?;
    }
    Ok(())
}

async fn delete(node: &Node, call: CallId) -> anyhow::Result<()> {
    let recordings = node.recordings.clone();
    spawn_blocking(move || recordings.delete(call)).await??;
    Ok(())
}

/// The pieces of a file, a part of an upload each.
fn pieces(path: PathBuf) -> impl Stream<Item = io::Result<Vec<u8>>> + Send {
    stream::try_unfold(None::<File>, move |opened| {
        let path = path.clone();
        let read = spawn_blocking(move || {
            let mut file = opened.map_or_else(|| File::open(path), Ok)?;
            let mut piece = Vec::new();
            file.by_ref()
                .take(UPLOAD_PART as u64)
                .read_to_end(&mut piece)?;
            Ok::<_, io::Error>((file, piece))
        });
        async {
            let (file, piece) = read.await.map_err(io::Error::other)??;
            Ok((!piece.is_empty()).then_some((piece, Some(file))))
        }
    })
}
