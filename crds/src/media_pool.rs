//! MediaPool: the pods that carry calls.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::reference::LocalReference;

/// Pods that carry the calls of one tenant. The MediaPool owns them directly, so that scaling down
/// takes the idle ones and never cuts a call.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Deserialize, Serialize)]
#[kube(
    group = "callplane.dev",
    version = "v1alpha1",
    kind = "MediaPool",
    plural = "mediapools",
    shortname = "mp",
    category = "callplane",
    namespaced,
    status = "MediaPoolStatus",
    derive = "PartialEq",
    doc = "Pods that carry the calls of the tenant whose namespace this is.",
    scale(
        spec_replicas_path = ".spec.replicas",
        status_replicas_path = ".status.replicas",
        label_selector_path = ".status.selector"
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    printcolumn(name = "Desired", type_ = "integer", json_path = ".spec.replicas"),
    printcolumn(name = "Pods", type_ = "integer", json_path = ".status.replicas"),
    printcolumn(
        name = "Available",
        type_ = "integer",
        json_path = ".status.readyReplicas"
    ),
    printcolumn(name = "Slots", type_ = "integer", json_path = ".spec.slots"),
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
    validation = Rule::new("self.rtpPorts.last - self.rtpPorts.first + 1 >= 2 * self.slots")
        .message("rtpPorts must hold two ports, RTP and RTCP, for each of the slots")
        .field_path(".rtpPorts"),
    validation = Rule::new("self.sip.port < self.rtpPorts.first || self.sip.port > self.rtpPorts.last")
        .message("sip.port must lie outside rtpPorts")
        .field_path(".sip.port"),
    validation = Rule::new("self.network == 'HostNetwork' ? self.sip.port <= 65532 : !(self.sip.port in [9090, 9091])")
        .message("sip.port must leave room for the ports of metrics and control: 9090 and 9091, with HostNetwork the second and the third above it")
        .field_path(".sip.port"),
    validation = Rule::new("!has(self.whip) || !(self.whip.port in [9090, 9091, self.sip.port, self.sip.port + 1, self.sip.port + 2, self.sip.port + 3])")
        .message("whip.port must be none of the ports of SIP, metrics and control")
        .field_path(".whip"),
    validation = Rule::new("!has(self.whip) || ((self.whip.webrtcPort < self.rtpPorts.first || self.whip.webrtcPort > self.rtpPorts.last) && !(self.whip.webrtcPort in [9090, 9091, self.whip.port, self.sip.port, self.sip.port + 1, self.sip.port + 2, self.sip.port + 3]))")
        .message("whip.webrtcPort must lie outside rtpPorts and be none of whip.port and the ports of SIP, metrics and control")
        .field_path(".whip")
)]
pub struct MediaPoolSpec {
    /// Number of pods. With a dedicated pool, set it in the Tenant.
    #[serde(default = "one")]
    #[schemars(range(min = 0, max = 1000))]
    pub replicas: i32,

    /// Calls that one pod carries at once.
    #[serde(default = "default_slots")]
    #[schemars(range(min = 1, max = 2000))]
    pub slots: i32,

    /// PodNetwork: pods have addresses of their own. HostNetwork: pods use the node's address, so
    /// that one node takes one pod of the pool. A pod then takes the four ports of the node from
    /// `sip.port` on (SIP, SIP over TLS, metrics, control) and those of `rtpPorts`: pools whose pods
    /// may share a node need others.
    #[serde(default)]
    pub network: Network,

    /// Signalling.
    #[serde(default)]
    pub sip: Sip,

    /// UDP ports for media. Each call takes an even one for RTP and the next for RTCP.
    #[serde(default)]
    pub rtp_ports: PortRange,

    /// Calls from browsers; none unless given. Put an ingress that ends TLS before `whip.port`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whip: Option<Whip>,

    /// Where recordings, and call records that the database did not take yet, are kept.
    #[serde(default)]
    pub storage: Storage,

    /// Object storage that recordings go to when their call is over. They stay in `storage` without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recordings: Option<RecordingStorage>,

    /// What `kubectl callplane call trace --pcap` may take of calls that go on, by whoever may forward ports to the
    /// pods. Masked: neither numbers, names, keys and bodies nor sound. Full: with `--unmasked` all of it. Each
    /// capture stands in `audit_logs`. With Full, `kubectl callplane call join` lets supervisors listen and talk.
    #[serde(default)]
    pub capture: Capture,

    /// Seconds for which a pod that is told to stop lets its calls go on; then they are hung up.
    #[serde(default = "default_max_drain")]
    #[schemars(range(min = 0, max = 86_400))]
    pub max_drain_seconds: i64,

    /// CPU and memory of a pod.
    #[serde(default)]
    pub resources: Resources,

    /// Image of the media node, instead of the one that the operator was installed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub image: Option<String>,
}

/// Which network the pods are in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum Network {
    /// Addresses of their own.
    #[default]
    PodNetwork,
    /// The address of the node. The control API, which has no login, is on its loopback then: whoever is on
    /// the machine reads transcripts and recordings.
    HostNetwork,
}

/// What may be captured of calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum Capture {
    /// Nothing.
    Disabled,
    /// What is on the wire without numbers, names, keys, bodies and sound.
    #[default]
    Masked,
    /// Everything, where it is asked for.
    Full,
}

/// Calls from browsers: WHIP (RFC 9725) and WebRTC.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.iceServers) || has(self.turnSecretRef) || !self.iceServers.exists(server, server.startsWith('turn'))")
        .message("a TURN server needs a login: name the Secret that it shares in turnSecretRef")
        .field_path(".turnSecretRef")
)]
pub struct Whip {
    /// TCP port where browsers start calls.
    #[serde(default = "default_whip_port")]
    #[schemars(range(min = 1, max = 65_535))]
    pub port: u16,

    /// First port of WebRTC, of UDP and, for browsers whose network lets no UDP through, of TCP. A pod
    /// takes one of each for each core it may use, from this one on; browsers reach them at the address
    /// of the pod.
    #[serde(default = "default_webrtc_port")]
    #[schemars(range(min = 1, max = 65_535))]
    pub webrtc_port: u16,

    /// STUN and TURN servers that browsers are told (RFC 7064, RFC 7065), as in
    /// `turn:turn.example.com:3478?transport=udp`. Browsers that do not reach the pods come through a TURN server.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crate::schema::ice_servers")]
    pub ice_servers: Vec<String>,

    /// Secret in the namespace of the pods whose key `secret` is what the TURN servers share (`static-auth-secret` of
    /// coturn, with `use-auth-secret`). Browsers get logins made of it that end after twelve hours, and never itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn_secret_ref: Option<LocalReference>,
}

/// Signalling of a pod.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Sip {
    /// Port for SIP over UDP and over TCP.
    #[serde(default = "default_sip_port")]
    #[schemars(range(min = 1, max = 65_535))]
    pub port: u16,
}

impl Default for Sip {
    fn default() -> Self {
        Self {
            port: default_sip_port(),
        }
    }
}

/// UDP ports, both ends included.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.first % 2 == 0 && self.first < self.last")
        .message("first must be even, because RTP uses even ports (RFC 3550 section 11), and below last")
)]
pub struct PortRange {
    /// The first port; even.
    #[serde(default = "default_first_port")]
    #[schemars(range(min = 1024, max = 65_534))]
    pub first: u16,
    /// The last port.
    #[serde(default = "default_last_port")]
    #[schemars(range(min = 1025, max = 65_535))]
    pub last: u16,
}

impl Default for PortRange {
    fn default() -> Self {
        Self {
            first: default_first_port(),
            last: default_last_port(),
        }
    }
}

/// Where a pod keeps files. Exactly one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Storage {
    /// A folder that is deleted with the pod: for trials only, because recordings and call records
    /// that wait for the database go with it.
    EmptyDir {},
    /// A folder of the node. Namespaces with Pod Security `baseline` or `restricted` refuse it.
    HostPath {
        /// Absolute path of a folder that exists on each node and that user 64000 may write to. Each
        /// pod uses a folder below it, named after the pod.
        #[schemars(schema_with = "crate::schema::absolute_path")]
        path: String,
    },
    /// A volume that all pods of the pool mount (ReadWriteMany when `replicas` is above 1).
    PersistentVolumeClaim {
        /// Name of the claim in this namespace.
        #[schemars(schema_with = "crate::schema::dns_label")]
        claim_name: String,
    },
}

impl Default for Storage {
    fn default() -> Self {
        Self::EmptyDir {}
    }
}

/// A bucket of S3 or of what speaks like it. Recordings lie there as they were sealed while the call ran.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordingStorage {
    /// `s3://BUCKET/PREFIX`. Give the operator's maintenance the same one: it deletes what is erased or too old.
    #[schemars(schema_with = "crate::schema::bucket_url")]
    pub url: String,
    /// Secret in the namespace of the pods whose keys become variables of the media node: AWS_ACCESS_KEY_ID,
    /// AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT. The identity of the pod is used without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_secret_ref: Option<LocalReference>,
}

/// CPU and memory of a pod, as in a container's `resources`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Resources {
    /// What the scheduler reserves: `cpu`, `memory`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::schema::quantities")]
    pub requests: BTreeMap<String, Quantity>,
    /// What the pod may use at most. A CPU limit delays packets; prefer none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::schema::quantities")]
    pub limits: BTreeMap<String, Quantity>,
}

/// What the operator has made of a MediaPool.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MediaPoolStatus {
    /// Generation of the spec that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// Pods that exist and are not being deleted.
    #[serde(default)]
    pub replicas: i32,

    /// Pods that take calls.
    #[serde(default)]
    pub ready_replicas: i32,

    /// Pods that finish their calls before they go.
    #[serde(default)]
    pub draining_replicas: i32,

    /// Calls that the pods which take calls carry together.
    #[serde(default)]
    pub slots: i32,

    /// `address:port` of the SIP sockets of the pods which take calls, sorted; what a carrier is told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,

    /// Label selector of the pods, for `kubectl scale` and autoscalers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,

    /// Ready, Accepted, Available, Progressing; Reconciling and Stalled while they hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}

impl Default for MediaPoolSpec {
    fn default() -> Self {
        Self {
            replicas: one(),
            slots: default_slots(),
            network: Network::default(),
            sip: Sip::default(),
            rtp_ports: PortRange::default(),
            whip: None,
            storage: Storage::default(),
            recordings: None,
            capture: Capture::default(),
            max_drain_seconds: default_max_drain(),
            resources: Resources::default(),
            image: None,
        }
    }
}

fn one() -> i32 {
    1
}

fn default_slots() -> i32 {
    50
}

fn default_sip_port() -> u16 {
    5060
}

fn default_whip_port() -> u16 {
    8080
}

fn default_webrtc_port() -> u16 {
    20_400
}

fn default_first_port() -> u16 {
    20_000
}

fn default_last_port() -> u16 {
    20_399
}

fn default_max_drain() -> i64 {
    3600
}
