//! The rows that hang below a call.

use callplane_types::{
    AgentId, CallStatus, Currency, Direction, LegId, Micros, Pii, RecipientId, SegmentId, TrunkId,
    WallTime,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Spoken;
use crate::campaigns::RecipientOutcome;
use crate::words::words;

words! {
    /// `platform.leg_kind`.
    LegKind {
        /// The person who calls or is called.
        Caller = "caller",
        /// The AI agent.
        Agent = "agent",
        /// A person of the tenant.
        Human = "human",
        /// A transfer target.
        Transfer = "transfer",
        /// A supervisor who joined the call.
        Monitor = "monitor",
    }
}

words! {
    /// `platform.endpoint_kind`.
    EndpointKind {
        /// A SIP URI.
        Sip = "sip",
        /// A telephone number through a trunk.
        Pstn = "pstn",
        /// A browser.
        Webrtc = "webrtc",
    }
}

words! {
    /// `platform.segment_kind`: a slice of the time of a call.
    SegmentKind {
        /// A menu or an announcement.
        Ivr = "ivr",
        /// Waiting in a queue.
        Queue = "queue",
        /// Talking with an AI agent.
        Agent = "agent",
        /// Talking with a person.
        Human = "human",
        /// On hold.
        Hold = "hold",
        /// Being transferred.
        Transfer = "transfer",
        /// In a conference.
        Conference = "conference",
        /// Leaving a message.
        Voicemail = "voicemail",
        /// Ringing.
        Ring = "ring",
        /// After the call.
        WrapUp = "wrap_up",
    }
}

words! {
    /// `platform.message_role`: who spoke.
    MessageRole {
        /// The prompt.
        System = "system",
        /// The person on the phone.
        User = "user",
        /// The AI agent.
        Assistant = "assistant",
        /// The answer of a tool.
        Tool = "tool",
        /// A person of the tenant.
        HumanAgent = "human_agent",
    }
}

words! {
    /// `platform.cost_component`.
    CostComponent {
        /// Speech to text.
        Stt = "stt",
        /// Language model.
        Llm = "llm",
        /// Text to speech.
        Tts = "tts",
        /// The minutes of the trunk.
        Telephony = "telephony",
        /// Keeping the recording.
        Recording = "recording",
        /// The platform's own price.
        Platform = "platform",
        /// Anything else.
        Other = "other",
    }
}

/// A row of `call_legs`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Leg {
    /// UUIDv7.
    pub id: LegId,
    /// Who is at its end.
    pub kind: LegKind,
    /// How that end is reached.
    pub endpoint_kind: EndpointKind,
    /// Inbound when the other end opened it.
    pub direction: Direction,
    /// SIP identity of the calling side.
    pub from_uri: Option<Pii<String>>,
    /// SIP identity of the called side.
    pub to_uri: Option<Pii<String>>,
    /// The trunk it went through.
    pub trunk_id: Option<TrunkId>,
    /// The agent at its end.
    pub agent_id: Option<AgentId>,
    /// SIP Call-ID of the leg.
    pub carrier_leg_id: Option<String>,
    /// How it ended.
    pub status: CallStatus,
    /// When it was opened.
    pub initiated_at: WallTime,
    /// When it was answered.
    pub answered_at: Option<WallTime>,
    /// When it ended.
    pub ended_at: Option<WallTime>,
    /// As in [`super::Call::hangup_cause`].
    pub hangup_cause: Option<String>,
    /// The final SIP status.
    pub sip_code: Option<u16>,
    /// `PCMU`, `PCMA`, `G722`.
    pub codec: Option<String>,
    /// What all its media was encrypted with: the name of a suite in RFC 4568.
    #[serde(default)]
    pub srtp_suite: Option<String>,
    /// Packet counts, loss, jitter and the like; no addresses of persons.
    pub media: serde_json::Value,
}

/// A row of `call_segments`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    /// UUIDv7.
    pub id: SegmentId,
    /// What the time was spent with.
    pub kind: SegmentKind,
    /// Beginning of the slice.
    pub started_at: WallTime,
    /// End of the slice.
    pub ended_at: Option<WallTime>,
    /// The agent of an `agent` segment.
    pub agent_id: Option<AgentId>,
    /// Name of the node of the call's flow that the time was spent in.
    #[serde(default)]
    pub node: Option<String>,
    /// Details.
    pub metadata: serde_json::Value,
}

/// A row of `call_events`: `initiated`, `ringing`, `answered`, `dtmf`, `recording_paused`, `ended`, ...
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallEvent {
    /// What happened, a lower_snake_case word.
    pub event_type: String,
    /// When.
    pub at: WallTime,
    /// Status before, for a change of status.
    pub from_status: Option<CallStatus>,
    /// Status after, for a change of status.
    pub to_status: Option<CallStatus>,
    /// Details.
    pub metadata: serde_json::Value,
}

/// A row of `call_recordings`; the audio is in the object store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    /// UUIDv7.
    pub id: Uuid,
    /// Key in the object store; a path below the recordings folder for the local one.
    pub object_url: String,
    /// `audio/wav`, `audio/ogg; codecs=opus`.
    pub mime_type: String,
    /// 2: caller left, agent right.
    pub channels: u8,
    /// When the audio begins.
    #[serde(default)]
    pub started_at: Option<WallTime>,
    /// Length of the audio in started seconds.
    pub duration_seconds: u32,
    /// Silence in the place of what was not recorded, in order.
    #[serde(default)]
    pub gaps: Vec<RecordingGap>,
    /// Length of the object.
    pub size_bytes: u64,
    /// SHA-256 of the object.
    pub sha256: Option<[u8; 32]>,
    /// `none` or `AES-256-GCM`: how the object is encrypted by us.
    pub encryption: String,
    /// `platform.encryption_keys.id`, when it is.
    #[serde(default)]
    pub encryption_key: Option<Uuid>,
    /// Whether the caller agreed; `None` when nobody asked.
    pub consent_obtained: Option<bool>,
}

/// One of `call_recordings.gaps`, in seconds from the beginning of the audio.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordingGap {
    /// Beginning.
    pub from: f64,
    /// End.
    pub to: f64,
    /// `paused`, or `stopped` where it was started again.
    pub reason: String,
}

/// A row of `conversations` with its `messages`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Conversation {
    /// As [`super::new_id`] makes it, so that it falls into the month of its call. Records that were
    /// spooled before this field have the id of their replay.
    #[serde(default = "Uuid::now_v7")]
    pub id: Uuid,
    /// Who talked.
    pub agent_id: Option<AgentId>,
    /// First word.
    pub started_at: WallTime,
    /// Last word.
    pub ended_at: Option<WallTime>,
    /// Whether it reached its end; otherwise it was abandoned.
    pub completed: bool,
    /// What the next conversation may start from.
    pub context: Spoken<serde_json::Value>,
    /// Turns, oldest first; numbered from 1 in this order.
    pub messages: Vec<Message>,
}

/// A row of `messages`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// UUIDv7.
    #[serde(default = "Uuid::now_v7")]
    pub id: Uuid,
    /// Who spoke.
    pub role: MessageRole,
    /// What was said and **heard**: for the agent, only what the caller really heard.
    pub content: Spoken<String>,
    /// What the agent was going to say, when it was interrupted and `content` is shorter.
    pub intended: Option<Spoken<String>>,
    /// When it was spoken.
    pub spoken_at: WallTime,
    /// From the end of the caller's words to the first audio of the answer.
    pub latency_ms: Option<u32>,
    /// Recognised intent or choice.
    pub intent: Option<String>,
    /// Confidence of the recognition, 0 to 1.
    pub confidence: Option<f32>,
}

/// A row of `transcriptions`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transcription {
    /// UUIDv7.
    pub id: Uuid,
    /// `pocketsphinx` and the like.
    pub provider: Option<String>,
    /// Name of its model.
    pub model: Option<String>,
    /// BCP 47.
    pub language: Option<String>,
    /// The whole text, a line a turn.
    pub text: Spoken<String>,
    /// `[{speaker, start, end, text}]`, seconds from the beginning of the call.
    pub segments: Spoken<serde_json::Value>,
    /// Mean confidence, 0 to 100.
    pub confidence_percent: Option<f32>,
}

/// A row of `call_costs`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// What was paid for.
    pub component: CostComponent,
    /// Whom it is paid to; empty for ourselves.
    pub provider: String,
    /// How much of `unit`, in millionths.
    pub quantity_micros: i64,
    /// `second`, `minute`, `character`, `token`, `call`.
    pub unit: String,
    /// Price of one unit.
    pub unit_rate: Micros,
    /// What it comes to.
    pub amount: Micros,
    /// The currency of both.
    pub currency: Currency,
}

/// What a campaign learns from a call it placed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CampaignAttempt {
    /// Whom the call was for.
    pub recipient_id: RecipientId,
    /// How it went.
    pub outcome: RecipientOutcome,
    /// When to try again; `None` ends the recipient.
    pub retry_at: Option<WallTime>,
}
