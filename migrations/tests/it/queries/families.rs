//! Every table has its queries, or says whom it waits for.

use std::collections::BTreeSet;
use std::path::Path;

use crate::support::{ask, database};

/// Tables that no query of the store touches yet, and why.
const WITHOUT: &[(&str, &str)] = &[
    ("caller_id_pool_numbers", "caller-ID pools"),
    ("caller_id_pools", "caller-ID pools"),
    ("carriers", "the catalogue of carriers"),
    ("emergency_locations", "emergency calls"),
    ("platform.archive_manifests", "archives of months"),
    ("platform.audit_logs", "the API before the tenant is known"),
    ("platform.carriers", "the catalogue of carriers"),
    ("platform.encryption_keys", "encryption"),
    (
        "platform.feature_flag_overrides",
        "features that are switched on step by step",
    ),
    (
        "platform.feature_flags",
        "features that are switched on step by step",
    ),
    (
        "platform.quota_holds",
        "nothing: functions of platform hold and give back",
    ),
    ("platform.retention_policies", "retention"),
    ("platform.tenant_configs", "configuration by versions"),
    ("platform.voices", "the catalogue of voices"),
];

/// The words after FROM, INTO, UPDATE, JOIN, TABLE in every source file.
fn touched(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            touched(&path, found);
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let mut before = "";
        for word in text.split(|c: char| c.is_whitespace() || "\"(),;".contains(c)) {
            if word.is_empty() {
                continue;
            }
            if ["FROM", "INTO", "UPDATE", "JOIN", "TABLE", "USING"].contains(&before) {
                found.insert(word.to_owned());
            }
            before = word;
        }
    }
}

#[tokio::test]
async fn every_table_has_its_queries_or_says_what_it_waits_for() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let tables = ask(
        &database,
        &format!(
            "SELECT string_agg(CASE nspname WHEN 'platform' THEN 'platform.' ELSE '' END || relname, ' ')
               FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
              WHERE nspname IN ('platform', '{}') AND relkind IN ('r', 'p') AND NOT relispartition",
            acme.schema()
        ),
    )
    .await;
    let mut queried = BTreeSet::new();
    touched(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut queried,
    );
    let without: BTreeSet<&str> = tables
        .split(' ')
        .filter(|table| !queried.contains(*table))
        .collect();
    let unexplained: Vec<&&str> = without
        .iter()
        .filter(|table| !WITHOUT.iter().any(|(known, _)| known == *table))
        .collect();
    assert!(
        unexplained.is_empty(),
        "write the queries of {unexplained:?}, or what they wait for"
    );
}
