//! Copying rows out.

use callplane_types::{TenantId, WallTime};
use chrono::NaiveDate;
use futures::TryStreamExt as _;
use sqlx::{PgConnection, Row as _};

use super::Table;
use super::plan::bounds;
use crate::roles::schema_of;
use crate::time::wall;
use crate::{Error, OperatorDatabase, Result};

/// Octets after which a part ends, at the end of a row.
const PART: usize = 64 << 20;

/// A piece of a table as CSV (RFC 4180), with the names of its columns in the first line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Which piece, from 1.
    pub number: u32,
    /// Rows in it.
    pub rows: i64,
    /// The text.
    pub csv: Vec<u8>,
}

/// Copies the rows of a month, as they are at one moment, and gives them to `each` piece by piece: a
/// month of a large tenant does not fit into memory. A table without rows gives one piece without rows.
///
/// Returns a moment: a row that says it was written before it is in the copy as it is.
pub async fn export<E: From<Error>>(
    database: &OperatorDatabase,
    tenant: TenantId,
    table: &Table,
    month: NaiveDate,
    mut each: impl AsyncFnMut(Part) -> Result<(), E>,
) -> Result<WallTime, E> {
    let mut connection = database.pool().begin().await.map_err(Error::from)?;
    let schema = schema_of(&mut connection, tenant).await?;
    let condition = table.condition(&bounds(&mut connection, table.by, month).await?);
    sqlx::query("SET LOCAL statement_timeout = 0")
        .execute(&mut *connection)
        .await
        .map_err(Error::from)?;
    let since = since(&mut connection).await?;
    // One statement, so one moment.
    let statement = format!(
        "COPY (SELECT * FROM \"{schema}\".{} WHERE {condition}) TO STDOUT (FORMAT csv, HEADER, NULL '\\N')",
        table.name
    );
    let mut rows = connection
        .copy_out_raw(&statement)
        .await
        .map_err(Error::from)?;
    let header = rows
        .try_next()
        .await
        .map_err(Error::from)?
        .unwrap_or_default();
    let mut part = Part {
        number: 1,
        rows: 0,
        csv: header.to_vec(),
    };
    // PostgreSQL sends each row as a message of its own (protocol, COPY operations).
    while let Some(row) = rows.try_next().await.map_err(Error::from)? {
        part.csv.extend_from_slice(&row);
        part.rows += 1;
        if part.csv.len() >= PART {
            let next = Part {
                number: part.number + 1,
                rows: 0,
                csv: header.to_vec(),
            };
            each(std::mem::replace(&mut part, next)).await?;
        }
    }
    if part.rows > 0 || part.number == 1 {
        each(part).await?;
    }
    Ok(since)
}

/// A row is dated when its transaction begins and seen when it ends. So the copy, which begins after this,
/// may lack what writers wrote that are at work now: those of this login are seen, of others none is open
/// for longer than ten minutes.
async fn since(connection: &mut PgConnection) -> Result<WallTime> {
    let row = sqlx::query(
        "SELECT least(clock_timestamp() - interval '10 minutes', min(xact_start))
           FROM pg_stat_activity WHERE datname = current_database()",
    )
    .fetch_one(connection)
    .await?;
    Ok(wall(row.try_get(0)?))
}
