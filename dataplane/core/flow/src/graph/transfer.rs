//! Bringing a person into the call.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Rings a person and joins the caller with them. When the caller hangs up, everybody does.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Transfer {
    /// The number that is rung, in E.164 form: `+` and 7 to 15 digits. It is written here and
    /// takes no variables: who may be rung is decided by who writes the flow, not by what a caller
    /// says.
    #[schemars(length(max = 16), extend("x-kubernetes-validations" = [{
        "rule": "self.matches('^[+][1-9][0-9]{6,14}$')",
        "message": "write + and 7 to 15 digits, as in +15551230001",
    }]))]
    pub to: String,

    /// What to say to the caller before anybody is rung, not interruptible; `{{ name }}` is
    /// replaced by the value of the variable `name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2000))]
    pub text: Option<String>,

    /// What to say to the person who answers, before both are joined; the caller does not hear it.
    /// `{{ name }}` is replaced by the value of the variable `name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2000))]
    pub whisper: Option<String>,

    /// What the caller hears until both are joined. Ringback: what the network of the person sends
    /// while it rings, else a ringing tone; Music; Silence. Ringback unless given.
    #[serde(default)]
    pub waiting: Waiting,

    /// Seconds for which it rings before the person counts as not reached, 5 to 120; 30 unless
    /// given.
    #[serde(default = "thirty")]
    #[schemars(range(min = 5, max = 120))]
    pub ring_seconds: u32,
}

/// What a caller hears who waits for a person.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Waiting {
    /// What the network of the person sends while it rings (early media), else a ringing tone.
    #[default]
    Ringback,
    /// Music.
    Music,
    /// Nothing.
    Silence,
}

const fn thirty() -> u32 {
    30
}
