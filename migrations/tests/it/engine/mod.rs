//! The migration engine: interrupted, hindered, at once with calls, and across versions.

mod concurrent;
mod decided;
mod disk;
mod killed;
mod names;
mod rollout;
mod scenario;
mod versions;
mod views;
mod waiting;

use callplane_store::migrate::{File, SchemaState};
use callplane_store::test_util::{TestDatabase, TestTenant};
use callplane_store::{Error, migrate};

/// A file of a later version.
const fn next(sql: &'static str) -> [File; 1] {
    [File {
        name: "9999_next.sql",
        sql,
    }]
}

/// What the catalogue says of an index over all partitions: how many there are, and how many of them
/// are not valid.
fn indexes(schema: &str, name: &str) -> String {
    format!(
        "SELECT count(*) || ' ' || count(*) FILTER (WHERE NOT i.indisvalid)
           FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
          WHERE c.relnamespace = '{schema}'::regnamespace AND c.relname LIKE '%{name}'"
    )
}

async fn state(database: &TestDatabase<'_>, tenant: &TestTenant) -> SchemaState {
    migrate::state(&database.operator, tenant.id).await.unwrap()
}

/// The status that the file after those of today is recorded with.
async fn recorded(database: &TestDatabase<'_>, tenant: &TestTenant) -> String {
    let status = format!(
        "SELECT string_agg(status, ' ') FROM platform.schema_migrations
          WHERE tenant_id = '{}' AND name = '9999_next.sql'",
        tenant.id
    );
    crate::support::ask(database, &status).await
}

/// An error with its causes.
fn told(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
