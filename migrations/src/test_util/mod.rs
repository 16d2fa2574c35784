//! A private PostgreSQL for tests (feature `test-util`).
//!
//! ```no_run
//! # async fn test() -> Result<(), callplane_store::test_util::HarnessError> {
//! use callplane_store::test_util::{PostgresServer, TestDatabase};
//!
//! let database = TestDatabase::create(PostgresServer::shared()?).await?;
//! let acme = database.tenant("acme").await?;
//! acme.database.ping().await?;
//! # Ok(())
//! # }
//! ```
//!
//! One server for each test binary, one database for each test. Roles belong to the whole server, so
//! [`TestDatabase::tenant`] gives tenants names of their own; a test that needs fixed names (`acme`
//! from the examples) starts a server of its own with [`PostgresServer::start`].

mod database;
mod loss;
mod server;
mod stall;

pub use database::{TestDatabase, TestTenant};
pub use server::{HarnessError, PostgresServer, Settings};
pub use stall::{HeldCall, QuotaStall};
