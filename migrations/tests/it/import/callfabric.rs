use callplane_store::compatibility::Platform;

use super::exported::export;
use super::{Move, Table, again};
use crate::support::database;

const ROWS: &str = include_str!("callfabric_rows.sql");

/// Tables with rows that cannot be mapped, and what marks those.
const WITH_BAD_ROWS: [(&str, &str); 4] = [
    ("\"Publisher\"", "metadata ? 'bad'"),
    ("\"DncListEntry\"", "reason = 'bad'"),
    ("\"Call\"", "metadata ? 'bad'"),
    ("\"Cdr\"", "\"hangupCause\" = 'bad'"),
];

const WITHOUT: [&str; 31] = [
    "\"ApiKey\"",
    "\"PhoneNumber\"",
    "\"Carrier\"",
    "\"Trunk\"",
    "\"CallerIdPool\"",
    "\"CallerIdPoolPhoneNumber\"",
    "\"Campaign\"",
    "\"Buyer\"",
    "\"BuyerEndpoint\"",
    "\"TargetGroup\"",
    "\"Flow\"",
    "\"FlowVersion\"",
    "\"Node\"",
    "\"Edge\"",
    "\"CallLeg\"",
    "\"Recording\"",
    "\"Transcription\"",
    "\"Tag\"",
    "\"CallTag\"",
    "\"BillingAccount\"",
    "\"RateCard\"",
    "\"Invoice\"",
    "\"InvoiceLine\"",
    "\"Balance\"",
    "\"Payout\"",
    "\"Webhook\"",
    "\"Event\"",
    "\"AuditLog\"",
    "\"DncList\"",
    "\"ConsentToken\"",
    "\"StirShakenStatus\"",
];

#[tokio::test]
async fn every_row_of_callfabric_arrives_as_its_view_shows_it_or_is_refused() {
    let (layout, tenant) = export(Platform::CallFabric).await;
    let database = database().await;
    let mut moved = Move::of(&database, Platform::CallFabric, &layout, ROWS, 300).await;
    moved.source_tenant = tenant;
    let report = moved.import().await;
    assert_eq!(report.differences, [], "{report}");
    let without = WITHOUT.map(|name| (name, "false"));
    for (name, bad) in WITH_BAD_ROWS.into_iter().chain(without) {
        let table = Table {
            name,
            // Calls get identifiers that carry their time.
            key: if name == "\"Call\"" {
                "\"callSid\""
            } else {
                "id"
            },
            row: "id",
            of: "true",
            bad,
            other: match name {
                // The last ones are computed here.
                "\"Call\"" => {
                    "{id,tenant_id,missedCall,blocked,previouslyConnected,profit,connectedDuration,durationFormatted,connectedDurationFormatted}"
                }
                "\"Webhook\"" | "\"Cdr\"" | "\"Transcription\"" | "\"CallTag\"" => {
                    "{tenant_id,callId,updatedAt}"
                }
                _ => "{tenant_id}",
            },
        };
        moved.arrived(&report, &table).await;
    }
    assert_eq!(moved.import().await, again(&report));
}
