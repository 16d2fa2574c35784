//! A call that the store has written, as each platform shows it.

use callplane_store::records::{self, CostComponent};
use callplane_store::roles::Purpose;
use callplane_store::test_util::TestDatabase;
use callplane_types::{CallId, CallStatus, Direction, Micros};
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{all, connect, ensure, fill, row, rows};
use crate::records::{cost, make_it, record};
use crate::support::{database, equipped};

/// Compares the keys of `expected` with those of the row.
fn shows(row: &Value, expected: &Value) {
    for (key, expected) in expected.as_object().unwrap() {
        assert_eq!(&row[key], expected, "{key}");
    }
}

/// A connection that reads the views of a tenant with one finished call, its schema and the call.
async fn called(database: &TestDatabase<'_>) -> (PgConnection, String, CallId) {
    let acme = equipped(database, "acme", "+15550000001").await;
    ensure(database, &acme, &all()).await.unwrap();
    let mut record = record(&acme).await;
    record.call.outcome = Some("sold".to_owned());
    // 1.23 cents and a bit, and the stages of voice-core.
    record.costs = vec![
        cost(CostComponent::Telephony, 100_000, 10_000, 10_000),
        cost(CostComponent::Stt, 1_000_000, 2, 2_000),
        cost(CostComponent::Tts, 1_000_000, 2, 345),
    ];
    record.call.rate_micros_per_minute = Some(Micros(15_000));
    records::finish(&acme.database, &record).await.unwrap();
    let connection = connect(database, &acme, Purpose::App).await;
    (connection, acme.schema().to_string(), record.call.id)
}

#[tokio::test]
async fn dukat_shows_a_call_in_our_words() {
    let database = database().await;
    let (mut connection, schema, id) = called(&database).await;
    let call = row(&mut connection, &format!("{schema}__dukat.calls")).await;
    shows(
        &call,
        &json!({
            "id": id, "status": "completed", "direction": "inbound", "cost_micros": 12_345,
            "from_number": "+15557000001", "to_number": "+15550000001",
            "call_sid": format!("CA{}", id.uuid().simple()),
        }),
    );
    let recording = row(&mut connection, &format!("{schema}__dukat.call_recordings")).await;
    assert_eq!(recording["sha256"], "07".repeat(32));
    let messages = rows(&mut connection, &format!("{schema}__dukat.messages")).await;
    assert_eq!(messages.len(), 2);
}

#[tokio::test]
async fn organization_shows_a_call_with_transcript_recording_and_status_updates() {
    let database = database().await;
    let (mut connection, schema, id) = called(&database).await;
    let call = row(
        &mut connection,
        &format!("{schema}__organization.\"CallLog\""),
    )
    .await;
    shows(
        &call,
        &json!({
            "id": id, "callId": format!("CA{}", id.uuid().simple()), "callType": "INBOUND",
            "status": "COMPLETED", "phoneNumber": "+15557000001", "duration": 5,
            "transcript": "hello\nWelcome to", "recordingUrl": "acme/call.wav",
            "metadata": {"variables": {"intent": "sales"}},
        }),
    );
    let updates: Vec<&Value> = call["statusUpdates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|update| &update["status"])
        .collect();
    assert_eq!(updates, ["IN_PROGRESS", "COMPLETED"]);
    let agent = row(
        &mut connection,
        &format!("{schema}__organization.\"Agent\""),
    )
    .await;
    assert_eq!(call["agentId"], agent["id"]);
}

#[tokio::test]
async fn callfabric_shows_decimals_and_durations() {
    let database = database().await;
    let (mut connection, schema, id) = called(&database).await;
    let call = row(&mut connection, &format!("{schema}__callfabric.\"Call\"")).await;
    // Decimals of four places; PostgreSQL keeps the places in JSON.
    shows(
        &call,
        &json!({
            "id": id, "status": "COMPLETED", "direction": "INBOUND", "callerId": "+15557000001",
            "did": "+15550000001", "connectedDuration": 5, "durationFormatted": "00:00:05",
            "connectedDurationFormatted": "00:00:05", "recordingUrl": "acme/call.wav",
            "missedCall": false, "blocked": false, "hangupBy": "CALLER",
        }),
    );
    let money = "SELECT concat_ws(' ', revenue, payout, profit, cost)";
    let money = format!("{money} FROM {schema}__callfabric.\"Call\"");
    assert_eq!(
        text(&mut connection, &money).await,
        "0.0000 0.0000 -0.0123 0.0123"
    );
    let detail = row(&mut connection, &format!("{schema}__callfabric.\"Cdr\"")).await;
    assert_eq!(detail["callId"], call["id"]);
    assert_eq!(detail["updatedAt"], detail["createdAt"]);
}

#[tokio::test]
async fn irisx_shows_numbers_cents_and_hyphens() {
    let database = database().await;
    let (mut connection, schema, id) = called(&database).await;
    let call = row(&mut connection, &format!("{schema}__irisx.calls")).await;
    shows(
        &call,
        &json!({
            "uuid": id, "id": 1, "call_sid": format!("CA{}", id.uuid().simple()),
            "direction": "inbound", "status": "completed", "from_number": "+15557000001",
            "duration_seconds": 5, "billable_seconds": 6, "cost_cents": 1,
            "rate_cents_per_minute": 2, "recording_url": "acme/call.wav",
            "recording_duration_seconds": 5, "transcription_text": "hello\nWelcome to",
            "hangup_cause": "normal_clearing", "hangup_by": "caller", "tags": ["demo"],
        }),
    );
    let number = row(&mut connection, &format!("{schema}__irisx.phone_numbers")).await;
    assert_eq!(call["to_phone_number_id"], number["id"]);
    let events = rows(&mut connection, &format!("{schema}__irisx.call_logs")).await;
    assert_eq!(events.len(), 2);
    assert!(events.iter().all(|event| event["call_id"] == call["id"]));
    assert_eq!(events[0]["from_status"], "ringing");
    assert_eq!(events[0]["to_status"], "in-progress");
    let tenant = row(&mut connection, &format!("{schema}__irisx.tenants")).await;
    shows(
        &tenant,
        &json!({"id": call["tenant_id"], "plan": "growth", "status": "active",
                "max_concurrent_calls": 50, "current_phone_numbers": 1}),
    );
}

#[tokio::test]
async fn voicecore_shows_dollars_of_each_stage() {
    let database = database().await;
    let (mut connection, schema, id) = called(&database).await;
    let call = row(&mut connection, &format!("{schema}__voicecore.call_logs")).await;
    shows(
        &call,
        &json!({
            "call_log_id": id, "call_id": format!("CA{}", id.uuid().simple()),
            "status": "completed", "transcript": "hello\nWelcome to", "outcome": "sold",
        }),
    );
    let money = "SELECT concat_ws(' ', stt_cost_usd, llm_cost_usd, tts_cost_usd, total_cost_usd)";
    let money = format!("{money} FROM {schema}__voicecore.call_logs");
    assert_eq!(
        text(&mut connection, &money).await,
        "0.002000 0.000000 0.000345 0.012345"
    );
}

#[tokio::test]
async fn every_status_has_the_word_of_each_platform() {
    use CallStatus::{
        Blocked, Busy, Cancelled, Completed, Failed, InProgress, Initiated, NoAnswer, Queued,
        Ringing,
    };
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    ensure(&database, &acme, &all()).await.unwrap();
    let mut connection = connect(&database, &acme, Purpose::App).await;
    // Ours, organization, callfabric, irisx; dukat and voice-core state no words and get ours.
    for (status, organization, callfabric, irisx) in [
        (Queued, "IN_PROGRESS", "QUEUED", "initiated"),
        (Initiated, "IN_PROGRESS", "INITIATED", "initiated"),
        (Ringing, "IN_PROGRESS", "RINGING", "ringing"),
        (InProgress, "IN_PROGRESS", "IN_PROGRESS", "in-progress"),
        (Completed, "COMPLETED", "COMPLETED", "completed"),
        (Busy, "MISSED", "BUSY", "busy"),
        (NoAnswer, "MISSED", "NO_ANSWER", "no-answer"),
        (Cancelled, "MISSED", "CANCELLED", "cancelled"),
        (Failed, "FAILED", "FAILED", "failed"),
        (Blocked, "FAILED", "BLOCKED", "failed"),
    ] {
        let mut record = record(&acme).await;
        record.call.status = status;
        record.call.direction = Direction::Inbound;
        if status.is_final() {
            records::finish(&acme.database, &record).await.unwrap();
        } else {
            records::start(&acme.database, &record.call).await.unwrap();
        }
        let words = format!(
            "SELECT concat_ws(' ', d.status, v.status, o.status, c.status, i.status)
               FROM {0}__dukat.calls d
               JOIN {0}__voicecore.call_logs v ON v.call_log_id = d.id
               JOIN {0}__organization.\"CallLog\" o ON o.id = d.id
               JOIN {0}__callfabric.\"Call\" c ON c.id = d.id
               JOIN {0}__irisx.calls i ON i.uuid = d.id
              WHERE d.id = '{1}'",
            acme.schema(),
            record.call.id
        );
        let ours = status.as_str();
        assert_eq!(
            text(&mut connection, &words).await,
            format!("{ours} {ours} {organization} {callfabric} {irisx}")
        );
    }
}

#[tokio::test]
async fn no_secret_is_shown_and_hashes_are_hex() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    ensure(&database, &acme, &all()).await.unwrap();
    fill(&database, &acme).await;
    let schema = acme.schema();
    let mut connection = connect(&database, &acme, Purpose::App).await;
    // The fixture's secrets contain the word.
    for view in super::views(&mut connection, &acme).await {
        let shown = rows(&mut connection, &view).await;
        let shown = serde_json::to_string(&shown).unwrap();
        let hex_of_secret = "736563726574";
        assert!(!shown.contains("$argon2id$secret"), "{view}");
        assert!(!shown.contains(hex_of_secret), "{view}");
    }
    for (view, column, expected) in [
        ("irisx.users", "password_hash", "*"),
        ("irisx.webhooks", "secret_key", "*"),
        ("voicecore.users", "password_hash", "*"),
        ("callfabric.\"Trunk\"", "password", "*"),
        ("callfabric.\"Carrier\"", "credentials", "*"),
        ("dukat.webhooks", "secret", "*"),
    ] {
        let row = row(&mut connection, &format!("{schema}__{view}")).await;
        assert_eq!(row[column], expected, "{view}");
    }
    let tool = row(&mut connection, &format!("{schema}__organization.\"Tool\"")).await;
    assert_eq!(tool["configuration"]["credentials"], "*");
    let user = row(&mut connection, &format!("{schema}__organization.\"User\"")).await;
    assert_eq!(
        (&user["password"], &user["twoFactorSecret"]),
        (&Value::Null, &Value::Null)
    );
    let key = row(
        &mut connection,
        &format!("{schema}__organization.\"ApiKey\""),
    )
    .await;
    assert_eq!(key["key"], "sk_live_...9f3a");
    let hashes = format!(
        "SELECT (i.session_token = v.session_hash AND v.session_hash = d.token_hash
                 AND v.session_hash = encode(sha256('session {schema}'), 'hex')
                 AND k.key_hash = encode(sha256('key {schema}'), 'hex'))::text
           FROM {schema}__irisx.sessions i, {schema}__voicecore.sessions v,
                {schema}__dukat.sessions d, {schema}__irisx.api_keys k"
    );
    assert_eq!(text(&mut connection, &hashes).await, "true");
}

#[tokio::test]
async fn what_a_platform_has_no_word_for_folds_as_its_file_says() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    ensure(&database, &acme, &all()).await.unwrap();
    fill(&database, &acme).await;
    let schema = acme.schema();
    let mut connection = connect(&database, &acme, Purpose::Ro).await;
    for (view, expected) in [
        (
            "organization.\"Organization\"",
            json!({"plan": "pro", "credits": 12.5}),
        ),
        (
            "organization.\"UserOrganization\"",
            json!({"role": "ADMIN"}),
        ),
        (
            "organization.\"Agent\"",
            json!({"callerType": "INBOUND",
            "configuration": {"stt": {}, "callerType": "BOTH"}}),
        ),
        ("organization.\"Campaign\"", json!({"status": "CONTINUING"})),
        (
            "organization.\"CampaignRecipient\"",
            json!({"status": "ERROR"}),
        ),
        (
            "organization.\"CallLog\"",
            json!({"callType": "INBOUND",
            "metadata": {"direction": "internal"}, "callId": "CA1"}),
        ),
        (
            "organization.\"ConversationPath\"",
            json!({"nodes": [1], "edges": [2]}),
        ),
        ("callfabric.\"Campaign\"", json!({"status": "INACTIVE"})),
        (
            "callfabric.\"BuyerEndpoint\"",
            json!({"status": "INACTIVE", "kind": "PSTN"}),
        ),
        (
            "callfabric.\"User\"",
            json!({"role": "admin", "passwordHash": "*"}),
        ),
        (
            "callfabric.\"Invoice\"",
            json!({"subtotal": 10.0, "tax": 1.9, "total": 11.9}),
        ),
        ("irisx.users", json!({"role": "manager"})),
        (
            "irisx.phone_numbers",
            json!({"number_type": "toll-free", "status": "active",
            "monthly_cost_cents": 150, "friendly_name": "Office"}),
        ),
        (
            "irisx.calls",
            json!({"direction": "internal", "parent_call_sid": "CA0",
            "cost_cents": 3, "recording_sid": "RE1"}),
        ),
        (
            "irisx.call_logs",
            json!({"from_status": "initiated", "to_status": "in-progress"}),
        ),
        ("irisx.sessions", json!({"device_type": "api"})),
        ("irisx.contacts", json!({"lists": [1], "tags": ["vip"]})),
        ("voicecore.users", json!({"role": "operator"})),
        (
            "voicecore.call_logs",
            json!({"summary": "a greeting", "stt_cost_usd": 0.025,
            "captured_data": {"name": "Grace"}}),
        ),
        ("voicecore.system_errors", json!({"severity": "CRITICAL"})),
        (
            "voicecore.objective_configs",
            json!({"active": true, "version": 1,
            "objective_graph": {"nodes": [1], "edges": [2]}}),
        ),
    ] {
        let row = row(&mut connection, &format!("{schema}__{view}")).await;
        shows(&row, &expected);
    }
}

#[tokio::test]
async fn costs_in_another_currency_are_no_dollars() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    ensure(&database, &acme, &all()).await.unwrap();
    let mut record = record(&acme).await;
    make_it(&mut record, CallId::new(Uuid::now_v7()));
    record.call.currency = "EUR".parse().unwrap();
    records::finish(&acme.database, &record).await.unwrap();
    let mut connection = connect(&database, &acme, Purpose::App).await;
    let view = format!("{}__voicecore.call_logs", acme.schema());
    let call = row(&mut connection, &view).await;
    shows(
        &call,
        &json!({"total_cost_usd": null, "stt_cost_usd": null}),
    );
}

async fn text(connection: &mut PgConnection, sql: &str) -> String {
    sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
        .fetch_one(connection)
        .await
        .unwrap()
}
