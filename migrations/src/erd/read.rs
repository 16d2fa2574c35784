//! Out of the catalogue; the families out of the files.

use callplane_types::{SchemaName, TenantId};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Row as _};

use super::{Column, Diagram, Family, Reference, Table};
use crate::migrate::{File, PLATFORM, TENANT};
use crate::roles::schema_of;
use crate::{OperatorDatabase, Result};

/// Reads the tables of a tenant's schema, or of `platform`. What no file makes is not drawn.
pub async fn read(database: &OperatorDatabase, tenant: Option<TenantId>) -> Result<Diagram> {
    let mut transaction = database.pool().begin().await?;
    let (name, files, schema) = match tenant {
        None => ("platform", PLATFORM, "platform".to_owned()),
        Some(tenant) => {
            let schema: SchemaName = schema_of(&mut transaction, tenant).await?;
            ("tenant", TENANT, schema.to_string())
        }
    };
    // Letters, digits and underscores; makes the server leave the schema out of names.
    let path = format!("SET LOCAL search_path = \"{schema}\", platform");
    sqlx::raw_sql(AssertSqlSafe(path))
        .execute(&mut *transaction)
        .await?;
    let columns = sqlx::query(COLUMNS)
        .bind(&schema)
        .fetch_all(&mut *transaction)
        .await?;
    let references = sqlx::query(REFERENCES)
        .bind(&schema)
        .fetch_all(&mut *transaction)
        .await?;
    transaction.rollback().await?;
    let mut families = Vec::new();
    for file in files {
        let mut tables = Vec::new();
        for table in tables_of(file) {
            tables.extend(assemble(&table, &columns, &references)?);
        }
        if !tables.is_empty() {
            families.push(Family {
                name: family_name(file),
                tables,
            });
        }
    }
    Ok(Diagram { name, families })
}

const COLUMNS: &str = "
    SELECT c.relname AS table_name, a.attname AS name, format_type(a.atttypid, NULL) AS kind,
           a.attnotnull AS is_required,
           coalesce(substring(obj_description(c.oid, 'pg_class') FROM '\\| (.*)$'), '') AS title,
           EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'p'
                      AND a.attnum = ANY (k.conkey)) AS is_key
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND NOT c.relispartition
     ORDER BY c.relname, a.attnum";

/// Without that of `tenant_id`, which every table of a tenant has.
const REFERENCES: &str = "
    SELECT c.relname AS table_name, a.attname AS name, target.relname AS target
      FROM pg_constraint f JOIN pg_class c ON c.oid = f.conrelid
      JOIN pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_class target ON target.oid = f.confrelid
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = f.conkey[1]
     WHERE n.nspname = $1 AND f.contype = 'f' AND f.conparentid = 0 AND NOT c.relispartition
       AND NOT (a.attname = 'tenant_id' AND target.relname = 'tenant')
     ORDER BY c.relname, a.attnum, target.relname";

fn assemble(name: &str, columns: &[PgRow], references: &[PgRow]) -> Result<Option<Table>> {
    let mut table = Table {
        name: name.to_owned(),
        title: String::new(),
        columns: Vec::new(),
        references: Vec::new(),
    };
    for row in columns {
        if row.try_get::<&str, _>("table_name")? == name {
            table.title = row.try_get("title")?;
            table.columns.push(Column {
                name: row.try_get("name")?,
                kind: short(row.try_get("kind")?),
                is_key: row.try_get("is_key")?,
                is_required: row.try_get("is_required")?,
            });
        }
    }
    for row in references {
        if row.try_get::<&str, _>("table_name")? == name {
            table.references.push(Reference {
                column: row.try_get("name")?,
                table: row.try_get("target")?,
            });
        }
    }
    Ok((!table.columns.is_empty()).then_some(table))
}

/// The usual short word of a type.
fn short(kind: &str) -> String {
    let word = kind.trim_end_matches("[]");
    let short = match word {
        "timestamp with time zone" => "timestamptz",
        "character varying" => "varchar",
        "double precision" => "float8",
        other => other.strip_prefix("public.").unwrap_or(other),
    };
    format!("{short}{}", &kind[word.len()..])
}

/// `call_records` of `0013_call_records.sql`.
fn family_name(file: &File) -> String {
    file.name
        .trim_end_matches(".sql")
        .trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == '_')
        .to_owned()
}

/// The tables that a file makes, without partitions.
fn tables_of(file: &File) -> Vec<String> {
    let made = file
        .sql
        .lines()
        .filter_map(|line| line.strip_prefix("CREATE TABLE "));
    made.filter(|rest| !rest.contains(" PARTITION OF "))
        .filter_map(|rest| rest.split([' ', '(']).next())
        .map(|name| name.trim_start_matches("platform.").to_owned())
        .collect()
}
