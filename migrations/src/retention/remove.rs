//! Taking away what is archived.

use callplane_types::{SchemaName, TenantId};
use chrono::NaiveDate;
use sqlx::{AssertSqlSafe, PgConnection, Row as _};

use super::manifests::pending_in;
use super::plan::{bounds, held};
use super::{Due, Family, Table};
use crate::months::{LOCK_TIMEOUT, patiently};
use crate::roles::{RoleNames, schema_of};
use crate::{Error, Fence, OperatorDatabase, Result};

/// What [`remove`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removed {
    /// The rows are gone; so many.
    Rows(i64),
    /// The archive is not that of the rows any more: nothing was removed, and the archive is to be made
    /// anew.
    Changed,
    /// A recording of the month is under legal hold since: nothing was removed.
    Held,
}

/// Removes the rows of a month, partitions and all, if the manifests of each table count as many rows as
/// there are and none was changed since. **All or nothing, in one transaction**; which rows are counted
/// and which removed is decided by one snapshot.
pub async fn remove(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
    due: &Due,
) -> Result<Removed> {
    patiently(async || attempt(database, fence, tenant, due).await).await
}

async fn attempt(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
    due: &Due,
) -> Result<Removed> {
    let Due { family, month } = due;
    let mut transaction = database.pool().begin().await?;
    // Before the first snapshot.
    let begin = format!(
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SET LOCAL statement_timeout = 0;
         SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"
    );
    run(&mut transaction, &begin).await?;
    let partitions = lock_partitions(database, &mut transaction, tenant, family, *month).await?;
    fence.check(&mut transaction).await?;
    let schema = schema_of(&mut transaction, tenant).await?;
    if held(&mut transaction, &schema, family, *month).await? > 0 {
        return Ok(Removed::Held);
    }
    let mut rows = 0;
    for table in family.tables {
        let archived = pending_in(&mut transaction, tenant, table, *month).await?;
        let there = count(&mut transaction, &schema, tenant, table, *month).await?;
        if archived.is_empty()
            || archived.iter().map(|manifest| manifest.rows).sum::<i64>() != there.rows
            || there.changed
        {
            return Ok(Removed::Changed);
        }
        rows += there.rows;
    }
    note_audio(&mut transaction, &schema, tenant, family, *month).await?;
    enter(&mut transaction, &schema, family, &partitions).await?;
    for table in family.tables {
        let condition = table.condition(&bounds(&mut transaction, table.by, *month).await?);
        let partition = format!("{}_{}", table.name, month.format("%Y%m"));
        if partitions.contains(&partition) {
            let name = table.name;
            // What refers to it has left before it, so that nothing keeps it.
            let rest = format!(
                "DELETE FROM {name}_default WHERE {condition};
                 ALTER TABLE {name} DETACH PARTITION {partition}; DROP TABLE {partition}"
            );
            run(&mut transaction, &rest).await?;
        } else {
            let rest = format!("DELETE FROM {} WHERE {condition}", table.name);
            run(&mut transaction, &rest).await?;
        }
        if table.name == "calls" {
            let keys = condition
                .replace("id >=", "call_id >=")
                .replace("id <", "call_id <");
            run(
                &mut transaction,
                &format!("DELETE FROM call_keys WHERE {keys}"),
            )
            .await?;
        }
    }
    run(&mut transaction, "RESET ROLE").await?;
    let names: Vec<&str> = family.tables.iter().map(|table| table.name).collect();
    sqlx::query(
        "UPDATE platform.archive_manifests SET removed_at = now()
          WHERE tenant_id = $1 AND source_table = ANY ($2) AND removed_at IS NULL
            AND deleted_at IS NULL
            AND range_start = date_trunc('month', $3::date::timestamp) AT TIME ZONE 'UTC'",
    )
    .bind(tenant.uuid())
    .bind(names.as_slice())
    .bind(*month)
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(Removed::Rows(rows))
}

/// Keeps writers out of the partitions of the month, while readers and all other months go on. Says
/// which there are.
async fn lock_partitions(
    database: &OperatorDatabase,
    connection: &mut PgConnection,
    tenant: TenantId,
    family: &Family,
    month: NaiveDate,
) -> Result<Vec<String>> {
    // In another session: a look at the catalogue would be the snapshot of this one.
    let mut other = database.pool().acquire().await?;
    let schema = schema_of(&mut other, tenant).await?;
    let names: Vec<String> = family
        .tables
        .iter()
        .map(|table| format!("{}_{}", table.name, month.format("%Y%m")))
        .collect();
    let found: Vec<String> = sqlx::query(
        "SELECT coalesce(array_agg(c.relname::text), '{}') FROM pg_class c
           JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname = $1 AND c.relname = ANY ($2) AND c.relispartition",
    )
    .bind(schema.as_str())
    .bind(names.as_slice())
    .fetch_one(&mut *other)
    .await?
    .try_get(0)?;
    drop(other);
    for partition in &found {
        let lock = format!("LOCK TABLE \"{schema}\".{partition} IN SHARE MODE");
        run(connection, &lock).await?;
    }
    Ok(found)
}

/// Rows of a table that would leave.
struct There {
    rows: i64,
    /// Whether one was written after the copy was begun.
    changed: bool,
}

async fn count(
    connection: &mut PgConnection,
    schema: &SchemaName,
    tenant: TenantId,
    table: &Table,
    month: NaiveDate,
) -> Result<There> {
    let condition = table.condition(&bounds(connection, table.by, month).await?);
    let dated: bool = sqlx::query(
        "SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = $1::regclass
                          AND attname = 'updated_at' AND NOT attisdropped)",
    )
    .bind(format!("\"{schema}\".{}", table.name))
    .fetch_one(&mut *connection)
    .await?
    .try_get(0)?;
    let last = if dated { "updated_at" } else { "created_at" };
    let row = sqlx::query(AssertSqlSafe(format!(
        "SELECT count(*) AS rows, coalesce(max(t.{last}) >= (
                SELECT min(m.created_at) FROM platform.archive_manifests m
                 WHERE m.tenant_id = $1 AND m.source_table = $2 AND m.removed_at IS NULL
                   AND m.deleted_at IS NULL
                   AND m.range_start = date_trunc('month', $3::date::timestamp) AT TIME ZONE 'UTC'
            ), false) AS changed
           FROM (SELECT {last} FROM \"{schema}\".{} WHERE {condition}) AS t",
        table.name
    )))
    .bind(tenant.uuid())
    .bind(table.name)
    .bind(month)
    .fetch_one(connection)
    .await?;
    Ok(There {
        rows: row.try_get("rows")?,
        changed: row.try_get("changed")?,
    })
}

/// Until when the audio of recordings that leave is wished to be kept, for media nodes, which do not read
/// archives.
async fn note_audio(
    connection: &mut PgConnection,
    schema: &SchemaName,
    tenant: TenantId,
    family: &Family,
    month: NaiveDate,
) -> Result<()> {
    let Some(table) = family.recordings() else {
        return Ok(());
    };
    let condition = table.condition(&bounds(connection, table.by, month).await?);
    sqlx::query(AssertSqlSafe(format!(
        "UPDATE platform.archive_manifests
            SET audio_until = (SELECT max(retain_until) FROM \"{schema}\".call_recordings
                                WHERE deleted_at IS NULL AND {condition})
          WHERE tenant_id = $1 AND source_table = $2 AND removed_at IS NULL AND deleted_at IS NULL
            AND range_start = date_trunc('month', $3::date::timestamp) AT TIME ZONE 'UTC'"
    )))
    .bind(tenant.uuid())
    .bind(table.name)
    .bind(month)
    .execute(connection)
    .await?;
    Ok(())
}

/// Becomes the owner of the tables and says that retention is at work. Where partitions are to go, their
/// tables are locked first, in the order in which calls are written: the other order would be a deadlock.
async fn enter(
    connection: &mut PgConnection,
    schema: &SchemaName,
    family: &Family,
    partitions: &[String],
) -> Result<()> {
    let act = RoleNames::of(schema).act_as_owner("LOCAL");
    let enter = format!(
        "{act}; SET LOCAL search_path = \"{schema}\", public;
         SET LOCAL app.retention = 'on'; SET LOCAL enable_hashjoin = off; SET LOCAL enable_nestloop = off"
    );
    // Without hash joins the proof that nothing refers to a detached month ends where the month ends.
    run(connection, &enter).await?;
    if !partitions.is_empty() {
        for table in family.tables.iter().rev() {
            let lock = format!("LOCK TABLE ONLY {} IN ACCESS EXCLUSIVE MODE", table.name);
            run(connection, &lock).await?;
        }
    }
    Ok(())
}

/// Statements of names that are in the source, a [`SchemaName`], and bounds from the server.
async fn run(connection: &mut PgConnection, sql: &str) -> Result<()> {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(connection)
        .await
        .map_err(Error::from)?;
    Ok(())
}
