//! Tools of an Agent: what its models may have done besides talking.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::reference::LocalReference;

/// A tool that models of the Agent may call at converse nodes which name it. **What a model may do is what stands here**:
/// nothing that a caller or a model says adds to it.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentTool {
    /// Its name, for models and for `tools` of nodes.
    #[schemars(schema_with = "crate::schema::tool_name")]
    pub name: String,

    /// What it does and when to use it, for models.
    #[schemars(length(min = 1, max = 1000))]
    pub description: String,

    /// What its arguments have to be: a JSON Schema with `type: object`. Arguments that do not fit are never sent; the
    /// model is told what is wrong with them. Those that it does not name are not allowed, unless it says
    /// `additionalProperties` itself. It has no `$ref`. None when left out.
    #[serde(default = "no_arguments")]
    #[schemars(schema_with = "crate::schema::parameters")]
    pub parameters: BTreeMap<String, Value>,

    /// The request that it is.
    pub http: ToolRequest,

    /// Milliseconds until it is given up; the caller hears meanwhile that it goes on.
    #[serde(default = "ten_seconds")]
    #[schemars(range(min = 100, max = 60_000))]
    pub timeout_ms: u32,

    /// What callers hear when it is called and the model has said nothing, as in `Let me look that up.`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    pub filler: Option<String>,
}

/// A request of HTTP. With it go the key of the Provider and the headers `Callplane-Tenant`, `Callplane-Call` and
/// `Idempotency-Key`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ToolRequest {
    /// A Provider with `http`.
    pub provider_ref: LocalReference,

    /// Its method. Arguments are the query of GET and DELETE, and a JSON object in the body of the others.
    #[serde(default)]
    pub method: ToolMethod,

    /// Where it is below the URL of the Provider. Arguments in braces fill one segment each, as in
    /// `rooms/{room}/slots`.
    #[serde(default)]
    #[schemars(schema_with = "crate::schema::tool_path")]
    pub path: String,

    /// Whether the endpoint knows a request again by its `Idempotency-Key` and does it once. POST and PATCH are sent
    /// again after a failure only then; GET, PUT and DELETE always are.
    #[serde(default)]
    pub idempotent: bool,
}

/// A method of HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum ToolMethod {
    /// Looks something up.
    Get,
    /// Does something.
    #[default]
    Post,
    /// Replaces something.
    Put,
    /// Changes something.
    Patch,
    /// Takes something away.
    Delete,
}

fn no_arguments() -> BTreeMap<String, Value> {
    BTreeMap::from([("type".to_owned(), Value::from("object"))])
}

const fn ten_seconds() -> u32 {
    10_000
}
