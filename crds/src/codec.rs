//! What is spoken in calls.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An audio codec, by its name in SDP, where case does not matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum AudioCodec {
    /// G.711 mu-law, what telephone networks in North America and Japan speak.
    #[serde(rename = "PCMU")]
    Pcmu,
    /// G.711 A-law, what they speak everywhere else.
    #[serde(rename = "PCMA")]
    Pcma,
    /// G.722, what telephones on desks speak among themselves.
    #[serde(rename = "G722")]
    G722,
    /// Opus (RFC 7587), what browsers and applications speak: it stands the loss of packets on the Internet.
    Opus,
}
