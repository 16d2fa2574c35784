//! Deletes what is ours and nothing else.

use kube::api::{Api, DeleteParams, Preconditions};

use crate::object::{Object, describe, owner_uid};

/// Why an object was not deleted.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It does not carry our owner's uid.
    #[error("{0} belongs to something else and stays")]
    NotOurs(String),
    /// The API server refused.
    #[error("failed to delete {0}")]
    Api(String, #[source] kube::Error),
}

impl Error {
    /// When to try again.
    #[must_use]
    pub fn class(&self) -> crate::Class {
        match self {
            Self::NotOurs(_) => crate::Class::WaitForChange,
            Self::Api(_, error) => crate::class_of(error),
        }
    }
}

/// Deletes `live` if `owner_uid` is the uid of its controller. Says whether there was something left
/// to delete.
///
/// The API server checks the uid again, so that a new object of the same name stays.
///
/// # Errors
/// [`Error`].
pub async fn owned<K: Object>(api: &Api<K>, live: &K, owner: &str) -> Result<bool, Error> {
    if owner_uid(live) != Some(owner) {
        return Err(Error::NotOurs(describe(live)));
    }
    let meta = live.meta();
    if meta.deletion_timestamp.is_some() {
        return Ok(false);
    }
    let params = DeleteParams::background().preconditions(Preconditions {
        uid: meta.uid.clone(),
        resource_version: None,
    });
    let name = meta.name.as_deref().unwrap_or_default();
    match api.delete(name, &params).await {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => Ok(false),
        Err(error) => Err(Error::Api(describe(live), error)),
    }
}
