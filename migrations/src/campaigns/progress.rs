//! How far a campaign is.

use callplane_types::{CampaignId, TenantId};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row as _};

use crate::words::words;
use crate::{Error, Fence, OperatorDatabase, Result, TenantDatabase};

words! {
    /// `platform.campaign_status`: the observed phase.
    Phase {
        /// Not started yet.
        Draft = "draft",
        /// Waits for its start.
        Scheduled = "scheduled",
        /// Dials.
        Running = "running",
        /// Dials nobody new.
        Paused = "paused",
        /// Has an outcome for every recipient.
        Completed = "completed",
        /// Was stopped.
        Stopped = "stopped",
        /// Cannot go on.
        Failed = "failed",
    }
}

/// Recipients of a campaign, counted by how they stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The phase that follows from the wanted state and the counts.
    pub phase: Phase,
    /// All recipients that could be dialled when they were imported.
    pub total: u64,
    /// Not dialled yet, or waiting for another attempt.
    pub waiting: u64,
    /// Being dialled or talked with now.
    pub dialing: u64,
    /// Answered.
    pub answered: u64,
    /// Busy, finally.
    pub busy: u64,
    /// Not answered, finally.
    pub no_answer: u64,
    /// Failed or given up, finally.
    pub failed: u64,
    /// Lost with their node.
    pub unknown: u64,
    /// On a do-not-call list or otherwise barred.
    pub suppressed: u64,
}

impl Progress {
    /// Recipients that will not be dialled any more.
    #[must_use]
    pub fn finished(&self) -> u64 {
        self.total - self.waiting - self.dialing
    }
}

/// Counts, from the tenant's side.
pub async fn progress(database: &TenantDatabase, campaign: CampaignId) -> Result<Progress> {
    let mut connection = database.pool().acquire().await?;
    count(&mut connection, campaign).await
}

/// Counts, from the operator's side, and writes phase and counters into the campaign's row where
/// they differ: idempotent, and never on the path of a call.
pub async fn roll_up(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
    campaign: CampaignId,
) -> Result<Progress> {
    let mut transaction = database.begin_in(fence, tenant).await?;
    let progress = count(&mut transaction, campaign).await?;
    sqlx::query(
        "UPDATE campaigns
            SET status = $2::text::platform.campaign_status,
                total_calls = $3, completed_calls = $4, failed_calls = $5,
                started_at = CASE WHEN $2 = 'running' THEN coalesce(started_at, now())
                                  ELSE started_at END,
                completed_at = CASE WHEN $2 = 'completed' THEN coalesce(completed_at, now()) END
          WHERE id = $1
            AND (status::text, total_calls, completed_calls, failed_calls)
                IS DISTINCT FROM ($2, $3, $4, $5)",
    )
    .bind(campaign.uuid())
    .bind(progress.phase.as_str())
    .bind(i32::try_from(progress.total).unwrap_or(i32::MAX))
    .bind(i32::try_from(progress.finished()).unwrap_or(i32::MAX))
    .bind(i32::try_from(progress.failed + progress.unknown).unwrap_or(i32::MAX))
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(progress)
}

async fn count(connection: &mut PgConnection, campaign: CampaignId) -> Result<Progress> {
    // All recipients of the campaign, by the index that keeps their numbers apart; first in the few groups
    // that there are, so that what follows from a group is asked once and not for every recipient.
    let row = sqlx::query(
        "WITH r AS MATERIALIZED (
            SELECT status, outcome, count(*) AS n FROM campaign_recipients
             WHERE campaign_id = $1 GROUP BY status, outcome)
         SELECT c.desired_state::text AS desired,
                c.start_at IS NOT NULL AND c.start_at > now() AS early,
                sum(n)::bigint AS total,
                sum(n) FILTER (WHERE r.status IN ('ready', 'queued', 'retry_wait'))::bigint AS waiting,
                sum(n) FILTER (WHERE r.status = 'dialing')::bigint AS dialing,
                sum(n) FILTER (WHERE r.status = 'completed')::bigint AS answered,
                sum(n) FILTER (WHERE r.status = 'failed' AND r.outcome = 'busy')::bigint AS busy,
                sum(n) FILTER (WHERE r.status = 'failed' AND r.outcome = 'no_answer')::bigint
                    AS no_answer,
                sum(n) FILTER (WHERE r.status = 'failed' AND r.outcome = 'unknown')::bigint AS unknown,
                sum(n) FILTER (WHERE r.status = 'error' OR (r.status = 'failed'
                    AND coalesce(r.outcome, 'failed')
                        NOT IN ('busy', 'no_answer', 'unknown')))::bigint AS failed,
                sum(n) FILTER (WHERE r.status = 'suppressed')::bigint AS suppressed
           FROM campaigns c LEFT JOIN r ON true
          WHERE c.id = $1 AND c.deleted_at IS NULL
          GROUP BY c.id",
    )
    .bind(campaign.uuid())
    .fetch_optional(connection)
    .await?
    .ok_or_else(|| Error::NotFound {
        kind: "campaign",
        name: campaign.to_string(),
    })?;
    read(&row)
}

fn read(row: &PgRow) -> Result<Progress> {
    let count = |column: &str| -> Result<u64> {
        // No group of that kind is NULL.
        let count: Option<i64> = row.try_get(column)?;
        Ok(count
            .and_then(|count| u64::try_from(count).ok())
            .unwrap_or(0))
    };
    let mut progress = Progress {
        phase: Phase::Draft,
        total: count("total")?,
        waiting: count("waiting")?,
        dialing: count("dialing")?,
        answered: count("answered")?,
        busy: count("busy")?,
        no_answer: count("no_answer")?,
        failed: count("failed")?,
        unknown: count("unknown")?,
        suppressed: count("suppressed")?,
    };
    let open = progress.waiting + progress.dialing;
    progress.phase = match row.try_get::<&str, _>("desired")?.parse()? {
        super::DesiredState::Draft => Phase::Draft,
        super::DesiredState::Stop => Phase::Stopped,
        super::DesiredState::Run | super::DesiredState::Pause
            if progress.total > 0 && open == 0 =>
        {
            Phase::Completed
        }
        super::DesiredState::Pause => Phase::Paused,
        super::DesiredState::Run if row.try_get("early")? => Phase::Scheduled,
        super::DesiredState::Run => Phase::Running,
    };
    Ok(progress)
}
