//! Amounts and durations that are none: each is one refused row, whatever the platform.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use callplane_store::compatibility::Platform;
use callplane_store::import::{Control, Options};
use uuid::Uuid;

use super::exported::export;
use super::{Move, irisx, organization, voicecore};
use crate::support::database;

/// What a column of type `numeric` can hold, and no amount can be.
const ABSURD: [&str; 5] = ["Infinity", "-Infinity", "NaN", "1e30", "-1e131000"];

/// The amounts and durations of a table, and what else of a row is there once only.
struct Table {
    name: &'static str,
    columns: &'static [&'static str],
    once: &'static [(&'static str, &'static str)],
}

const fn table(
    name: &'static str,
    columns: &'static [&'static str],
    once: &'static [(&'static str, &'static str)],
) -> Table {
    Table {
        name,
        columns,
        once,
    }
}

/// A number and the text of a UUID made of `n`, the number of the row.
const NUMBERED: (&str, &str) = ("id", "to_jsonb(n)");
const UUID: (&str, &str) = ("uuid", "to_jsonb(uuid_of(n, 'odd'))");
const OWN: (&str, &str) = ("id", "to_jsonb(uuid_of(n, 'odd'))");

const IRISX: &[Table] = &[
    table(
        "calls",
        &[
            "duration_seconds",
            "billable_seconds",
            "recording_duration_seconds",
            "cost_cents",
            "rate_cents_per_minute",
        ],
        &[NUMBERED, UUID, ("call_sid", "to_jsonb('odd' || n)")],
    ),
    table(
        "phone_numbers",
        &["monthly_cost_cents", "per_minute_cost_cents"],
        &[NUMBERED, UUID, ("phone_number", "to_jsonb('+1777' || n)")],
    ),
    table("webhooks", &["retry_backoff_seconds"], &[NUMBERED, UUID]),
    table("webhook_deliveries", &["response_time_ms"], &[NUMBERED]),
];

const VOICECORE: &[Table] = &[table(
    "call_logs",
    &[
        "stt_cost_usd",
        "llm_cost_usd",
        "tts_cost_usd",
        "total_cost_usd",
    ],
    &[
        ("call_log_id", "to_jsonb(uuid_of(n, 'odd'))"),
        ("call_id", "to_jsonb('odd' || n)"),
    ],
)];

const ORGANIZATION: &[Table] = &[table(
    "\"CallLog\"",
    &["duration"],
    &[
        ("id", "to_jsonb('odd' || n)"),
        ("callId", "to_jsonb('odd' || n)"),
    ],
)];

const CALLFABRIC: &[Table] = &[
    table(
        "\"Call\"",
        &["duration", "revenue", "payout", "cost"],
        &[OWN, ("callSid", "to_jsonb('odd' || n)")],
    ),
    table(
        "\"PhoneNumber\"",
        &["monthlyCost", "perMinuteCost"],
        &[OWN, ("e164", "to_jsonb('+1777' || n)")],
    ),
    table(
        "\"Cdr\"",
        &["durationSeconds", "billableSeconds", "cost"],
        &[OWN],
    ),
    table("\"Recording\"", &["durationSeconds"], &[OWN]),
    table(
        "\"Campaign\"",
        &["ringSeconds", "duplicateWindowSeconds"],
        &[OWN],
    ),
    table("\"Invoice\"", &["subtotal", "tax", "total", "paid"], &[OWN]),
    table("\"InvoiceLine\"", &["unitPrice", "amount", "tax"], &[OWN]),
    table("\"Balance\"", &["available", "pending", "held"], &[OWN]),
    table("\"Payout\"", &["amount"], &[OWN]),
    table("\"Webhook\"", &["retryBackoffSeconds"], &[OWN]),
];

const DUKAT: &[Table] = &[
    table(
        "calls",
        &[
            "duration_seconds",
            "cost_micros",
            "revenue_micros",
            "payout_micros",
            "rate_micros_per_minute",
        ],
        &[OWN, ("call_sid", "to_jsonb('odd' || n)")],
    ),
    table("call_recordings", &["duration_seconds"], &[OWN]),
    table(
        "phone_numbers",
        &["monthly_cost_micros", "per_minute_cost_micros"],
        &[OWN, ("e164", "to_jsonb('+1777' || n)")],
    ),
    table("webhooks", &["retry_backoff_seconds"], &[OWN]),
    table("webhook_deliveries", &["response_time_ms"], &[OWN]),
    table(
        "call_metrics",
        &[
            "total_duration_seconds",
            "billable_seconds",
            "revenue_micros",
            "payout_micros",
            "cost_micros",
        ],
        &[OWN],
    ),
    table(
        "agent_metrics",
        &["total_duration_seconds", "avg_response_ms"],
        &[OWN],
    ),
    table(
        "usage_metrics",
        &["quantity", "cost_micros", "billed_micros"],
        &[OWN],
    ),
    table("subscriptions", &["price_micros"], &[OWN]),
    table(
        "invoices",
        &[
            "subtotal_micros",
            "tax_micros",
            "total_micros",
            "paid_micros",
        ],
        &[OWN],
    ),
    table(
        "invoice_line_items",
        &["unit_price", "amount_micros", "tax_micros"],
        &[OWN],
    ),
    table("payments", &["amount_micros"], &[OWN]),
];

/// Statements that give a table a row for each column and absurd value, like its first row otherwise.
fn planted(tables: &[Table]) -> String {
    let mut statements = String::new();
    let mut n = 990_000_000;
    for Table {
        name,
        columns,
        once,
    } in tables
    {
        for column in *columns {
            writeln!(
                statements,
                "ALTER TABLE {name} ALTER COLUMN \"{column}\" DROP DEFAULT;
                 ALTER TABLE {name} ALTER COLUMN \"{column}\" TYPE numeric;"
            )
            .unwrap();
        }
        writeln!(
            statements,
            // The word: digits of a UUID may read like it.
            "CREATE TEMP TABLE one AS SELECT t FROM {name} t WHERE t::text !~ '\\mbad\\M' LIMIT 1;"
        )
        .unwrap();
        let once: String = once
            .iter()
            .map(|(name, value)| format!(", '{name}', {value}"))
            .collect();
        for column in *columns {
            for value in ABSURD {
                n += 1;
                writeln!(
                    statements,
                    "INSERT INTO {name} SELECT o.* FROM (SELECT t, {n} AS n FROM one) x,
                     jsonb_populate_record(x.t, jsonb_build_object('{column}', '{value}'{once})) AS o;"
                )
                .unwrap();
            }
        }
        statements.push_str("DROP TABLE one;\n");
    }
    statements
}

/// Imports, and looks for each planted row in the list of refusals, with its column as the reason.
async fn refuses(
    platform: Platform,
    layout: &str,
    rows: &str,
    source_tenant: &str,
    tables: &[Table],
) {
    let database = database().await;
    let rows = format!("{rows}\n{}", planted(tables));
    let mut moved = Move::of(&database, platform, layout, &rows, 20).await;
    source_tenant.clone_into(&mut moved.source_tenant);
    let file = std::env::temp_dir().join(format!("callplane-refusals-{}", Uuid::now_v7()));
    let options = Options {
        refusals: Some(file.clone()),
        ..Options::default()
    };
    let report = moved
        .import_with(&options, &mut |_| Control::Continue)
        .await
        .unwrap();
    let list = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    assert_eq!(report.differences, [], "{report}");
    // How often a column of a table is the reason.
    let mut reasons: BTreeMap<(String, String), usize> = BTreeMap::new();
    for line in list.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let reason = line["reason"].as_str().unwrap();
        let column = reason.split(':').next().unwrap().to_owned();
        let table = line["table"].as_str().unwrap().to_owned();
        *reasons.entry((table, column)).or_default() += 1;
    }
    for Table { name, columns, .. } in tables {
        for column in *columns {
            let key = (name.trim_matches('"').to_owned(), (*column).to_owned());
            let found = reasons.get(&key).copied().unwrap_or_default();
            assert_eq!(found, ABSURD.len(), "{name}.{column} of {list}");
        }
    }
}

#[tokio::test]
async fn an_absurd_amount_of_irisx_is_one_refused_row() {
    refuses(Platform::Irisx, irisx::LAYOUT, irisx::ROWS, "1", IRISX).await;
}

#[tokio::test]
async fn an_absurd_amount_of_voice_core_is_one_refused_row() {
    let tenant = "00000000-0000-4000-8000-000000000001";
    let (layout, rows) = (voicecore::LAYOUT, voicecore::ROWS);
    refuses(Platform::VoiceCore, layout, rows, tenant, VOICECORE).await;
}

#[tokio::test]
async fn an_absurd_duration_of_the_organization_platform_is_one_refused_row() {
    let (layout, rows) = (organization::LAYOUT, organization::ROWS);
    refuses(Platform::Organization, layout, rows, "acme", ORGANIZATION).await;
}

#[tokio::test]
async fn absurd_credits_of_an_organization_are_refused_and_the_rest_arrives() {
    let database = database().await;
    let rows = format!(
        "{}\nUPDATE \"Organization\" SET credits = 'Infinity' WHERE id = 'acme';",
        organization::ROWS
    );
    let mut moved = Move::of(
        &database,
        Platform::Organization,
        organization::LAYOUT,
        &rows,
        5,
    )
    .await;
    "acme".clone_into(&mut moved.source_tenant);
    let report = moved.import().await;
    assert_eq!(report.differences, [], "{report}");
    let refusals = &report.table("Organization").unwrap().refusals;
    assert_eq!(refusals.len(), 1, "{report}");
    assert!(refusals[0].reason.starts_with("credits:"), "{report}");
    assert!(report.table("CallLog").unwrap().written > 0, "{report}");
}

#[tokio::test]
async fn an_absurd_amount_of_callfabric_is_one_refused_row() {
    let (layout, tenant) = export(Platform::CallFabric).await;
    refuses(Platform::CallFabric, &layout, "", &tenant, CALLFABRIC).await;
}

#[tokio::test]
async fn an_absurd_amount_of_dukat_is_one_refused_row() {
    let (layout, tenant) = export(Platform::Dukat).await;
    refuses(Platform::Dukat, &layout, "", &tenant, DUKAT).await;
}
