//! An import of 100,000 calls of IRISX with what is told of them.

use std::time::Instant;

use callplane_store::compatibility::Platform;
use callplane_store::import::{self, Control, Options, Source};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::Failure;
use crate::bench::Bench;
use crate::figure::Figure;

/// The layout and the rows of the tests, bad ones included.
const LAYOUT: &str = include_str!("../../tests/it/import/irisx.sql");
const SHARED: &str = include_str!("../../tests/it/import/rows.sql");
const ROWS: &str = include_str!("../../tests/it/import/irisx_rows.sql");
const CALLS: &str = "100000";

pub(crate) async fn run(bench: &Bench) -> Result<Vec<Figure>, Failure> {
    let database = bench.database().await?;
    let tenant = database.tenant("moved").await?;
    let name = format!("{}_source", database.name);
    database
        .superuser(&format!("CREATE DATABASE {name}"))
        .await?;
    let url = bench.server.superuser_url(&name);
    let mut connection = PgConnection::connect(&url).await?;
    for statements in [LAYOUT, SHARED, ROWS] {
        let statements = statements
            .replace("{{seed}}", "1")
            .replace("{{calls}}", CALLS);
        sqlx::raw_sql(AssertSqlSafe(statements))
            .execute(&mut connection)
            .await?;
    }
    connection.close().await?;
    let options = || Options {
        source_tenant: Some("1".to_owned()),
        ..Options::default()
    };
    let mut seconds = Vec::new();
    for _ in ["first", "again"] {
        let began = Instant::now();
        let mut source = Source::connect(&url).await?;
        let report = import::run(
            &database.operator,
            &tenant.spec.name,
            Platform::Irisx,
            &mut source,
            &options(),
            &mut |_| Control::Continue,
        )
        .await?;
        seconds.push(began.elapsed().as_secs_f64());
        if !report.differences.is_empty() {
            return Err(report.to_string().into());
        }
    }
    Ok(vec![
        Figure::at_most(
            "100,000 calls imported, with 100,000 events",
            seconds[0],
            "s",
            60.0,
        ),
        Figure::shown(
            "the same import again, which writes nothing",
            seconds[1],
            "s",
        ),
    ])
}
