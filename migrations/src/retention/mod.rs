//! Rows leave when they are old (data model, section 9).
//!
//! What leaves together is a [`Family`] and a month of it. The tables of a family are copied out
//! ([`export`]), whoever calls stores the copies where they are kept and records them
//! ([`manifests::record`]), and only then [`remove`] takes the rows away: **in one transaction which
//! proves that it takes what was archived, row for row, or nothing.** So a job may end at any point
//! and begin anew.
//!
//! Audio goes when its recording is past its age: what lies in object storage by [`old_recordings`] and
//! [`delete_recording`], what lies on the disk of a media node by the node, which asks [`let_go`].
//!
//! A month with a recording under legal hold stays. Figures and samples leave without a copy
//! ([`thin`]).

mod audio;
mod export;
mod family;
pub mod manifests;
mod plan;
mod policy;
mod remove;
mod thin;

pub use audio::{
    OldRecording, delete_recording, kept_at, let_go, moved, old_recordings, recording_days,
};
pub use export::{Part, export};
pub use family::{By, FAMILIES, Family, Table};
pub use plan::{Due, Held, Plan, plan};
pub use policy::{Policies, Policy, policies};
pub use remove::{Removed, remove};
pub use thin::{Thinned, thin};

use callplane_types::{TenantId, TenantName, WallTime};
use sqlx::Row as _;

use crate::time::wall;
use crate::{Error, Fence, OperatorDatabase, Result};

/// Every tenant whose schema is there.
pub async fn tenants(database: &OperatorDatabase) -> Result<Vec<(TenantId, TenantName)>> {
    sqlx::query(
        "SELECT t.id, t.slug FROM platform.tenants t
          WHERE to_regnamespace(quote_ident(t.schema_name)) IS NOT NULL ORDER BY t.slug",
    )
    .fetch_all(database.pool())
    .await?
    .iter()
    .map(|row| {
        Ok((
            TenantId::new(row.try_get("id")?),
            row.try_get::<String, _>("slug")?
                .parse()
                .map_err(|error| Error::invalid("tenant name", error))?,
        ))
    })
    .collect()
}

/// What the server's clock shows. Ages are counted with the earlier of this and one's own: a clock that
/// is ahead makes nothing old.
pub async fn clock(database: &OperatorDatabase) -> Result<WallTime> {
    let row = sqlx::query("SELECT now()")
        .fetch_one(database.pool())
        .await?;
    Ok(wall(row.try_get(0)?))
}

/// Keeps other jobs from the rows of a tenant. [`Alone::end`] lets them at once; a drop does so a moment
/// later.
#[derive(Debug)]
pub struct Alone(sqlx::Transaction<'static, sqlx::Postgres>);

impl Alone {
    /// Lets the next job in: whoever asks after this gets the tenant.
    pub async fn end(self) -> Result<()> {
        Ok(self.0.rollback().await?)
    }
}

/// The right to work on a tenant; `None` while another job has it.
pub async fn alone(database: &OperatorDatabase, tenant: TenantId) -> Result<Option<Alone>> {
    let mut transaction = database.pool().begin().await?;
    let row = sqlx::query(
        "SELECT set_config('idle_in_transaction_session_timeout', '0', true),
                pg_try_advisory_xact_lock(hashtextextended('callplane:retention:' || $1::text, 0)) AS got",
    )
    .bind(tenant.uuid())
    .fetch_one(&mut *transaction)
    .await?;
    let got: bool = row.try_get("got")?;
    Ok(got.then_some(Alone(transaction)))
}

/// Deletes sessions and one-time tokens of people that expired longer ago than the class `session` says.
/// With `dry`, says how many there are.
pub async fn sessions(database: &OperatorDatabase, fence: &Fence, dry: bool) -> Result<u64> {
    let mut transaction = database.begin(fence).await?;
    let mut deleted = 0;
    for table in ["sessions", "user_tokens"] {
        deleted += sqlx::query(sqlx::AssertSqlSafe(format!(
            "DELETE FROM platform.{table}
              WHERE expires_at < now() - make_interval(days => (
                    SELECT delete_after_days FROM platform.retention_policies WHERE class = 'session'))"
        )))
        .execute(&mut *transaction)
        .await?
        .rows_affected();
    }
    if dry {
        transaction.rollback().await?;
    } else {
        transaction.commit().await?;
    }
    Ok(deleted)
}
