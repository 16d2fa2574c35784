//! Sources whose documents leave most columns open: laid out as the compatibility views have them, with
//! the rows of the views' fixture.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use callplane_store::compatibility::{self, Platform};
use sqlx::{AssertSqlSafe, Connection as _, Row as _};

use crate::compatibility::fill;
use crate::support::{database, superuser};

/// Statements that make and fill the tables of a platform's database, and the identifier of its tenant.
pub(super) async fn export(platform: Platform) -> (String, String) {
    let database = database().await;
    let tenant = database.tenant("former").await.unwrap();
    compatibility::ensure(
        &database.operator,
        &database.fence,
        tenant.id,
        &BTreeSet::from([platform]),
    )
    .await
    .unwrap();
    fill(&database, &tenant).await;
    let mut connection = superuser(&database).await;
    let views = format!("{}__{}", tenant.schema(), platform.as_str());
    sqlx::query(
        "SELECT set_config('search_path', $1, false), set_config('timezone', 'UTC', false)",
    )
    .bind(format!("{}, public", tenant.schema()))
    .execute(&mut connection)
    .await
    .unwrap();
    let tables = sqlx::query(
        "SELECT c.relname::text,
                string_agg(format('%I %s', a.attname, CASE
                  WHEN t.typtype = 'e' OR t.typname = 'citext' THEN 'text'
                  ELSE format_type(a.atttypid, a.atttypmod) END), ', ' ORDER BY a.attnum)
           FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
           JOIN pg_type t ON t.oid = a.atttypid
          WHERE c.relnamespace = $1::regnamespace AND c.relkind = 'v' GROUP BY 1",
    )
    .bind(&views)
    .fetch_all(&mut connection)
    .await
    .unwrap();
    let mut layout = String::new();
    for table in tables {
        let (name, columns): (String, String) = (table.get(0), table.get(1));
        writeln!(layout, "CREATE TABLE \"{name}\" ({columns});").unwrap();
        let rows = format!("SELECT to_jsonb(v)::text FROM {views}.\"{name}\" v");
        for row in sqlx::query(AssertSqlSafe(rows))
            .fetch_all(&mut connection)
            .await
            .unwrap()
        {
            let row: String = row.get(0);
            writeln!(
                layout,
                "INSERT INTO \"{name}\" SELECT * FROM jsonb_populate_record(NULL::\"{name}\", $row${row}$row$);"
            )
            .unwrap();
        }
    }
    connection.close().await.unwrap();
    (layout, tenant.id.to_string())
}
