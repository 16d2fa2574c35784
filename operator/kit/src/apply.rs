//! Server-side apply of objects that are ours, without a write when nothing differs.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Resource;
use kube::api::{Api, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::object::{Object, Owned, describe, owner_uid};

/// Annotation with a hash of what was applied last. It tells "we want something else now", also a
/// field that we no longer set, from "the API server added defaults".
pub const APPLIED_HASH: &str = "callplane.dev/applied";

/// What became of an object.
#[derive(Debug, Clone)]
pub enum Applied<K> {
    /// It was created or changed; this is what the API server has now.
    Written(K),
    /// It was as it should be.
    Unchanged,
}

impl<K> Applied<K> {
    /// Whether a request was sent that changes something.
    #[must_use]
    pub const fn is_written(&self) -> bool {
        matches!(self, Self::Written(_))
    }
}

/// Why an object was not applied.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is one of that name, and it does not carry our owner's uid.
    #[error("{0} exists and belongs to something else; delete or rename it")]
    NotOurs(String),
    /// The object has no name. A mistake in `build`.
    #[error("cannot apply a {0} without a name")]
    Unnamed(String),
    /// The API server refused.
    #[error("failed to apply {0}")]
    Api(String, #[source] kube::Error),
}

impl Error {
    /// When to try again.
    #[must_use]
    pub fn class(&self) -> crate::Class {
        match self {
            Self::NotOurs(_) => crate::Class::WaitForChange,
            Self::Unnamed(_) => crate::Class::Terminal,
            Self::Api(_, error) => crate::class_of(error),
        }
    }
}

/// Applies `desired` as a thing that `owner` owns, under the field manager `manager`.
///
/// `live` is what a cache has; without one the API server is asked first, so that an object of
/// somebody else is never taken over. Values in `desired` must be in the form in which the API
/// server returns them (`"1"`, not `"1000m"`), or each call writes.
///
/// # Errors
/// [`Error`].
pub async fn owned<K: Owned>(
    api: &Api<K>,
    manager: &str,
    owner: &OwnerReference,
    live: Option<&K>,
    mut desired: K,
) -> Result<Applied<K>, Error> {
    let name = name_of(&desired)?;
    desired.meta_mut().owner_references = Some(vec![owner.clone()]);
    let fetched;
    let live = match live {
        Some(live) => Some(live),
        None => {
            fetched = api
                .get_opt(&name)
                .await
                .map_err(|error| Error::Api(describe(&desired), error))?;
            fetched.as_ref()
        }
    };
    if let Some(live) = live
        && owner_uid(live) != Some(owner.uid.as_str())
    {
        return Err(Error::NotOurs(describe(live)));
    }
    let mut body = body_of(&desired)?;
    let hash = hash_of(&body);
    body["metadata"]["annotations"][APPLIED_HASH] = Value::String(hash);
    patch(api, manager, &name, live, &desired, &body).await
}

/// Applies a few fields to an object that is not ours, such as a label of a Namespace. Never creates
/// one: `live` is what there is.
///
/// # Errors
/// [`Error`].
pub async fn fields<K: Owned>(
    api: &Api<K>,
    manager: &str,
    live: &K,
    desired: &K,
) -> Result<Applied<K>, Error> {
    let name = name_of(live)?;
    let mut body = body_of(desired)?;
    // With the uid an object that went away in between is not created anew.
    body["metadata"]["uid"] = json!(live.meta().uid);
    patch(api, manager, &name, Some(live), desired, &body).await
}

/// Creates an object that `owner` owns. For kinds that cannot be changed once they exist, as Pods.
///
/// # Errors
/// [`Error`]; [`Error::NotOurs`] when there is one of that name, ours or not.
pub async fn create<K: Owned>(
    api: &Api<K>,
    manager: &str,
    owner: &OwnerReference,
    mut desired: K,
) -> Result<K, Error> {
    desired.meta_mut().owner_references = Some(vec![owner.clone()]);
    let params = PostParams {
        field_manager: Some(manager.to_owned()),
        ..PostParams::default()
    };
    match api.create(&params, &desired).await {
        Ok(created) => Ok(created),
        Err(kube::Error::Api(status)) if status.is_already_exists() => {
            Err(Error::NotOurs(describe(&desired)))
        }
        Err(error) => Err(Error::Api(describe(&desired), error)),
    }
}

/// The owner reference that makes `owner` the controller of what it owns.
///
/// # Errors
/// [`Error::Unnamed`] for an object that did not come from the API server.
pub fn owner_reference<K: Resource<DynamicType = ()>>(owner: &K) -> Result<OwnerReference, Error> {
    owner
        .controller_owner_ref(&())
        .ok_or_else(|| Error::Unnamed(K::kind(&()).into_owned()))
}

async fn patch<K: Owned>(
    api: &Api<K>,
    manager: &str,
    name: &str,
    live: Option<&K>,
    desired: &K,
    body: &Value,
) -> Result<Applied<K>, Error> {
    let fail = |error| Error::Api(describe(desired), error);
    if let Some(live) = live {
        let live = serde_json::to_value(live).map_err(|e| fail(kube::Error::SerdeError(e)))?;
        if contains(&live, body) {
            return Ok(Applied::Unchanged);
        }
    }
    let params = PatchParams::apply(manager).force();
    api.patch(name, &params, &Patch::Apply(body))
        .await
        .map(Applied::Written)
        .map_err(fail)
}

fn name_of<K: Object>(object: &K) -> Result<String, Error> {
    object
        .meta()
        .name
        .clone()
        .ok_or_else(|| Error::Unnamed(K::kind(&()).into_owned()))
}

fn body_of<K: Owned>(desired: &K) -> Result<Value, Error> {
    let mut body = serde_json::to_value(desired)
        .map_err(|error| Error::Api(describe(desired), kube::Error::SerdeError(error)))?;
    body["apiVersion"] = Value::String(K::api_version(&()).into_owned());
    body["kind"] = Value::String(K::kind(&()).into_owned());
    prune(&mut body);
    Ok(body)
}

/// Removes nulls: applying `null` would take the field over.
fn prune(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(prune);
        }
        Value::Array(items) => items.iter_mut().for_each(prune),
        _ => {}
    }
}

/// Whether `live` has all that `desired` says. Objects may have more fields, lists must have as many
/// items.
fn contains(live: &Value, desired: &Value) -> bool {
    match (live, desired) {
        (Value::Object(live), Value::Object(desired)) => {
            desired.iter().all(|(key, desired)| match live.get(key) {
                Some(live) => contains(live, desired),
                None => matches!(key.as_str(), "apiVersion" | "kind") || is_empty(desired),
            })
        }
        (Value::Array(live), Value::Array(desired)) => {
            live.len() == desired.len()
                && live
                    .iter()
                    .zip(desired)
                    .all(|(live, desired)| contains(live, desired))
        }
        _ => live == desired,
    }
}

/// The API server drops empty objects and lists.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.values().all(is_empty),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// A hash of a JSON value that does not depend on the order of fields: stable over versions and
/// processes.
#[must_use]
pub fn hash_of(value: &Value) -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    mix(&mut hash, value);
    format!("{hash:016x}")
}

/// FNV-1a over the value, fields in order of their names.
fn mix(hash: &mut u64, value: &Value) {
    let mut bytes = |text: &str| {
        for byte in text.bytes() {
            *hash = (*hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    match value {
        Value::Object(fields) => {
            bytes("{");
            let sorted: std::collections::BTreeMap<_, _> = fields.iter().collect();
            for (name, field) in sorted {
                mix(hash, &Value::String(name.clone()));
                mix(hash, field);
            }
        }
        Value::Array(items) => {
            bytes("[");
            for item in items {
                mix(hash, item);
            }
        }
        scalar => {
            bytes(&scalar.to_string());
            bytes(",");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_that_the_server_adds_are_no_difference() {
        let live =
            json!({"spec": {"ports": [{"port": 5060, "protocol": "UDP"}], "type": "ClusterIP"}});
        assert!(contains(
            &live,
            &json!({"spec": {"ports": [{"port": 5060}], "selector": {}}})
        ));
        assert!(!contains(
            &live,
            &json!({"spec": {"ports": [{"port": 5061}]}})
        ));
        assert!(!contains(&live, &json!({"spec": {"ports": []}})));
        assert!(!contains(&live, &json!({"spec": {"clusterIP": "None"}})));
    }

    #[test]
    fn the_hash_does_not_depend_on_the_order_of_fields() {
        let one = json!({"a": 1, "b": 2});
        let other: Value = serde_json::from_str(r#"{"b":2,"a":1}"#).unwrap();
        assert_eq!(hash_of(&one), hash_of(&other));
        assert_ne!(hash_of(&one), hash_of(&json!({"a": 1})));
    }
}
