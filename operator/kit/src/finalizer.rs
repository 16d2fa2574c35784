//! Finalizers, in our order.
//!
//! kube's own helper adds the finalizer before the first look at the object, so that the loser of a
//! conflict gets the right to clean up what belongs to the winner. Here the controller proves its
//! ownership first and calls [`ensure`] afterwards, and in cleaning up it proves it again before
//! anything is dropped and [`remove`] is called.

use kube::api::{Api, Patch, PatchParams};
use serde_json::json;

use crate::object::Object;

/// Whether `object` carries the finalizer.
pub fn has<K: Object>(object: &K, finalizer: &str) -> bool {
    object
        .meta()
        .finalizers
        .as_ref()
        .is_some_and(|finalizers| finalizers.iter().any(|f| f == finalizer))
}

/// Adds the finalizer if it is missing and the object is not being deleted. Says whether it wrote.
///
/// # Errors
/// Those of the API server; a conflict when somebody else changed the object.
pub async fn ensure<K: Object>(api: &Api<K>, object: &K, finalizer: &str) -> kube::Result<bool> {
    if has(object, finalizer) || object.meta().deletion_timestamp.is_some() {
        return Ok(false);
    }
    let mut finalizers = object.meta().finalizers.clone().unwrap_or_default();
    finalizers.push(finalizer.to_owned());
    replace(api, object, &finalizers).await
}

/// Removes the finalizer if it is there. Says whether it wrote.
///
/// # Errors
/// Those of the API server; a conflict when somebody else changed the object.
pub async fn remove<K: Object>(api: &Api<K>, object: &K, finalizer: &str) -> kube::Result<bool> {
    if !has(object, finalizer) {
        return Ok(false);
    }
    let mut finalizers = object.meta().finalizers.clone().unwrap_or_default();
    finalizers.retain(|f| f != finalizer);
    replace(api, object, &finalizers).await
}

/// A merge patch that holds only for the version that was looked at.
async fn replace<K: Object>(api: &Api<K>, object: &K, finalizers: &[String]) -> kube::Result<bool> {
    let meta = object.meta();
    let patch = json!({ "metadata": {
        "uid": meta.uid,
        "resourceVersion": meta.resource_version,
        "finalizers": finalizers,
    }});
    let name = meta.name.as_deref().unwrap_or_default();
    match api
        .patch(name, &PatchParams::default(), &Patch::Merge(&patch))
        .await
    {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(false),
        Err(error) => Err(error),
    }
}
