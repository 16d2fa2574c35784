//! Partitions by month.
//!
//! A small tenant has few of its tables by month, a large one all of them ([`Partitioning`]; data
//! model, D26). The operator calls [`ensure`] at each look at a tenant: months are made ahead, so
//! that rows never wait for one, and a tenant becomes a large one on the way.
//!
//! **Promotion moves no row.** What a tenant has until then stays in the DEFAULT partitions and
//! leaves by its age; the months to come get partitions of their own. PostgreSQL would read all of
//! DEFAULT under an exclusive lock to prove that it has no row of a new month. It takes the proof
//! from a constraint instead, which is validated beforehand while calls go on.

mod ensure;
mod missing;
mod strays;

pub use ensure::{Ensured, ensure};
pub(crate) use ensure::{LOCK_TIMEOUT, patiently};
pub use strays::{Strays, strays};

use callplane_types::TenantId;
use sqlx::Row as _;

use crate::words::words;
use crate::{OperatorDatabase, Result};

/// Months that stand ready, the present one included.
pub const AHEAD: u32 = 4;

words! {
    /// Which tables of a tenant are by month.
    Partitioning {
        /// Deliveries and figures; calls, events and the audit trail are in one partition each.
        Small = "small",
        /// All that are partitioned.
        Month = "month",
    }
}

/// Which tables a tenant has by month now: what is attached decides.
pub async fn partitioning(database: &OperatorDatabase, tenant: TenantId) -> Result<Partitioning> {
    let row = sqlx::query(
        "SELECT count(i.inhrelid) > 1
           FROM platform.tenants t
           JOIN pg_namespace n ON n.nspname = t.schema_name
           JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = 'calls'
           JOIN pg_inherits i ON i.inhparent = c.oid
          WHERE t.id = $1",
    )
    .bind(tenant.uuid())
    .fetch_one(database.pool())
    .await?;
    Ok(if row.try_get(0)? {
        Partitioning::Month
    } else {
        Partitioning::Small
    })
}
