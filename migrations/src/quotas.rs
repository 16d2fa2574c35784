//! Quotas: limits, and holding a part of one while a call lasts.
//!
//! Each use of a concurrent quota is a row (`platform.quota_holds`, one a call), and `used_value`
//! is changed with those rows in one transaction. So giving back twice gives back once, and what a
//! lost node held is found and returned.

use callplane_types::{CallId, TenantId};
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use crate::media_nodes::NodeEpoch;
use crate::words::words;
use crate::{OperatorDatabase, Result, TenantDatabase};

/// Calls at once; the resource of [`acquire`].
pub const CONCURRENT_CALLS: &str = "concurrent_calls";

/// Numbers a tenant may have.
pub const PHONE_NUMBERS: &str = "phone_numbers";

/// Documents that a knowledge base may have.
pub const DOCUMENTS_PER_KB: &str = "documents_per_kb";

/// Whether a part of a quota was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a refused call must be rejected"]
pub enum Acquired {
    /// Held until [`release`] or [`crate::records::finish`] of that call.
    Held,
    /// The limit is reached, or the tenant is not in service.
    Refused,
}

words! {
    /// What a limit does.
    Enforcement {
        /// Refuses what goes beyond it.
        Hard = "hard",
        /// Is told and refuses nothing.
        Soft = "soft",
    }
}

/// A row of `platform.usage_quotas`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotaUsage {
    /// `concurrent_calls`, `phone_numbers`, ...
    pub resource: String,
    /// `None` is unlimited.
    pub limit: Option<i64>,
    /// Whether the limit refuses.
    pub enforcement: Enforcement,
    /// In use now.
    pub used: i64,
}

/// Holds one of `resource` for `call`. Asking again for the same call changes nothing.
pub async fn acquire(
    database: &TenantDatabase,
    resource: &str,
    call: CallId,
    node: &NodeEpoch,
) -> Result<Acquired> {
    let mut connection = database.pool().acquire().await?;
    acquire_in(&mut connection, resource, call, node).await
}

pub(crate) async fn acquire_in(
    connection: &mut PgConnection,
    resource: &str,
    call: CallId,
    node: &NodeEpoch,
) -> Result<Acquired> {
    let held: bool = sqlx::query("SELECT platform.quota_try_acquire($1, $2, $3, $4)")
        .bind(resource)
        .bind(call.uuid())
        .bind(&node.name)
        .bind(node.epoch)
        .fetch_one(connection)
        .await?
        .try_get(0)?;
    Ok(if held {
        Acquired::Held
    } else {
        Acquired::Refused
    })
}

/// Holds one of `resource` for each of `calls`, **whatever the limit**: `node` carries them already.
/// For calls that were taken without an answer, and after a silence in which others may have given
/// back what they held. Calls that hold one, and calls whose record is stored, change nothing.
pub async fn hold(
    database: &TenantDatabase,
    resource: &str,
    calls: &[CallId],
    node: &NodeEpoch,
) -> Result<()> {
    let calls: Vec<Uuid> = calls.iter().map(|call| call.uuid()).collect();
    let mut transaction = database.pool().begin().await?;
    sqlx::query("SELECT platform.quota_hold($1, $2, $3, $4)")
        .bind(resource)
        .bind(&calls)
        .bind(&node.name)
        .bind(node.epoch)
        .execute(&mut *transaction)
        .await?;
    // Those that ended meanwhile have given back already. A record that is stored from now on waits
    // for the lock of the quota, and gives back after us.
    sqlx::query("SELECT platform.quota_release(call_id) FROM cdrs WHERE call_id = ANY ($1)")
        .bind(&calls)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(())
}

/// Gives back what `call` holds; for calls that leave no record.
pub async fn release(database: &TenantDatabase, call: CallId) -> Result<()> {
    let mut connection = database.pool().acquire().await?;
    release_all_in(&mut connection, &[call]).await
}

/// [`release`] of many calls, in the caller's transaction.
pub(crate) async fn release_all_in(connection: &mut PgConnection, calls: &[CallId]) -> Result<()> {
    let calls: Vec<Uuid> = calls.iter().map(|call| call.uuid()).collect();
    sqlx::query("SELECT platform.quota_release(r.call) FROM unnest($1::uuid[]) AS r(call)")
        .bind(calls)
        .execute(connection)
        .await?;
    Ok(())
}

/// Limits and use of the calling tenant.
pub async fn own_usage(database: &TenantDatabase) -> Result<Vec<QuotaUsage>> {
    let mut connection = database.pool().acquire().await?;
    read(&mut connection, database.tenant()).await
}

/// Limits and use of a tenant.
pub async fn usage(database: &OperatorDatabase, tenant: TenantId) -> Result<Vec<QuotaUsage>> {
    let mut connection = database.pool().acquire().await?;
    read(&mut connection, tenant).await
}

async fn read(connection: &mut PgConnection, tenant: TenantId) -> Result<Vec<QuotaUsage>> {
    let rows = sqlx::query(
        "SELECT resource, limit_value, used_value, enforcement::text
           FROM platform.usage_quotas WHERE tenant_id = $1 ORDER BY resource",
    )
    .bind(tenant.uuid())
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(QuotaUsage {
                resource: row.try_get(0)?,
                limit: row.try_get(1)?,
                used: row.try_get(2)?,
                enforcement: row.try_get::<String, _>(3)?.parse()?,
            })
        })
        .collect()
}

/// Makes `used` agree with the calls that hold a slot on a living node and with the numbers that
/// are assigned. Nodes do the first at every sweep; this is for tenants whose nodes are all gone.
/// Says whether anything was wrong.
pub async fn recount(
    database: &OperatorDatabase,
    fence: &crate::Fence,
    tenant: TenantId,
) -> Result<bool> {
    let mut transaction = database.begin(fence).await?;
    let changed: bool = sqlx::query("SELECT platform.quota_recount($1)")
        .bind(tenant.uuid())
        .fetch_one(&mut *transaction)
        .await?
        .try_get(0)?;
    transaction.commit().await?;
    Ok(changed)
}
