//! The database that is read: one snapshot, never written.

use futures::Stream;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, Row as _};

use super::step::Step;
use crate::{Error, Result};

/// A connection to another platform's database.
#[derive(Debug)]
pub struct Source {
    connection: PgConnection,
}

/// A row as it is staged.
#[derive(Debug, Clone)]
pub(super) struct SourceRow {
    /// Its key, as text.
    pub(super) key: String,
    /// Its columns as a JSON object, with `source_key`.
    pub(super) json: String,
    /// What it adds to each sum of its step.
    pub(super) measures: Vec<i128>,
    /// Whether it held a NUL, which PostgreSQL cannot keep in text.
    pub(super) held_nul: bool,
}

/// What the source says of a table as a whole.
#[derive(Debug)]
pub(super) struct Totals {
    pub(super) rows: u64,
    pub(super) sums: Vec<i128>,
}

impl Source {
    /// Connects with a `postgres://` URL of a login that may read the platform's tables, whose schema
    /// is on its search path. Begins a snapshot that lasts until the import ends.
    pub async fn connect(url: &str) -> Result<Self> {
        let options: PgConnectOptions = url
            .parse()
            // The text of the error repeats the URL, and with it the password.
            .map_err(|_| Error::invalid("source", "write postgres://user:password@host:port/database"))?;
        let mut connection = options
            .application_name("callplane-import")
            .disable_statement_logging()
            .connect()
            .await?;
        // Times without a zone are UTC in all five platforms.
        sqlx::raw_sql(
            "SET timezone = 'UTC'; SET datestyle = 'ISO'; SET intervalstyle = 'postgres';
             SET bytea_output = 'hex'; SET extra_float_digits = 1; SET statement_timeout = 0;
             SET idle_in_transaction_session_timeout = 0;
             BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        )
        .execute(&mut connection)
        .await?;
        Ok(Self { connection })
    }

    /// Ends the snapshot.
    pub async fn close(self) -> Result<()> {
        Ok(self.connection.close().await?)
    }

    /// Which database this is, by what any login may read of it: the cluster's identifier where the server
    /// tells it, the database, and the schema that has `table`. The same on a standby of the cluster; another
    /// one for a copy.
    pub(super) async fn identity(&mut self, table: &str) -> Result<String> {
        let row = sqlx::query(
            "SELECT d.oid::text || '/' || d.datname || '/'
                      || coalesce((SELECT c.relnamespace::regnamespace::text FROM pg_class c
                                    WHERE c.oid = to_regclass($1)), '') AS place,
                    has_function_privilege('pg_control_system()', 'EXECUTE') AS tells
               FROM pg_database d WHERE d.datname = current_database()",
        )
        .bind(table)
        .fetch_one(&mut self.connection)
        .await?;
        let place: String = row.try_get("place")?;
        if !row.try_get::<bool, _>("tells")? {
            return Ok(place);
        }
        let row = sqlx::query("SELECT system_identifier::text FROM pg_control_system()")
            .fetch_one(&mut self.connection)
            .await?;
        Ok(format!("{}/{place}", row.try_get::<String, _>(0)?))
    }

    /// The tables that are found without naming a schema.
    pub(super) async fn tables(&mut self) -> Result<Vec<String>> {
        let rows = sqlx::query(
            "SELECT c.relname::text FROM pg_class c
              WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm') AND NOT c.relispartition
                AND pg_table_is_visible(c.oid)
                AND c.relnamespace NOT IN ('pg_catalog'::regnamespace,
                                           'information_schema'::regnamespace)
              ORDER BY 1",
        )
        .fetch_all(&mut self.connection)
        .await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// The columns of a table, or `None` when there is no such table.
    pub(super) async fn columns(&mut self, table: &str) -> Result<Option<Vec<String>>> {
        let row = sqlx::query(
            "SELECT to_regclass($1) IS NOT NULL AS exists,
                    coalesce((SELECT array_agg(attname::text) FROM pg_attribute
                               WHERE attrelid = to_regclass($1) AND attnum > 0
                                 AND NOT attisdropped), '{}') AS columns",
        )
        .bind(table)
        .fetch_one(&mut self.connection)
        .await?;
        Ok(row
            .try_get::<bool, _>("exists")?
            .then(|| row.try_get("columns"))
            .transpose()?)
    }

    /// The rows of a query that takes one text and returns texts.
    pub(super) async fn texts(&mut self, query: &'static str) -> Result<Vec<Vec<Option<String>>>> {
        let rows = sqlx::query(query).fetch_all(&mut self.connection).await?;
        rows.iter()
            .map(|row| {
                (0..row.len())
                    .map(|column| Ok(row.try_get(column)?))
                    .collect()
            })
            .collect()
    }

    /// Counts and sums over all rows of the tenant.
    pub(super) async fn totals(&mut self, step: &Step<'_>, tenant: &str) -> Result<Totals> {
        let sums: String = step
            .sums
            .iter()
            .map(|sum| format!(", coalesce(sum({}), 0)::text", whole(sum.source)))
            .collect();
        let sql = format!(
            "SELECT count(*){sums} FROM {} s {} WHERE {}",
            step.table, step.joins, step.of_tenant
        );
        let row = sqlx::query(AssertSqlSafe(sql))
            .bind(tenant)
            .fetch_one(&mut self.connection)
            .await?;
        Ok(Totals {
            rows: row.try_get::<i64, _>(0)?.try_into().unwrap_or(0),
            sums: (1..=step.sums.len())
                .map(|column| number(row.try_get(column)?))
                .collect::<Result<_>>()?,
        })
    }

    /// The rows of the tenant after `after`, in the order of their key.
    pub(super) fn rows<'a>(
        &'a mut self,
        sql: &'a str,
        step: &'a Step<'_>,
        tenant: &'a str,
        after: Option<String>,
    ) -> impl Stream<Item = Result<SourceRow>> + 'a {
        use futures::StreamExt as _;
        sqlx::query(AssertSqlSafe(sql))
            .persistent(false)
            .bind(tenant)
            .bind(after)
            .fetch(&mut self.connection)
            .map(move |row| {
                let row = row?;
                let json: String = row.try_get(1)?;
                let (json, held_nul) = without_nul(json);
                Ok(SourceRow {
                    key: row.try_get(0)?,
                    json,
                    measures: (2..2 + step.sums.len())
                        .map(|column| number(row.try_get(column)?))
                        .collect::<Result<_>>()?,
                    held_nul,
                })
            })
    }
}

/// The query of [`Source::rows`]: key, row as JSON, what the row adds to each sum. `has` are the columns
/// that the source's table has.
pub(super) fn rows_query(step: &Step<'_>, has: &[String]) -> String {
    let (key, key_type) = step.key;
    let own = step.columns().map(|(name, _)| {
        if has.iter().any(|column| column == name.trim_matches('"')) {
            format!(", s.{name}")
        } else {
            format!(", NULL AS {name}")
        }
    });
    let joined = step
        .joined
        .iter()
        .map(|(name, _, expression)| format!(", {expression} AS {name}"));
    let columns: String = own.chain(joined).collect();
    let sums: String = step
        .sums
        .iter()
        .map(|sum| format!(", {}::text", whole(sum.source)))
        .collect();
    // json and not jsonb: it passes escapes that jsonb refuses.
    format!(
        "SELECT ({key})::text,
                (SELECT row_to_json(r)::text FROM (SELECT ({key})::text AS source_key{columns}) r){sums}
           FROM {} s {}
          WHERE ({}) AND ($2::text IS NULL OR {key} > $2::text::{key_type})
          ORDER BY {key}",
        step.table, step.joins, step.of_tenant
    )
}

/// A whole number, whatever the expression yields. What no `bigint` can hold counts as nothing, as it does
/// in the target: its row is refused. To PostgreSQL NaN is greater than infinity.
fn whole(expression: &str) -> String {
    format!(
        "CASE WHEN abs(({expression})::numeric) <= 9223372036854775807
              THEN round(({expression})::numeric) ELSE 0 END"
    )
}

pub(super) fn number(text: &str) -> Result<i128> {
    text.parse()
        .map_err(|_| Error::invalid("sum", "it is no whole number of 38 digits"))
}

/// Replaces escaped NULs: columns of type `json` may hold them, nothing else of PostgreSQL can.
fn without_nul(json: String) -> (String, bool) {
    if !json.contains("\\u0000") {
        return (json, false);
    }
    let mut clean = String::with_capacity(json.len());
    let mut held = false;
    let mut rest = json.as_str();
    while let Some(at) = rest.find('\\') {
        clean.push_str(&rest[..at]);
        let escape = &rest[at..];
        // An escaped backslash is no beginning of an escape.
        let (seen, length) = match escape.as_bytes() {
            [b'\\', b'u', b'0', b'0', b'0', b'0', ..] => {
                held = true;
                ("\\ufffd", 6)
            }
            [b'\\', _, ..] => (
                &escape[..escape.char_indices().nth(2).map_or(escape.len(), |c| c.0)],
                2,
            ),
            _ => (escape, escape.len()),
        };
        clean.push_str(seen);
        rest = &escape[length..];
    }
    clean.push_str(rest);
    (clean, held)
}

#[cfg(test)]
mod tests {
    use super::without_nul;

    #[test]
    fn only_a_nul_is_replaced() {
        let keep = r#"{"a":"\\u0000 \" é"}"#.to_owned();
        assert_eq!(without_nul(keep.clone()), (keep, false));
        let (clean, held) = without_nul(r#"{"a":"x\u0000y","b":"\\\u0000"}"#.to_owned());
        assert_eq!(clean, r#"{"a":"x\ufffdy","b":"\\\ufffd"}"#);
        assert!(held);
    }
}
