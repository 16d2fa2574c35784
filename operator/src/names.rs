//! Names that the operator gives to what it makes.

/// The Secret with the database login of a tenant's media nodes, in the tenant's first namespace.
pub const SECRET_DATABASE: &str = "callplane-database";

/// Key of that Secret: the tenant's data keys, as `callplane_keys::KeyRing` writes them.
pub const SECRET_DATA_KEYS: &str = "dataKeys";

/// Key of that Secret: the tenant's keys for the audio of its calls, written in the same way.
pub const SECRET_RECORDING_KEYS: &str = "recordingKeys";

/// The Secret with the key that wraps the data keys of all tenants, in the operator's namespace.
pub const SECRET_KEY_ENCRYPTION: &str = "callplane-key-encryption";

/// Key of that Secret: 32 octets in base64, one a line, the newest first.
pub const SECRET_KEY_ENCRYPTION_KEYS: &str = "keys";

/// Who made an object; selects what this operator watches.
pub const LABEL_MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// Value of [`LABEL_MANAGED_BY`], and the reporting controller of Events.
pub const OPERATOR: &str = "callplane-operator";

/// The product; value `callplane`.
pub const LABEL_NAME: &str = "app.kubernetes.io/name";

/// Which part of the product; value [`MEDIA_NODE`] on pods of a MediaPool.
pub const LABEL_COMPONENT: &str = "app.kubernetes.io/component";

/// Value of [`LABEL_COMPONENT`] on pods of a MediaPool.
pub const MEDIA_NODE: &str = "media-node";
