//! Tenant: its namespaces, its schema, its login, its quotas and its media nodes.
//!
//! Order of the steps and why: namespaces are bound first, because whether the Secret and the pool
//! have a place depends on it; the finalizer is set only after the registry of the database showed
//! that the name is free or ours, so that the loser of a conflict never gets the right to clean up.

mod apply;
mod build;
mod claims;
mod compatibility;
mod credentials;
mod delete;
mod dereference;
mod keys;
mod login;
mod months;
mod rollout;
mod schema;
mod secret;
mod status;
mod validate;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use callplane_crds::{LABEL_TENANT, MediaPool, Tenant};
use callplane_kit::{
    Class, Controller, Index, Manager, Next, ReconcileError, apply as kit_apply, class_of,
    delete as kit_delete, owner_uid, status as kit_status,
};
use callplane_store::Error as StoreError;
use callplane_store::migrate::{SchemaState, Throttle};
use k8s_openapi::jiff::Timestamp;
use kube::runtime::reflector::ObjectRef;
use kube::{Api, ResourceExt as _};

use crate::context::{Caches, Context, FenceError};
use crate::database;

pub use build::{Prepared, build};
pub use dereference::References;
pub use validate::{Invalid, Validated, validate};

use rollout::Rollout;

/// Server settings that tenants' media nodes need beside their own login.
#[derive(Debug, Clone, Default)]
pub struct Server {
    /// Which server and database, without a password: when it changes, Secrets are made anew.
    pub fingerprint: String,
    /// Certificates that vouch for the server, PEM.
    pub ca: Option<Vec<u8>>,
    /// The file that they were read from, for the operator's own attempts to log in.
    pub ca_file: Option<PathBuf>,
}

/// Why a Tenant could not be reconciled. The name of the variant is the reason of the Event.
#[derive(Debug, thiserror::Error, strum::IntoStaticStr)]
pub enum Error {
    /// The spec is wrong in a way that the API server cannot see.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// This process may not write to the database now.
    #[error("failed to write as the leader")]
    Fence(#[from] FenceError),
    /// A namespace could not be labelled or freed.
    #[error("failed to label a namespace")]
    BindNamespace(#[source] kit_apply::Error),
    /// The label could not be taken off a namespace.
    #[error("failed to free a namespace")]
    FreeNamespace(#[source] kube::Error),
    /// The finalizer could not be set or removed.
    #[error("failed to change the finalizer")]
    Finalizer(#[source] kube::Error),
    /// Registry row, schema, roles or quotas.
    #[error(transparent)]
    EnsureSchema(StoreError),
    /// A migration of the schema.
    #[error("failed to migrate the schema")]
    MigrateSchema(#[source] StoreError),
    /// The login of the media nodes.
    #[error("failed to issue credentials")]
    IssueCredentials(#[source] StoreError),
    /// The data keys of the tenant.
    #[error("failed to make or unwrap the data keys")]
    EnsureKeys(#[source] crate::keys::Error),
    /// Rows that are to be sealed with another key.
    #[error("failed to seal rows anew")]
    Reseal(#[source] crate::keys::Error),
    /// Words of calls could not be sealed.
    #[error("failed to seal what was said in calls")]
    SealWords(#[source] crate::keys::Error),
    /// The Secret could not be read.
    #[error("failed to read the secret")]
    ReadSecret(#[source] kube::Error),
    /// The Secret could not be written.
    #[error("failed to write the secret")]
    WriteSecret(#[source] kit_apply::Error),
    /// The dedicated MediaPool.
    #[error("failed to apply the media pool")]
    ApplyMediaPool(#[source] kit_apply::Error),
    /// A MediaPool or Secret that is no longer wanted.
    #[error("failed to delete what is no longer wanted")]
    DeleteSurplus(#[source] kit_delete::Error),
    /// The media nodes whose pods are gone.
    #[error("failed to forget media nodes that are gone")]
    ForgetNodes(#[source] StoreError),
    /// The views of other platforms.
    #[error("failed to make or remove compatibility views")]
    EnsureViews(#[source] StoreError),
    /// The partitions of the months to come.
    #[error("failed to make the months to come")]
    EnsureMonths(#[source] StoreError),
    /// Use of the quotas.
    #[error("failed to read the use of quotas")]
    ReadUsage(#[source] StoreError),
    /// The data of a Tenant that is being deleted.
    #[error("failed to let go of the data")]
    ReleaseData(#[source] StoreError),
    /// The status could not be written.
    #[error("failed to write the status")]
    WriteStatus(#[source] kube::Error),
}

impl ReconcileError for Error {
    fn reason(&self) -> &'static str {
        self.into()
    }

    fn class(&self) -> Class {
        match self {
            Self::Invalid(_) => Class::Terminal,
            Self::Fence(_) => Class::Transient,
            Self::EnsureKeys(error) | Self::Reseal(error) | Self::SealWords(error) => error.class(),
            Self::BindNamespace(error) | Self::WriteSecret(error) | Self::ApplyMediaPool(error) => {
                error.class()
            }
            Self::FreeNamespace(error)
            | Self::Finalizer(error)
            | Self::ReadSecret(error)
            | Self::WriteStatus(error) => class_of(error),
            Self::DeleteSurplus(error) => error.class(),
            Self::EnsureSchema(error)
            | Self::MigrateSchema(error)
            | Self::IssueCredentials(error)
            | Self::ForgetNodes(error)
            | Self::EnsureViews(error)
            | Self::EnsureMonths(error)
            | Self::ReadUsage(error)
            | Self::ReleaseData(error) => database::class_of(error),
        }
    }
}

/// The controller of Tenants.
pub struct TenantController {
    context: Context,
    caches: Caches,
    server: Server,
    /// Age at which a data key gets a successor.
    rotate_keys_every: Option<Duration>,
    /// By uid of the owner.
    pools: Index<MediaPool>,
    /// What this process has proved once and need not prove again at each look.
    proved: Proved,
    rollout: Rollout,
}

/// Facts that hold until something tells otherwise.
#[derive(Debug, Default)]
pub(super) struct Proved {
    /// Schemas at the version of this process, by uid of the Tenant.
    migrated: Mutex<HashMap<String, SchemaState>>,
    /// Version of the Secret whose login was tried, by uid of the Tenant.
    logged_in: Mutex<HashMap<String, String>>,
}

impl Proved {
    fn migrated(&self, uid: &str) -> Option<SchemaState> {
        lock(&self.migrated).get(uid).cloned()
    }

    fn set_migrated(&self, uid: &str, state: SchemaState) {
        lock(&self.migrated).insert(uid.to_owned(), state);
    }

    fn logged_in(&self, uid: &str, version: &str) -> bool {
        lock(&self.logged_in)
            .get(uid)
            .is_some_and(|known| known == version)
    }

    fn set_logged_in(&self, uid: &str, version: &str) {
        lock(&self.logged_in).insert(uid.to_owned(), version.to_owned());
    }

    fn forget(&self, uid: &str) {
        lock(&self.migrated).remove(uid);
        lock(&self.logged_in).remove(uid);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs the controller, woken by Tenants, Namespaces, and the MediaPools and Secrets that it made.
/// `throttle` is for schemas that calls use.
/// `rotate_keys_every` is the age at which a data key gets a successor; `None` for never by itself.
pub fn wire(
    manager: &mut Manager,
    context: &Context,
    caches: &Caches,
    server: Server,
    throttle: Throttle,
    rotate_keys_every: Option<Duration>,
) {
    let by_namespace = caches
        .tenants
        .index(|tenant| tenant.spec.namespaces.clone());
    let controller = TenantController {
        context: context.clone(),
        caches: caches.clone(),
        server,
        rotate_keys_every,
        pools: caches
            .media_pools
            .index(|pool| owner_uid(pool).map(str::to_owned).into_iter().collect()),
        proved: Proved::default(),
        rollout: Rollout::new(throttle),
    };
    let rollout = controller.rollout.clone();
    let (claimants, of_login) = (by_namespace.clone(), by_namespace.clone());
    let builder = manager.controller(&caches.tenants, controller);
    let wake = builder.waker();
    rollout.wake_with(move |name| wake(ObjectRef::new(name)));
    builder
        .owns(&caches.media_pools)
        // A pod that is not known yet must not be taken for one that is gone.
        .reads(&caches.pods)
        // By namespace and not by owner, which whoever edits a Secret may take off it.
        .notices(&caches.logins, move |secret| {
            of_login.get(&secret.namespace().unwrap_or_default())
        })
        .watches(&caches.namespaces, move |namespace| {
            let mut tenants = claimants.get(&namespace.name_any());
            // Who lost it may have to take its label off.
            tenants.extend(
                namespace
                    .labels()
                    .get(LABEL_TENANT)
                    .map(|name| ObjectRef::new(name)),
            );
            tenants
        })
        .watches(&caches.tenants, move |tenant| {
            // The next in line, when the one that had a namespace lets it go.
            let others = tenant.spec.namespaces.iter();
            others
                .flat_map(|namespace| by_namespace.get(namespace))
                .filter(|other| other.name != tenant.name_any())
                .collect()
        });
}

impl Controller for TenantController {
    type Object = Tenant;
    type Error = Error;
    const NAME: &'static str = "tenant";
    /// Migrations of a large schema take their time.
    const TIMEOUT: Duration = Duration::from_secs(600);

    async fn reconcile(&self, tenant: Arc<Tenant>) -> Result<Next, Error> {
        if tenant.metadata.deletion_timestamp.is_some() {
            return self.let_go(&tenant).await;
        }
        let references = References::of(&tenant, &self.caches, &self.pools);
        let mut progress = apply::Progress::default();
        let outcome = match validate(&tenant, &references) {
            Ok(validated) => {
                let prepared = build(&tenant, &validated, &references);
                self.apply(&tenant, prepared, &mut progress).await
            }
            Err(invalid) => Err(invalid.into()),
        };
        let now = Timestamp::now();
        let status = status::status(&tenant, &references, &progress, outcome.as_ref().err(), now);
        self.write_status(&tenant, &status).await?;
        outcome?;
        Ok(progress.next.map_or(Next::Resync, Next::After))
    }
}

impl TenantController {
    async fn write_status(
        &self,
        tenant: &Tenant,
        status: &callplane_crds::TenantStatus,
    ) -> Result<(), Error> {
        let api = Api::all(self.context.kit.client.clone());
        kit_status::write_if_changed(&self.context.kit, Self::NAME, &api, tenant, status)
            .await
            .map(|_| ())
            .map_err(Error::WriteStatus)
    }
}
