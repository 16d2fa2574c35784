//! Flow: a conversation as a graph.

use std::collections::BTreeMap;

use callplane_flow::Graph;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A conversation as a graph, shared by Agents. It is checked when it is applied: the conditions
/// name the node that is wrong and say how to repair it.
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[kube(
    group = "callplane.dev",
    version = "v1alpha1",
    kind = "Flow",
    plural = "flows",
    shortname = "vf",
    category = "callplane",
    namespaced,
    status = "FlowStatus",
    derive = "PartialEq",
    doc = "A conversation as a graph, shared by Agents.",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    printcolumn(name = "Nodes", type_ = "integer", json_path = ".status.nodes"),
    printcolumn(name = "Version", type_ = "integer", json_path = ".status.version"),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason",
        priority = 1
    ),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].message",
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
    validation = Rule::new("[has(self.graph), has(self.objectiveGraph), has(self.nodesAndEdges)].exists_one(given, given)")
        .message("give exactly one of graph, objectiveGraph and nodesAndEdges")
)]
pub struct FlowSpec {
    /// The conversation in Callplane's own form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub graph: Option<Graph>,

    /// The conversation as an objective graph of the voice-core format, taken as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "foreign")]
    pub objective_graph: Option<BTreeMap<String, Value>>,

    /// The conversation as `nodes` and `edges` of a graph editor (react-flow), taken as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "foreign")]
    pub nodes_and_edges: Option<BTreeMap<String, Value>>,
}

/// What the operator has made of a Flow.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FlowStatus {
    /// Generation of the spec that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// Identifier of the tenant whose database has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,

    /// Identifier of the flow in the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow_id: Option<String>,

    /// Version of the graph that Agents are compiled with. It counts up when the graph changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i32>,

    /// Number of nodes of the graph.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<i32>,

    /// What of an `objectiveGraph` or of `nodesAndEdges` could not be converted, and what was done
    /// instead; the first 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,

    /// Ready, Accepted, Programmed; Reconciling and Stalled while they hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}

/// A document of another system: the API server keeps it as it is, the operator converts it.
fn foreign(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": true,
    })
}
