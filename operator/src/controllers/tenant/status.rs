//! From what happened to what the status says.

use callplane_crds::ConditionType as Type;
use callplane_crds::{QuotaUsage, Reason, Tenant, TenantState, TenantStatus};
use callplane_kit::conditions::{Conditions, Summary};
use callplane_kit::{Class, ReconcileError as _, sentence};
use callplane_store::Error as StoreError;
use k8s_openapi::jiff::Timestamp;

use super::Error;
use super::apply::Progress;
use super::claims::Claim;
use super::compatibility;
use super::delete::Wait;
use super::dereference::References;
use super::schema;
use crate::context::FenceError;

/// What must hold for `Ready`, in the order in which it is worth telling.
const NEEDED: [Type; 6] = [
    Type::Accepted,
    Type::NamespacesBound,
    Type::SchemaReady,
    Type::CredentialsReady,
    Type::MediaReady,
    Type::CompatibilityReady,
];

/// A condition that does not hold.
pub(super) type Unmet = (Reason, String);

/// The status after a pass over a Tenant that is not being deleted.
pub(super) fn status(
    tenant: &Tenant,
    references: &References,
    progress: &Progress,
    error: Option<&Error>,
    now: Timestamp,
) -> TenantStatus {
    let before = tenant.status.clone().unwrap_or_default();
    let generation = tenant.metadata.generation;
    let mut conditions = Conditions::new(&before.conditions, generation, now);
    accepted(&mut conditions, error);
    namespaces_bound(&mut conditions, references, error);
    schema::condition(&mut conditions, progress, error);
    credentials_ready(&mut conditions, references, progress, error);
    media_ready(&mut conditions, tenant, references);
    compatibility::condition(&mut conditions, progress, error);
    summarize(&mut conditions, tenant);
    let Progress {
        tenant: row,
        schema: _,
        credentials,
        compatibility,
        usage,
        next: _,
    } = progress;
    TenantStatus {
        observed_generation: generation,
        tenant_id: row
            .as_ref()
            .map(|row| row.id.to_string())
            .or(before.tenant_id),
        schema: schema::told(before.schema, progress),
        compatibility: compatibility
            .as_ref()
            .map_or(before.compatibility, compatibility::told),
        credentials: credentials.clone().or(before.credentials),
        usage: usage
            .as_ref()
            .map_or(before.usage, |usage| usage.iter().map(told).collect()),
        conditions: conditions.into_vec(),
    }
}

/// The status of a Tenant whose deletion waits.
pub(super) fn deleting(tenant: &Tenant, wait: &Wait, now: Timestamp) -> TenantStatus {
    let mut status = tenant.status.clone().unwrap_or_default();
    let mut conditions = Conditions::new(&status.conditions, tenant.metadata.generation, now);
    let Wait { reason, message } = wait;
    conditions.summarize(&match reason {
        Reason::ConfirmationMissing | Reason::DependencyNotReady => stalled(*reason, message),
        _ => progressing(*reason, message),
    });
    status.observed_generation = tenant.metadata.generation;
    status.conditions = conditions.into_vec();
    status
}

fn accepted(conditions: &mut Conditions, error: Option<&Error>) {
    let unmet = match error {
        Some(Error::Invalid(invalid)) => Some((Reason::Invalid, invalid.to_string())),
        Some(Error::EnsureSchema(error)) => refusal(error),
        _ => None,
    };
    set(
        conditions,
        Type::Accepted,
        unmet,
        Reason::Accepted,
        "The spec is valid.",
    );
}

/// A refusal of the registry that a person has to settle.
pub(super) fn refusal(error: &StoreError) -> Option<Unmet> {
    let reason = match error {
        StoreError::SchemaTaken { .. } => Reason::SchemaConflict,
        StoreError::NotOwner { .. } => Reason::NameConflict,
        StoreError::Retained { tenant_id, .. } => {
            let message = format!(
                "{error}: annotate it with {}={tenant_id}",
                callplane_crds::ANNOTATION_ADOPT_DATA
            );
            return Some((Reason::DataRetained, message));
        }
        StoreError::NotFound { kind: "plan", .. } => Reason::PlanNotFound,
        StoreError::Invalid { .. } => Reason::Invalid,
        _ => return None,
    };
    Some((reason, error.to_string()))
}

fn namespaces_bound(conditions: &mut Conditions, references: &References, error: Option<&Error>) {
    let claimed = references.claims.iter().find_map(|(namespace, claim)| match claim {
        Claim::Ours => None,
        Claim::Missing => Some((
            Reason::NamespaceMissing,
            format!("namespace `{namespace}` does not exist; create it"),
        )),
        Claim::TakenBy(holder) => Some((
            Reason::NamespaceConflict,
            format!(
                "namespace `{namespace}` belongs to the older Tenant `{holder}`; remove it from one of the two"
            ),
        )),
    });
    let unmet = claimed.or_else(|| match error {
        Some(error @ (Error::BindNamespace(_) | Error::FreeNamespace(_))) => {
            Some((Reason::ApiServerUnavailable, sentence(error)))
        }
        _ => None,
    });
    if unmet.is_none() && matches!(error, Some(Error::Invalid(_))) {
        let waits = "the spec has to be valid first";
        conditions.keep(
            Type::NamespacesBound.as_str(),
            Reason::Progressing.as_str(),
            waits,
        );
        return;
    }
    let met = "Every namespace carries the label of this tenant.";
    set(
        conditions,
        Type::NamespacesBound,
        unmet,
        Reason::NamespacesBound,
        met,
    );
}

fn credentials_ready(
    conditions: &mut Conditions,
    references: &References,
    progress: &Progress,
    error: Option<&Error>,
) {
    let type_ = Type::CredentialsReady;
    if let Some(credentials) = &progress.credentials {
        let met = format!(
            "Secret {} holds slot {}.",
            credentials.secret_name, credentials.active_slot
        );
        set(conditions, type_, None, Reason::CredentialsIssued, &met);
        return;
    }
    let homeless = match references.claims.first() {
        Some((namespace, Claim::Missing)) => Some((
            Reason::NamespaceMissing,
            format!("the Secret goes to the first namespace, `{namespace}`, which does not exist"),
        )),
        Some((namespace, Claim::TakenBy(holder))) => Some((
            Reason::NamespaceConflict,
            format!(
                "the Secret goes to the first namespace, `{namespace}`, which belongs to Tenant `{holder}`"
            ),
        )),
        _ => None,
    };
    let unmet = homeless.or_else(|| match error {
        Some(Error::WriteSecret(cause)) => Some((Reason::ApiServerUnavailable, sentence(cause))),
        Some(Error::EnsureKeys(cause)) => Some((Reason::KeyUnavailable, sentence(cause))),
        Some(Error::IssueCredentials(cause)) if !cause.is_transient() => {
            Some((Reason::DatabaseRefused, sentence(cause)))
        }
        _ => None,
    });
    match unmet {
        Some(unmet) => set(
            conditions,
            type_,
            Some(unmet),
            Reason::CredentialsIssued,
            "",
        ),
        None => conditions.keep(
            type_.as_str(),
            waiting_reason(error).as_str(),
            &waiting(error),
        ),
    }
}

fn media_ready(conditions: &mut Conditions, tenant: &Tenant, references: &References) {
    let type_ = Type::MediaReady;
    if tenant.spec.media.dedicated.is_none() {
        let met = "The tenant has no media nodes of its own.";
        set(conditions, type_, None, Reason::NoDedicatedMedia, met);
        return;
    }
    let pool = references.pools.first();
    let ready = pool.and_then(|pool| {
        let status = pool.status.as_ref()?;
        let ready = status
            .conditions
            .iter()
            .find(|c| c.type_ == Type::Ready.as_str())?;
        (status.observed_generation == pool.metadata.generation).then_some(ready)
    });
    match ready {
        Some(ready) => conditions.set(
            type_.as_str(),
            ready.status == "True",
            &ready.reason,
            &ready.message,
        ),
        None => {
            let unmet = (
                Reason::Progressing,
                "the MediaPool has not reported yet".to_owned(),
            );
            set(conditions, type_, Some(unmet), Reason::PodsReady, "");
        }
    }
}

fn summarize(conditions: &mut Conditions, tenant: &Tenant) {
    let needed = NEEDED.map(Type::as_str);
    let summary = match conditions.first_unmet(&needed) {
        None if tenant.spec.state == TenantState::Suspended => {
            let message = "New calls are refused because spec.state is Suspended.";
            conditions.set(
                Type::Ready.as_str(),
                false,
                Reason::Suspended.as_str(),
                message,
            );
            return;
        }
        None => Summary::Ready,
        Some(unmet) if needs_somebody(&unmet.reason) => Summary::Stalled {
            reason: unmet.reason.clone(),
            message: unmet.message.clone(),
        },
        Some(unmet) => Summary::Progressing {
            reason: unmet.reason.clone(),
            message: unmet.message.clone(),
        },
    };
    conditions.summarize(&summary);
}

/// Whether a reason asks for a change by a person; otherwise we go on by ourselves.
fn needs_somebody(reason: &str) -> bool {
    [
        Reason::Invalid,
        Reason::NamespaceConflict,
        Reason::NamespaceMissing,
        Reason::SchemaConflict,
        Reason::NameConflict,
        Reason::DataRetained,
        Reason::PlanNotFound,
        Reason::MigrationFailed,
        Reason::DatabaseRefused,
        Reason::PodsFailing,
        Reason::ViewsFailed,
        Reason::KeyUnavailable,
    ]
    .into_iter()
    .any(|waits_for_people| waits_for_people.as_str() == reason)
}

/// Why nothing is known about a step.
pub(super) fn waiting_reason(error: Option<&Error>) -> Reason {
    match error {
        Some(Error::ReadSecret(_) | Error::WriteSecret(_) | Error::Finalizer(_)) => {
            Reason::ApiServerUnavailable
        }
        Some(
            Error::Fence(FenceError::Database(cause))
            | Error::EnsureSchema(cause)
            | Error::MigrateSchema(cause)
            | Error::IssueCredentials(cause)
            | Error::ForgetNodes(cause)
            | Error::EnsureViews(cause)
            | Error::EnsureMonths(cause)
            | Error::ReadUsage(cause),
        ) if !cause.is_transient() => Reason::DatabaseRefused,
        Some(
            Error::Fence(FenceError::Database(_))
            | Error::EnsureSchema(_)
            | Error::MigrateSchema(_)
            | Error::IssueCredentials(_)
            | Error::ForgetNodes(_)
            | Error::EnsureViews(_)
            | Error::EnsureMonths(_)
            | Error::ReadUsage(_),
        ) => Reason::DatabaseUnavailable,
        _ => Reason::Progressing,
    }
}

pub(super) fn waiting(error: Option<&Error>) -> String {
    match error {
        Some(error) if matches!(error.class(), Class::Transient | Class::Throttled(_)) => {
            format!("{}; the operator tries again", sentence(error))
        }
        _ => "waits for the steps before it".to_owned(),
    }
}

pub(super) fn set(
    conditions: &mut Conditions,
    type_: Type,
    unmet: Option<Unmet>,
    met: Reason,
    told: &str,
) {
    match unmet {
        Some((reason, message)) => conditions.set(type_.as_str(), false, reason.as_str(), &message),
        None => conditions.set(type_.as_str(), true, met.as_str(), told),
    }
}

fn stalled(reason: Reason, message: &str) -> Summary {
    Summary::Stalled {
        reason: reason.as_str().to_owned(),
        message: message.to_owned(),
    }
}

fn progressing(reason: Reason, message: &str) -> Summary {
    Summary::Progressing {
        reason: reason.as_str().to_owned(),
        message: message.to_owned(),
    }
}

fn told(usage: &callplane_store::quotas::QuotaUsage) -> QuotaUsage {
    let callplane_store::quotas::QuotaUsage {
        resource,
        limit,
        enforcement: _,
        used,
    } = usage;
    QuotaUsage {
        resource: resource.clone(),
        used: *used,
        limit: *limit,
    }
}
