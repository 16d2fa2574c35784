//! Writes a status when it differs, and only then.

use kube::api::{Api, Patch, PatchParams};
use kube::core::object::HasStatus;
use serde::Serialize;
use serde_json::json;

use crate::manager::Kit;
use crate::object::Object;

/// What became of a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It was written.
    Patched,
    /// It was as it should be.
    Unchanged,
    /// The object is gone.
    Gone,
}

/// Writes `desired` as the status of `object` by server-side apply if it differs from the status that
/// `object` has, under the field manager `callplane/<controller>-status`.
///
/// # Errors
/// Those of the API server.
pub async fn write_if_changed<K>(
    kit: &Kit,
    controller: &'static str,
    api: &Api<K>,
    object: &K,
    desired: &K::Status,
) -> Result<Written, kube::Error>
where
    K: Object + HasStatus,
    K::Status: Serialize,
{
    let before = object
        .status()
        .map(serde_json::to_value)
        .transpose()
        .map_err(kube::Error::SerdeError)?;
    let after = serde_json::to_value(desired).map_err(kube::Error::SerdeError)?;
    if before.as_ref() == Some(&after) {
        kit.metrics.status_written(controller, "unchanged");
        return Ok(Written::Unchanged);
    }
    let meta = object.meta();
    // The uid keeps the status of a deleted object off a new one of the same name.
    let patch = json!({
        "apiVersion": K::api_version(&()),
        "kind": K::kind(&()),
        "metadata": { "name": meta.name, "uid": meta.uid },
        "status": after,
    });
    let params = PatchParams::apply(&format!("callplane/{controller}-status")).force();
    let name = meta.name.as_deref().unwrap_or_default();
    match api.patch_status(name, &params, &Patch::Apply(&patch)).await {
        Ok(_) => {
            kit.metrics.status_written(controller, "patched");
            Ok(Written::Patched)
        }
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(Written::Gone),
        Err(error) => Err(error),
    }
}
