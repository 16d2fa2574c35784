//! The columns with sealed values, and sealing their rows anew.

use callplane_keys::KeyId;
use callplane_types::TenantId;
use sqlx::{AssertSqlSafe, PgConnection, Row as _};
use uuid::Uuid;

use crate::{Fence, OperatorDatabase, Result};

/// A column of a tenant's schema with sealed values, whose row is told by the column `id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SealedColumn {
    /// Name of the table.
    pub table: &'static str,
    /// Name of the column.
    pub column: &'static str,
}

impl SealedColumn {
    /// The key in a value, and the condition by which the indexes of large tables serve: they have the rows
    /// with a value, whatever the key. An index by key would cost each call of those who seal, to save what
    /// happens once in a rotation.
    pub(super) fn key(&self) -> String {
        let column = self.column;
        format!("{column} IS NOT NULL AND substring({column} FROM 2 FOR 16)")
    }
}

pub(super) const fn sealed(table: &'static str, column: &'static str) -> SealedColumn {
    SealedColumn { table, column }
}

/// Every sealed column of a tenant's schema; a test compares it with the catalogue.
pub const SEALED_COLUMNS: &[SealedColumn] = &[
    sealed("carriers", "credentials_enc"),
    sealed("payment_methods", "token_enc"),
    sealed("providers", "key_enc"),
    sealed("tools", "credentials_enc"),
    sealed("trunks", "password_enc"),
    sealed("webhooks", "secret_enc"),
    sealed("call_analyses", "captured_data_enc"),
    sealed("call_analyses", "summary_enc"),
    sealed("calls", "variables_enc"),
    sealed("conversations", "context_enc"),
    sealed("messages", "content_enc"),
    sealed("messages", "intended_enc"),
    sealed("transcriptions", "segments_enc"),
    sealed("transcriptions", "text_enc"),
];

/// A sealed value and its row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedRow {
    /// `id` of the row.
    pub id: Uuid,
    /// The envelope.
    pub sealed: Vec<u8>,
}

/// Up to `limit` rows behind `after` whose value is sealed with `key`.
pub async fn sealed_with(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
    column: SealedColumn,
    key: KeyId,
    after: Uuid,
    limit: i64,
) -> Result<Vec<SealedRow>> {
    let mut transaction = database.begin_in(fence, tenant).await?;
    take_time(&mut transaction).await?;
    let rows = sqlx::query(AssertSqlSafe(format!(
        "SELECT id, {column} AS sealed FROM {table}
          WHERE id > $1 AND {condition} = $2 ORDER BY id LIMIT $3",
        table = column.table,
        column = column.column,
        condition = column.key(),
    )))
    .bind(after)
    .bind(key.uuid().as_bytes().as_slice())
    .bind(limit)
    .fetch_all(&mut *transaction)
    .await?;
    transaction.commit().await?;
    rows.iter()
        .map(|row| {
            Ok(SealedRow {
                id: row.try_get("id")?,
                sealed: row.try_get("sealed")?,
            })
        })
        .collect()
}

/// Writes values that were sealed anew, each over the one it was made from: a row that changed meanwhile
/// keeps its own. Says how many were written.
pub async fn replace(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
    column: SealedColumn,
    rows: &[(SealedRow, Vec<u8>)],
) -> Result<u64> {
    let mut transaction = database.begin_in(fence, tenant).await?;
    open_append_only(&mut transaction).await?;
    let (ids, former): (Vec<Uuid>, Vec<&[u8]>) = rows
        .iter()
        .map(|(row, _)| (row.id, row.sealed.as_slice()))
        .unzip();
    let sealed: Vec<&[u8]> = rows.iter().map(|(_, sealed)| sealed.as_slice()).collect();
    let written = sqlx::query(AssertSqlSafe(format!(
        "UPDATE {table} t SET {column} = n.sealed
           FROM unnest($1::uuid[], $2::bytea[], $3::bytea[]) AS n(id, former, sealed)
          WHERE t.id = n.id AND t.{column} = n.former",
        table = column.table,
        column = column.column,
    )))
    .bind(ids)
    .bind(former)
    .bind(sealed)
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    transaction.commit().await?;
    Ok(written)
}

/// No index knows which key sealed a value: all that is sealed is read, longer than a statement may take.
pub(super) async fn take_time(connection: &mut PgConnection) -> Result<()> {
    sqlx::query("SET LOCAL statement_timeout = 0")
        .execute(connection)
        .await?;
    Ok(())
}

/// Messages never change but for this: what they say stays, how it is kept changes.
pub(super) async fn open_append_only(connection: &mut PgConnection) -> Result<()> {
    sqlx::query("SELECT set_config('app.retention', 'on', true)")
        .execute(connection)
        .await?;
    Ok(())
}
