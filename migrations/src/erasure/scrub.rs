//! Traces of the person anywhere else.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, PgConnection, Row as _};

use crate::Result;

/// Takes the numbers and addresses of the person out of every text, list and document of the schema.
///
/// Reads all of it: the price of not having to know where people write. Calls under legal hold stay.
pub(super) async fn scrub(
    connection: &mut PgConnection,
    schema: &str,
    counts: &mut BTreeMap<String, u64>,
) -> Result<()> {
    let tables = sqlx::query(
        "SELECT c.relname::text AS name,
                array_agg(quote_ident(a.attname) ORDER BY a.attnum) AS columns,
                array_agg(format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum) AS types
           FROM pg_class c
           JOIN pg_namespace n ON n.oid = c.relnamespace
           JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
          WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND NOT c.relispartition
            AND a.attgenerated = ''
            AND a.atttypid IN ('text'::regtype, 'jsonb'::regtype, 'text[]'::regtype,
                               'public.citext'::regtype, 'public.citext[]'::regtype)
          GROUP BY c.relname ORDER BY c.relname",
    )
    .bind(schema)
    .fetch_all(&mut *connection)
    .await?;
    let traces = sqlx::query("SELECT pattern, is_number FROM erased_traces ORDER BY pattern")
        .fetch_all(&mut *connection)
        .await?;
    for table in &tables {
        let name: String = table.try_get("name")?;
        let columns: Vec<String> = table.try_get("columns")?;
        let types: Vec<String> = table.try_get("types")?;
        let text: Vec<String> = columns.iter().map(|c| format!("{c}::text")).collect();
        let sets: Vec<String> = columns
            .iter()
            .zip(&types)
            .map(|(c, of)| format!("{c} = regexp_replace({c}::text, $1, $2, 'gi')::{of}"))
            .collect();
        let sql = format!(
            "UPDATE {name} SET {} WHERE concat_ws(' ', {}) ~* $1{}",
            sets.join(", "),
            text.join(", "),
            not_held(connection, &name).await?.unwrap_or_default()
        );
        let mut rows = 0;
        for trace in &traces {
            // In a document a number may be one, and what takes its place has to be one then.
            let blank = if trace.try_get("is_number")? {
                "0"
            } else {
                "erased"
            };
            rows += sqlx::query(AssertSqlSafe(sql.clone()))
                .bind(trace.try_get::<String, _>("pattern")?)
                .bind(blank)
                .execute(&mut *connection)
                .await?
                .rows_affected();
        }
        if rows > 0 {
            *counts.entry(name).or_default() += rows;
        }
    }
    Ok(())
}

/// Leaves calls under legal hold alone.
async fn not_held(connection: &mut PgConnection, table: &str) -> Result<Option<String>> {
    let key: Option<String> = sqlx::query(
        "SELECT min(attname::text) FROM pg_attribute
          WHERE attrelid = to_regclass($1) AND NOT attisdropped
            AND (attname = 'call_id' OR (attname = 'id' AND $1 = 'calls'))",
    )
    .bind(table)
    .fetch_one(&mut *connection)
    .await?
    .try_get(0)?;
    Ok(match (key, table) {
        (_, "messages") => Some(
            " AND conversation_id NOT IN (SELECT v.id FROM conversations v
                 JOIN erased_held h ON h.id = v.call_id)"
                .to_owned(),
        ),
        (Some(key), _) => Some(format!(
            " AND ({key} IS NULL OR {key} NOT IN (SELECT id FROM erased_held))"
        )),
        (None, _) => None,
    })
}
