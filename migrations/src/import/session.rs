//! The session that imports: whose rows it reads, and the schema that it writes into.

use sqlx::{AssertSqlSafe, PgConnection, Row as _};

use super::run::Options;
use super::secrets::Scope;
use super::source::Source;
use crate::{Error, Result};

/// The identifier of the tenant in the source: the one that was named, or the only one.
pub(super) async fn choose_tenant(
    source: &mut Source,
    tenants: &'static str,
    options: &Options<'_>,
) -> Result<String> {
    let found = source.texts(tenants).await?;
    let ids: Vec<String> = found
        .into_iter()
        .filter_map(|row| row.into_iter().next().flatten())
        .collect();
    match (&options.source_tenant, ids.as_slice()) {
        (Some(wanted), ids) if ids.contains(wanted) => Ok(wanted.clone()),
        (Some(wanted), _) => Err(Error::NotFound {
            kind: "tenant of the source",
            name: wanted.clone(),
        }),
        (None, [only]) => Ok(only.clone()),
        (None, []) => Err(Error::invalid("source", "it has no tenant")),
        (None, ids) => {
            let some = ids.iter().take(20).map(String::as_str);
            Err(Error::invalid(
                "source tenant",
                format!(
                    "the source has {} tenants, name the one to import: {}",
                    ids.len(),
                    some.collect::<Vec<_>>().join(", ")
                ),
            ))
        }
    }
}

/// Enters the tenant's schema, with the functions of the mappings, as its only importer.
pub(super) async fn open(connection: &mut PgConnection, scope: &Scope) -> Result<()> {
    let row = sqlx::query(
        "SELECT set_config('search_path', quote_ident(schema_name) || ', public', false),
                set_config('timezone', 'UTC', false), set_config('statement_timeout', '0', false),
                -- A dry run is one transaction, which waits for the source.
                set_config('idle_in_transaction_session_timeout', '0', false),
                set_config('client_min_messages', 'warning', false),
                -- A batch looks up what was just written, which is in memory: by index, not by reading
                -- a table that grows with every batch.
                set_config('random_page_cost', '1.1', false),
                pg_try_advisory_lock(hashtextextended('callplane:import:' || schema_name, 0)) AS alone
           FROM platform.tenants WHERE id = $1",
    )
    .bind(scope.tenant)
    .fetch_one(&mut *connection)
    .await?;
    if !row.try_get::<bool, _>("alone")? {
        return Err(Error::invalid(
            "tenant",
            "another import into it is running; wait until it has ended",
        ));
    }
    // A UUID and a word.
    let functions = include_str!("functions.sql")
        .replace("{{tenant}}", &scope.tenant.to_string())
        .replace("{{platform}}", scope.platform);
    sqlx::raw_sql(AssertSqlSafe(functions))
        .execute(connection)
        .await?;
    Ok(())
}

/// Begins a transaction.
pub(super) async fn begin(connection: &mut PgConnection) -> Result<()> {
    sqlx::raw_sql("BEGIN").execute(connection).await?;
    Ok(())
}
