//! PhoneNumber: one number, who answers it and who may call with it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::reference::LocalReference;

/// One telephone number of the tenant: unique over the cluster, answered by an Agent, used as the
/// caller of Campaigns, or both.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Deserialize, Serialize)]
#[kube(
    group = "callplane.dev",
    version = "v1alpha1",
    kind = "PhoneNumber",
    plural = "phonenumbers",
    shortname = "pn",
    category = "callplane",
    namespaced,
    status = "PhoneNumberStatus",
    derive = "PartialEq",
    selectable = ".spec.number",
    doc = "One telephone number of the tenant: unique over the cluster, answered by an Agent, used as the caller of Campaigns, or both.",
    printcolumn(name = "Number", type_ = "string", json_path = ".spec.number"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    printcolumn(
        name = "Agent",
        type_ = "string",
        json_path = ".spec.inbound.agentRef.name"
    ),
    printcolumn(
        name = "Outbound",
        type_ = "boolean",
        json_path = ".spec.outbound.enabled"
    ),
    printcolumn(name = "Trunk", type_ = "string", json_path = ".spec.trunkRef.name"),
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
    validation = Rule::new("has(self.inbound) || self.outbound.enabled")
        .message("the number does nothing: set inbound.agentRef, or outbound.enabled to true")
)]
pub struct PhoneNumberSpec {
    /// The number in E.164 form. Cannot change: delete the PhoneNumber and create another.
    #[schemars(schema_with = "crate::schema::e164")]
    #[x_kube(validation = Rule::new("self == oldSelf")
        .message("the number cannot change; delete this PhoneNumber and create another"))]
    pub number: String,

    /// Name for people, such as `Support line`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub label: Option<String>,

    /// The Trunk that calls to this number come by and calls from it go out by.
    pub trunk_ref: LocalReference,

    /// Who answers. Calls to the number are refused with 404 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inbound: Option<Inbound>,

    /// Calls from the number.
    #[serde(default)]
    pub outbound: Outbound,
}

/// Who answers a call.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Inbound {
    /// The Agent that answers.
    pub agent_ref: LocalReference,
}

/// Calls from a number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Outbound {
    /// Whether Campaigns may call with this number.
    #[serde(default)]
    pub enabled: bool,
}

/// What the operator has made of a PhoneNumber.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PhoneNumberStatus {
    /// Generation of the spec that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// Identifier of the tenant whose database has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,

    /// Identifier of the number in the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number_id: Option<String>,

    /// Ready, Accepted, ResolvedRefs, Programmed; Reconciling and Stalled while they hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}
