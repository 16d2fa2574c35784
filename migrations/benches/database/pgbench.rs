//! The yardstick: pgbench inserting the same rows, many a statement, on the same server.

use callplane_store::test_util::TestDatabase;
use callplane_types::SchemaName;
use sqlx::{AssertSqlSafe, PgConnection, Row as _};

use crate::Failure;
use crate::bench::execute;

/// What the records of a finished call are rows of, and the column that names the call.
const TABLES: [(&str, &str); 14] = [
    ("calls", "id"),
    ("call_legs", "call_id"),
    ("call_segments", "call_id"),
    ("call_events", "call_id"),
    ("cdrs", "call_id"),
    ("call_recordings", "call_id"),
    ("transcriptions", "call_id"),
    ("call_costs", "call_id"),
    ("call_tags", "call_id"),
    ("stir_shaken_statuses", "call_id"),
    ("voice_quality_metrics", "call_id"),
    ("conversations", "call_id"),
    ("messages", "conversation_id"),
    ("events", "subject_id"),
];

/// How the yardstick's tables are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tables {
    /// The columns alone.
    Bare,
    /// With every index of the model, none of them unique, because pgbench repeats its rows.
    Indexed,
}

/// The rows of `calls` as one transaction of pgbench; transactions a second.
pub(crate) async fn rate(
    connection: &mut PgConnection,
    database: &TestDatabase<'_>,
    schema: &SchemaName,
    calls: &[uuid::Uuid],
    tables: Tables,
) -> Result<f64, Failure> {
    let home = match tables {
        Tables::Bare => "yardstick_bare",
        Tables::Indexed => "yardstick_indexed",
    };
    execute(connection, &format!("CREATE SCHEMA {home}")).await?;
    let mut script = "BEGIN;\n".to_owned();
    for (table, call) in TABLES {
        copy_table(connection, schema, home, table, tables).await?;
        if let Some(statement) = insert(connection, schema, home, (table, call), calls).await? {
            script += &statement;
            script += ";\n";
        }
    }
    script += "COMMIT;\n";
    let file = std::env::temp_dir().join(format!("callplane-{home}-{}.sql", std::process::id()));
    std::fs::write(&file, script)?;
    let path = file.display().to_string();
    let said = database.server.program(
        "pgbench",
        &database.name,
        &["--no-vacuum", "--time=10", "--client=1", "--file", &path],
    );
    std::fs::remove_file(&file)?;
    execute(connection, &format!("DROP SCHEMA {home} CASCADE")).await?;
    tps(&said?).ok_or_else(|| "pgbench printed no rate".into())
}

async fn copy_table(
    connection: &mut PgConnection,
    schema: &SchemaName,
    home: &str,
    table: &str,
    tables: Tables,
) -> Result<(), Failure> {
    let create = format!("CREATE TABLE {home}.{table} (LIKE {schema}.{table})");
    execute(connection, &create).await?;
    if tables == Tables::Bare {
        return Ok(());
    }
    let indexes = sqlx::query(
        "SELECT regexp_replace(pg_get_indexdef(i.indexrelid),
                    '^CREATE (UNIQUE )?INDEX .* ON (ONLY )?[^ ]+ USING', 'USING')
           FROM pg_index i WHERE i.indrelid = ($1 || '.' || $2)::regclass",
    )
    .bind(schema.to_string())
    .bind(table)
    .fetch_all(&mut *connection)
    .await?;
    for index in indexes {
        let rest: String = index.try_get(0)?;
        execute(
            connection,
            &format!("CREATE INDEX ON {home}.{table} {rest}"),
        )
        .await?;
    }
    Ok(())
}

/// The rows of `calls` in one table as an INSERT of many rows.
async fn insert(
    connection: &mut PgConnection,
    schema: &SchemaName,
    home: &str,
    (table, call): (&str, &str),
    calls: &[uuid::Uuid],
) -> Result<Option<String>, Failure> {
    let columns: Vec<String> = sqlx::query(
        "SELECT quote_ident(attname) FROM pg_attribute
          WHERE attrelid = ($1 || '.' || $2)::regclass AND attnum > 0 AND NOT attisdropped
          ORDER BY attnum",
    )
    .bind(schema.to_string())
    .bind(table)
    .fetch_all(&mut *connection)
    .await?
    .iter()
    .map(|row| row.try_get(0))
    .collect::<Result<_, _>>()?;
    let values: Vec<String> = columns
        .iter()
        .map(|column| format!("quote_nullable({column}::text)"))
        .collect();
    let of = match call {
        "conversation_id" => {
            format!("IN (SELECT id FROM {schema}.conversations WHERE call_id = ANY ($1))")
        }
        _ => "= ANY ($1)".to_owned(),
    };
    let rows: Option<String> = sqlx::query(AssertSqlSafe(format!(
        "SELECT string_agg('(' || concat_ws(',', {}) || ')', ',')
           FROM {schema}.{table} WHERE {call} {of}",
        values.join(",")
    )))
    .bind(calls)
    .fetch_one(&mut *connection)
    .await?
    .try_get(0)?;
    Ok(rows.map(|rows| {
        format!(
            "INSERT INTO {home}.{table} ({}) VALUES {rows}",
            columns.join(",")
        )
    }))
}

/// The rate in what pgbench prints.
fn tps(said: &str) -> Option<f64> {
    let rest = said.split("tps = ").nth(1)?;
    rest.split_whitespace().next()?.parse().ok()
}
