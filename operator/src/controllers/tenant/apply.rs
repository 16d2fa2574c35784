//! Makes it so: namespaces, registry row and schema, login, pool.

use std::collections::BTreeSet;
use std::time::Duration;

use callplane_crds::{CredentialsStatus, FINALIZER, LABEL_TENANT, MediaPool, Tenant};
use callplane_kit::apply::{self as kit_apply, owner_reference};
use callplane_kit::{delete, finalizer};
use callplane_store::compatibility::Platform;
use callplane_store::migrate::SchemaState;
use callplane_store::quotas::QuotaUsage;
use callplane_store::{Error as StoreError, Fence, media_nodes, quotas, tenants};
use callplane_types::TenantId;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::ResourceExt as _;
use kube::api::{Api, Patch, PatchParams};
use serde_json::json;

use super::build::Prepared;
use super::login::Rotation;
use super::schema::has_schema;
use super::{Error, TenantController};

const NAMESPACE_MANAGER: &str = "callplane/tenant-namespace";
const POOL_MANAGER: &str = "callplane/tenant-media-pool";

/// How far it came; what an error leaves empty is not known in this pass.
#[derive(Debug, Clone, Default)]
pub(super) struct Progress {
    /// The registry row.
    pub(super) tenant: Option<tenants::Tenant>,
    /// How far the schema is.
    pub(super) schema: Option<SchemaState>,
    /// The login that is published.
    pub(super) credentials: Option<CredentialsStatus>,
    /// The platforms whose views are there.
    pub(super) compatibility: Option<BTreeSet<Platform>>,
    /// Use of the quotas.
    pub(super) usage: Option<Vec<QuotaUsage>>,
    /// When there is something to do although nothing changes: the next turn of the logins.
    pub(super) next: Option<Duration>,
}

impl Progress {
    /// Comes back in `delay` at the latest.
    pub(super) fn look_again_in(&mut self, delay: Duration) {
        self.next = Some(self.next.map_or(delay, |next| next.min(delay)));
    }
}

impl TenantController {
    pub(super) async fn apply(
        &self,
        tenant: &Tenant,
        prepared: Prepared,
        progress: &mut Progress,
    ) -> Result<(), Error> {
        let Prepared {
            row,
            bind,
            free,
            home,
            pool,
            surplus_pools,
            rotate_every,
            rotation_overlap,
            compatibility,
            partitioning,
        } = prepared;
        for (live, labelled) in &bind {
            let api = Api::all(self.context.kit.client.clone());
            kit_apply::fields(&api, NAMESPACE_MANAGER, &**live, labelled)
                .await
                .map_err(Error::BindNamespace)?;
        }
        let fence = self.context.fence().await?;
        let id = self.register(tenant, fence, &row, progress).await?;
        // A schema that once was complete serves its calls also while it lacks a migration, and so must
        // everything else here that they need.
        let outdated = match self.roll_forward(tenant, fence, id, progress).await {
            Err(error) if has_schema(tenant) => Some(error),
            migrated => migrated.map(|()| None)?,
        };
        // Nor does a key-encryption key that is away stop anything but the Secret.
        let mut keyless = None;
        if let Some(home) = &home {
            let rotation = Rotation {
                every: rotate_every,
                overlap: rotation_overlap,
            };
            let handed_out = async {
                let handed = self
                    .hand_out(tenant, fence, id, home, rotation, progress)
                    .await?;
                self.seal_backlog(fence, id, &handed, progress).await
            };
            match handed_out.await {
                Err(error @ (Error::EnsureKeys(_) | Error::Reseal(_) | Error::SealWords(_)))
                    if has_schema(tenant) =>
                {
                    keyless = Some(error);
                }
                handed_out => handed_out?,
            }
        }
        if let Some((live, wanted)) = pool {
            self.apply_pool(tenant, live.as_deref(), wanted).await?;
        }
        for surplus in &surplus_pools {
            self.delete_pool(tenant, surplus).await?;
        }
        for namespace in &free {
            self.delete_secret(tenant, &namespace.name_any()).await?;
            self.free(namespace).await?;
        }
        self.forget_nodes(tenant, fence, id).await?;
        // What a node held that died before it wrote anything comes back to the tenant here.
        let recount = quotas::recount(&self.context.database, fence, id).await;
        if recount.map_err(Error::ReadUsage)? {
            tracing::info!(tenant = %tenant.name_any(), "Gave back quota that nobody holds any more");
        }
        let usage = quotas::usage(&self.context.database, id).await;
        progress.usage = Some(usage.map_err(Error::ReadUsage)?);
        self.ensure_months(tenant, fence, id, partitioning).await?;
        // After all that calls need: other platforms' views keep no call waiting.
        if !progress.waits_for_its_turn() {
            self.ensure_views(tenant, fence, id, &compatibility, progress)
                .await?;
        }
        outdated.or(keyless).map_or(Ok(()), Err)
    }

    /// Closes what the registry says of media nodes whose pods are gone: nobody else does it once the
    /// last node of a tenant died without a word.
    async fn forget_nodes(
        &self,
        tenant: &Tenant,
        fence: &Fence,
        id: TenantId,
    ) -> Result<(), Error> {
        let name = tenant.name_any();
        let of_tenant = |pod: &Pod| pod.labels().get(LABEL_TENANT) == Some(&name);
        let pods = self.caches.pods.filter(of_tenant);
        let pods: Vec<String> = pods.iter().map(|pod| pod.name_any()).collect();
        let database = &self.context.database;
        media_nodes::forget(database, fence, id, &pods, media_nodes::RETENTION)
            .await
            .map(|_| ())
            .map_err(Error::ForgetNodes)
    }

    /// Row, roles, schema, quotas; the finalizer between the proof that the name is free or ours and the
    /// first thing that would have to be cleaned up.
    async fn register(
        &self,
        tenant: &Tenant,
        fence: &Fence,
        row: &tenants::TenantSpec,
        progress: &mut Progress,
    ) -> Result<TenantId, Error> {
        let database = &self.context.database;
        if !finalizer::has(tenant, FINALIZER) {
            let known = tenants::find(database, &row.name)
                .await
                .map_err(Error::EnsureSchema)?;
            if let Some(known) = known
                && known.uid.is_some_and(|uid| uid != row.object.uid)
            {
                return Err(Error::EnsureSchema(StoreError::NotOwner {
                    kind: "tenant",
                    name: row.name.to_string(),
                }));
            }
            let api = Api::all(self.context.kit.client.clone());
            finalizer::ensure(&api, tenant, FINALIZER)
                .await
                .map_err(Error::Finalizer)?;
        }
        let registered = tenants::ensure(database, fence, row)
            .await
            .map_err(Error::EnsureSchema)?;
        let id = registered.id;
        progress.tenant = Some(registered);
        Ok(id)
    }

    async fn apply_pool(
        &self,
        tenant: &Tenant,
        live: Option<&MediaPool>,
        wanted: MediaPool,
    ) -> Result<(), Error> {
        let namespace = wanted.namespace().unwrap_or_default();
        let api = Api::namespaced(self.context.kit.client.clone(), &namespace);
        let owner = owner_reference(tenant).map_err(Error::ApplyMediaPool)?;
        kit_apply::owned(&api, POOL_MANAGER, &owner, live, wanted)
            .await
            .map(|_| ())
            .map_err(Error::ApplyMediaPool)
    }

    pub(super) async fn delete_pool(&self, tenant: &Tenant, pool: &MediaPool) -> Result<(), Error> {
        let namespace = pool.namespace().unwrap_or_default();
        let api = Api::namespaced(self.context.kit.client.clone(), &namespace);
        delete::owned(&api, pool, &tenant.uid().unwrap_or_default())
            .await
            .map(|_| ())
            .map_err(Error::DeleteSurplus)
    }

    /// Takes the tenant's label off a namespace, if nobody changed it meanwhile.
    pub(super) async fn free(&self, namespace: &Namespace) -> Result<(), Error> {
        let api: Api<Namespace> = Api::all(self.context.kit.client.clone());
        let patch = json!({ "metadata": {
            "uid": namespace.metadata.uid,
            "resourceVersion": namespace.metadata.resource_version,
            "labels": { LABEL_TENANT: null },
        }});
        let params = PatchParams::default();
        match api
            .patch(&namespace.name_any(), &params, &Patch::Merge(&patch))
            .await
        {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
            Err(error) => Err(Error::FreeNamespace(error)),
        }
    }
}
