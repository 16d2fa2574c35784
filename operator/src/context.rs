//! What every controller works with: the kit, the database, and the objects as they are known.

use std::sync::Arc;

use callplane_crds::{
    Agent, Campaign, Flow, KnowledgeBase, MediaPool, PhoneNumber, Provider, Tenant, Trunk,
};
use callplane_kit::{Cache, Kit, Manager, MetadataWatch};
use callplane_providers::HttpClient;
use callplane_store::{Fence, OperatorDatabase, migrate};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod, Secret};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::runtime::watcher;
use tokio::sync::OnceCell;

use crate::keys::Keys;
use crate::names::{LABEL_MANAGED_BY, OPERATOR, SECRET_DATABASE};

/// What every controller works with. Cheap to clone; one for the whole process.
#[derive(Clone, Debug)]
pub struct Context {
    /// Client, events, metrics, leadership.
    pub kit: Kit,
    /// The operator's access to the database.
    pub database: OperatorDatabase,
    /// The data keys of tenants.
    pub keys: Keys,
    /// The way to the endpoints of Providers.
    pub providers: HttpClient,
    holder: String,
    fence: Arc<OnceCell<Fence>>,
}

/// Why nothing may be written to the database.
#[derive(Debug, thiserror::Error)]
pub enum FenceError {
    /// The Lease was lost between winning it and taking the epoch.
    #[error("this process does not hold the lease")]
    NotLeader,
    /// The schema `platform` could not be migrated or the epoch could not be taken.
    #[error("failed to prepare the database for this leader")]
    Database(#[source] callplane_store::Error),
}

impl Context {
    /// `holder` names this process: its pod.
    #[must_use]
    pub fn new(
        kit: Kit,
        database: OperatorDatabase,
        keys: Keys,
        providers: HttpClient,
        holder: &str,
    ) -> Self {
        Self {
            kit,
            database,
            keys,
            providers,
            holder: holder.to_owned(),
            fence: Arc::default(),
        }
    }

    /// The right to write to the database, taken once in the life of a leader: a process that loses
    /// the Lease ends. **Call it before anything else is asked of the database**, because the schema
    /// `platform` is brought up to date first.
    ///
    /// # Errors
    /// [`FenceError`].
    pub async fn fence(&self) -> Result<&Fence, FenceError> {
        let fence = self
            .fence
            .get_or_try_init(|| async {
                migrate::platform(&self.database)
                    .await
                    .map_err(FenceError::Database)?;
                // The Lease's own epoch: a claim that was on its way while another took the Lease
                // comes too late and changes nothing.
                let epoch = self.kit.leadership.epoch().ok_or(FenceError::NotLeader)?;
                Fence::claim(&self.database, &self.holder, epoch)
                    .await
                    .map_err(FenceError::Database)
            })
            .await?;
        if self.kit.leadership.is_held() {
            Ok(fence)
        } else {
            Err(FenceError::NotLeader)
        }
    }
}

/// Which Secrets are watched. Of none is more than the metadata asked for, and nothing is kept: whoever
/// holds the Secrets of a cluster holds its passwords.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretScope {
    /// All of the cluster, so that a changed password of a Trunk or key of a Provider is taken over at once. Needs the
    /// right to list Secrets, which Kubernetes does not limit to their metadata: it is the right to
    /// read them all.
    All,
    /// Those that the operator made, by their name. A changed password of a Trunk or key of a Provider is found at
    /// the next resync, within 12 minutes.
    Own,
}

/// The objects that controllers read, one watch a kind.
#[derive(Clone, Debug)]
pub struct Caches {
    /// Namespaces of the cluster.
    pub namespaces: Cache<Namespace>,
    /// Tenants.
    pub tenants: Cache<Tenant>,
    /// Trunks.
    pub trunks: Cache<Trunk>,
    /// Providers.
    pub providers: Cache<Provider>,
    /// KnowledgeBases.
    pub knowledge_bases: Cache<KnowledgeBase>,
    /// Flows.
    pub flows: Cache<Flow>,
    /// Agents.
    pub agents: Cache<Agent>,
    /// PhoneNumbers.
    pub phone_numbers: Cache<PhoneNumber>,
    /// Campaigns.
    pub campaigns: Cache<Campaign>,
    /// MediaPools.
    pub media_pools: Cache<MediaPool>,
    /// Pods of MediaPools; those of others are not watched.
    pub pods: Cache<Pod>,
    /// PodDisruptionBudgets of MediaPools.
    pub disruption_budgets: Cache<PodDisruptionBudget>,
    /// What happens to the Secrets with the logins of tenants.
    pub logins: MetadataWatch<Secret>,
    /// What happens to ConfigMaps: files of KnowledgeBases are in some. Nothing of them is kept.
    pub config_maps: MetadataWatch<ConfigMap>,
    /// What happens to Secrets, with [`SecretScope::All`].
    pub secrets: Option<MetadataWatch<Secret>>,
}

impl Caches {
    /// Watches every kind once.
    pub fn new(manager: &mut Manager, secrets: SecretScope) -> Self {
        let ours = || watcher::Config::default().labels(&format!("{LABEL_MANAGED_BY}={OPERATOR}"));
        Self {
            namespaces: manager.cache(watcher::Config::default()),
            tenants: manager.cache(watcher::Config::default()),
            trunks: manager.cache(watcher::Config::default()),
            providers: manager.cache(watcher::Config::default()),
            knowledge_bases: manager.cache(watcher::Config::default()),
            flows: manager.cache(watcher::Config::default()),
            agents: manager.cache(watcher::Config::default()),
            phone_numbers: manager.cache(watcher::Config::default()),
            campaigns: manager.cache(watcher::Config::default()),
            media_pools: manager.cache(watcher::Config::default()),
            pods: manager.cache(ours()),
            disruption_budgets: manager.cache(ours()),
            config_maps: manager.metadata("ConfigMap", watcher::Config::default()),
            // By name: a rule with `resourceNames` grants a list or watch only to a request with this
            // very selector.
            logins: manager.metadata(
                "DatabaseSecret",
                watcher::Config::default().fields(&format!("metadata.name={SECRET_DATABASE}")),
            ),
            secrets: match secrets {
                SecretScope::All => Some(manager.metadata("Secret", watcher::Config::default())),
                SecretScope::Own => None,
            },
        }
    }
}
