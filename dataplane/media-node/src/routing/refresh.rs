//! Keeps the [`Directory`] fresh: at every NOTIFY, after every reconnect, and from time to time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use callplane_flow::Program;
use callplane_keys::{KeyRing, Place};
use callplane_store::notify::{Change, Changes};
use callplane_store::routes::RoutedAgent;
use callplane_store::trunks::Trunk;
use callplane_store::{TenantDatabase, agents, campaigns, rates, routes, tenants, trunks};
use callplane_types::TenantId;
use tokio::sync::{Notify, watch};
use uuid::Uuid;

use super::directory::{Directory, KnownTrunk, LoadedProgram};
use super::prices::Prices;
use crate::keys::TenantKeys;

/// A change whose notification was lost is seen after this long.
const FALLBACK: Duration = Duration::from_secs(30);
/// Pause after the database did not answer.
const RETRY: Duration = Duration::from_secs(1);

/// Reads the configuration of the tenant for as long as the node lives.
pub(crate) struct Refresher {
    database: TenantDatabase,
    /// They open passwords; read again at each look, because the Secret may have changed.
    keys: TenantKeys,
    published: watch::Sender<Arc<Directory>>,
    /// Woken when campaigns changed.
    campaigns_changed: Arc<Notify>,
}

impl Refresher {
    /// Publishes to the receiver it gives back; empty until the first read.
    pub(crate) fn new(
        database: TenantDatabase,
        keys: TenantKeys,
        campaigns_changed: Arc<Notify>,
    ) -> (Self, watch::Receiver<Arc<Directory>>) {
        let (published, receiver) = watch::channel(Arc::default());
        let refresher = Self {
            database,
            keys,
            published,
            campaigns_changed,
        };
        (refresher, receiver)
    }

    /// Runs for ever.
    pub(crate) async fn run(self) {
        loop {
            if let Err(error) = self.follow().await {
                tracing::warn!(%error, "failed to follow changes of numbers, trunks and agents; answering from memory");
                tokio::time::sleep(RETRY).await;
            }
        }
    }

    /// Listens and reads until the database does not answer.
    async fn follow(&self) -> callplane_store::Result<()> {
        let mut changes = Changes::listen(&self.database).await?;
        self.read().await?;
        loop {
            match tokio::time::timeout(FALLBACK, changes.next()).await {
                Ok(change) => match change? {
                    Change::Routes => {}
                    Change::Campaigns => {
                        self.campaigns_changed.notify_waiters();
                        // A campaign may speak with an agent that no number leads to.
                    }
                    Change::Reconnected => self.campaigns_changed.notify_waiters(),
                },
                Err(_elapsed) => {}
            }
            self.read().await?;
        }
    }

    async fn read(&self) -> callplane_store::Result<()> {
        let routes = routes::snapshot(&self.database).await?;
        let trunks = trunks::list(&self.database).await?;
        let active = campaigns::active(&self.database).await?;
        let wanted = routes
            .iter()
            .filter_map(|route| Some(route.agent.as_ref()?.version_id))
            .chain(active.iter().map(|campaign| campaign.agent_version_id));
        let programs = self.load_programs(wanted).await?;
        let in_service = tenants::in_service(&self.database).await?;
        let prices = rates::call_minute(&self.database).await?.map(Prices::from);
        self.keys.reload();
        let keys = self.keys.ring();
        let trunks = trunks
            .into_iter()
            .map(|trunk| {
                let password = open_password(keys.as_ref(), self.database.tenant(), &trunk);
                KnownTrunk::new(trunk, password)
            })
            .collect();
        self.published.send_replace(Arc::new(Directory::new(
            routes, trunks, programs, prices, in_service,
        )));
        Ok(())
    }

    /// The Programs that are wanted; those known already are kept, the others loaded. Calls that
    /// run keep theirs whatever happens here.
    async fn load_programs(
        &self,
        wanted: impl Iterator<Item = Uuid>,
    ) -> callplane_store::Result<HashMap<Uuid, Arc<LoadedProgram>>> {
        let known = Arc::clone(&self.published.borrow());
        let mut programs = HashMap::new();
        for version in wanted {
            if programs.contains_key(&version) {
                continue;
            }
            if let Some(program) = known.program(version) {
                programs.insert(version, program);
                continue;
            }
            let stored = agents::program(&self.database, version).await?;
            match Program::from_json(stored.program) {
                Ok(program) => {
                    let loaded = LoadedProgram {
                        program: Arc::new(program),
                        agent: RoutedAgent {
                            id: stored.version.agent_id,
                            name: stored.agent_name,
                            version_id: version,
                        },
                        version: stored.version.version,
                    };
                    programs.insert(version, Arc::new(loaded));
                }
                Err(error) => tracing::error!(
                    agent = stored.agent_name,
                    agent.version = stored.version.version,
                    %error,
                    "failed to read the Program of an agent; its calls are refused until the operator compiles it anew"
                ),
            }
        }
        Ok(programs)
    }
}

fn open_password(keys: Option<&KeyRing>, tenant: TenantId, trunk: &Trunk) -> Option<String> {
    let auth = trunk.auth.as_ref()?;
    let place = Place::cell(tenant, "trunks", "password_enc", trunk.id.uuid());
    let opened = keys
        .map(|keys| keys.open(&place, &auth.sealed_password))
        .transpose();
    let password = match opened {
        Ok(opened) => opened.and_then(|bytes| String::from_utf8(bytes.to_vec()).ok()),
        Err(error) => {
            tracing::error!(trunk = trunk.name, %error, "failed to open the password of a trunk");
            None
        }
    };
    if password.is_none() {
        tracing::error!(
            trunk = trunk.name,
            "calls that need the password of a trunk are refused"
        );
    }
    password
}
