//! Agent: who speaks in a call.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::codec::AudioCodec;
use crate::reference::LocalReference;
use crate::tool::AgentTool;

/// Who speaks in a call: a Flow, a voice, limits. The operator compiles it with its Flow into a
/// Program; a call keeps the Program that it started with.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Deserialize, Serialize)]
#[kube(
    group = "callplane.dev",
    version = "v1alpha1",
    kind = "Agent",
    plural = "agents",
    shortname = "va",
    category = "callplane",
    namespaced,
    status = "AgentStatus",
    derive = "PartialEq",
    doc = "Who speaks in a call: a Flow, a voice, limits.",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    printcolumn(name = "Flow", type_ = "string", json_path = ".spec.flowRef.name"),
    printcolumn(
        name = "Model",
        type_ = "string",
        json_path = ".spec.model.providerRef.name"
    ),
    printcolumn(name = "Voice", type_ = "string", json_path = ".spec.voice"),
    printcolumn(name = "Version", type_ = "integer", json_path = ".status.version"),
    printcolumn(
        name = "Recording",
        type_ = "string",
        json_path = ".spec.recording.mode"
    ),
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
    validation = Rule::new("!has(self.codecs) || self.codecs.all(codec, self.codecs.exists_one(other, other == codec))")
        .message("a codec in codecs is named twice; name each once, the preferred one first")
        .field_path(".codecs")
)]
pub struct AgentSpec {
    /// Name for people. The name of the object when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub display_name: Option<String>,

    /// The Flow that the conversation follows.
    pub flow_ref: LocalReference,

    /// Who the agent is and how it speaks, for the models of converse nodes: put what holds in the whole
    /// call here, and what is to be done at a node into its instructions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 8000))]
    pub prompt: Option<String>,

    /// The language model that leads the converse nodes of the Flow. Without one an Agent whose Flow has such nodes is
    /// not accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<AgentModel>,

    /// What understands callers at converse nodes, where they may say anything. What is asked at other nodes is
    /// understood by the built-in recogniser, which knows the phrases of the node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transcription: Option<AgentTranscription>,

    /// The voice of a Provider. While that fails, and where this is left out, `voice` speaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speech: Option<AgentSpeech>,

    /// What models may have done at converse nodes that name it: look something up, book it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub tools: Vec<AgentTool>,

    /// KnowledgeBases that what callers say at converse nodes is looked up in, before the model is asked: it gets up to
    /// four passages of their documents. A node may name some of them, or none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub knowledge_bases: Vec<LocalReference>,

    /// The built-in voice of the agent.
    #[serde(default)]
    pub voice: Voice,

    /// What the agent says first, before the Flow starts. Nothing when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1000))]
    pub first_sentence: Option<String>,

    /// When a call ends by itself.
    #[serde(default)]
    pub limits: AgentLimits,

    /// Whether calls are recorded.
    #[serde(default)]
    pub recording: Recording,

    /// What its telephone calls prefer to speak, best first, of the codecs that their Trunk has; what is not named
    /// here comes after, in the order of the Trunk. Browsers speak Opus.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crate::schema::codecs")]
    pub codecs: Vec<AudioCodec>,
}

/// A language model, and how it is asked.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentModel {
    /// A Provider with `openaiChat`.
    pub provider_ref: LocalReference,

    /// Name of the model at the endpoint. That of the Provider when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub model: Option<String>,

    /// How freely the model chooses its words, in hundredths of what OpenAI calls temperature: 0 says the same to
    /// the same, 100 is usual. The server decides when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 200))]
    pub temperature_percent: Option<u16>,

    /// Tokens that one answer may have, calls of the model included. What is longer breaks off, so leave room for
    /// the longest sentence. The server decides when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 16, max = 4096))]
    pub max_tokens: Option<u32>,

    /// Who is asked, one after the other, when nothing came of the model before: it failed, was left alone, or its
    /// answer did not begin within `timeouts.firstPartMs` of its Provider, which is best set to some 1500 there. The
    /// caller waits for 8 s in all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 3))]
    pub fallbacks: Vec<AgentModelFallback>,
}

/// A language model that is asked where another fails.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentModelFallback {
    /// A Provider with `openaiChat`.
    pub provider_ref: LocalReference,

    /// Name of the model at the endpoint. That of the Provider when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub model: Option<String>,
}

/// A recogniser of speech, and how it is asked.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentTranscription {
    /// A Provider with `openaiTranscription`.
    pub provider_ref: LocalReference,

    /// What callers speak, as in `en` (ISO 639). Each turn is guessed by itself when left out, which fails on short
    /// answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::language")]
    pub language: Option<String>,
}

/// A voice of a Provider, and how it is asked.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentSpeech {
    /// A Provider with `openaiSpeech`.
    pub provider_ref: LocalReference,

    /// Name of the voice at the endpoint, as in `alloy` or `af_heart`.
    #[schemars(length(min = 1, max = 128))]
    pub voice: String,

    /// Speed in percent of the voice's own. Not every server takes another than 100.
    #[serde(default = "default_speed")]
    #[schemars(range(min = 50, max = 200))]
    pub speed_percent: u32,
}

/// A voice of the built-in speech synthesis (flite).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Voice {
    /// US English, female.
    #[default]
    Slt,
    /// US English, male.
    Rms,
    /// Scottish English, male.
    Awb,
    /// US English, male, the quickest, and sounds like a machine.
    Kal16,
}

impl Voice {
    /// The word in the spec, which is the name that the speech worker knows.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Slt => "slt",
            Self::Rms => "rms",
            Self::Awb => "awb",
            Self::Kal16 => "kal16",
        }
    }
}

/// When a call ends by itself.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.silenceSeconds <= self.maxCallSeconds")
        .message("silenceSeconds must not be above maxCallSeconds")
)]
pub struct AgentLimits {
    /// Seconds after the answer at which the agent says goodbye and hangs up.
    #[serde(default = "default_max_call")]
    #[schemars(range(min = 10, max = 14_400))]
    pub max_call_seconds: u32,

    /// Seconds without a sound of either side after which the agent hangs up.
    #[serde(default = "default_silence")]
    #[schemars(range(min = 5, max = 600))]
    pub silence_seconds: u32,
}

impl Default for AgentLimits {
    fn default() -> Self {
        Self {
            max_call_seconds: default_max_call(),
            silence_seconds: default_silence(),
        }
    }
}

/// Whether calls are recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Recording {
    /// None: no recording, unless a node of the Flow or a person starts one. Stereo: the whole call, with
    /// the caller left and the agent right.
    #[serde(default)]
    pub mode: RecordingMode,

    /// Wav: samples as they are, 32 kB a second. Opus: Ogg Opus, 1 to 5 kB a second, for which the media
    /// node computes more.
    #[serde(default)]
    pub format: RecordingFormat,
}

/// How a call is recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum RecordingMode {
    /// Not at all.
    #[default]
    None,
    /// Caller left, agent right.
    Stereo,
}

/// The file of a recording.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum RecordingFormat {
    /// 16-bit samples, 8000 a second of each side.
    #[default]
    Wav,
    /// Ogg Opus (RFC 7845), each side a stream of its own.
    Opus,
}

/// What the operator has made of an Agent.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentStatus {
    /// Generation of the spec that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// Identifier of the tenant whose database has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,

    /// Identifier of the agent in the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,

    /// Version that the next call runs. It counts up when the Agent or its Flow changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i32>,

    /// Ready, Accepted, ResolvedRefs, Programmed; Reconciling and Stalled while they hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}

fn default_max_call() -> u32 {
    1800
}

fn default_silence() -> u32 {
    30
}

fn default_speed() -> u32 {
    100
}
