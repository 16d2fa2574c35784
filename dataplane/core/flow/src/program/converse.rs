//! A conversation that a language model leads.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::graph::NotedKind;
use crate::settings::seconds;
use crate::template::Template;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Converse {
    pub(crate) instructions: Template,
    pub(crate) opening: Option<Template>,
    pub(crate) variables: Vec<ProgramNoted>,
    /// Names of tools of the agent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) tools: Vec<String>,
    /// Names of knowledge bases of the agent; all of them where there is no list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) knowledge_bases: Option<Vec<String>>,
    pub(crate) max_turns: u32,
    pub(crate) interruptible: bool,
    #[serde(rename = "timeoutSeconds", with = "seconds")]
    pub(crate) timeout: Duration,
    pub(crate) attempts: u32,
    pub(crate) no_input: Template,
    pub(crate) no_match: Template,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProgramNoted {
    pub(crate) name: String,
    pub(crate) kind: NotedKind,
    pub(crate) description: String,
    pub(crate) required: bool,
}

/// A way out of the node that the model may take.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProgramPrompt {
    /// When it is to be taken, for the model.
    pub(crate) when: String,
    pub(crate) to: String,
}
