//! The identity of an object, as a row carries it.

use callplane_store::ObjectRef;
use kube::ResourceExt;
use uuid::Uuid;

use super::Problem;

/// What ties a row to its object.
///
/// The API server gives every object a uid and a generation; objects without are none that a
/// watch delivered.
pub(crate) fn object_ref<K: ResourceExt>(object: &K) -> Result<ObjectRef, Problem> {
    let uid = object
        .uid()
        .and_then(|uid| Uuid::parse_str(&uid).ok())
        .ok_or_else(|| Problem::invalid("metadata.uid", "the API server gave none"))?;
    Ok(ObjectRef {
        namespace: object.namespace(),
        name: object.name_any(),
        uid,
        generation: object.meta().generation.unwrap_or_default(),
    })
}
