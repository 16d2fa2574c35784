//! An index that is made while its table is written.

use sqlx::{PgConnection, Row as _};

use super::{CONCURRENT_LOCK_TIMEOUT, Index, run, run_patiently};
use crate::{Error, Result};

/// Makes it, or finds it made. What an interrupted attempt left is dropped first.
pub(super) async fn create(session: &mut PgConnection, index: &Index) -> Result<()> {
    if is_partitioned(session, &index.table).await? {
        create_partitioned(session, index).await
    } else {
        create_one(session, index).await
    }
}

async fn create_one(session: &mut PgConnection, index: &Index) -> Result<()> {
    run(
        session,
        &format!("SET lock_timeout = '{CONCURRENT_LOCK_TIMEOUT}'"),
    )
    .await?;
    if let Some((name, false)) = find(session, index).await? {
        run(session, &format!("DROP INDEX CONCURRENTLY {name}")).await?;
    }
    run(session, &index.concurrent()).await
}

/// First the index of the parent, over nothing and invalid; it becomes valid with the last partition
/// that is joined to it.
async fn create_partitioned(session: &mut PgConnection, index: &Index) -> Result<()> {
    run_patiently(session, &index.of_parent_only()).await?;
    let parent = found(session, index).await?.0;
    for partition in partitions_without(session, &index.table, &parent).await? {
        let child = index.of_partition(&partition);
        create_one(session, &child).await?;
        let name = found(session, &child).await?.0;
        let join = format!("ALTER INDEX {parent} ATTACH PARTITION {name}");
        run_patiently(session, &join).await?;
    }
    if found(session, index).await?.1 {
        Ok(())
    } else {
        Err(Error::invalid(
            "index",
            format!("{parent} lacks a partition that was added meanwhile; migrate again"),
        ))
    }
}

async fn found(session: &mut PgConnection, index: &Index) -> Result<(String, bool)> {
    find(session, index)
        .await?
        .ok_or_else(|| Error::invalid("index", format!("{} was dropped meanwhile", index.name)))
}

/// The quoted name of an index and whether it is valid. An index is in the schema of its table.
async fn find(session: &mut PgConnection, index: &Index) -> Result<Option<(String, bool)>> {
    sqlx::query(
        "SELECT format('%I.%I', n.nspname, c.relname), i.indisvalid
           FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
           JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE i.indrelid = to_regclass($1) AND c.relname = $2",
    )
    .bind(&index.table)
    .bind(&index.name)
    .fetch_optional(session)
    .await?
    .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
    .transpose()
}

async fn is_partitioned(session: &mut PgConnection, table: &str) -> Result<bool> {
    Ok(sqlx::query(
        "SELECT EXISTS (SELECT FROM pg_class WHERE oid = to_regclass($1) AND relkind = 'p')",
    )
    .bind(table)
    .fetch_one(session)
    .await?
    .try_get(0)?)
}

/// The partitions of `table` that have no index joined to `parent`, quoted.
async fn partitions_without(
    session: &mut PgConnection,
    table: &str,
    parent: &str,
) -> Result<Vec<String>> {
    let rows = sqlx::query(
        "SELECT format('%I.%I', n.nspname, c.relname)
           FROM pg_inherits p JOIN pg_class c ON c.oid = p.inhrelid
           JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE p.inhparent = to_regclass($1)
            AND NOT EXISTS (SELECT FROM pg_inherits j JOIN pg_index i ON i.indexrelid = j.inhrelid
                             WHERE j.inhparent = to_regclass($2) AND i.indrelid = c.oid)
          ORDER BY c.relname",
    )
    .bind(table)
    .bind(parent)
    .fetch_all(session)
    .await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}
