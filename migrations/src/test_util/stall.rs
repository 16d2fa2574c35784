//! A database that is slow to give quota.

use sqlx::{Connection as _, PgConnection};

use super::{HarnessError, TestDatabase};

/// While this lives, every question whether a tenant may have one more call waits, as on a slow
/// server; records and heartbeats go on. A waiting login gives up after its `lock_timeout`.
#[derive(Debug)]
pub struct QuotaStall(PgConnection);

impl TestDatabase<'_> {
    /// Begins a [`QuotaStall`].
    pub async fn stall_quotas(&self) -> Result<QuotaStall, HarnessError> {
        let mut connection = PgConnection::connect(&self.server.superuser_url(&self.name))
            .await
            .map_err(crate::Error::from)?;
        // The question begins with the state of the tenant; no other path reads it.
        sqlx::raw_sql("BEGIN; LOCK TABLE platform.tenants IN ACCESS EXCLUSIVE MODE")
            .execute(&mut connection)
            .await
            .map_err(crate::Error::from)?;
        Ok(QuotaStall(connection))
    }
}

impl QuotaStall {
    /// Lets everybody go on.
    pub async fn end(self) -> Result<(), HarnessError> {
        Ok(self.0.close().await.map_err(crate::Error::from)?)
    }
}
