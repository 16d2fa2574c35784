//! Where the database is, as `run` takes it.

use anyhow::Context as _;
use callplane_store::OperatorDatabase;
use clap::Args;

/// Which database, as the operator.
#[derive(Debug, Args)]
pub(super) struct Connection {
    /// `postgres://callplane_operator:PASSWORD@HOST:5432/DATABASE?sslmode=verify-full`; the server
    /// itself, not a transaction pooler. Required.
    // Clap allows no required option that may stand behind the command, so `open` asks for it.
    #[arg(
        long,
        env = "CALLPLANE_DATABASE_URL",
        hide_env_values = true,
        global = true
    )]
    database_url: Option<String>,
    /// Connections to the database at most.
    #[arg(
        long,
        env = "CALLPLANE_DATABASE_CONNECTIONS",
        default_value_t = 16,
        global = true
    )]
    database_connections: u32,
}

impl Connection {
    /// The door to it. Nothing is sent yet.
    pub(super) fn open(&self) -> anyhow::Result<OperatorDatabase> {
        let url = self
            .database_url
            .as_deref()
            .context("no database is named; set --database-url or CALLPLANE_DATABASE_URL")?;
        Ok(OperatorDatabase::connect_lazy(
            url,
            self.database_connections,
        )?)
    }
}
