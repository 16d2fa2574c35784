//! The small writes while a call goes on, so that a lost node leaves a trace of its calls.

use callplane_types::{CallId, WallTime};

use super::check::own;
use super::rows::open;
use super::{Call, CallRecord};
use crate::erasure;
use crate::time::sql;
use crate::{Result, TenantDatabase};

/// Opens the row of an inbound call; [`crate::campaigns::claim`] has opened it for an outbound one.
/// Repeating it changes nothing. Somebody who was erased meanwhile is not written with it.
pub async fn start(database: &TenantDatabase, call: &Call) -> Result<()> {
    own(database.tenant(), call)?;
    let mut transaction = database.pool().begin().await?;
    let erasures = erasure::late(&mut transaction, database.tenant(), call.initiated_at).await?;
    let record = CallRecord::new(call.clone());
    for (record, _) in erasure::scrubbed(&erasures, &[&record]) {
        open(&mut transaction, &[&record.call]).await?;
    }
    transaction.commit().await?;
    Ok(())
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
