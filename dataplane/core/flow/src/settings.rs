//! How an agent speaks, listens and stops: the part of a `Program` that is not the flow.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::tool::ToolUse;

/// Settings of an agent that its calls follow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AgentSettings {
    /// `metadata.name` of the Agent: the word in records, metrics and logs.
    pub name: String,
    /// Language of speech, BCP 47: `en-US`.
    pub language: String,
    /// The voice.
    pub voice: Voice,
    /// Who the agent is, for the models that speak for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// The model that leads converse nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelUse>,
    /// What understands free speech.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transcription: Option<TranscriptionUse>,
    /// The voice of a provider; that of the speech worker where there is none, and while the provider fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speech: Option<SpeechUse>,
    /// What its models may have done, where a node lets them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<ToolUse>,
    /// Where what callers say is looked up, where a node lets it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub knowledge_bases: Vec<KnowledgeUse>,
    /// Said before the first node, interruptible; may contain `{{ name }}` of inputs.
    pub first_sentence: Option<String>,
    /// When a call is ended whatever it says.
    pub limits: Limits,
    /// Whether calls are recorded.
    pub recording: Recording,
    /// What they are recorded as.
    pub recording_format: RecordingFormat,
    /// What its calls prefer to speak, best first, of what their trunk has.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub codecs: Vec<AudioCodec>,
    /// Who speaks when.
    pub turn_taking: TurnTaking,
}

impl Default for AgentSettings {
    fn default() -> Self {
        Self {
            name: String::new(),
            language: "en-US".to_owned(),
            voice: Voice::default(),
            prompt: None,
            model: None,
            transcription: None,
            speech: None,
            tools: Vec::new(),
            knowledge_bases: Vec::new(),
            first_sentence: None,
            limits: Limits::default(),
            recording: Recording::default(),
            recording_format: RecordingFormat::default(),
            codecs: Vec::new(),
            turn_taking: TurnTaking::default(),
        }
    }
}

/// A language model, and how it is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelUse {
    /// Name of the provider: `namespace/name` of its Provider.
    pub provider: String,
    /// Name of the model at the provider, where it is not the provider's own choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Temperature in hundredths; the server's own where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature_percent: Option<u16>,
    /// Tokens that an answer may have; as many as the server lets where there is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    /// Who is asked, one after the other, where nothing came of the one before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fallbacks: Vec<ModelFallback>,
}

impl ModelUse {
    /// The model and its fallbacks, each asked as the agent wishes, in their order.
    pub fn in_turn(&self) -> impl Iterator<Item = Self> {
        let own = Self {
            fallbacks: Vec::new(),
            ..self.clone()
        };
        let fallbacks = self.fallbacks.iter().map(|fallback| Self {
            provider: fallback.provider.clone(),
            model: fallback.model.clone(),
            temperature_percent: self.temperature_percent,
            max_tokens: self.max_tokens,
            fallbacks: Vec::new(),
        });
        std::iter::once(own).chain(fallbacks)
    }
}

/// A language model that is asked where another fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelFallback {
    /// As [`ModelUse::provider`].
    pub provider: String,
    /// As [`ModelUse::model`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

/// A recogniser of free speech, and how it is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TranscriptionUse {
    /// Name of the provider: `namespace/name` of its Provider.
    pub provider: String,
    /// What callers speak (ISO 639); the server guesses where it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

/// A voice of a provider, and how it is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SpeechUse {
    /// Name of the provider: `namespace/name` of its Provider.
    pub provider: String,
    /// Name of the voice there.
    pub voice: String,
    /// Speed in percent of the voice's own, 50 to 200.
    pub speed_percent: u32,
}

/// Most knowledge bases of an agent.
pub const MAX_KNOWLEDGE_BASES: usize = 8;

/// A knowledge base of an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KnowledgeUse {
    /// Its name, for nodes.
    pub name: String,
    /// `namespace/name` of its KnowledgeBase.
    pub base: String,
}

/// A voice of the speech worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Voice {
    /// Name of the voice; the default voice of the engine unless given.
    pub name: Option<String>,
    /// Speed in percent of the engine's own, 50 to 200.
    pub speed_percent: u32,
}

impl Default for Voice {
    fn default() -> Self {
        Self {
            name: None,
            speed_percent: 100,
        }
    }
}

/// When a call is ended whatever it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Limits {
    /// The longest call, from its answer.
    #[serde(rename = "maxCallSeconds", with = "seconds")]
    pub max_call: Duration,
    /// The longest time in which neither side says anything.
    #[serde(rename = "silenceSeconds", with = "seconds")]
    pub silence: Duration,
    /// The most turns of the caller: answers, silences and answers not understood together.
    pub max_turns: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_call: Duration::from_secs(1800),
            silence: Duration::from_secs(30),
            max_turns: 200,
        }
    }
}

/// Whether calls are recorded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Recording {
    /// Every call, from its answer to its end.
    #[default]
    On,
    /// No call.
    Off,
}

/// What calls are recorded as.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RecordingFormat {
    /// WAV: samples as they are.
    #[default]
    Wav,
    /// Ogg Opus (RFC 7845).
    Opus,
}

/// An audio codec, by its name in SDP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AudioCodec {
    /// G.711 mu-law.
    #[serde(rename = "PCMU")]
    Pcmu,
    /// G.711 A-law.
    #[serde(rename = "PCMA")]
    Pcma,
    /// G.722.
    #[serde(rename = "G722")]
    G722,
    /// Opus (RFC 7587).
    Opus,
}

/// Who speaks when. The defaults are those of callers who answer short questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TurnTaking {
    /// Silence after which the caller's turn is over.
    #[serde(rename = "endpointingMs", with = "millis")]
    pub endpointing: Duration,
    /// Speech of the caller that stops an interruptible sentence.
    #[serde(rename = "bargeInMs", with = "millis")]
    pub barge_in: Duration,
    /// The longest turn of the caller; what was heard until then counts.
    #[serde(rename = "maxTurnMs", with = "millis")]
    pub max_turn: Duration,
}

impl Default for TurnTaking {
    fn default() -> Self {
        Self {
            endpointing: Duration::from_millis(600),
            barge_in: Duration::from_millis(300),
            max_turn: Duration::from_secs(15),
        }
    }
}

/// A [`Duration`] as a whole number of milliseconds.
pub(crate) mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_millis)
    }
}

/// A [`Duration`] as a whole number of seconds.
pub(crate) mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(time.as_secs())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_secs)
    }
}
