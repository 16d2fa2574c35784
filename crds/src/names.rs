//! Names that objects of several kinds carry.

/// API group of every kind.
pub const GROUP: &str = "callplane.dev";

/// The version of the group that is served and stored.
pub const VERSION: &str = "v1alpha1";

/// Label on namespaces and pods: the name of the Tenant they belong to. The operator sets it from
/// `Tenant.spec.namespaces`; it is the only way from an object to its tenant.
pub const LABEL_TENANT: &str = "callplane.dev/tenant";

/// Label on pods: the MediaPool that owns them.
pub const LABEL_POOL: &str = "callplane.dev/media-pool";

/// Annotation on a Tenant with `deletionPolicy: Delete`: its value must be the name of the Tenant, a
/// slash and the date (UTC), as in `acme/2026-11-21`, before the operator drops the schema and the
/// roles.
pub const ANNOTATION_CONFIRM_DELETE: &str = "callplane.dev/confirm-delete";

/// Annotation on a Tenant: the id of a deleted Tenant of the same name whose retained data it takes
/// over.
pub const ANNOTATION_ADOPT_DATA: &str = "callplane.dev/adopt-data";

/// Finalizer on objects whose deletion must undo something in the database.
pub const FINALIZER: &str = "callplane.dev/database";
