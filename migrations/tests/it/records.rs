//! A call record is stored whole, once, and exactly.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use callplane_store::quotas::{self, CONCURRENT_CALLS};
use callplane_store::records::{
    self, Call, CallEvent, CallRecord, Conversation, Cost, CostComponent, EndpointKind, Finished,
    Leg, LegKind, Message, MessageRole, Recording, Segment, SegmentKind, Transcription,
};
use callplane_store::test_util::{PostgresServer, TestDatabase, TestTenant};
use callplane_store::{Error, calls, routes};
use callplane_types::{
    CallId, CallStatus, Currency, Direction, HangupParty, LegId, Micros, Pii, SegmentId, WallTime,
};
use serde_json::json;
use sqlx::{Connection as _, PgConnection};
use uuid::Uuid;

use crate::support::{ask, database, equipped, node, refused};

#[tokio::test]
async fn a_finished_call_is_in_all_its_tables() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let record = record(&acme).await;
    let node = node(&acme, "acme-media-0").await;
    let _ = quotas::acquire(&acme.database, CONCURRENT_CALLS, record.call.id, &node)
        .await
        .unwrap();
    records::start(&acme.database, &record.call).await.unwrap();
    assert_eq!(
        records::finish(&acme.database, &record).await.unwrap(),
        Finished::Stored
    );
    assert_eq!(counts(&database, &acme).await, ONCE);
    assert_eq!(quotas::own_usage(&acme.database).await.unwrap()[0].used, 0);

    let shown = calls::show(&acme.database, record.call.id).await.unwrap();
    assert_eq!(shown["status"], "completed");
    assert_eq!(shown["agent"], "reception");
    assert_eq!(shown["customer_number"], "+15557000001");
    assert_eq!(shown["variables"], json!({"intent": "sales"}));
    assert_eq!(shown["legs"][0]["codec"], "PCMU");
    assert_eq!(shown["segments"][0]["kind"], "agent");
    assert_eq!(shown["events"][1]["event_type"], "ended");
    assert_eq!(shown["messages"][1]["content"], "Welcome to");
    assert_eq!(shown["messages"][1]["intended"], "Welcome to Acme.");
    assert_eq!(shown["recordings"][0]["object_url"], "acme/call.wav");
    assert_eq!(shown["transcriptions"][0]["text"], "hello\nWelcome to");
    assert_eq!(shown["cdr"]["hangup_cause"], "normal_clearing");
    let listed = calls::list(&acme.database, None, 10).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].agent.as_deref(), Some("reception"));
    assert_eq!(
        calls::list(&acme.database, Some(record.call.id), 10)
            .await
            .unwrap(),
        []
    );
}

#[tokio::test]
async fn finishing_twice_is_finishing_once() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let record = record(&acme).await;
    // As the spool keeps it.
    let spooled: CallRecord =
        serde_json::from_slice(&serde_json::to_vec(&record).unwrap()).unwrap();
    assert_eq!(spooled, record);
    let (one, two) = tokio::join!(
        records::finish(&acme.database, &record),
        records::finish(&acme.database, &spooled),
    );
    let mut finished = [one.unwrap(), two.unwrap()];
    finished.sort_by_key(|finished| *finished == Finished::Already);
    assert_eq!(finished, [Finished::Stored, Finished::Already]);
    for _ in 0..3 {
        assert_eq!(
            records::finish(&acme.database, &record).await.unwrap(),
            Finished::Already
        );
    }
    assert_eq!(counts(&database, &acme).await, ONCE);
}

#[tokio::test]
async fn a_record_is_whole_or_not_there() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let mut record = record(&acme).await;
    // Violates UNIQUE (call_id, component, provider, unit) near the end of the transaction.
    record.costs.push(record.costs[0].clone());
    let error = records::finish(&acme.database, &record).await.unwrap_err();
    assert_eq!(error.sqlstate().as_deref(), Some("23505"));
    assert!(!error.is_transient());
    assert_eq!(counts(&database, &acme).await, "0,0,0,0,0,0,0,0,0,0,0");
    record.costs.pop();
    records::finish(&acme.database, &record).await.unwrap();
    assert_eq!(counts(&database, &acme).await, ONCE);
}

#[tokio::test]
async fn billable_seconds_and_money_are_exact() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    // Answered time in microseconds, increment, billable seconds: started seconds, rounded up.
    let cases = [
        (0, 6, 0),
        (1, 6, 6),
        (6_000_000, 6, 6),
        (6_000_001, 6, 12),
        (59_999_999, 6, 60),
        (60_000_001, 6, 66),
        (61_000_000, 60, 120),
        (1_000_001, 1, 2),
    ];
    for (micros, increment, billable) in cases {
        let mut record = record(&acme).await;
        record.call.answered_at = Some(record.call.initiated_at);
        record.call.ended_at = Some(record.call.initiated_at + Duration::from_micros(micros));
        record.call.billing_increment_seconds = increment;
        records::finish(&acme.database, &record).await.unwrap();
        let shown = calls::show(&acme.database, record.call.id).await.unwrap();
        assert_eq!(shown["billable_seconds"], billable, "{micros}");
        assert_eq!(shown["cdr"]["billable_seconds"], billable, "{micros}");
        assert_eq!(shown["cost_micros"], 1_002);
        assert_eq!(shown["cdr"]["cost_micros"], 1_002);
        assert_eq!(shown["profit_micros"], -1_002);
        let cost = format!(
            "SELECT quantity || ' ' || unit_rate FROM {}.call_costs
              WHERE call_id = '{}' AND component = 'telephony'",
            acme.schema(),
            record.call.id
        );
        assert_eq!(ask(&database, &cost).await, "0.100000 0.0100000000");
    }
    let mut unanswered = record(&acme).await;
    unanswered.call.answered_at = None;
    unanswered.call.status = CallStatus::NoAnswer;
    records::finish(&acme.database, &unanswered).await.unwrap();
    let shown = calls::show(&acme.database, unanswered.call.id)
        .await
        .unwrap();
    assert_eq!(
        (&shown["billable_seconds"], &shown["missed_call"]),
        (&json!(0), &json!(true))
    );
}

#[tokio::test]
async fn a_final_status_is_final() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let record = record(&acme).await;
    records::finish(&acme.database, &record).await.unwrap();
    // A late answer does nothing, and a statement that tries is refused.
    records::answered(&acme.database, record.call.id, record.call.initiated_at)
        .await
        .unwrap();
    let mut connection = PgConnection::connect(&database.server.superuser_url(&database.name))
        .await
        .unwrap();
    let change = format!("UPDATE {}.calls SET status = 'in_progress'", acme.schema());
    assert_eq!(refused(&mut connection, &change).await, "23514");
}

#[tokio::test]
async fn the_event_of_a_call_says_how_it_ended() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    for (status, cause, told) in [
        (CallStatus::Completed, "normal_clearing", "call.completed"),
        (CallStatus::Blocked, "quota_exceeded", "call.blocked"),
        (CallStatus::NoAnswer, "no_answer", "call.ended"),
    ] {
        let mut record = record(&acme).await;
        record.call.status = status;
        record.call.hangup_cause = Some(cause.to_owned());
        records::finish(&acme.database, &record).await.unwrap();
        let event = format!(
            "SELECT concat_ws(' ', event_type, payload->>'type',
                    payload->'data'->'call'->>'status', payload->'data'->'call'->>'hangup_cause')
               FROM {}.events WHERE subject_id = '{}'",
            acme.schema(),
            record.call.id
        );
        assert_eq!(
            ask(&database, &event).await,
            format!("{told} {told} {} {cause}", status.as_str())
        );
    }
}

#[tokio::test]
async fn a_record_of_another_tenant_or_of_a_live_call_is_refused() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let beta = equipped(&database, "beta", "+15550000002").await;
    let foreign = record(&acme).await;
    let error = records::finish(&beta.database, &foreign).await.unwrap_err();
    assert!(error.to_string().contains("another tenant"), "{error}");
    let mut live = foreign;
    live.call.status = CallStatus::InProgress;
    let error = records::finish(&acme.database, &live).await.unwrap_err();
    assert!(error.to_string().contains("has not ended"), "{error}");
}

#[tokio::test]
async fn a_record_outlives_the_configuration_it_refers_to() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let record = record(&acme).await;
    database
        .superuser(&format!(
            "DELETE FROM {0}.number_routes; DELETE FROM {0}.phone_numbers; DELETE FROM {0}.agents",
            acme.schema()
        ))
        .await
        .unwrap();
    records::finish(&acme.database, &record).await.unwrap();
    let shown = calls::show(&acme.database, record.call.id).await.unwrap();
    assert_eq!(shown["agent_id"], json!(null));
}

#[tokio::test]
async fn a_call_over_the_turn_of_a_month_is_stored() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let mut record = record(&acme).await;
    // 2026-10-31T23:59:59Z; the conversation begins in November.
    let begin = 1_793_491_199_000_000_i64;
    record.call.id = CallId::new(Uuid::new_v7(uuid::Timestamp::from_unix_time(
        (begin / 1_000_000).cast_unsigned(),
        0,
        0,
        0,
    )));
    record.call.initiated_at = WallTime::from_unix_micros(begin);
    record.call.answered_at = Some(WallTime::from_unix_micros(begin));
    record.call.ended_at = Some(WallTime::from_unix_micros(begin + 60_000_000));
    let conversation = record.conversation.as_mut().unwrap();
    conversation.started_at = WallTime::from_unix_micros(begin + 2_000_000);
    records::finish(&acme.database, &record).await.unwrap();
    assert_eq!(counts(&database, &acme).await, ONCE);
}

#[tokio::test]
async fn a_server_that_is_down_says_so_and_takes_the_record_later() {
    let server = PostgresServer::start().unwrap();
    let database = TestDatabase::create(&server).await.unwrap();
    let acme = equipped(&database, "acme", "+15550000001").await;
    let record = record(&acme).await;
    server.crash().unwrap();
    let error = records::finish(&acme.database, &record).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
    assert!(error.is_transient());
    server.resume().unwrap();
    assert_eq!(
        records::finish(&acme.database, &record).await.unwrap(),
        Finished::Stored
    );
}

/// Rows of calls, call_legs, call_segments, call_events, cdrs, call_recordings, transcriptions,
/// call_costs, conversations, messages, events after one record.
const ONCE: &str = "1,1,1,2,1,1,1,2,1,2,1";

async fn counts(database: &TestDatabase<'_>, tenant: &TestTenant) -> String {
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
    ]
    .map(|table| format!("(SELECT count(*) FROM {schema}.{table})"))
    .join(" || ',' || ");
    ask(database, &format!("SELECT {tables}")).await
}

pub(crate) async fn record(tenant: &TestTenant) -> CallRecord {
    let route = routes::snapshot(&tenant.database).await.unwrap().remove(0);
    let agent = route.agent.unwrap();
    let begin = {
        let micros = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_micros();
        WallTime::from_unix_micros(i64::try_from(micros).unwrap())
    };
    let at = |milliseconds: u64| begin + Duration::from_millis(milliseconds);
    let mut call = Call::begin(
        CallId::new(Uuid::now_v7()),
        tenant.id,
        Direction::Inbound,
        begin,
    );
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
    call.variables.insert("intent".to_owned(), "sales".into());
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
            media: json!({"packets_received": 250}),
        }],
        segments: vec![Segment {
            id: SegmentId::new(Uuid::now_v7()),
            kind: SegmentKind::Agent,
            started_at: at(40),
            ended_at: call.ended_at,
            agent_id: Some(agent.id),
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
            duration_seconds: 5,
            size_bytes: 160_044,
            sha256: Some([7; 32]),
            encryption: "none".to_owned(),
            consent_obtained: None,
        }),
        conversation: Some(Conversation {
            agent_id: Some(agent.id),
            started_at: at(40),
            ended_at: call.ended_at,
            completed: true,
            context: json!({}),
            messages: vec![
                message(MessageRole::User, "hello", None, at(900)),
                message(
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
            text: Pii::new("hello\nWelcome to".to_owned()),
            segments: Pii::new(json!([])),
            confidence_percent: Some(87.5),
        }),
        costs: vec![
            cost(CostComponent::Telephony, 100_000, 10_000, 1_000),
            cost(CostComponent::Tts, 1_000_000, 2, 2),
        ],
        campaign: None,
        call,
    }
}

fn message(role: MessageRole, heard: &str, intended: Option<&str>, at: WallTime) -> Message {
    Message {
        role,
        content: Pii::new(heard.to_owned()),
        intended: intended.map(|text| Pii::new(text.to_owned())),
        spoken_at: at,
        latency_ms: Some(420),
        intent: None,
        confidence: Some(0.9),
    }
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

#[tokio::test]
async fn a_caller_may_use_its_call_id_again() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    for _ in 0..2 {
        let mut record = record(&acme).await;
        record.call.external_call_id = Some("1-7@192.0.2.10".to_owned());
        records::start(&acme.database, &record.call).await.unwrap();
        let finished = records::finish(&acme.database, &record).await.unwrap();
        assert_eq!(finished, Finished::Stored);
    }
}
