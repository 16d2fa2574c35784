//! The way of an object into the database and out again.

use std::sync::Arc;

use callplane_crds::{FINALIZER, Reason};
use callplane_kit::conditions::Conditions;
use callplane_kit::status::write_if_changed;
use callplane_kit::{Controller, Next, Owned, finalizer};
use callplane_store::{Error as StoreError, Fence, OperatorDatabase};
use callplane_types::TenantId;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::jiff::Timestamp;
use kube::core::object::HasStatus;
use kube::{Api, Resource, ResourceExt as _};
use serde::Serialize;
use uuid::Uuid;

use super::status::{self, RowStatus};
use super::tenant::tenant_id;
use super::{Error, Problem, TenantRef, tenant_of};
use crate::context::{Caches, Context};

/// What is a kind's own in its way into the database.
pub(crate) trait Projection: Send + Sync + 'static {
    /// The kind.
    type Object: Owned
        + Resource<Scope = NamespaceResourceScope>
        + HasStatus<Status: RowStatus + Serialize + Send + Sync>;
    /// What it refers to, as read.
    type References: Send;
    /// The row that should exist.
    type Prepared: Send;
    /// What the database gave back.
    type Applied: Send + Sync;
    /// Name in metrics and logs.
    const NAME: &'static str;

    /// Reads what the object refers to.
    fn dereference(
        context: &Context,
        caches: &Caches,
        object: &Self::Object,
        tenant: &Result<TenantRef, Problem>,
    ) -> impl Future<Output = Result<Self::References, Error>> + Send;

    /// Checks the object and what it refers to, and makes the row of it. Pure.
    fn prepare(
        object: &Self::Object,
        tenant: Result<TenantRef, Problem>,
        references: Self::References,
    ) -> Result<(TenantRef, Self::Prepared), Problem>;

    /// Writes the row.
    fn apply(
        database: &OperatorDatabase,
        fence: &Fence,
        tenant: TenantId,
        prepared: Self::Prepared,
    ) -> impl Future<Output = Result<Self::Applied, StoreError>> + Send;

    /// Undoes the row that carries `uid`; says whether there was one.
    fn remove(
        database: &OperatorDatabase,
        fence: &Fence,
        tenant: TenantId,
        uid: Uuid,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Writes into the status what the database gave back. Pure.
    fn tell(
        status: &mut StatusOf<Self>,
        object: &Self::Object,
        applied: &Self::Applied,
        now: Timestamp,
    );

    /// Adds the conditions that are a kind's own, to those that every kind has. Pure.
    fn judge(
        _conditions: &mut Conditions,
        _object: &Self::Object,
        _applied: Option<&Self::Applied>,
    ) {
    }

    /// When to look again at an object that is as it should be.
    fn next(_applied: &Self::Applied) -> Next {
        Next::Resync
    }
}

/// The status of the objects of a [`Projection`].
pub(crate) type StatusOf<P> = <<P as Projection>::Object as HasStatus>::Status;

/// What a pass came to.
#[derive(Debug)]
pub(crate) struct Outcome<A> {
    /// The tenant and what its database gave back, or why not.
    pub result: Result<(TenantRef, A), Error>,
    /// Whether the row that the status names was undone, because its tenant gave the namespace up.
    /// Unless it was, the status goes on naming it: it is the only trace of the row.
    pub row_undone: bool,
}

/// The controller of a [`Projection`].
#[derive(Debug)]
pub(crate) struct Projector<P> {
    context: Context,
    caches: Caches,
    kind: std::marker::PhantomData<fn() -> P>,
}

impl<P: Projection> Projector<P> {
    pub(crate) fn new(context: &Context, caches: &Caches) -> Self {
        Self {
            context: context.clone(),
            caches: caches.clone(),
            kind: std::marker::PhantomData,
        }
    }

    async fn run(&self, api: &Api<P::Object>, object: &P::Object) -> Outcome<P::Applied> {
        let namespace = object.namespace().unwrap_or_default();
        let tenant = tenant_of(&self.caches, &namespace);
        match self.leave_former_tenant(object, tenant.as_ref().ok()).await {
            Ok(row_undone) => Outcome {
                result: self.project(api, object, tenant).await,
                row_undone,
            },
            Err(error) => Outcome {
                result: Err(error),
                row_undone: false,
            },
        }
    }

    async fn project(
        &self,
        api: &Api<P::Object>,
        object: &P::Object,
        tenant: Result<TenantRef, Problem>,
    ) -> Result<(TenantRef, P::Applied), Error> {
        let references = P::dereference(&self.context, &self.caches, object, &tenant).await?;
        let (tenant, prepared) = P::prepare(object, tenant, references)?;
        // Before the row exists: a process that dies in between leaves a finalizer that finds
        // nothing to undo, and never a row that nobody undoes.
        finalizer::ensure(api, object, FINALIZER)
            .await
            .map_err(Error::Finalizer)?;
        let fence = self.context.fence().await?;
        let applied = P::apply(&self.context.database, fence, tenant.id, prepared).await?;
        Ok((tenant, applied))
    }

    /// Undoes the row in the database of the tenant that the namespace belonged to before.
    ///
    /// Only when that Tenant lives and no longer lists the namespace: while a Tenant is being
    /// deleted, and after, its policy decides what becomes of its data. Says whether it did.
    async fn leave_former_tenant(
        &self,
        object: &P::Object,
        now: Option<&TenantRef>,
    ) -> Result<bool, Error> {
        let former = tenant_of_status(object);
        let Some(former) = former.filter(|former| now.is_none_or(|now| now.id != *former)) else {
            return Ok(false);
        };
        let namespace = object.namespace().unwrap_or_default();
        let gave_up = self.caches.tenants.filter(|tenant| {
            tenant_id(tenant) == Some(former)
                && tenant.metadata.deletion_timestamp.is_none()
                && !tenant.spec.namespaces.contains(&namespace)
        });
        if gave_up.is_empty() {
            return Ok(false);
        }
        self.undo(object, former).await?;
        Ok(true)
    }

    async fn undo(&self, object: &P::Object, tenant: TenantId) -> Result<(), Error> {
        let Some(uid) = object.uid().and_then(|uid| Uuid::parse_str(&uid).ok()) else {
            return Ok(());
        };
        let fence = self.context.fence().await?;
        match P::remove(&self.context.database, fence, tenant, uid).await {
            // The tenant is gone with all its rows.
            Ok(_) | Err(StoreError::NotFound { .. }) => Ok(()),
            Err(error) => Err(Error::Database(error)),
        }
    }

    async fn finalize(&self, api: &Api<P::Object>, object: &P::Object) -> Result<Next, Error> {
        if !finalizer::has(object, FINALIZER) {
            return Ok(Next::AwaitChange);
        }
        let namespace = object.namespace().unwrap_or_default();
        let of_status = tenant_of_status(object);
        // A row that was written just before the process died is not in the status yet.
        let of_namespace = tenant_of(&self.caches, &namespace)
            .ok()
            .map(|found| found.id);
        let mut tenants: Vec<TenantId> = of_status.into_iter().chain(of_namespace).collect();
        tenants.dedup();
        for tenant in tenants {
            self.undo(object, tenant).await?;
        }
        finalizer::remove(api, object, FINALIZER)
            .await
            .map_err(Error::Finalizer)?;
        Ok(Next::AwaitChange)
    }
}

impl<P: Projection> Controller for Projector<P> {
    type Object = P::Object;
    type Error = Error;
    const NAME: &'static str = P::NAME;

    async fn reconcile(&self, object: Arc<P::Object>) -> Result<Next, Error> {
        let namespace = object.namespace().unwrap_or_default();
        let api = Api::namespaced(self.context.kit.client.clone(), &namespace);
        if object.meta().deletion_timestamp.is_some() {
            return self.finalize(&api, &object).await;
        }
        let outcome = self.run(&api, &object).await;
        if let Some(status) = status::status::<P>(&object, &outcome, Timestamp::now()) {
            write_if_changed(&self.context.kit, P::NAME, &api, &*object, &status)
                .await
                .map_err(Error::Status)?;
        }
        match outcome.result {
            Ok((_, applied)) => Ok(P::next(&applied)),
            // Objects are applied in any order: waiting for one another is no failure to warn of.
            Err(Error::Problem(problem)) if problem.reason == Reason::WaitingForDependency => {
                Ok(Next::Resync)
            }
            Err(error) => Err(error),
        }
    }
}

/// The tenant whose database has the object, from its status.
fn tenant_of_status<K: HasStatus<Status: RowStatus>>(object: &K) -> Option<TenantId> {
    let mut status = object.status()?.clone();
    status.common().tenant_id.take()?.parse().ok()
}
