//! References to other objects.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Names an object in the same namespace. There is no namespace field on purpose: what a tenant may
/// use is decided by its own namespaces.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LocalReference {
    /// Name of the object.
    #[schemars(schema_with = "crate::schema::dns_label")]
    pub name: String,
}

/// Names one key of a Secret in the same namespace.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretKeyReference {
    /// Name of the Secret.
    #[schemars(schema_with = "crate::schema::dns_label")]
    pub name: String,
    /// The key of its `data`.
    #[schemars(schema_with = "crate::schema::secret_key")]
    pub key: String,
}

impl From<&str> for LocalReference {
    fn from(name: &str) -> Self {
        Self {
            name: name.to_owned(),
        }
    }
}
