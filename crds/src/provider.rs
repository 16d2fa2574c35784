//! Provider: a model of language, speech or embeddings, voices, or the endpoint of tools, that agents ask.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::reference::SecretKeyReference;

/// A model of language, speech or embeddings, voices, or the endpoint of tools, that agents ask: one protocol, one
/// endpoint, one key.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Deserialize, Serialize)]
#[kube(
    group = "callplane.dev",
    version = "v1alpha1",
    kind = "Provider",
    plural = "providers",
    shortname = "prov",
    category = "callplane",
    namespaced,
    status = "ProviderStatus",
    derive = "PartialEq",
    doc = "A model of language, speech or embeddings, voices, or the endpoint of tools, that agents ask: one protocol, one endpoint, one key.",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    printcolumn(
        name = "Reachable",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Reachable\")].status"
    ),
    printcolumn(name = "Chat", type_ = "string", json_path = ".spec.openaiChat.model"),
    printcolumn(
        name = "Transcription",
        type_ = "string",
        json_path = ".spec.openaiTranscription.model"
    ),
    printcolumn(
        name = "Speech",
        type_ = "string",
        json_path = ".spec.openaiSpeech.model"
    ),
    printcolumn(
        name = "Embeddings",
        type_ = "string",
        json_path = ".spec.openaiEmbeddings.model",
        priority = 1
    ),
    printcolumn(
        name = "HTTP",
        type_ = "string",
        json_path = ".spec.http.baseUrl",
        priority = 1
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Reachable\")].reason",
        priority = 1
    ),
    printcolumn(
        name = "Checked",
        type_ = "date",
        json_path = ".status.check.at",
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
    validation = Rule::new("[has(self.openaiChat), has(self.openaiTranscription), has(self.openaiSpeech), has(self.openaiEmbeddings), has(self.http)].exists_one(x, x)")
        .message("a provider speaks exactly one protocol: give it one of openaiChat, openaiTranscription, openaiSpeech, openaiEmbeddings and http, and make another Provider for another")
)]
pub struct ProviderSpec {
    /// A language model that speaks OpenAI's chat protocol: OpenAI itself, vLLM, Ollama, llama.cpp, LiteLLM and many
    /// more. It leads the converse nodes of agents that name it in `spec.model`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub openai_chat: Option<OpenaiChat>,

    /// A recogniser of speech that speaks OpenAI's `audio/transcriptions`: OpenAI itself, Speaches, vLLM, LocalAI and
    /// others. It gets what a caller said, once they have ended, for agents that name it in `spec.transcription`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub openai_transcription: Option<OpenaiTranscription>,

    /// Voices that speak OpenAI's `audio/speech`: OpenAI itself, Kokoro-FastAPI, Speaches, LocalAI and others. They
    /// speak for agents that name it in `spec.speech`: a sentence of a model, or a text of a Flow, at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub openai_speech: Option<OpenaiSpeech>,

    /// A model of embeddings that speaks OpenAI's `embeddings`: OpenAI itself, Text Embeddings Inference, vLLM, Ollama,
    /// llama.cpp and others. It puts documents and what callers say into one space, where what means the same lies close
    /// together, for knowledge bases that name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub openai_embeddings: Option<OpenaiEmbeddings>,

    /// Where tools of agents are: an HTTP API that agents name in `spec.tools`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpApi>,

    /// The API key: a key of a Secret in this namespace. Servers of your own may need none. It is sent to `baseUrl`
    /// and nowhere else, in clear where that begins with `http:`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretKeyReference>,
}

/// A language model by OpenAI's chat protocol.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OpenaiChat {
    /// Its URL up to the version, as in `https://api.openai.com/v1`. Private addresses, those of services of the
    /// cluster too, must be among `providers.privateNetworks` of the chart. Redirects are not followed.
    #[schemars(schema_with = "crate::schema::base_url")]
    pub base_url: String,

    /// Name of the model at the endpoint, as in `gpt-4o-mini`. Agents may choose another.
    #[schemars(length(min = 1, max = 128))]
    pub model: String,

    /// When an answer is given up.
    #[serde(default)]
    pub timeouts: ChatTimeouts,
}

/// When an answer of a model is given up. The caller hears a filler meanwhile; 8 s of silence of the model are too
/// long whatever is written here.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatTimeouts {
    /// Milliseconds from the question until the first part of the answer. Beyond it the caller is told: with the default,
    /// within 5 seconds.
    #[serde(default = "default_first_part")]
    #[schemars(range(min = 100, max = 60_000))]
    pub first_part_ms: u32,

    /// Milliseconds between two parts.
    #[serde(default = "default_stall")]
    #[schemars(range(min = 100, max = 60_000))]
    pub stall_ms: u32,

    /// Milliseconds until the answer is complete.
    #[serde(default = "default_total")]
    #[schemars(range(min = 100, max = 300_000))]
    pub total_ms: u32,
}

impl Default for ChatTimeouts {
    fn default() -> Self {
        Self {
            first_part_ms: default_first_part(),
            stall_ms: default_stall(),
            total_ms: default_total(),
        }
    }
}

/// A recogniser of speech by OpenAI's protocol `audio/transcriptions`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OpenaiTranscription {
    /// As `openaiChat.baseUrl`.
    #[schemars(schema_with = "crate::schema::base_url")]
    pub base_url: String,

    /// Name of the model at the endpoint, as in `gpt-4o-mini-transcribe` or `Systran/faster-whisper-small`.
    #[schemars(length(min = 1, max = 128))]
    pub model: String,

    /// Milliseconds until the words are there. After 4 s the caller hears an apology whatever is written here.
    #[serde(default = "default_transcription")]
    #[schemars(range(min = 100, max = 60_000))]
    pub timeout_ms: u32,
}

/// Voices by OpenAI's protocol `audio/speech`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OpenaiSpeech {
    /// As `openaiChat.baseUrl`.
    #[schemars(schema_with = "crate::schema::base_url")]
    pub base_url: String,

    /// Name of the model at the endpoint, as in `gpt-4o-mini-tts` or `kokoro`.
    #[schemars(length(min = 1, max = 128))]
    pub model: String,

    /// Milliseconds until the sound of a sentence is there. Beyond it the built-in voice says the sentence.
    #[serde(default = "default_speech")]
    #[schemars(range(min = 100, max = 3_500))]
    pub timeout_ms: u32,
}

/// A model of embeddings by OpenAI's protocol `embeddings`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OpenaiEmbeddings {
    /// As `openaiChat.baseUrl`.
    #[schemars(schema_with = "crate::schema::base_url")]
    pub base_url: String,

    /// Name of the model at the endpoint, as in `text-embedding-3-small`. Embeddings of different models cannot be
    /// compared, and a changed name embeds nothing anew: make another Provider, and name that in the KnowledgeBase.
    #[schemars(length(min = 1, max = 128))]
    pub model: String,

    /// Milliseconds until the embeddings of some parts of a document are there. While a caller waits, no more than what
    /// the agent has for looking things up.
    #[serde(default = "default_embeddings")]
    #[schemars(range(min = 100, max = 60_000))]
    pub timeout_ms: u32,
}

/// An HTTP API that tools of agents call.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HttpApi {
    /// The URL that the paths of tools are below, as in `https://booking.example/api/v2`. Private addresses must be among
    /// `providers.privateNetworks` of the chart, as for models. Redirects are not followed.
    #[schemars(schema_with = "crate::schema::base_url")]
    pub base_url: String,

    /// The header that shows the key of `secretRef`, as in `X-Api-Key`. `Authorization: Bearer KEY` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::header_name")]
    pub key_header: Option<String>,
}

/// What a Provider speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol<'a> {
    /// A language model.
    OpenaiChat(&'a OpenaiChat),
    /// A recogniser of speech.
    OpenaiTranscription(&'a OpenaiTranscription),
    /// Voices.
    OpenaiSpeech(&'a OpenaiSpeech),
    /// A model of embeddings.
    OpenaiEmbeddings(&'a OpenaiEmbeddings),
    /// Tools.
    Http(&'a HttpApi),
}

impl ProviderSpec {
    /// The one protocol; nothing if there is none, or several.
    #[must_use]
    pub fn protocol(&self) -> Option<Protocol<'_>> {
        let Self {
            openai_chat,
            openai_transcription,
            openai_speech,
            openai_embeddings,
            http,
            secret_ref: _,
        } = self;
        let all = [
            openai_chat.as_ref().map(Protocol::OpenaiChat),
            openai_transcription
                .as_ref()
                .map(Protocol::OpenaiTranscription),
            openai_speech.as_ref().map(Protocol::OpenaiSpeech),
            openai_embeddings.as_ref().map(Protocol::OpenaiEmbeddings),
            http.as_ref().map(Protocol::Http),
        ];
        let mut given = all.into_iter().flatten();
        given.next().filter(|_| given.next().is_none())
    }
}

impl Protocol<'_> {
    /// The field of the spec.
    #[must_use]
    pub const fn field(&self) -> &'static str {
        match self {
            Self::OpenaiChat(_) => "openaiChat",
            Self::OpenaiTranscription(_) => "openaiTranscription",
            Self::OpenaiSpeech(_) => "openaiSpeech",
            Self::OpenaiEmbeddings(_) => "openaiEmbeddings",
            Self::Http(_) => "http",
        }
    }

    /// Where it is.
    #[must_use]
    pub fn base_url(&self) -> &str {
        match self {
            Self::OpenaiChat(chat) => &chat.base_url,
            Self::OpenaiTranscription(speech) => &speech.base_url,
            Self::OpenaiSpeech(speech) => &speech.base_url,
            Self::OpenaiEmbeddings(embeddings) => &embeddings.base_url,
            Self::Http(http) => &http.base_url,
        }
    }

    /// The header that shows the key, where it is another than usual.
    #[must_use]
    pub fn key_header(&self) -> Option<&str> {
        match self {
            Self::Http(http) => http.key_header.as_deref(),
            Self::OpenaiChat(_)
            | Self::OpenaiTranscription(_)
            | Self::OpenaiSpeech(_)
            | Self::OpenaiEmbeddings(_) => None,
        }
    }
}

/// What the operator has made of a Provider.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProviderStatus {
    /// Generation of the spec that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// Identifier of the tenant whose database has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,

    /// Identifier of the provider in the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_id: Option<String>,

    /// The last time that the operator asked the endpoint for its models, or whether it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<ProviderCheck>,

    /// Ready, Accepted, ResolvedRefs, Programmed, Reachable; Reconciling and Stalled while they hold. Reachable is
    /// False with the reason AuthFailed where the key is refused. Agents go on to use a Provider that is not
    /// reachable from the operator: it may be reachable from the media nodes, and later.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}

/// What came of asking an endpoint for its models. It is asked when the Provider or its Secret changed, every ten
/// minutes while it answers, and every minute while it does not.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProviderCheck {
    /// When it was asked.
    pub at: Time,

    /// Generation of the spec that it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<i64>,

    /// `metadata.resourceVersion` of the Secret whose key it was asked with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_version: Option<String>,

    /// What went wrong; nothing while it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

fn default_first_part() -> u32 {
    4_500
}

fn default_stall() -> u32 {
    4_000
}

fn default_total() -> u32 {
    30_000
}

fn default_transcription() -> u32 {
    4_000
}

fn default_speech() -> u32 {
    2_500
}

fn default_embeddings() -> u32 {
    10_000
}
