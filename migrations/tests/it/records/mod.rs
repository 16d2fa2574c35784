//! Call records.

mod around;
mod bad_input;
mod batches;
mod erased;
mod sealed;
mod stored;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use callplane_store::records::{
    Call, CallEvent, CallRecord, Conversation, Cost, CostComponent, EndpointKind, Leg, LegKind,
    MediaStream, Message, MessageRole, Playout, QualitySample, Recording, RecordingGap, Segment,
    SegmentKind, Spoken, StirAttestation, StirStatus, StirVerification, Transcription,
};
use callplane_store::test_util::{TestDatabase, TestTenant};
use callplane_store::{records, routes};
use callplane_types::{
    CallId, CallStatus, Currency, Direction, HangupParty, LegId, Micros, Pii, SegmentId, WallTime,
};
use serde_json::json;
use sqlx::{AssertSqlSafe, Row as _};
use uuid::Uuid;

use crate::support::{ask, superuser};

/// Rows of calls, call_legs, call_segments, call_events, cdrs, call_recordings, transcriptions,
/// call_costs, conversations, messages, events, call_tags, voice_quality_metrics,
/// stir_shaken_statuses after one record.
pub(super) const ONCE: &str = "1,1,1,2,1,1,1,2,1,2,1,1,1,1";

pub(super) async fn counts(database: &TestDatabase<'_>, tenant: &TestTenant) -> String {
    let schema = tenant.schema();
    let tables = [
        "calls",
        "call_legs",
        "call_segments",
        "call_events",
        "cdrs",
        "call_recordings",
        "transcriptions",
        "call_costs",
        "conversations",
        "messages",
        "events",
        "call_tags",
        "voice_quality_metrics",
        "stir_shaken_statuses",
    ]
    .map(|table| format!("(SELECT count(*) FROM \"{schema}\".{table})"))
    .join(" || ',' || ");
    ask(database, &format!("SELECT {tables}")).await
}

/// What a query says in the tenant's schema.
pub(super) async fn own(database: &TestDatabase<'_>, tenant: &TestTenant, sql: &str) -> String {
    let mut connection = superuser(database).await;
    let enter = format!("SET search_path = {}, public", tenant.schema());
    sqlx::raw_sql(AssertSqlSafe(enter))
        .execute(&mut connection)
        .await
        .unwrap();
    let row = sqlx::query(AssertSqlSafe(format!("SELECT ({sql})::text")))
        .fetch_one(&mut connection)
        .await
        .unwrap();
    row.get::<Option<String>, _>(0).unwrap_or_default()
}

/// A finished inbound call that left a row in every table.
pub(crate) async fn record(tenant: &TestTenant) -> CallRecord {
    record_at(tenant, now()).await
}

pub(crate) fn now() -> WallTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    WallTime::from_unix_micros(i64::try_from(since.as_micros()).unwrap())
}

/// The record of a call that began then.
pub(crate) async fn record_at(tenant: &TestTenant, begin: WallTime) -> CallRecord {
    let route = routes::snapshot(&tenant.database).await.unwrap().remove(0);
    let agent = route.agent.unwrap();
    let seconds = u64::try_from(begin.unix_micros() / 1_000_000).unwrap();
    let id = Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, 0));
    let at = |milliseconds: u64| begin + Duration::from_millis(milliseconds);
    let mut call = Call::begin(CallId::new(id), tenant.id, Direction::Inbound, begin);
    call.external_call_id = Some(format!("{}@192.0.2.10", Uuid::now_v7()));
    call.status = CallStatus::Completed;
    call.from_number = Some("+15557000001".parse().unwrap());
    call.to_number = Some(route.number);
    call.from_uri = Some(Pii::new("sip:+15557000001@192.0.2.10".to_owned()));
    call.to_phone_number_id = Some(route.number_id);
    call.agent_id = Some(agent.id);
    call.agent_version_id = Some(agent.version_id);
    call.answered_at = Some(at(40));
    call.connected_at = Some(at(40));
    call.ended_at = Some(at(5_000));
    call.mos_score = Some(4.41);
    call.jitter_ms = Some(3);
    call.packet_loss_percent = Some(0.5);
    call.rate_micros_per_minute = Some(Micros(10_000));
    call.hangup_cause = Some("normal_clearing".to_owned());
    call.hangup_by = Some(HangupParty::Caller);
    call.sip_code = Some(200);
    call.media_node = Some("acme-media-0".to_owned());
    call.media_node_epoch = Some(1);
    call.tags = vec!["demo".to_owned()];
    call.variables = captured("intent", "sales");
    CallRecord {
        legs: vec![Leg {
            id: LegId::new(Uuid::now_v7()),
            kind: LegKind::Caller,
            endpoint_kind: EndpointKind::Pstn,
            direction: Direction::Inbound,
            from_uri: call.from_uri.clone(),
            to_uri: None,
            trunk_id: route.trunk_id,
            agent_id: None,
            carrier_leg_id: call.external_call_id.clone(),
            status: CallStatus::Completed,
            initiated_at: begin,
            answered_at: call.answered_at,
            ended_at: call.ended_at,
            hangup_cause: None,
            sip_code: Some(200),
            codec: Some("PCMU".to_owned()),
            srtp_suite: Some("AEAD_AES_128_GCM".to_owned()),
            media: json!({"packets_received": 250}),
        }],
        segments: vec![Segment {
            id: SegmentId::new(Uuid::now_v7()),
            kind: SegmentKind::Agent,
            started_at: at(40),
            ended_at: call.ended_at,
            agent_id: Some(agent.id),
            node: Some("greet".to_owned()),
            metadata: json!({}),
        }],
        events: vec![
            CallEvent {
                event_type: "answered".to_owned(),
                at: at(40),
                from_status: Some(CallStatus::Ringing),
                to_status: Some(CallStatus::InProgress),
                metadata: json!({}),
            },
            CallEvent {
                event_type: "ended".to_owned(),
                at: at(5_000),
                from_status: Some(CallStatus::InProgress),
                to_status: Some(CallStatus::Completed),
                metadata: json!({}),
            },
        ],
        recording: Some(Recording {
            id: Uuid::now_v7(),
            object_url: "acme/call.wav".to_owned(),
            mime_type: "audio/wav".to_owned(),
            channels: 2,
            started_at: Some(at(40)),
            duration_seconds: 5,
            gaps: vec![RecordingGap {
                from: 1.5,
                to: 2.25,
                reason: "paused".to_owned(),
            }],
            size_bytes: 160_044,
            sha256: Some([7; 32]),
            encryption: "none".to_owned(),
            encryption_key: None,
            consent_obtained: None,
        }),
        conversation: Some(Conversation {
            id: records::new_id(call.id),
            agent_id: Some(agent.id),
            started_at: at(40),
            ended_at: call.ended_at,
            completed: true,
            context: Spoken::clear(json!({})),
            messages: vec![
                message(call.id, MessageRole::User, "hello", None, at(900)),
                message(
                    call.id,
                    MessageRole::Assistant,
                    "Welcome to",
                    Some("Welcome to Acme."),
                    at(1_500),
                ),
            ],
        }),
        transcription: Some(Transcription {
            id: Uuid::now_v7(),
            provider: Some("pocketsphinx".to_owned()),
            model: None,
            language: Some("en-US".to_owned()),
            text: Spoken::clear("hello\nWelcome to".to_owned()),
            segments: Spoken::clear(json!([])),
            confidence_percent: Some(87.5),
        }),
        costs: vec![
            cost(CostComponent::Telephony, 100_000, 10_000, 1_000),
            cost(CostComponent::Tts, 1_000_000, 2, 2),
        ],
        quality: vec![QualitySample {
            sampled_at: at(5_000),
            leg_no: 1,
            mos_score: 4.41,
            r_factor: 92.9,
            jitter_ms: 3.25,
            packet_loss_percent: 0.5,
            rtt_ms: Some(21.5),
            stream: MediaStream::Received,
            packets: Some(995),
            packets_lost: Some(5),
            playout: Some(Playout {
                packets_late: 1,
                packets_duplicate: 2,
                packets_reordered: 3,
                concealed_percent: 0.6,
                buffer_ms: 42.5,
                max_buffer_ms: 80.0,
            }),
            codec: Some("PCMU".to_owned()),
        }],
        stir: Some(StirStatus {
            attestation: Some(StirAttestation::B),
            verification: StirVerification::NotChecked,
            orig_tn: Some(Pii::new("15557000001".to_owned())),
            dest_tn: Some(Pii::new("15550000001".to_owned())),
            origid: Some(Uuid::nil()),
            certificate_url: Some("https://cert.example.com/a.pem".to_owned()),
            identity_header: Some(Pii::new("a.b.c;info=<x>".to_owned())),
            reason: None,
            checked_at: None,
        }),
        campaign: None,
        call,
    }
}

/// Makes it the record of another call.
pub(crate) fn make_it(record: &mut CallRecord, call: CallId) {
    record.call.id = call;
    if let Some(conversation) = &mut record.conversation {
        conversation.id = records::new_id(call);
        for message in &mut conversation.messages {
            message.id = records::new_id(call);
        }
    }
}

fn message(
    call: CallId,
    role: MessageRole,
    heard: &str,
    intended: Option<&str>,
    at: WallTime,
) -> Message {
    Message {
        id: records::new_id(call),
        role,
        content: Spoken::clear(heard.to_owned()),
        intended: intended.map(|text| Spoken::clear(text.to_owned())),
        spoken_at: at,
        latency_ms: Some(420),
        intent: None,
        confidence: Some(0.9),
    }
}

/// One variable that a flow captured.
pub(crate) fn captured(
    name: &str,
    value: &str,
) -> Spoken<serde_json::Map<String, serde_json::Value>> {
    Spoken::clear([(name.to_owned(), value.into())].into_iter().collect())
}

pub(crate) fn cost(component: CostComponent, quantity_micros: i64, rate: i64, amount: i64) -> Cost {
    Cost {
        component,
        provider: String::new(),
        quantity_micros,
        unit: "minute".to_owned(),
        unit_rate: Micros(rate),
        amount: Micros(amount),
        currency: Currency::default(),
    }
}
