//! References by name within a namespace.

use callplane_crds::{ConditionType, LocalReference, Reason};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Resource;

use super::Problem;

/// Key of the object that `reference` names from the namespace of `from`.
pub(crate) fn key<K: Resource>(from: &K, reference: &LocalReference) -> String {
    let namespace = from.meta().namespace.as_deref().unwrap_or_default();
    format!("{namespace}/{}", reference.name)
}

/// Key of `object` itself.
pub(crate) fn key_of<K: Resource>(object: &K) -> String {
    let meta = object.meta();
    let namespace = meta.namespace.as_deref().unwrap_or_default();
    format!("{namespace}/{}", meta.name.as_deref().unwrap_or_default())
}

/// Whether an object that exists can be referred to: once some version of it is in the database.
/// An object that was right before and is wrong now stays usable, because the right version stays
/// in force.
pub(crate) fn usable(
    kind: &str,
    name: &str,
    has_row: bool,
    conditions: Option<&[Condition]>,
) -> Result<(), Problem> {
    if has_row {
        return Ok(());
    }
    let stalled = conditions.into_iter().flatten().find(|condition| {
        condition.type_ == ConditionType::Stalled.as_str() && condition.status == "True"
    });
    Err(match stalled {
        Some(condition) => Problem::unresolved(
            Reason::DependencyNotReady,
            format!("{kind} `{name}` cannot be used: {}", condition.message),
        ),
        None => Problem::waits_for(kind, name),
    })
}
