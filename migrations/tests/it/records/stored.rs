//! A call record is stored whole, once, and exactly.

use std::time::Duration;

use callplane_store::quotas::{self, CONCURRENT_CALLS};
use callplane_store::records::{self, CallRecord, Finished};
use callplane_store::test_util::{PostgresServer, TestDatabase};
use callplane_store::{Error, calls};
use callplane_types::{CallId, CallStatus, WallTime};
use serde_json::json;
use sqlx::{Connection as _, PgConnection};
use uuid::Uuid;

use super::{ONCE, counts, make_it, own, record};
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
    assert_eq!(shown["legs"][0]["srtp_suite"], "AEAD_AES_128_GCM");
    assert_eq!(shown["segments"][0]["kind"], "agent");
    assert_eq!(shown["events"][1]["event_type"], "ended");
    assert_eq!(shown["messages"][1]["content"], "Welcome to");
    assert_eq!(shown["messages"][1]["intended"], "Welcome to Acme.");
    assert_eq!(shown["recordings"][0]["object_url"], "acme/call.wav");
    assert_eq!(shown["transcriptions"][0]["text"], "hello\nWelcome to");
    assert_eq!(shown["cdr"]["hangup_cause"], "normal_clearing");
    assert_eq!(shown["caller_id_area_code"], "555");
    assert_eq!(shown["tags"], json!(["demo"]));
    assert_eq!(shown["quality"][0]["r_factor"], 92.9);
    assert_eq!(shown["quality"][0]["jitter_ms"], 3.25);
    assert_eq!(shown["quality"][0]["rtt_ms"], 21.5);
    assert_eq!(shown["quality"][0]["stream"], "received");
    let counts = ["", "_lost", "_late", "_duplicate", "_reordered"]
        .map(|what| shown["quality"][0][format!("packets{what}")].as_i64());
    assert_eq!(counts, [995, 5, 1, 2, 3].map(Some));
    assert_eq!(shown["quality"][0]["concealed_percent"], 0.6);
    assert_eq!(shown["quality"][0]["buffer_ms"], 42.5);
    assert_eq!(shown["quality"][0]["max_buffer_ms"], 80.0);
    assert_eq!(shown["quality"][0]["media_node"], "acme-media-0");
    assert_eq!(shown["signatures"][0]["attestation"], "B");
    assert_eq!(shown["signatures"][0]["verification"], "not_checked");
    assert_eq!(shown["signatures"][0]["orig_tn"], "15557000001");
    let month = "SELECT metric_date = (sampled_at AT TIME ZONE 'UTC')::date
                        AND tableoid::regclass::text = 'voice_quality_metrics_'
                            || to_char(sampled_at AT TIME ZONE 'UTC', 'YYYYMM')
                   FROM voice_quality_metrics";
    assert_eq!(own(&database, &acme, month).await, "true");
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
    assert_eq!(
        counts(&database, &acme).await,
        "0,0,0,0,0,0,0,0,0,0,0,0,0,0"
    );
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
    let seconds = (begin / 1_000_000).cast_unsigned();
    let time = uuid::Timestamp::from_unix_time(seconds, 0, 0, 0);
    make_it(&mut record, CallId::new(Uuid::new_v7(time)));
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
