//! Keeps the [`Directory`] fresh: at every NOTIFY, after every reconnect, and from time to time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use callplane_flow::Program;
use callplane_keys::{KeyRing, Place};
use callplane_providers::HttpClient;
use callplane_store::notify::{Change, Changes};
use callplane_store::providers::Provider;
use callplane_store::routes::RoutedAgent;
use callplane_store::trunks::Trunk;
use callplane_store::{
    TenantDatabase, agents, campaigns, providers, rates, routes, tenants, trunks,
};
use callplane_types::TenantId;
use tokio::sync::{Notify, watch};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::directory::{Directory, KnownTrunk, LoadedProgram};
use super::prices::Prices;
use crate::keys::TenantKeys;
use crate::models::KnownProvider;

/// A change whose notification was lost is seen after this long.
const FALLBACK: Duration = Duration::from_secs(30);
/// Pause after the database did not answer.
const RETRY: Duration = Duration::from_secs(1);

/// Reads the configuration of the tenant for as long as the node lives.
pub(crate) struct Refresher {
    database: TenantDatabase,
    /// They open passwords; read again at each look, because the Secret may have changed.
    keys: TenantKeys,
    /// Read again with them.
    recording_keys: TenantKeys,
    published: watch::Sender<Arc<Directory>>,
    /// Woken when campaigns changed.
    campaigns_changed: Arc<Notify>,
    /// Woken when a person was erased.
    erased: Arc<Notify>,
    /// The connections to providers.
    http: HttpClient,
    /// Whether agents are called by their names, too.
    by_name: bool,
}

impl Refresher {
    /// Publishes to the receiver it gives back; empty until the first read.
    pub(crate) fn new(
        database: TenantDatabase,
        keys: TenantKeys,
        recording_keys: TenantKeys,
        campaigns_changed: Arc<Notify>,
        erased: Arc<Notify>,
        http: HttpClient,
        by_name: bool,
    ) -> (Self, watch::Receiver<Arc<Directory>>) {
        let (published, receiver) = watch::channel(Arc::default());
        let refresher = Self {
            database,
            keys,
            recording_keys,
            published,
            campaigns_changed,
            erased,
            http,
            by_name,
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
                    Change::Erasures => {
                        self.erased.notify_one();
                        continue;
                    }
                    Change::Reconnected => {
                        self.campaigns_changed.notify_waiters();
                        self.erased.notify_one();
                    }
                },
                Err(_elapsed) => {}
            }
            self.read().await?;
        }
    }

    async fn read(&self) -> callplane_store::Result<()> {
        // They are there while the database is not.
        self.keys.reload();
        self.recording_keys.reload();
        if !self.recording_keys.can_seal() {
            tracing::error!(
                "no key seals recordings, so calls are not recorded: the Secret has none, or this process has used it up, then rotate it or restart the node"
            );
        }
        let routes = routes::snapshot(&self.database).await?;
        let trunks = trunks::list(&self.database).await?;
        let providers = providers::list(&self.database).await?;
        let active = campaigns::active(&self.database).await?;
        let agents = match self.by_name {
            true => agents::current(&self.database).await?,
            false => Vec::new(),
        };
        let wanted = routes
            .iter()
            .filter_map(|route| Some(route.agent.as_ref()?.version_id))
            .chain(active.iter().map(|campaign| campaign.agent_version_id))
            .chain(agents.iter().map(|agent| agent.version_id));
        let programs = self.load_programs(wanted).await?;
        let in_service = tenants::in_service(&self.database).await?;
        let transcripts = tenants::transcripts(&self.database).await?;
        let prices = rates::call_minute(&self.database).await?.map(Prices::from);
        let keys = self.keys.ring();
        if transcripts.are_encrypted() && !self.keys.can_seal() {
            tracing::error!(
                "transcripts of the tenant are to be encrypted and no data key can do it; its calls are refused: the Secret has none, or this process has used it up, then rotate it or restart the node"
            );
        }
        let trunks = trunks
            .into_iter()
            .map(|trunk| {
                let password = open_password(keys.as_ref(), self.database.tenant(), &trunk);
                KnownTrunk::new(trunk, password)
            })
            .collect();
        let providers = self.know(keys.as_ref(), providers);
        let directory = Directory::new(routes, trunks, programs, prices, in_service, transcripts);
        self.published.send_replace(Arc::new(
            directory.with_agents(agents).with_providers(providers),
        ));
        Ok(())
    }

    /// The providers: one that is as it was is kept, with what is known of its failures.
    fn know(&self, keys: Option<&KeyRing>, rows: Vec<Provider>) -> Vec<Arc<KnownProvider>> {
        let before = Arc::clone(&self.published.borrow());
        let known = |row: Provider| {
            if let Some(known) = before.provider(&row.name).filter(|known| known.is_of(&row)) {
                return Some(known);
            }
            let key = match &row.sealed_key {
                None => None,
                Some(sealed) => Some(open_key(keys, self.database.tenant(), &row, sealed)?),
            };
            let name = row.name.clone();
            KnownProvider::new(&self.http, row, key.as_deref().map(String::as_str))
                .inspect_err(|error| {
                    tracing::error!(provider = name, %error, "failed to use a provider; agents that ask it go without");
                })
                .map(Arc::new)
                .ok()
        };
        rows.into_iter().filter_map(known).collect()
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

fn open_key(
    keys: Option<&KeyRing>,
    tenant: TenantId,
    provider: &Provider,
    sealed: &[u8],
) -> Option<Zeroizing<String>> {
    let place = Place::cell(tenant, "providers", "key_enc", provider.id.uuid());
    let opened = keys.and_then(|keys| keys.open(&place, sealed).ok());
    let key = opened.and_then(|bytes| String::from_utf8(bytes.to_vec()).ok());
    if key.is_none() {
        tracing::error!(
            provider = provider.name,
            "failed to open the key of a provider; agents that ask it go without"
        );
    }
    key.map(Zeroizing::new)
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
