//! What the runner asks of a kind, and who owns an object.

use std::fmt::Debug;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::runtime::reflector::ObjectRef;
use kube::{Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A kind that can be watched: every derived custom resource and every kind of `k8s-openapi`.
pub trait Object:
    Resource<DynamicType = (), Scope: 'static>
    + Clone
    + Debug
    + DeserializeOwned
    + Send
    + Sync
    + 'static
{
}

impl<K> Object for K where
    K: Resource<DynamicType = (), Scope: 'static>
        + Clone
        + Debug
        + DeserializeOwned
        + Send
        + Sync
        + 'static
{
}

/// A kind that can be written too.
pub trait Owned: Object + Serialize {}

impl<K: Object + Serialize> Owned for K {}

/// The reference that queues an object for reconciling.
pub fn reference<K: Object>(object: &K) -> ObjectRef<K> {
    ObjectRef::from_obj(object)
}

/// The uid of the controller that owns `object`, if one does.
pub fn owner_uid<K: Resource>(object: &K) -> Option<&str> {
    controller_of(object).map(|owner| owner.uid.as_str())
}

/// The owner reference with `controller: true`.
pub(crate) fn controller_of<K: Resource>(object: &K) -> Option<&OwnerReference> {
    object
        .owner_references()
        .iter()
        .find(|owner| owner.controller == Some(true))
}

/// `Kind/namespace/name`, for messages.
pub(crate) fn describe<K: Object>(object: &K) -> String {
    let kind = K::kind(&());
    match object.namespace() {
        Some(namespace) => format!("{kind} {namespace}/{}", object.name_any()),
        None => format!("{kind} {}", object.name_any()),
    }
}
