//! The server of a run.

use callplane_store::test_util::{PostgresServer, Settings, TestDatabase};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::Failure;

/// What every section is given.
pub(crate) struct Bench {
    /// Flushes to the disk, and nobody else uses it.
    pub(crate) server: PostgresServer,
}

impl Bench {
    /// Starts the server.
    pub(crate) fn start() -> Result<Self, Failure> {
        Ok(Self {
            server: PostgresServer::start_with(Settings::Durable)?,
        })
    }

    /// A fresh database with the schema `platform`.
    pub(crate) async fn database(&self) -> Result<TestDatabase<'_>, Failure> {
        Ok(TestDatabase::create(&self.server).await?)
    }
}

/// A superuser's connection to a database, for what a section does behind the store's back.
pub(crate) async fn superuser(database: &TestDatabase<'_>) -> Result<PgConnection, Failure> {
    let url = database.server.superuser_url(&database.name);
    Ok(PgConnection::connect(&url).await?)
}

/// Runs statements that return nothing.
pub(crate) async fn execute(connection: &mut PgConnection, sql: &str) -> Result<(), Failure> {
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(connection)
        .await?;
    Ok(())
}
