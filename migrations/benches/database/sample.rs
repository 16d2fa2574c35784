//! A finished call as a busy tenant has it: a leg, five segments, eight events, a recording, ten
//! turns, a transcript of 900 characters, three costs, a sample of quality, a signature and a tag.

use std::time::Duration;

use callplane_store::records::{
    Call, CallEvent, CallRecord, Conversation, Cost, CostComponent, EndpointKind, Leg, LegKind,
    MediaStream, Message, MessageRole, Playout, QualitySample, Recording, Segment, SegmentKind,
    Spoken, StirAttestation, StirStatus, StirVerification, Transcription,
};
use callplane_store::test_util::TestTenant;
use callplane_store::{records, routes};
use callplane_types::{
    CallId, CallStatus, Currency, Direction, E164, HangupParty, LegId, Micros, Pii, SegmentId,
    WallTime,
};
use serde_json::json;
use uuid::{NoContext, Timestamp, Uuid};

use crate::Failure;

/// What a caller says; with the words around it a transcript has 900 characters.
const SAID: &str = "I would like to change the appointment that I made last week, please";
/// What an agent answers.
const ANSWERED: &str = "Certainly. Which day suits you, and in the morning or the afternoon?";

/// Makes records of one tenant.
pub(crate) struct Sampler {
    tenant: callplane_types::TenantId,
    route: routes::Route,
}

impl Sampler {
    /// For a tenant with a number that leads to an agent.
    pub(crate) async fn of(tenant: &TestTenant) -> Result<Self, Failure> {
        let mut routes = routes::snapshot(&tenant.database).await?;
        let route = routes.pop().ok_or("the tenant has no number")?;
        Ok(Self {
            tenant: tenant.id,
            route,
        })
    }

    /// The `n`th call, begun at `begin`, which lasted three minutes. Every call has another caller
    /// until ten thousand.
    pub(crate) fn record(&self, n: u64, begin: WallTime) -> Result<CallRecord, Failure> {
        let at = |seconds: u64| begin + Duration::from_secs(seconds);
        let agent = self.route.agent.as_ref().ok_or("no agent")?;
        let caller: E164 = format!("+1555{:07}", n % 10_000).parse()?;
        let mut call = Call::begin(
            CallId::new(id(begin)),
            self.tenant,
            Direction::Inbound,
            begin,
        );
        call.external_call_id = Some(format!("{n}-{}@192.0.2.10", call.id));
        call.status = CallStatus::Completed;
        call.from_uri = Some(Pii::new(format!("sip:{}@192.0.2.10", caller.as_str())));
        call.to_uri = Some(Pii::new(format!(
            "sip:{}@192.0.2.20",
            self.route.number.as_str()
        )));
        call.from_number = Some(caller);
        call.to_number = Some(self.route.number.clone());
        call.to_phone_number_id = Some(self.route.number_id);
        call.agent_id = Some(agent.id);
        call.agent_version_id = Some(agent.version_id);
        call.answered_at = Some(at(1));
        call.connected_at = Some(at(1));
        call.ended_at = Some(at(181));
        call.mos_score = Some(4.3);
        call.jitter_ms = Some(3);
        call.packet_loss_percent = Some(0.1);
        call.rate_micros_per_minute = Some(Micros(10_000));
        call.outcome = Some("changed".to_owned());
        call.hangup_cause = Some("normal_clearing".to_owned());
        call.hangup_by = Some(HangupParty::Caller);
        call.sip_code = Some(200);
        call.media_node = Some("acme-media-0".to_owned());
        call.media_node_epoch = Some(1);
        call.tags = vec!["appointment".to_owned()];
        let day = ("day".to_owned(), "Tuesday".into());
        call.variables = Spoken::clear([day].into_iter().collect());
        Ok(CallRecord {
            legs: vec![self.leg(&call)],
            segments: (0..5)
                .map(|s| segment(agent.id, at(1 + s * 36), at(37 + s * 36)))
                .collect(),
            events: (0..8).map(|e| event(at(e * 25))).collect(),
            recording: Some(recording(&call)),
            conversation: Some(conversation(call.id, agent.id, &at)),
            transcription: Some(transcription()),
            costs: [
                CostComponent::Telephony,
                CostComponent::Stt,
                CostComponent::Tts,
            ]
            .map(cost)
            .to_vec(),
            quality: quality(at(181)),
            stir: Some(signature()),
            campaign: None,
            call,
        })
    }

    fn leg(&self, call: &Call) -> Leg {
        Leg {
            id: LegId::new(Uuid::now_v7()),
            kind: LegKind::Caller,
            endpoint_kind: EndpointKind::Pstn,
            direction: Direction::Inbound,
            from_uri: call.from_uri.clone(),
            to_uri: call.to_uri.clone(),
            trunk_id: self.route.trunk_id,
            agent_id: None,
            carrier_leg_id: call.external_call_id.clone(),
            status: CallStatus::Completed,
            initiated_at: call.initiated_at,
            answered_at: call.answered_at,
            ended_at: call.ended_at,
            hangup_cause: call.hangup_cause.clone(),
            sip_code: Some(200),
            codec: Some("PCMU".to_owned()),
            srtp_suite: None,
            media: json!({"packets_received": 9_000, "packets_lost": 9, "packets_late": 1}),
        }
    }
}

/// A UUIDv7 of a moment.
fn id(at: WallTime) -> Uuid {
    let micros = at.unix_micros().unsigned_abs();
    let nanos = u32::try_from(micros % 1_000_000).unwrap_or(0) * 1_000;
    Uuid::new_v7(Timestamp::from_unix(NoContext, micros / 1_000_000, nanos))
}

fn segment(agent: callplane_types::AgentId, from: WallTime, to: WallTime) -> Segment {
    Segment {
        id: SegmentId::new(Uuid::now_v7()),
        kind: SegmentKind::Agent,
        started_at: from,
        ended_at: Some(to),
        agent_id: Some(agent),
        node: Some("greet".to_owned()),
        metadata: json!({}),
    }
}

fn event(at: WallTime) -> CallEvent {
    CallEvent {
        event_type: "turn".to_owned(),
        at,
        from_status: None,
        to_status: None,
        metadata: json!({"latency_ms": 420}),
    }
}

fn recording(call: &Call) -> Recording {
    Recording {
        id: Uuid::now_v7(),
        object_url: format!("acme/{}.wav", call.id),
        mime_type: "audio/wav".to_owned(),
        channels: 2,
        started_at: call.answered_at,
        duration_seconds: 180,
        gaps: Vec::new(),
        size_bytes: 5_760_044,
        sha256: Some([7; 32]),
        encryption: "none".to_owned(),
        encryption_key: None,
        consent_obtained: None,
    }
}

fn conversation(
    call: CallId,
    agent: callplane_types::AgentId,
    at: &impl Fn(u64) -> WallTime,
) -> Conversation {
    let message = |turn: u64| {
        let (role, content) = if turn.is_multiple_of(2) {
            (MessageRole::Assistant, ANSWERED)
        } else {
            (MessageRole::User, SAID)
        };
        Message {
            id: records::new_id(call),
            role,
            content: Spoken::clear(content.to_owned()),
            intended: None,
            spoken_at: at(2 + turn * 15),
            latency_ms: Some(420),
            intent: None,
            confidence: Some(0.9),
        }
    };
    Conversation {
        id: records::new_id(call),
        agent_id: Some(agent),
        started_at: at(1),
        ended_at: Some(at(181)),
        completed: true,
        context: Spoken::clear(json!({})),
        messages: (0..10).map(message).collect(),
    }
}

fn transcription() -> Transcription {
    Transcription {
        id: Uuid::now_v7(),
        provider: Some("pocketsphinx".to_owned()),
        model: None,
        language: Some("en-US".to_owned()),
        text: Spoken::clear(
            format!("{SAID}\n{ANSWERED}\n")
                .repeat(7)
                .chars()
                .take(900)
                .collect(),
        ),
        segments: Spoken::clear(json!([])),
        confidence_percent: Some(87.5),
    }
}

fn cost(component: CostComponent) -> Cost {
    Cost {
        component,
        provider: "carrier".to_owned(),
        quantity_micros: 3_000_000,
        unit: "minute".to_owned(),
        unit_rate: Micros(10_000),
        amount: Micros(30_000),
        currency: Currency::default(),
    }
}

/// What both ends heard.
fn quality(at: WallTime) -> Vec<QualitySample> {
    let heard = QualitySample {
        sampled_at: at,
        leg_no: 1,
        stream: MediaStream::Received,
        mos_score: 4.3,
        r_factor: 92.0,
        jitter_ms: 3.25,
        packet_loss_percent: 0.1,
        rtt_ms: Some(21.5),
        packets: Some(9_000),
        packets_lost: Some(9),
        playout: Some(Playout {
            packets_late: 1,
            packets_duplicate: 0,
            packets_reordered: 2,
            concealed_percent: 0.1,
            buffer_ms: 42.0,
            max_buffer_ms: 80.0,
        }),
        codec: Some("PCMU".to_owned()),
    };
    let told = QualitySample {
        stream: MediaStream::Sent,
        playout: None,
        ..heard.clone()
    };
    vec![heard, told]
}

fn signature() -> StirStatus {
    StirStatus {
        attestation: Some(StirAttestation::B),
        verification: StirVerification::NotChecked,
        orig_tn: Some(Pii::new("15557000001".to_owned())),
        dest_tn: Some(Pii::new("15550000001".to_owned())),
        origid: Some(Uuid::nil()),
        certificate_url: Some("https://cert.example.com/a.pem".to_owned()),
        identity_header: Some(Pii::new("a.b.c;info=<x>".to_owned())),
        reason: None,
        checked_at: None,
    }
}
