//! The custom resource that a row projects.

use sqlx::PgConnection;
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

/// Gives the row that an import left for an object of this name to the object: it has the name, and neither
/// namespace nor uid, which no row of a custom resource ever has. `$table` is a table with `k8s_name`,
/// `$also` what else must hold.
macro_rules! adopt {
    ($table:literal, $also:literal) => {
        concat!(
            "UPDATE ",
            $table,
            " SET k8s_uid = $2, k8s_namespace = $3
               WHERE id = (SELECT id FROM ",
            $table,
            " WHERE k8s_name = $1 AND k8s_namespace IS NULL AND k8s_uid IS NULL AND ",
            $also,
            " ORDER BY id LIMIT 1 FOR UPDATE)
                 AND NOT EXISTS (SELECT FROM ",
            $table,
            " WHERE k8s_uid = $2)"
        )
    };
}
pub(crate) use adopt;

/// Runs the statement of [`adopt`].
pub(crate) async fn take_over(
    connection: &mut PgConnection,
    adopt: &'static str,
    object: &ObjectRef,
) -> Result<()> {
    sqlx::query(adopt)
        .bind(&object.name)
        .bind(object.uid)
        .bind(&object.namespace)
        .execute(connection)
        .await?;
    Ok(())
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
