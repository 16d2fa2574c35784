//! The columns with sealed values, and sealing their rows anew.

use callplane_keys::KeyId;
use callplane_types::{Pii, TenantId};
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
    /// Where the words are when the tenant does not ask for sealing; `None` for what is always sealed.
    clear: Option<Clear>,
}

/// The clear twin of a sealed column, in SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Clear {
    /// The words.
    words: &'static str,
    /// Whether a row has any.
    present: &'static str,
    /// Takes them away.
    blank: &'static str,
}

impl SealedColumn {
    /// Whether it holds words that are clear unless the tenant asks for sealing.
    #[must_use]
    pub const fn holds_words(&self) -> bool {
        self.clear.is_some()
    }
}

const fn secret(table: &'static str, column: &'static str) -> SealedColumn {
    SealedColumn {
        table,
        column,
        clear: None,
    }
}

const fn words(table: &'static str, column: &'static str, clear: Clear) -> SealedColumn {
    SealedColumn {
        table,
        column,
        clear: Some(clear),
    }
}

/// Every sealed column of a tenant's schema; a test compares it with the catalogue.
pub const SEALED_COLUMNS: &[SealedColumn] = &[
    secret("carriers", "credentials_enc"),
    secret("payment_methods", "token_enc"),
    secret("tools", "credentials_enc"),
    secret("trunks", "password_enc"),
    secret("webhooks", "secret_enc"),
    words(
        "calls",
        "variables_enc",
        Clear {
            words: "metadata -> 'variables'",
            present: "metadata -> 'variables' <> '{}'",
            blank: "metadata = metadata - 'variables'",
        },
    ),
    words(
        "conversations",
        "context_enc",
        Clear {
            words: "context",
            present: "context <> '{}'",
            blank: "context = '{}'",
        },
    ),
    words(
        "messages",
        "content_enc",
        Clear {
            words: "content",
            present: "content IS NOT NULL",
            blank: "content = NULL",
        },
    ),
    words(
        "messages",
        "intended_enc",
        Clear {
            words: "intended",
            present: "intended IS NOT NULL",
            blank: "intended = NULL",
        },
    ),
    words(
        "transcriptions",
        "segments_enc",
        Clear {
            words: "segments",
            present: "segments <> '[]'",
            blank: "segments = '[]'",
        },
    ),
    words(
        "transcriptions",
        "text_enc",
        Clear {
            words: "text",
            present: "text IS NOT NULL",
            blank: "text = NULL",
        },
    ),
];

/// A sealed value and its row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedRow {
    /// `id` of the row.
    pub id: Uuid,
    /// The envelope.
    pub sealed: Vec<u8>,
}

/// Words that are not sealed, and their row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClearRow {
    /// `id` of the row.
    pub id: Uuid,
    /// The words; JSON where the column has JSON.
    pub words: Pii<String>,
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
    let rows = sqlx::query(AssertSqlSafe(format!(
        "SELECT id, {column} AS sealed FROM {table}
          WHERE id > $1 AND substring({column} FROM 2 FOR 16) = $2 ORDER BY id LIMIT $3",
        table = column.table,
        column = column.column,
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

/// Up to `limit` rows behind `after` whose words are not sealed; none for a column that holds no words.
pub async fn unsealed(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
    column: SealedColumn,
    after: Uuid,
    limit: i64,
) -> Result<Vec<ClearRow>> {
    let Some(clear) = column.clear else {
        return Ok(Vec::new());
    };
    let mut transaction = database.begin_in(fence, tenant).await?;
    let rows = sqlx::query(AssertSqlSafe(format!(
        "SELECT id, ({words})::text AS words FROM {table}
          WHERE id > $1 AND {column} IS NULL AND {present} ORDER BY id LIMIT $2",
        words = clear.words,
        table = column.table,
        column = column.column,
        present = clear.present,
    )))
    .bind(after)
    .bind(limit)
    .fetch_all(&mut *transaction)
    .await?;
    transaction.commit().await?;
    rows.iter()
        .map(|row| {
            Ok(ClearRow {
                id: row.try_get("id")?,
                words: Pii::new(row.try_get("words")?),
            })
        })
        .collect()
}

/// Rows whose words are not sealed although the tenant asks for it.
pub async fn count_unsealed(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
) -> Result<i64> {
    let mut transaction = database.begin_in(fence, tenant).await?;
    let mut count = 0;
    for column in SEALED_COLUMNS {
        let Some(clear) = column.clear else { continue };
        let found: i64 = sqlx::query(AssertSqlSafe(format!(
            "SELECT count(*) FROM {table} WHERE {column} IS NULL AND {present}",
            table = column.table,
            column = column.column,
            present = clear.present,
        )))
        .fetch_one(&mut *transaction)
        .await?
        .try_get(0)?;
        count += found;
    }
    transaction.commit().await?;
    Ok(count)
}

/// Puts sealed words in the place of the clear ones that they were made from. Says how many.
pub async fn seal_words(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
    column: SealedColumn,
    rows: &[(ClearRow, Vec<u8>)],
) -> Result<u64> {
    let Some(clear) = column.clear else {
        return Ok(0);
    };
    let mut transaction = database.begin_in(fence, tenant).await?;
    open_append_only(&mut transaction).await?;
    let (ids, words): (Vec<Uuid>, Vec<&str>) = rows
        .iter()
        .map(|(row, _)| (row.id, row.words.expose().as_str()))
        .unzip();
    let sealed: Vec<&[u8]> = rows.iter().map(|(_, sealed)| sealed.as_slice()).collect();
    let written = sqlx::query(AssertSqlSafe(format!(
        "UPDATE {table} t SET {column} = n.sealed, {blank}
           FROM unnest($1::uuid[], $2::text[], $3::bytea[]) AS n(id, words, sealed)
          WHERE t.id = n.id AND t.{column} IS NULL AND (t.{words})::text = n.words",
        table = column.table,
        column = column.column,
        blank = clear.blank,
        words = clear.words,
    )))
    .bind(ids)
    .bind(words)
    .bind(sealed)
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    transaction.commit().await?;
    Ok(written)
}

/// Messages never change but for this: what they say stays, how it is kept changes.
async fn open_append_only(connection: &mut PgConnection) -> Result<()> {
    sqlx::query("SELECT set_config('app.retention', 'on', true)")
        .execute(connection)
        .await?;
    Ok(())
}
