//! The small writes while a call goes on, so that a lost node leaves a trace of its calls.

use callplane_types::{CallId, WallTime};

use super::Call;
use super::check::own;
use super::rows::open;
use crate::time::sql;
use crate::{Result, TenantDatabase};

/// Opens the row of an inbound call; [`crate::campaigns::claim`] has opened it for an outbound one.
/// Repeating it changes nothing.
pub async fn start(database: &TenantDatabase, call: &Call) -> Result<()> {
    let mut connection = database.pool().acquire().await?;
    own(database.tenant(), call)?;
    open(&mut connection, &[call]).await
}

/// Notes the answer of a call that is open. Without effect on a call that has ended.
pub async fn answered(database: &TenantDatabase, call: CallId, at: WallTime) -> Result<()> {
    sqlx::query(
        "UPDATE calls SET status = 'in_progress', answered_at = $2, connected_at = $2
          WHERE id = $1 AND status IN ('queued', 'initiated', 'ringing')",
    )
    .bind(call.uuid())
    .bind(sql(at))
    .execute(database.pool())
    .await?;
    Ok(())
}
