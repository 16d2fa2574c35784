//! The custom resource that a row projects.

use uuid::Uuid;

use crate::{Error, Result};

/// Which custom resource a row stands for. `uid` decides ownership: an object that was deleted and
/// created again under the same name is another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectRef {
    /// `metadata.namespace`; `None` for cluster-scoped kinds.
    pub namespace: Option<String>,
    /// `metadata.name`.
    pub name: String,
    /// `metadata.uid`.
    pub uid: Uuid,
    /// `metadata.generation`.
    pub generation: i64,
}

impl ObjectRef {
    /// `namespace/name`, or the name of a cluster-scoped object.
    #[must_use]
    pub fn path(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("{namespace}/{}", self.name),
            None => self.name.clone(),
        }
    }
}

/// Reads the refusal of an upsert by uid: when the row of the same namespace and name is another
/// object's, that object must go first (unique indexes `*_object`).
pub(crate) fn owned<T>(
    kind: &'static str,
    object: &ObjectRef,
    written: Result<T, sqlx::Error>,
) -> Result<T> {
    written.map_err(|error| {
        let taken = error
            .as_database_error()
            .and_then(|database| database.constraint())
            .is_some_and(|constraint| {
                // A name made of namespace and name may be what is found taken first.
                ["_object", "_name", "_name_key"]
                    .iter()
                    .any(|end| constraint.ends_with(end))
            });
        if taken {
            Error::NotOwner {
                kind,
                name: object.path(),
            }
        } else {
            error.into()
        }
    })
}
