//! MediaPool: pods that carry calls, owned directly.
//!
//! A Deployment would choose its own victims when it scales down or rolls out; here a pod that carries
//! calls is never chosen while an idle one is there, and a rollout waits for the last call of each pod.
//! One that runs and takes no calls is given up after a time that doubles with each try.

mod apply;
mod build;
mod dereference;
mod environment;
mod plan;
mod pod;
mod ports;
mod start;
mod status;
mod validate;
mod volumes;

use std::sync::Arc;

use callplane_crds::{LABEL_TENANT, MediaPool};
use callplane_kit::{
    Class, Controller, Manager, Next, ReconcileError, apply as kit_apply, class_of,
    delete as kit_delete, status as kit_status,
};
use callplane_store::Error as StoreError;
use k8s_openapi::jiff::Timestamp;
use kube::runtime::reflector::ObjectRef;
use kube::{Api, ResourceExt as _};

use crate::context::{Caches, Context, FenceError};
use crate::database;

pub use build::{Prepared, build};
pub use dereference::References;
pub use plan::{Calls, NewPod, Node, Plan, plan};
pub use validate::{Invalid, Validated, validate};

/// What the installation says about media nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// Image of the media node where the pool names none.
    pub image: String,
    /// Path of the speech worker in that image; `none` for digits and tones only.
    pub speech: String,
    /// `ClusterFirst`, or `Default` where the cluster has no DNS.
    pub dns_policy: String,
    /// `Always`, `IfNotPresent` or `Never`.
    pub image_pull_policy: String,
    /// Networks beside the public Internet that Providers may be in, with commas between them.
    pub provider_networks: String,
}

/// Why a MediaPool could not be reconciled. The name of the variant is the reason of the Event.
#[derive(Debug, thiserror::Error, strum::IntoStaticStr)]
pub enum Error {
    /// The spec is wrong in a way that the API server cannot see.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The tenant, or its login, is not there yet.
    #[error("{0}")]
    WaitingForTenant(String),
    /// This process may not ask the database now.
    #[error("failed to ask the database as the leader")]
    Fence(#[from] FenceError),
    /// The load of the media nodes.
    #[error("failed to read the load of the media nodes")]
    ReadLoad(#[source] StoreError),
    /// The PodDisruptionBudget.
    #[error("failed to apply the disruption budget")]
    ApplyDisruptionBudget(#[source] kit_apply::Error),
    /// A pod could not be created.
    #[error("failed to create a pod")]
    CreatePod(#[source] kit_apply::Error),
    /// A pod could not be deleted.
    #[error("failed to delete a pod")]
    DeletePod(#[source] kit_delete::Error),
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
            Self::WaitingForTenant(_) => Class::WaitForChange,
            Self::Fence(_) => Class::Transient,
            // The cache has not seen yet what we created a moment ago.
            Self::CreatePod(kit_apply::Error::NotOurs(_)) => Class::Transient,
            Self::ReadLoad(error) => database::class_of(error),
            Self::ApplyDisruptionBudget(error) | Self::CreatePod(error) => error.class(),
            Self::DeletePod(error) => error.class(),
            Self::WriteStatus(error) => class_of(error),
        }
    }
}

/// The controller of MediaPools.
pub struct MediaPoolController {
    context: Context,
    caches: Caches,
    installed: Installed,
}

/// Runs the controller, woken by MediaPools, their pods and budgets, and what happens to the tenant.
pub fn wire(manager: &mut Manager, context: &Context, caches: &Caches, installed: Installed) {
    let by_namespace = caches
        .media_pools
        .index(|pool| pool.namespace().into_iter().collect());
    let controller = MediaPoolController {
        context: context.clone(),
        caches: caches.clone(),
        installed,
    };
    let of_tenant = by_namespace.clone();
    manager
        .controller(&caches.media_pools, controller)
        .owns(&caches.pods)
        .owns(&caches.disruption_budgets)
        .watches(&caches.namespaces, move |namespace| {
            by_namespace.get(&namespace.name_any())
        })
        .watches(&caches.tenants, move |tenant| {
            let namespaces = tenant.spec.namespaces.iter();
            namespaces
                .flat_map(|namespace| of_tenant.get(namespace))
                .collect::<Vec<ObjectRef<_>>>()
        });
}

impl Controller for MediaPoolController {
    type Object = MediaPool;
    type Error = Error;
    const NAME: &'static str = "media_pool";

    async fn reconcile(&self, pool: Arc<MediaPool>) -> Result<Next, Error> {
        if pool.metadata.deletion_timestamp.is_some() {
            // The pods go with their owner, each after its last call.
            return Ok(Next::AwaitChange);
        }
        let references = References::of(&pool, &self.caches);
        let mut next = Next::Resync;
        let outcome = match validate(&pool, &references, &self.installed) {
            Ok(validated) => self.apply(&pool, &validated, &references, &mut next).await,
            Err(error) => Err(error),
        };
        let now = Timestamp::now();
        let status = status::status(&pool, &references, outcome.as_ref().err(), now);
        let namespace = pool.namespace().unwrap_or_default();
        let api = Api::namespaced(self.context.kit.client.clone(), &namespace);
        kit_status::write_if_changed(&self.context.kit, Self::NAME, &api, &*pool, &status)
            .await
            .map_err(Error::WriteStatus)?;
        outcome?;
        Ok(next)
    }
}

/// The tenant that a namespace belongs to, by its label.
pub(crate) fn tenant_of(namespace: &k8s_openapi::api::core::v1::Namespace) -> Option<&str> {
    namespace.labels().get(LABEL_TENANT).map(String::as_str)
}
