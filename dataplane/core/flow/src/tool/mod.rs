//! Tools: what a model may have done for it besides talking, such as looking something up or booking it.
//!
//! An agent says which tools there are and how each is called; a converse node says which of them its model may use.
//! **Nothing that a caller or a model says adds to that.**

mod parameters;
mod path;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::parameters::{InvalidParameters, Parameters};
pub use self::path::{InvalidPath, PathTemplate};
use crate::settings::millis;

/// Tools that an agent may have.
pub const MAX_TOOLS: usize = 20;
/// Names of tools that every converse node has itself.
pub(crate) const BUILT_IN: [&str; 2] = ["go_to", "note"];

/// A tool of an agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolUse {
    /// Its name for models and nodes: a lower-case letter, then lower-case letters, digits and underscores.
    pub name: String,
    /// What it does and when to use it, for the model.
    pub description: String,
    /// What its arguments have to be.
    pub parameters: Parameters,
    /// When it is given up.
    #[serde(rename = "timeoutMs", with = "millis")]
    pub timeout: Duration,
    /// What callers hear when it is called and the model has said nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filler: Option<String>,
    /// How it is called.
    pub http: HttpUse,
}

/// A tool that is a request of HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpUse {
    /// Name of the provider: `namespace/name` of its Provider.
    pub provider: String,
    /// The method.
    pub method: HttpMethod,
    /// Where below the provider's URL.
    pub path: PathTemplate,
    /// The endpoint knows a request again by its `Idempotency-Key`, so that it may be sent again.
    #[serde(default)]
    pub idempotent: bool,
}

/// A method of HTTP (RFC 9110 section 9, RFC 5789).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum HttpMethod {
    /// Arguments are the query.
    Get,
    /// Arguments are a JSON object.
    Post,
    /// As POST.
    Put,
    /// As POST.
    Patch,
    /// Arguments are the query.
    Delete,
}

impl HttpMethod {
    /// Whether the same request twice does what it does once (RFC 9110 section 9.2.2).
    #[must_use]
    pub const fn is_idempotent(self) -> bool {
        matches!(self, Self::Get | Self::Put | Self::Delete)
    }

    /// Whether arguments go into the body.
    #[must_use]
    pub const fn has_body(self) -> bool {
        matches!(self, Self::Post | Self::Put | Self::Patch)
    }
}

/// Whether a text can be the name of a tool.
pub(crate) fn is_name(name: &str) -> bool {
    let mut characters = name.chars();
    let begins = characters
        .next()
        .is_some_and(|first| first.is_ascii_lowercase());
    begins
        && name.len() <= crate::graph::MAX_NAME
        && characters.all(|one| one.is_ascii_lowercase() || one.is_ascii_digit() || one == '_')
}
