//! A database that is slow to give quota, and a row that somebody holds.

use callplane_types::CallId;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::{HarnessError, TestDatabase, TestTenant};

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

/// While this lives, a session that was forgotten holds the row of a call.
#[derive(Debug)]
pub struct HeldCall(PgConnection);

impl TestDatabase<'_> {
    /// Begins a [`HeldCall`]; the call has begun.
    pub async fn hold_call(
        &self,
        tenant: &TestTenant,
        call: CallId,
    ) -> Result<HeldCall, HarnessError> {
        let mut connection = PgConnection::connect(&self.server.superuser_url(&self.name))
            .await
            .map_err(crate::Error::from)?;
        let hold = format!(
            "BEGIN; SELECT FROM {}.calls WHERE id = '{call}' FOR UPDATE",
            tenant.schema()
        );
        sqlx::raw_sql(AssertSqlSafe(hold))
            .execute(&mut connection)
            .await
            .map_err(crate::Error::from)?;
        Ok(HeldCall(connection))
    }
}

impl HeldCall {
    /// Lets it go.
    pub async fn end(self) -> Result<(), HarnessError> {
        Ok(self.0.close().await.map_err(crate::Error::from)?)
    }
}
