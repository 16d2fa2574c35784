//! Call records: everything one call leaves behind, as one value.
//!
//! A media node builds a [`CallRecord`] when a call ends, appends it, serialised, to its spool, and
//! hands those of many calls to [`finish_all`]; again, when the database did not answer. **A record is
//! stored in one transaction, and storing it twice is storing it once.**

mod check;
mod finish;
mod ids;
mod parts;
mod rows;
mod seal;
mod spoken;
mod start;

pub use finish::{Finished, finish, finish_all};
pub use ids::new_id;
pub use parts::{
    CallEvent, CampaignAttempt, Conversation, Cost, CostComponent, EndpointKind, Leg, LegKind,
    Message, MessageRole, Recording, RecordingGap, Segment, SegmentKind, Transcription,
};
pub use rows::{
    MediaStream, Playout, QualitySample, StirAttestation, StirStatus, StirVerification,
};
pub use seal::{has_clear_words, seal, take_words_out};
pub use spoken::{Sealed, Spoken};
pub use start::{answered, start};

use callplane_types::{
    AgentId, CallId, CallStatus, CampaignId, Currency, Direction, E164, FlowId, HangupParty,
    Micros, NumberId, Pii, TenantId, WallTime,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How many calls with the same person are looked at for what went before: a number that calls all
/// day without being answered cannot make each of its calls slower than the last.
const EARLIER_CALLS: i64 = 50;

/// One finished call with all its rows.
///
/// Serialised into the spool of a media node: fields are only ever added, with `#[serde(default)]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallRecord {
    /// The row of `calls`.
    pub call: Call,
    /// `call_legs`, numbered from 1 in this order.
    #[serde(default)]
    pub legs: Vec<Leg>,
    /// `call_segments`, numbered from 1 in this order.
    #[serde(default)]
    pub segments: Vec<Segment>,
    /// `call_events`, oldest first.
    #[serde(default)]
    pub events: Vec<CallEvent>,
    /// `call_recordings`, when the call was recorded.
    #[serde(default)]
    pub recording: Option<Recording>,
    /// `conversations` and `messages`, when an agent spoke.
    #[serde(default)]
    pub conversation: Option<Conversation>,
    /// `transcriptions`, when there is text.
    #[serde(default)]
    pub transcription: Option<Transcription>,
    /// `call_costs`; `calls.cost_micros` becomes their sum.
    #[serde(default)]
    pub costs: Vec<Cost>,
    /// `voice_quality_metrics`, oldest first; the last one of each stream is of the whole call.
    #[serde(default)]
    pub quality: Vec<QualitySample>,
    /// `stir_shaken_statuses`, of an inbound call.
    #[serde(default)]
    pub stir: Option<StirStatus>,
    /// What a campaign learns from this call, when a campaign placed it.
    #[serde(default)]
    pub campaign: Option<CampaignAttempt>,
}

/// The row of `calls`: who, when and how it ended.
///
/// A call that is still going has a `status` that is not final and no `ended_at`; [`start`] writes
/// it that way, [`finish`] wants both.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// A UUIDv7 whose time lies within a day of `initiated_at`.
    pub id: CallId,
    /// Whose call it is; a record of another tenant is refused.
    pub tenant_id: TenantId,
    /// The SIP Call-ID or another system's identifier; unique among the tenant's outbound calls.
    pub external_call_id: Option<String>,
    /// The direction as the tenant sees it.
    pub direction: Direction,
    /// How the call stands.
    pub status: CallStatus,
    /// A word or sentence for people: why it is blocked, failed.
    pub status_reason: Option<String>,
    /// The calling number when it is one.
    pub from_number: Option<E164>,
    /// The called number when it is one.
    pub to_number: Option<E164>,
    /// The SIP identity of the calling side.
    pub from_uri: Option<Pii<String>>,
    /// The SIP identity of the called side.
    pub to_uri: Option<Pii<String>>,
    /// The tenant's number that placed the call.
    pub from_phone_number_id: Option<NumberId>,
    /// The tenant's number that was called.
    pub to_phone_number_id: Option<NumberId>,
    /// The name of the other party where it is known.
    pub customer_name: Option<Pii<String>>,
    /// The agent that spoke.
    pub agent_id: Option<AgentId>,
    /// `agent_versions.id` of the Program the call ran with.
    pub agent_version_id: Option<Uuid>,
    /// The flow the call was routed to; `None` is the first flow of the agent.
    pub flow_id: Option<FlowId>,
    /// The campaign that placed the call.
    pub campaign_id: Option<CampaignId>,
    /// When the INVITE was received or sent.
    pub initiated_at: WallTime,
    /// When ringing was heard.
    pub ringing_at: Option<WallTime>,
    /// When it was answered: billable time starts.
    pub answered_at: Option<WallTime>,
    /// When the caller was connected with the agent.
    pub connected_at: Option<WallTime>,
    /// When it ended.
    pub ended_at: Option<WallTime>,
    /// Seconds that billable time is rounded up to; 6 unless the rate says otherwise.
    pub billing_increment_seconds: u16,
    /// Mean opinion score of the received audio, 1.0 to 5.0.
    pub mos_score: Option<f32>,
    /// Interarrival jitter (RFC 3550 section 6.4.1) in milliseconds.
    pub jitter_ms: Option<u32>,
    /// Lost packets of those expected, 0 to 100.
    pub packet_loss_percent: Option<f32>,
    /// Price of a minute that the costs were computed with.
    pub rate_micros_per_minute: Option<Micros>,
    /// The currency of `rate_micros_per_minute` and of the costs.
    pub currency: Currency,
    /// A category the flow gave the call.
    pub outcome: Option<String>,
    /// `normal_clearing`, `user_busy`, `no_answer`, `media_timeout` and the like.
    pub hangup_cause: Option<String>,
    /// Who ended it.
    pub hangup_by: Option<HangupParty>,
    /// The final SIP status, when there was one.
    pub sip_code: Option<u16>,
    /// Name of the media node that carried the media.
    pub media_node: Option<String>,
    /// Epoch of that node, see [`crate::media_nodes`].
    pub media_node_epoch: Option<i64>,
    /// Words to find the call by.
    pub tags: Vec<String>,
    /// What the flow captured, by variable name.
    pub variables: Spoken<serde_json::Map<String, serde_json::Value>>,
}

impl CallRecord {
    /// The record of a call that left nothing but itself.
    #[must_use]
    pub const fn new(call: Call) -> Self {
        Self {
            call,
            legs: Vec::new(),
            segments: Vec::new(),
            events: Vec::new(),
            recording: None,
            conversation: None,
            transcription: None,
            costs: Vec::new(),
            quality: Vec::new(),
            stir: None,
            campaign: None,
        }
    }
}

impl Call {
    /// A call that begins now: nothing has been heard yet.
    #[must_use]
    pub fn begin(
        id: CallId,
        tenant_id: TenantId,
        direction: Direction,
        initiated_at: WallTime,
    ) -> Self {
        Self {
            id,
            tenant_id,
            external_call_id: None,
            direction,
            status: CallStatus::Initiated,
            status_reason: None,
            from_number: None,
            to_number: None,
            from_uri: None,
            to_uri: None,
            from_phone_number_id: None,
            to_phone_number_id: None,
            customer_name: None,
            agent_id: None,
            agent_version_id: None,
            flow_id: None,
            campaign_id: None,
            initiated_at,
            ringing_at: None,
            answered_at: None,
            connected_at: None,
            ended_at: None,
            billing_increment_seconds: 6,
            mos_score: None,
            jitter_ms: None,
            packet_loss_percent: None,
            rate_micros_per_minute: None,
            currency: Currency::default(),
            outcome: None,
            hangup_cause: None,
            hangup_by: None,
            sip_code: None,
            media_node: None,
            media_node_epoch: None,
            tags: Vec::new(),
            variables: Spoken::default(),
        }
    }

    /// The area code of the calling number, where the numbering plan has one (North America).
    #[must_use]
    pub fn caller_area_code(&self) -> Option<&str> {
        let number = self.from_number.as_ref()?.as_str().strip_prefix("+1")?;
        (number.len() == 10).then(|| &number[..3])
    }

    /// The number of the other party, whichever direction the call has.
    #[must_use]
    pub fn customer_number(&self) -> Option<&E164> {
        match self.direction {
            Direction::Inbound => self.from_number.as_ref(),
            Direction::Outbound => self.to_number.as_ref(),
        }
    }
}
