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

/// Names one key of a ConfigMap in the same namespace.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigMapKeyReference {
    /// Name of the ConfigMap.
    #[schemars(schema_with = "crate::schema::dns_subdomain")]
    pub name: String,
    /// The key of its `data` or `binaryData`.
    #[schemars(schema_with = "crate::schema::file_key")]
    pub key: String,
}

impl ConfigMapKeyReference {
    /// The media type of the file, by the end of its name; nothing for one that cannot be read.
    #[must_use]
    pub fn media_type(&self) -> Option<&'static str> {
        let (_, ending) = self.key.rsplit_once('.')?;
        Some(match ending.to_ascii_lowercase().as_str() {
            "txt" => "text/plain",
            "md" => "text/markdown",
            "html" | "htm" => "text/html",
            "pdf" => "application/pdf",
            "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            _ => return None,
        })
    }
}

impl From<&str> for LocalReference {
    fn from(name: &str) -> Self {
        Self {
            name: name.to_owned(),
        }
    }
}
