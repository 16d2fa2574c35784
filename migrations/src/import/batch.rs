//! One batch of rows: staged, judged, written, counted.

use std::collections::BTreeMap;
use std::ops::Range;

use sqlx::{AssertSqlSafe, PgConnection, Row as _};

use super::report::Refusal;
use super::source::{SourceRow, number};
use super::step::Step;
use crate::{Error, Result};

/// What became of a batch.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) written: u64,
    pub(super) found: u64,
    pub(super) refusals: Vec<Refusal>,
    pub(super) notes: BTreeMap<String, u64>,
    /// Sums over the target's rows.
    pub(super) sums: Vec<i128>,
}

/// A reason that only the server found.
const HELD_NUL: &str = "a NUL in a text became U+FFFD";

/// Makes the table that batches of the step are staged in.
pub(super) async fn prepare(
    connection: &mut PgConnection,
    step: &Step<'_>,
    platform: &str,
) -> Result<()> {
    let columns: String = step
        .staged()
        .map(|(name, kind)| format!(", {name} {kind}"))
        .collect();
    let sql = format!(
        "DROP TABLE IF EXISTS pg_temp.source; CREATE TEMP TABLE source (source_key text{columns})"
    );
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(&mut *connection)
        .await?;
    if ["pg_temp.call_of(", "pg_temp.conversation_uid("]
        .iter()
        .any(|function| step.write.contains(function))
    {
        sqlx::raw_sql("DELETE FROM pg_temp.imported_calls")
            .execute(&mut *connection)
            .await?;
        sqlx::query(
            "INSERT INTO pg_temp.imported_calls (key, id)
             SELECT metadata #>> '{import,id}', id FROM calls
              WHERE metadata #>> '{import,from}' = $1
             ON CONFLICT DO NOTHING",
        )
        .persistent(false)
        .bind(platform)
        .execute(connection)
        .await?;
    }
    Ok(())
}

/// Tells the planner what the first batch looks like. What it does not know of a table that was empty, that all
/// its rows are one tenant's, would have every later batch read all that was imported before. A table that somebody
/// keeps up at that moment is left to them.
pub(super) async fn analyse(connection: &mut PgConnection, step: &Step<'_>) -> Result<()> {
    for table in step.targets() {
        run(connection, &format!("ANALYZE (SKIP_LOCKED) {table}")).await?;
    }
    Ok(())
}

/// Writes `rows` in the open transaction of `connection`. Rows that the server refuses are found by
/// halving, so one of them costs its batch a few more statements and no other row.
pub(super) async fn write(
    connection: &mut PgConnection,
    step: &Step<'_>,
    rows: &[SourceRow],
) -> Result<Outcome> {
    let mut outcome = Outcome {
        sums: vec![0; step.sums.len()],
        ..Outcome::default()
    };
    let nul = rows.iter().filter(|row| row.held_nul).count() as u64;
    if nul > 0 {
        outcome.notes.insert(HELD_NUL.to_owned(), nul);
    }
    let mut parts: Vec<Range<usize>> = Vec::new();
    parts.push(0..rows.len());
    while let Some(part) = parts.pop() {
        if part.is_empty() {
            continue;
        }
        statement(connection, "SAVEPOINT part").await?;
        match attempt(connection, step, &rows[part.clone()]).await {
            Ok(done) => {
                statement(connection, "RELEASE SAVEPOINT part").await?;
                outcome.add(done);
            }
            Err(error) if is_about_a_row(&error) => {
                statement(connection, "ROLLBACK TO SAVEPOINT part").await?;
                if part.len() == 1 {
                    outcome.refusals.push(Refusal {
                        key: rows[part.start].key.clone(),
                        reason: reason(&error),
                    });
                } else {
                    // The first half on top: rows are written in the order of their keys.
                    let middle = part.start + part.len() / 2;
                    parts.push(middle..part.end);
                    parts.push(part.start..middle);
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(outcome)
}

impl Outcome {
    fn add(&mut self, other: Self) {
        let Self {
            written,
            found,
            refusals,
            notes,
            sums,
        } = other;
        self.written += written;
        self.found += found;
        self.refusals.extend(refusals);
        for (note, rows) in notes {
            *self.notes.entry(note).or_default() += rows;
        }
        for (sum, more) in self.sums.iter_mut().zip(sums) {
            *sum += more;
        }
    }
}

async fn attempt(
    connection: &mut PgConnection,
    step: &Step<'_>,
    rows: &[SourceRow],
) -> Result<Outcome> {
    stage(connection, rows).await?;
    let refusals = refuse(connection, step).await?;
    let notes = notes(connection, step).await?;
    for sql in step.before {
        run(connection, sql).await?;
    }
    let written = run(connection, step.write).await?;
    for sql in step.after {
        run(connection, sql).await?;
    }
    let (found, sums) = found(connection, step).await?;
    Ok(Outcome {
        written,
        found,
        refusals,
        notes,
        sums,
    })
}

async fn stage(connection: &mut PgConnection, rows: &[SourceRow]) -> Result<()> {
    // Not DELETE: nothing removes the dead rows of a temporary table, and each batch would read those of all
    // before it.
    statement(connection, "TRUNCATE pg_temp.source").await?;
    let rows: Vec<&str> = rows.iter().map(|row| row.json.as_str()).collect();
    sqlx::query(
        "INSERT INTO pg_temp.source
         SELECT r.* FROM unnest($1::text[]) AS u (row),
                json_populate_record(NULL::pg_temp.source, u.row::json) AS r",
    )
    .persistent(false)
    .bind(rows)
    .execute(&mut *connection)
    .await?;
    Ok(())
}

/// Takes unfit rows out of the batch.
async fn refuse(connection: &mut PgConnection, step: &Step<'_>) -> Result<Vec<Refusal>> {
    if step.refuse.is_empty() {
        return Ok(Vec::new());
    }
    let conditions: String = step
        .refuse
        .iter()
        .enumerate()
        .map(|(place, (_, condition))| format!(" WHEN {condition} THEN {place}"))
        .collect();
    let rows = sqlx::query(AssertSqlSafe(format!(
        "WITH judged AS (SELECT s.source_key, CASE{conditions} END AS place FROM source s),
              gone AS (DELETE FROM source s USING judged j
                        WHERE j.source_key = s.source_key AND j.place IS NOT NULL)
         SELECT source_key, place FROM judged WHERE place IS NOT NULL ORDER BY source_key"
    )))
    .persistent(false)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            let place = usize::try_from(row.try_get::<i32, _>("place")?).unwrap_or(usize::MAX);
            let reason = step.refuse.get(place).map_or("", |(reason, _)| reason);
            Ok(Refusal {
                key: row.try_get("source_key")?,
                reason: reason.to_owned(),
            })
        })
        .collect()
}

async fn notes(connection: &mut PgConnection, step: &Step<'_>) -> Result<BTreeMap<String, u64>> {
    if step.note.is_empty() {
        return Ok(BTreeMap::new());
    }
    let counts: Vec<String> = step
        .note
        .iter()
        .map(|(_, condition)| format!("count(*) FILTER (WHERE {condition})"))
        .collect();
    let row = sqlx::query(AssertSqlSafe(format!(
        "SELECT {} FROM source s",
        counts.join(", ")
    )))
    .persistent(false)
    .fetch_one(connection)
    .await?;
    let mut notes = BTreeMap::new();
    for (place, (note, _)) in step.note.iter().enumerate() {
        let rows = u64::try_from(row.try_get::<i64, _>(place)?).unwrap_or(0);
        if rows > 0 {
            notes.insert((*note).to_owned(), rows);
        }
    }
    Ok(notes)
}

/// What the target holds for the rows of the batch, whoever wrote it.
async fn found(connection: &mut PgConnection, step: &Step<'_>) -> Result<(u64, Vec<i128>)> {
    let sums: String = step
        .sums
        .iter()
        .map(|sum| format!(", coalesce(sum(({})::numeric), 0)::text", sum.target))
        .collect();
    let row = sqlx::query(AssertSqlSafe(format!(
        "SELECT count(*){sums} {}",
        step.found
    )))
    .persistent(false)
    .fetch_one(connection)
    .await?;
    let found = u64::try_from(row.try_get::<i64, _>(0)?).unwrap_or(0);
    let sums = (1..=step.sums.len())
        .map(|column| number(row.try_get(column)?))
        .collect::<Result<_>>()?;
    Ok((found, sums))
}

async fn run(connection: &mut PgConnection, sql: &str) -> Result<u64> {
    let done = sqlx::query(AssertSqlSafe(sql))
        .persistent(false)
        .execute(connection)
        .await?;
    Ok(done.rows_affected())
}

async fn statement(connection: &mut PgConnection, sql: &'static str) -> Result<()> {
    sqlx::raw_sql(sql).execute(connection).await?;
    Ok(())
}

/// Whether the server refused values, and not the statement: 22 data exception, 23 integrity, 54
/// limits, P0 raised by a trigger.
fn is_about_a_row(error: &Error) -> bool {
    error.sqlstate().is_some_and(|state| {
        ["22", "23", "54", "P0"]
            .iter()
            .any(|class| state.starts_with(class))
    })
}

/// The server's reason without its values: class and constraint, or column.
fn reason(error: &Error) -> String {
    let state = error.sqlstate().unwrap_or_default();
    let Some(server) = error.server() else {
        return format!("the database refuses it (SQLSTATE {state})");
    };
    match (server.constraint(), server.table()) {
        (Some(constraint), Some(table)) => {
            format!("the database refuses it: constraint {constraint} of {table}")
        }
        _ => match server.column() {
            Some(column) => {
                format!("the database refuses the value of {column} (SQLSTATE {state})")
            }
            None => format!("the database refuses a value of it (SQLSTATE {state})"),
        },
    }
}
