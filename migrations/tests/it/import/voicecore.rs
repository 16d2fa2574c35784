use callplane_store::compatibility::Platform;

use super::{Move, Table, again};
use crate::support::database;

pub(super) const LAYOUT: &str = include_str!("voicecore.sql");
pub(super) const ROWS: &str = include_str!("voicecore_rows.sql");

const fn table(
    name: &'static str,
    key: &'static str,
    bad: &'static str,
    other: &'static str,
) -> Table {
    Table {
        name,
        key,
        row: key,
        of: "tenant_id::text LIKE '%01'",
        bad,
        other,
    }
}

const TABLES: [Table; 5] = [
    table(
        "objective_configs",
        "config_id",
        "schema_version = 'bad'",
        "{tenant_id}",
    ),
    table(
        "users",
        "user_id",
        "role = 'janitor'",
        "{tenant_id,password_hash}",
    ),
    Table {
        of: "EXISTS (SELECT FROM users u WHERE u.user_id = s.user_id AND u.tenant_id::text LIKE '%01')",
        ..table("sessions", "session_id", "user_agent = 'bad'", "{user_id}")
    },
    Table {
        row: "call_log_id",
        ..table(
            "call_logs",
            "call_id",
            "outcome = 'bad'",
            "{call_log_id,tenant_id,created_at}",
        )
    },
    table(
        "system_errors",
        "error_id",
        "stack_trace = 'bad'",
        "{tenant_id,call_id}",
    ),
];

#[tokio::test]
async fn every_row_of_voice_core_arrives_as_its_view_shows_it_or_is_refused() {
    let database = database().await;
    let mut moved = Move::of(&database, Platform::VoiceCore, LAYOUT, ROWS, 300).await;
    moved.source_tenant = "00000000-0000-4000-8000-000000000001".to_owned();
    let report = moved.import().await;
    assert_eq!(report.differences, [], "{report}");
    assert_eq!(moved.import().await, again(&report));
    // What a NUL became.
    let mut connection = moved.source().await;
    sqlx::raw_sql(
        r#"UPDATE call_logs SET captured_data = '{"name": "a\ufffdb"}' WHERE call_id = 'call-nul'"#,
    )
    .execute(&mut connection)
    .await
    .unwrap();
    for table in TABLES {
        moved.arrived(&report, &table).await;
    }
    let business = "SELECT tenant_id::text, jsonb_build_array(business_name, phone_number, state)";
    let there = moved.there(&format!("{business} FROM tenants")).await;
    let here = moved.here(&format!("{business} FROM VIEWS.tenants")).await;
    assert_eq!(there[&moved.source_tenant], *here.values().next().unwrap());
}
