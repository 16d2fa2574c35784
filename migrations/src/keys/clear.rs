//! Columns with words in clear, and sealing what is in them: for tenants who ask for it when they have
//! calls already.

use callplane_types::{Pii, TenantId};
use sqlx::{AssertSqlSafe, Row as _};
use uuid::Uuid;

use super::sealed::{SealedColumn, open_append_only, sealed, take_time};
use crate::{Fence, OperatorDatabase, Result};

/// A column of words, of a table that is called `t` in what follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClearColumn {
    /// Where the words go.
    pub sealed: SealedColumn,
    /// The words, as text.
    value: &'static str,
    /// Whether there are any.
    is_there: &'static str,
    /// What is left in their place.
    blank: &'static str,
}

/// Every column that has words in clear: those of [`crate::records::seal`], and what is made of a call after it.
pub const CLEAR_COLUMNS: &[ClearColumn] = &[
    ClearColumn {
        sealed: sealed("transcriptions", "text_enc"),
        value: "t.text",
        is_there: "t.text IS NOT NULL",
        blank: "text = NULL",
    },
    ClearColumn {
        sealed: sealed("transcriptions", "segments_enc"),
        value: "t.segments::text",
        is_there: "t.segments <> '[]'",
        blank: "segments = '[]'",
    },
    ClearColumn {
        sealed: sealed("messages", "content_enc"),
        value: "t.content",
        is_there: "t.content IS NOT NULL",
        blank: "content = NULL",
    },
    ClearColumn {
        sealed: sealed("messages", "intended_enc"),
        value: "t.intended",
        is_there: "t.intended IS NOT NULL",
        blank: "intended = NULL",
    },
    ClearColumn {
        sealed: sealed("conversations", "context_enc"),
        value: "t.context::text",
        is_there: "t.context <> '{}'",
        blank: "context = '{}'",
    },
    ClearColumn {
        sealed: sealed("call_analyses", "summary_enc"),
        value: "t.summary",
        is_there: "t.summary IS NOT NULL",
        blank: "summary = NULL",
    },
    ClearColumn {
        sealed: sealed("call_analyses", "captured_data_enc"),
        value: "t.captured_data::text",
        is_there: "t.captured_data <> '{}'",
        blank: "captured_data = '{}'",
    },
    ClearColumn {
        sealed: sealed("calls", "variables_enc"),
        value: "(t.metadata -> 'variables')::text",
        is_there: "t.metadata -> 'variables' <> '{}'",
        blank: "metadata = t.metadata - 'variables'",
    },
];

/// Words in clear, and their row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClearRow {
    /// `id` of the row.
    pub id: Uuid,
    /// As it is to be sealed: text, or a document as JSON.
    pub value: Pii<String>,
}

/// Up to `limit` rows behind `after` that have words in clear.
pub async fn in_clear(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
    column: ClearColumn,
    after: Uuid,
    limit: i64,
) -> Result<Vec<ClearRow>> {
    let mut transaction = database.begin_in(fence, tenant).await?;
    take_time(&mut transaction).await?;
    let rows = sqlx::query(AssertSqlSafe(format!(
        "SELECT t.id, {value} AS value FROM {table} t
          WHERE t.id > $1 AND {is_there} AND t.{sealed} IS NULL ORDER BY t.id LIMIT $2",
        value = column.value,
        table = column.sealed.table,
        is_there = column.is_there,
        sealed = column.sealed.column,
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
                value: Pii::new(row.try_get("value")?),
            })
        })
        .collect()
}

/// Puts sealed values in the place of the words they were made from; a row that changed meanwhile keeps
/// its own. Says how many were written.
pub async fn put_sealed(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
    column: ClearColumn,
    rows: &[(ClearRow, Vec<u8>)],
) -> Result<u64> {
    let mut transaction = database.begin_in(fence, tenant).await?;
    open_append_only(&mut transaction).await?;
    let (ids, former): (Vec<Uuid>, Vec<&str>) = rows
        .iter()
        .map(|(row, _)| (row.id, row.value.expose().as_str()))
        .unzip();
    let envelopes: Vec<&[u8]> = rows.iter().map(|(_, sealed)| sealed.as_slice()).collect();
    let written = sqlx::query(AssertSqlSafe(format!(
        "UPDATE {table} t SET {sealed} = n.sealed, {blank}
           FROM unnest($1::uuid[], $2::text[], $3::bytea[]) AS n(id, former, sealed)
          WHERE t.id = n.id AND t.id = ANY ($1) AND {value} = n.former AND t.{sealed} IS NULL",
        table = column.sealed.table,
        sealed = column.sealed.column,
        blank = column.blank,
        value = column.value,
    )))
    .bind(ids)
    .bind(former)
    .bind(envelopes)
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    transaction.commit().await?;
    Ok(written)
}
