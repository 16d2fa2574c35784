//! Who may call in, who answers, where calls go out: the tenant's configuration in memory.

mod directory;
mod network;
mod prices;
mod refresh;

pub(crate) use directory::{Directory, KnownTrunk, LoadedProgram, Lookup, TrunkMedia, number_in};
pub(crate) use prices::Prices;
pub(crate) use refresh::Refresher;

use std::sync::Arc;
use std::time::Duration;

use callplane_store::Credentials;

use crate::node::Node;

/// How often the mounted Secret is looked at; the kubelet itself takes a minute to change it.
const LOOK_AT_SECRET: Duration = Duration::from_secs(5);

/// Follows the database password: connections opened from now on use what the Secret holds.
pub(crate) async fn rotate_credentials(node: Arc<Node>) {
    let folder = node.config.database_dir.clone();
    let mut known = Credentials::read(&folder).ok();
    loop {
        tokio::time::sleep(LOOK_AT_SECRET).await;
        // While it is being replaced it may not read; the next look will.
        let Ok(read) = Credentials::read(&folder) else {
            continue;
        };
        if known.as_ref() == Some(&read) {
            continue;
        }
        match node.database.rotate(&read) {
            Ok(()) => {
                tracing::info!("Using the new database credentials");
                known = Some(read);
            }
            Err(error) => tracing::error!(%error, "failed to use the new database credentials"),
        }
    }
}
