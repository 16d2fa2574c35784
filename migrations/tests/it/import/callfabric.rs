use callplane_store::compatibility::Platform;

use super::exported::export;
use super::{Move, Table, again};
use crate::support::{ask, database};

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

#[tokio::test]
async fn a_call_of_callfabric_arrives_without_the_columns_that_its_database_lacks() {
    let (layout, tenant) = export(Platform::CallFabric).await;
    let database = database().await;
    let without = r#"
        ALTER TABLE "Call" DROP COLUMN did, DROP COLUMN "callerId", DROP COLUMN "callerIdAreaCode",
          DROP COLUMN "publisherName", DROP COLUMN currency, DROP COLUMN tags;"#;
    let mut moved = Move::of(&database, Platform::CallFabric, &layout, without, 1).await;
    moved.source_tenant = tenant;
    let report = moved.import().await;
    assert_eq!(report.differences, [], "{report}");
    let calls = report.table("Call").unwrap();
    assert!(calls.read > 0 && calls.written == calls.read, "{report}");
}

/// A trunk and a carrier with secrets, and one of each without.
const WITH_SECRETS: &str = r#"
ALTER TABLE "Trunk" ADD COLUMN IF NOT EXISTS password text;
ALTER TABLE "Carrier" ADD COLUMN IF NOT EXISTS credentials jsonb;
UPDATE "Trunk" SET password = 'open sesame';
UPDATE "Carrier" SET credentials = '{"key": "open sesame"}';
INSERT INTO "Trunk" SELECT o.* FROM (SELECT t FROM "Trunk" t LIMIT 1) x,
  jsonb_populate_record(x.t, jsonb_build_object('id', uuid_of(1, 'open'), 'name', 'open', 'password', NULL)) o;
INSERT INTO "Carrier" SELECT o.* FROM (SELECT t FROM "Carrier" t LIMIT 1) x,
  jsonb_populate_record(x.t, jsonb_build_object('id', uuid_of(2, 'open'), 'name', 'open', 'key', 'open', 'credentials', NULL)) o;"#;

#[tokio::test]
async fn secrets_of_callfabric_that_no_key_seals_are_counted_in_the_report() {
    let (layout, tenant) = export(Platform::CallFabric).await;
    let database = database().await;
    let mut moved = Move::of(&database, Platform::CallFabric, &layout, WITH_SECRETS, 1).await;
    moved.source_tenant = tenant;
    let report = moved.import_without_keys().await;
    assert_eq!(report.differences, [], "{report}");
    for (table, secret) in [("Trunk", "password:"), ("Carrier", "credentials:")] {
        let table = report.table(table).unwrap();
        assert!(table.written > 1, "{report}");
        let lost: Vec<_> = table.notes.iter().collect();
        let [(note, rows)] = lost[..] else {
            panic!("{report}");
        };
        assert!(
            note.starts_with(secret) && note.contains("no data key"),
            "{note}"
        );
        // All but the one that never had any.
        assert_eq!(*rows, table.read - 1, "{report}");
    }
    assert!(!report.to_string().contains("sesame"));

    // With a key nothing is lost, and nothing is told.
    let database = crate::support::database().await;
    let sealed = Move {
        database: &database,
        tenant: database.tenant("acme").await.unwrap(),
        ..moved
    };
    let report = sealed.import().await;
    for table in ["Trunk", "Carrier"] {
        assert_eq!(report.table(table).unwrap().notes.len(), 0, "{report}");
    }
    let kept = format!(
        "SELECT count(*) FROM {}.trunks WHERE convert_from(password_enc, 'UTF8') LIKE '%:open sesame'",
        sealed.tenant.schema()
    );
    assert_ne!(ask(&database, &kept).await, "0");
}
