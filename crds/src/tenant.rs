//! Tenant: one customer, and what its namespaces become in the database.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::core::Duration;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::media_pool::MediaPoolSpec;

/// One customer of the platform. It becomes a label on its namespaces, a login role and a schema in
/// the database, quotas, a Secret with credentials and, when asked for, media nodes of its own.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Deserialize, Serialize)]
#[kube(
    group = "callplane.dev",
    version = "v1alpha1",
    kind = "Tenant",
    plural = "tenants",
    shortname = "vt",
    category = "callplane",
    status = "TenantStatus",
    derive = "PartialEq",
    doc = "One customer of the platform: its namespaces, its database schema, its quotas and its media nodes.",
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "State", type_ = "string", json_path = ".spec.state"),
    printcolumn(name = "Plan", type_ = "string", json_path = ".spec.plan"),
    printcolumn(name = "Schema", type_ = "string", json_path = ".status.schema.name"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name.matches('^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$')")
        .message("the name of a Tenant is at most 40 lower-case letters, digits and hyphens, starting with a letter, because names of pods and of the schema are made from it")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("oldSelf.placement.partitioning != 'Month' || self.placement.partitioning == 'Month'")
        .message("a Tenant that has its calls by month keeps them so; write Month")
        .field_path(".placement.partitioning"),
    validation = Rule::new("(has(self.database) ? self.database.schema : '') == (has(oldSelf.database) ? oldSelf.database.schema : '')")
        .message("the schema of a Tenant cannot change, because its data is in it; delete the Tenant and create another")
        .field_path(".database")
)]
pub struct TenantSpec {
    /// Name for people. The name of the object when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub display_name: Option<String>,

    /// Namespaces that belong to this tenant. The operator labels them with
    /// `callplane.dev/tenant`; what is applied in them is the tenant's. A namespace that two Tenants
    /// list stays with the older one. The credentials and the dedicated MediaPool live in the first.
    #[schemars(schema_with = "crate::schema::dns_labels::<1, 16>")]
    pub namespaces: Vec<String>,

    /// Key of the plan that gives the quotas and rates which this spec leaves out.
    #[serde(default = "default_plan")]
    #[schemars(length(min = 1, max = 63))]
    pub plan: String,

    /// Active: calls are taken and placed. Suspended: new calls are refused with 503, running ones
    /// end by themselves, data stays.
    #[serde(default)]
    pub state: TenantState,

    /// Limits. What is left out follows the plan.
    #[serde(default)]
    pub quotas: Quotas,

    /// What happens to the schema and the roles when the Tenant is deleted. Retain keeps them.
    /// Delete drops them, once the annotation `callplane.dev/confirm-delete` is the tenant's name, a
    /// slash and the date, as in `acme/2026-11-21`.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,

    /// Where the tenant's data is kept. Cannot change once the Tenant exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<Database>,

    /// How the tenant's data is laid out.
    #[serde(default)]
    pub placement: Placement,

    /// How the tenant's data is protected beyond what holds for every tenant.
    #[serde(default)]
    pub security: Security,

    /// How often the password of the media nodes changes.
    #[serde(default)]
    pub credential_rotation: CredentialRotation,

    /// The media nodes that take the tenant's calls.
    #[serde(default)]
    pub media: Media,

    /// Platforms that the tenant's users come from. For each, the tenant's data can also be read as
    /// the database of that platform: read-only views in the schema `<schema>__<platform>`, for the
    /// tenant's logins of people and reports. A platform that is taken off the list loses its views;
    /// data is not concerned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub compatibility: Vec<Compatibility>,
}

/// A platform whose database a tenant's data can be read as.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Compatibility {
    /// Dukat Voice AI SaaS.
    Dukat,
    /// The organization platform: AI voice agents, on Prisma.
    Organization,
    /// CallFabric: call tracking, on Prisma.
    CallFabric,
    /// IRISX.
    Irisx,
    /// voice-core.
    VoiceCore,
}

/// How often a password changes. Two logins take turns, so no connection breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CredentialRotation {
    /// Age at which a password is replaced, as in `720h`.
    #[serde(default = "default_rotation")]
    #[schemars(schema_with = "crate::schema::duration")]
    pub every: Duration,

    /// How long the former password works on, so that every media node has read the new one, as in
    /// `1h`. A node sees a changed Secret after one or two minutes.
    #[serde(default = "default_overlap")]
    #[schemars(schema_with = "crate::schema::duration")]
    pub overlap: Duration,
}

impl Default for CredentialRotation {
    fn default() -> Self {
        Self {
            every: default_rotation(),
            overlap: default_overlap(),
        }
    }
}

/// Whether a tenant takes part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum TenantState {
    /// Calls are taken and placed.
    #[default]
    Active,
    /// New calls are refused, data stays.
    Suspended,
}

/// Limits of a tenant. Media nodes count against them in the database, over all pods.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Quotas {
    /// Calls at once, inbound and outbound together. One more is answered 503 with Retry-After.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::quota")]
    pub concurrent_calls: Option<i64>,

    /// PhoneNumbers that are routed. One more is not accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::quota")]
    pub phone_numbers: Option<i64>,
}

/// What happens to the data of a deleted Tenant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum DeletionPolicy {
    /// Schema and data stay; the roles can no longer log in.
    #[default]
    Retain,
    /// Schema, data and roles are dropped.
    Delete,
}

/// Where the tenant's data is kept.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Database {
    /// Name of the schema. `callplane_` and the tenant's name, with underscores for hyphens, when
    /// `database` is left out; a name over 38 characters then ends in a hash.
    #[schemars(schema_with = "crate::schema::schema_name")]
    pub schema: String,
}

/// How a tenant's data is laid out in its schema.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Placement {
    /// Small: calls, events and the audit trail are in one partition each, and leave row by row when
    /// they are old. Month: each month is a partition, which leaves whole; it costs about 170
    /// relations a month, so take it from a million calls on. Small can become Month at any time,
    /// while calls go on; Month stays.
    #[serde(default)]
    pub partitioning: Partitioning,
}

/// Which tables of a tenant are partitioned by month.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum Partitioning {
    /// Deliveries of webhooks and figures.
    #[default]
    Small,
    /// Calls and all that they leave behind, events and the audit trail too.
    Month,
}

/// How a tenant's data is protected beyond what holds for every tenant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Security {
    /// Whether what is said in calls is sealed with a data key of the tenant before it is written
    /// anywhere: transcripts, messages, what flows capture and what a conversation begins with. Who
    /// reads the database, its backups or the disk of a media node sees none of it; `kubectl callplane
    /// call show` opens it. Then search in transcripts is off, compatibility views show NULL or empty
    /// where the words would be, and reports see none. Calls that end after the change are sealed by
    /// the media nodes, older ones by the operator, in batches beside the calls; switched off again,
    /// what is sealed stays so. Recordings are audio and not concerned; numbers and names of callers
    /// stay readable.
    #[serde(default)]
    pub encrypt_transcripts: bool,
}

/// The media nodes of a tenant.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Media {
    /// A MediaPool of the tenant's own, created in the first namespace under the tenant's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dedicated: Option<MediaPoolSpec>,
}

/// What the operator has made of a Tenant.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TenantStatus {
    /// Generation of the spec that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// Identifier of the tenant in the database, given once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,

    /// The database schema, from when it was complete for the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<SchemaStatus>,

    /// The platforms as whose database the data can be read now, by the views of this operator's
    /// version.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub compatibility: Vec<Compatibility>,

    /// The credentials that media nodes log in with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<CredentialsStatus>,

    /// What is in use of the quotas, as of the last change that the operator saw; it looks at least
    /// every 12 minutes. For live figures ask the metrics of the media nodes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["resource".into()]))]
    pub usage: Vec<QuotaUsage>,

    /// Ready, Accepted, NamespacesBound, SchemaReady, CredentialsReady, MediaReady,
    /// CompatibilityReady; Reconciling and Stalled while they hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}

/// The database schema of a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SchemaStatus {
    /// Its name.
    pub name: String,
    /// Number of the last migration that it has.
    pub version: i64,
    /// Migrations of this operator's version that it lacks. Calls go on without them.
    #[serde(default)]
    pub pending: i64,
    /// What is wrong with a migration, until it is mended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}

/// The credentials of a tenant's media nodes. Two roles take turns, so that a new password never
/// breaks a connection that is open.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CredentialsStatus {
    /// Name of the Secret in the first namespace.
    pub secret_name: String,
    /// The slot whose role the Secret holds: `a` or `b`.
    pub active_slot: String,
    /// When the password was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotated_at: Option<Time>,
}

/// What is in use of one quota.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct QuotaUsage {
    /// `concurrent_calls`, `phone_numbers`.
    pub resource: String,
    /// In use.
    pub used: i64,
    /// The limit; none when unlimited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<i64>,
}

fn default_rotation() -> Duration {
    std::time::Duration::from_secs(720 * 3600).into()
}

fn default_overlap() -> Duration {
    std::time::Duration::from_secs(3600).into()
}

fn default_plan() -> String {
    "trial".to_owned()
}
