use callplane_store::compatibility::Platform;

use super::exported::export;
use super::{Move, Table, again, same_values};
use crate::support::database;

const ROWS: &str = include_str!("dukat_rows.sql");

/// Tables, and what marks rows that cannot be mapped.
const TABLES: [(&str, &str); 27] = [
    ("calls", "metadata ? 'bad'"),
    ("agents", "metadata ? 'bad'"),
    ("call_segments", "metadata ? 'bad'"),
    ("sessions", "false"),
    ("audit_logs", "false"),
    ("api_keys", "false"),
    ("webhooks", "false"),
    ("webhook_deliveries", "false"),
    ("call_recordings", "false"),
    ("phone_numbers", "false"),
    ("emergency_locations", "false"),
    ("conversations", "false"),
    ("messages", "false"),
    ("knowledge_bases", "false"),
    ("documents", "false"),
    ("document_chunks", "false"),
    ("call_metrics", "false"),
    ("agent_metrics", "false"),
    ("voice_quality_metrics", "false"),
    ("usage_metrics", "false"),
    ("subscriptions", "false"),
    ("invoices", "false"),
    ("invoice_line_items", "false"),
    ("payments", "false"),
    ("payment_methods", "false"),
    ("billing_events", "false"),
    ("users", "false"),
];

#[tokio::test]
async fn every_row_of_dukat_arrives_as_its_view_shows_it_or_is_refused() {
    let (layout, tenant) = export(Platform::Dukat).await;
    let database = database().await;
    let mut moved = Move::of(&database, Platform::Dukat, &layout, ROWS, 200).await;
    moved.source_tenant = tenant;
    let report = moved.import().await;
    assert_eq!(report.differences, [], "{report}");
    for (name, bad) in TABLES {
        let table = Table {
            name,
            key: match name {
                "calls" => "call_sid",
                "conversations" => "coalesce(session_id, '')",
                _ => "id",
            },
            row: "id",
            of: "true",
            bad,
            other: match name {
                // All but the first are computed here.
                "calls" => {
                    "{id,tenant_id,missed_call,blocked,previously_connected,profit_micros,connected_seconds,billable_seconds}"
                }
                "conversations" => "{id,tenant_id,call_id}",
                "agents" => "{tenant_id,voice_id,current_version_id,success_rate}",
                "users" => {
                    "{global_role,settings,metadata,two_factor_enabled,status,email_verified,email_verified_at}"
                }
                // Counted by triggers.
                "knowledge_bases" => "{tenant_id,updated_at}",
                _ => "{tenant_id,call_id,conversation_id,billing_account_id,event_id}",
            },
        };
        moved.arrived(&report, &table).await;
    }
    let said = "SELECT m.id::text, jsonb_build_array(v.session_id, c.call_sid) FROM messages m
                  JOIN conversations v ON v.id = m.conversation_id LEFT JOIN calls c ON c.id = v.call_id";
    same_values(&moved.there(said).await, &moved.here(said).await);
    assert_eq!(moved.import().await, again(&report));
}
