//! Trunk: a SIP peer that calls come from and go to.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::reference::LocalReference;

/// A SIP carrier or a PBX: who may call in, and where calls go out.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Deserialize, Serialize)]
#[kube(
    group = "callplane.dev",
    version = "v1alpha1",
    kind = "Trunk",
    plural = "trunks",
    shortname = "trk",
    category = "callplane",
    namespaced,
    status = "TrunkStatus",
    derive = "PartialEq",
    doc = "A SIP carrier or a PBX: who may call in, and where calls go out.",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    printcolumn(name = "Direction", type_ = "string", json_path = ".spec.direction"),
    printcolumn(name = "Transport", type_ = "string", json_path = ".spec.transport"),
    printcolumn(name = "Address", type_ = "string", json_path = ".spec.addresses[0]"),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason",
        priority = 1
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.direction == 'Inbound' || size(self.addresses) > 0")
        .message("a trunk that calls go out by needs at least one address; add one or set direction to Inbound")
        .field_path(".addresses"),
    validation = Rule::new("self.direction == 'Outbound' || size(self.allowedCidrs) > 0")
        .message("a trunk that calls come in by needs at least one network in allowedCidrs; add one or set direction to Outbound")
        .field_path(".allowedCidrs")
)]
pub struct TrunkSpec {
    /// Which way calls go.
    #[serde(default)]
    pub direction: TrunkDirection,

    /// Where calls go out, as `host:port`, tried in this order.
    #[serde(default)]
    #[schemars(schema_with = "crate::schema::host_ports")]
    pub addresses: Vec<String>,

    /// Networks that calls may come from. An INVITE from anywhere else is answered 403.
    #[serde(default)]
    #[schemars(schema_with = "crate::schema::cidrs")]
    pub allowed_cidrs: Vec<String>,

    /// Transport of outbound signalling. Inbound signalling is taken over both.
    #[serde(default)]
    pub transport: Transport,

    /// Digest authentication (RFC 3261 section 22). None when left out: the peer is known by its
    /// address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<TrunkAuth>,

    /// Calls at once over this trunk, both ways together. Unlimited when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000))]
    pub max_calls: Option<i32>,
}

/// Which way calls go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum TrunkDirection {
    /// Calls come in.
    Inbound,
    /// Calls go out.
    Outbound,
    /// Both.
    #[default]
    Both,
}

/// Transport of SIP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum Transport {
    /// UDP (RFC 3261 section 18).
    #[default]
    Udp,
    /// TCP.
    Tcp,
}

/// Digest authentication.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TrunkAuth {
    /// Secret in this namespace with the keys `username` and `password`. They answer the peer's
    /// challenge when calls go out.
    pub secret_ref: LocalReference,

    /// Whether calls that come in are challenged for the same username and password, too.
    #[serde(default)]
    pub challenge_inbound: bool,
}

/// What the operator has made of a Trunk.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TrunkStatus {
    /// Generation of the spec that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// Identifier of the tenant whose database has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,

    /// Identifier of the trunk in the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trunk_id: Option<String>,

    /// Ready, Accepted, ResolvedRefs, Programmed; Reconciling and Stalled while they hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}
