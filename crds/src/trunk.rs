//! Trunk: a SIP peer that calls come from and go to.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::codec::AudioCodec;
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
        .field_path(".allowedCidrs"),
    validation = Rule::new("self.codecs.all(codec, self.codecs.exists_one(other, other == codec))")
        .message("a codec in codecs is named twice; name each once, the preferred one first")
        .field_path(".codecs"),
    validation = Rule::new("self.keyExchange == 'Sdes' || self.srtp == 'Required'")
        .message("keyExchange is about offers of encrypted media, which are made where srtp is Required; set srtp to Required or leave keyExchange out")
        .field_path(".keyExchange")
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

    /// Whether the media of calls is encrypted (SRTP, RFC 3711). Calls that come in have the keys that they
    /// offer, of a handshake (DTLS-SRTP, RFC 5763) or in SDP (RFC 4568); calls that go out have them as
    /// keyExchange says.
    ///
    /// Keys in SDP are as secret as the signalling, and Udp and Tcp are not encrypted: let only a network that
    /// nobody else reads be between this trunk and the media nodes. Keys of a handshake are secret from who only
    /// reads the signalling.
    #[serde(default)]
    pub srtp: TrunkSrtp,

    /// Where the keys of encrypted media are from in offers of ours: those of calls that go out, and those to
    /// callers who make none. A call fails where the other side cannot do what is offered; there is no falling
    /// back from one to the other.
    ///
    /// What callers offer is taken either way, as srtp says.
    #[serde(default)]
    pub key_exchange: TrunkKeyExchange,

    /// What is spoken, best first. Calls that come in get the first of these that they offer, and
    /// calls that go out offer all. A call without any of them is answered 488.
    ///
    /// G.722 comes first when left out: what is recognised is heard better in it. Opus does the same, and
    /// bridges lost packets; it costs a media node some three times what the others do, and so is spoken
    /// where it is named. The agent's own voice has 8 kHz with all of them.
    #[serde(default = "default_codecs")]
    #[schemars(schema_with = "crate::schema::codecs")]
    pub codecs: Vec<AudioCodec>,

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

/// Whether media is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum TrunkSrtp {
    /// Never: who offers only encrypted media is answered 488.
    Disabled,
    /// As the caller offers, encrypted where both are offered. Calls that go out are plain.
    #[default]
    Allowed,
    /// Always: who offers only plain media is answered 488, and calls that go out fail where the
    /// other side cannot encrypt.
    Required,
}

/// Where the keys of encrypted media are from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum TrunkKeyExchange {
    /// From SDP (RFC 4568), `RTP/SAVP`.
    #[default]
    Sdes,
    /// From a handshake (DTLS-SRTP, RFC 5763), `UDP/TLS/RTP/SAVP`.
    Dtls,
}

fn default_codecs() -> Vec<AudioCodec> {
    vec![AudioCodec::G722, AudioCodec::Pcmu, AudioCodec::Pcma]
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
