//! The claim transaction: whom to dial now.

use callplane_types::{CallId, CampaignId, E164, Pii, RecipientId, WallTime};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use crate::media_nodes::NodeEpoch;
use crate::quotas::{self, Acquired};
use crate::time::{sql, wall};
use crate::{Error, Result, TenantDatabase};

/// How many candidates are looked at for one free slot, so that a claim makes progress when many
/// are outside their window. Those are put off, so none is looked at twice in vain.
const LOOK_AHEAD: u32 = 8;

/// A recipient that nothing in the database speaks against dialling now.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Whom.
    pub id: RecipientId,
    /// Where.
    pub number: E164,
    /// IANA zone, when the list told one.
    pub time_zone: Option<String>,
    /// Attempts made so far.
    pub attempts: u32,
    /// The server's time: the time to judge the window by.
    pub now: WallTime,
}

/// What the rules of the campaign say about a [`Candidate`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Dial now.
    Dial,
    /// Not before that time.
    NotBefore(WallTime),
    /// Never; with a word why, such as `no_time_zone`.
    Suppress(&'static str),
}

/// A recipient that is committed as `dialing` by the calling node.
#[derive(Debug, Clone, PartialEq)]
pub struct Claimed {
    /// Whom.
    pub recipient_id: RecipientId,
    /// Where.
    pub number: E164,
    /// Their name, for the prompt.
    pub name: Option<Pii<String>>,
    /// The further columns of the list, for the prompt.
    pub variables: serde_json::Map<String, serde_json::Value>,
    /// Which attempt it is, from 1.
    pub attempt: u32,
    /// The row of `calls` that was opened for it.
    pub call_id: CallId,
    /// The Call-ID of the INVITE, see [`sip_call_id`].
    pub sip_call_id: String,
    /// When it was claimed, by the server's clock.
    pub claimed_at: WallTime,
}

/// Why a claim gave nobody, although a slot was free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The campaign is not running, or gone.
    NotRunning,
    /// Its concurrent calls or its calls per minute are used up.
    Paced,
    /// The tenant's concurrent calls are used up, or the tenant is not in service.
    Quota,
    /// No recipient may be dialled now.
    Nobody,
}

/// The Call-ID (RFC 3261 section 8.1.1.4) of an attempt: the same attempt has the same Call-ID
/// whoever computes it, so that a repeated INVITE would be seen as what it is.
#[must_use]
pub fn sip_call_id(campaign: CampaignId, recipient: RecipientId, attempt: u32) -> String {
    format!(
        "{}.{}.{attempt}@callplane",
        campaign.uuid().simple(),
        recipient.uuid().simple()
    )
}

/// Claims up to `limit` recipients of a campaign for `node` and commits them as `dialing`.
///
/// In one transaction: the campaign runs and is within its pace; the recipient is free, due, not on
/// a do-not-call list and not barred by its contact; `decide` (calling window and the like) agrees;
/// a slot of the tenant's quota is held for it. An empty answer says why.
///
/// Claims of one campaign follow each other; claims of different campaigns do not meet except at
/// the quota. A node that was superseded claims nobody.
pub async fn claim(
    database: &TenantDatabase,
    campaign: CampaignId,
    node: &NodeEpoch,
    limit: u32,
    decide: impl Fn(&Candidate) -> Decision,
) -> Result<Result<Vec<Claimed>, Refusal>> {
    let mut transaction = database.pool().begin().await?;
    current_epoch(&mut transaction, node).await?;
    let Some(pace) = lock_campaign(&mut transaction, campaign).await? else {
        return Ok(Err(Refusal::NotRunning));
    };
    let wanted = limit.min(pace.free);
    if wanted == 0 {
        return Ok(Err(Refusal::Paced));
    }
    let mut claimed = Vec::new();
    let mut refusal = Refusal::Nobody;
    for (candidate, row) in candidates(&mut transaction, campaign, wanted).await? {
        if claimed.len() == wanted as usize {
            break;
        }
        // Looked up at every claim and not at the import: people opt out in between.
        if row.try_get("barred")? {
            suppress(&mut transaction, candidate.id, "on_dnc").await?;
            continue;
        }
        match decide(&candidate) {
            Decision::NotBefore(time) => put_off(&mut transaction, candidate.id, time).await?,
            Decision::Suppress(reason) => suppress(&mut transaction, candidate.id, reason).await?,
            Decision::Dial => {
                let call_id = CallId::new(Uuid::now_v7());
                let slot =
                    quotas::acquire_in(&mut transaction, quotas::CONCURRENT_CALLS, call_id, node);
                if slot.await? == Acquired::Refused {
                    refusal = Refusal::Quota;
                    break;
                }
                claimed.push(
                    commit_dialing(&mut transaction, &pace, node, candidate, &row, call_id).await?,
                );
            }
        }
    }
    // Recipients that were put off or suppressed stay so, even when nobody is dialled.
    transaction.commit().await?;
    Ok(if claimed.is_empty() {
        Err(refusal)
    } else {
        Ok(claimed)
    })
}

/// What is fixed about the campaign for the length of the transaction.
struct Pace {
    campaign: CampaignId,
    name: String,
    free: u32,
    agent_id: Option<Uuid>,
    agent_version_id: Option<Uuid>,
    caller_number_id: Option<Uuid>,
    caller_number: Option<String>,
}

/// A node that was superseded must not dial: its successor may already have swept its epoch.
async fn current_epoch(connection: &mut PgConnection, node: &NodeEpoch) -> Result<()> {
    sqlx::query(
        "SELECT 1 FROM platform.media_nodes
          WHERE pod_name = $1 AND epoch = $2 AND status NOT IN ('lost', 'gone') FOR SHARE",
    )
    .bind(&node.name)
    .bind(node.epoch)
    .fetch_optional(connection)
    .await?
    .map(|_| ())
    .ok_or_else(|| Error::Superseded {
        name: node.name.clone(),
        epoch: node.epoch,
    })
}

/// Locks a running campaign, so that its pace is counted by one claim at a time.
async fn lock_campaign(
    connection: &mut PgConnection,
    campaign: CampaignId,
) -> Result<Option<Pace>> {
    let locked = sqlx::query(
        "SELECT 1 FROM campaigns
          WHERE id = $1 AND desired_state = 'run' AND deleted_at IS NULL
            AND (start_at IS NULL OR start_at <= now())
            FOR NO KEY UPDATE",
    )
    .bind(campaign.uuid())
    .fetch_optional(&mut *connection)
    .await?;
    if locked.is_none() {
        return Ok(None);
    }
    // A statement of its own: it must see what the claim before us committed.
    let row = sqlx::query(
        "SELECT c.name, c.agent_id, a.current_version_id, n.id AS number_id, n.e164,
                least(
                    c.max_concurrent_calls - (
                        SELECT count(*) FROM campaign_recipients r
                         WHERE r.campaign_id = c.id AND r.status = 'dialing'),
                    c.calls_per_minute - (
                        SELECT count(*) FROM calls k
                         WHERE k.campaign_id = c.id
                           AND k.initiated_at > now() - interval '1 minute')
                ) AS free
           FROM campaigns c
           LEFT JOIN agents a ON a.id = c.agent_id
           LEFT JOIN phone_numbers n ON n.id = c.caller_phone_number_id
          WHERE c.id = $1",
    )
    .bind(campaign.uuid())
    .fetch_one(connection)
    .await?;
    Ok(Some(Pace {
        campaign,
        name: row.try_get("name")?,
        free: u32::try_from(row.try_get::<i64, _>("free")?).unwrap_or(0),
        agent_id: row.try_get("agent_id")?,
        agent_version_id: row.try_get("current_version_id")?,
        caller_number_id: row.try_get("number_id")?,
        caller_number: row.try_get("e164")?,
    }))
}

async fn candidates(
    connection: &mut PgConnection,
    campaign: CampaignId,
    wanted: u32,
) -> Result<Vec<(Candidate, PgRow)>> {
    // Index: campaign_recipients_due, in this very order.
    let rows = sqlx::query(
        "SELECT r.id, r.contact_id, r.phone_number, r.name, r.variables, r.attempts, now() AS now,
                coalesce(r.time_zone, c.time_zone) AS time_zone,
                do_not_call(r.campaign_id, r.phone_number) AS barred
           FROM campaign_recipients r
           LEFT JOIN contacts c ON c.id = r.contact_id
          WHERE r.campaign_id = $1 AND r.status IN ('ready', 'queued', 'retry_wait')
            AND (r.next_attempt_at IS NULL OR r.next_attempt_at <= now())
          ORDER BY r.next_attempt_at NULLS FIRST, r.id
          LIMIT $2
            FOR NO KEY UPDATE OF r SKIP LOCKED",
    )
    .bind(campaign.uuid())
    .bind(i64::from(wanted.saturating_mul(LOOK_AHEAD)))
    .fetch_all(&mut *connection)
    .await?;
    let mut candidates = Vec::new();
    for row in rows {
        let id = RecipientId::new(row.try_get("id")?);
        // The column holds shorter numbers than anybody can be assigned: short codes and emergency
        // numbers are among them. However one got there, it is never dialled.
        let Ok(number) = row.try_get::<String, _>("phone_number")?.parse() else {
            suppress(connection, id, "invalid_number").await?;
            continue;
        };
        let candidate = Candidate {
            id,
            number,
            time_zone: row.try_get("time_zone")?,
            attempts: u32::try_from(row.try_get::<i32, _>("attempts")?).unwrap_or(0),
            now: wall(row.try_get("now")?),
        };
        candidates.push((candidate, row));
    }
    Ok(candidates)
}

async fn put_off(
    connection: &mut PgConnection,
    recipient: RecipientId,
    time: WallTime,
) -> Result<()> {
    sqlx::query("UPDATE campaign_recipients SET next_attempt_at = $2 WHERE id = $1")
        .bind(recipient.uuid())
        .bind(sql(time))
        .execute(connection)
        .await?;
    Ok(())
}

async fn suppress(
    connection: &mut PgConnection,
    recipient: RecipientId,
    reason: &str,
) -> Result<()> {
    sqlx::query(
        "UPDATE campaign_recipients
            SET status = 'suppressed', outcome = 'suppressed', error_reason = $2,
                next_attempt_at = NULL
          WHERE id = $1",
    )
    .bind(recipient.uuid())
    .bind(reason)
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes the attempt down: the recipient as `dialing`, and the call it will be.
async fn commit_dialing(
    connection: &mut PgConnection,
    pace: &Pace,
    node: &NodeEpoch,
    candidate: Candidate,
    row: &PgRow,
    call_id: CallId,
) -> Result<Claimed> {
    let attempt = candidate.attempts + 1;
    let sip_call_id = sip_call_id(pace.campaign, candidate.id, attempt);
    sqlx::query(
        "UPDATE campaign_recipients
            SET status = 'dialing', attempts = $2, last_call_id = $3, sip_call_id = $4,
                dialing_node = $5, dialing_epoch = $6, dialed_at = now(),
                outcome = NULL, error_reason = NULL, next_attempt_at = NULL
          WHERE id = $1",
    )
    .bind(candidate.id.uuid())
    .bind(i32::try_from(attempt).unwrap_or(i32::MAX))
    .bind(call_id.uuid())
    .bind(&sip_call_id)
    .bind(&node.name)
    .bind(node.epoch)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "INSERT INTO calls (id, external_call_id, direction, status, initiated_at,
                from_number, to_number, customer_number, customer_name, from_phone_number_id,
                agent_id, agent_version_id, campaign_id, campaign_name, campaign_recipient_id,
                media_node, media_node_epoch, metadata, contact_id)
         VALUES ($1, $2, 'outbound', 'initiated', now(), $3, $4, $4, $5, $6, $7, $8, $9, $10, $11,
                $12, $13, jsonb_build_object('attempt', $14::integer), $15)",
    )
    .bind(call_id.uuid())
    .bind(&sip_call_id)
    .bind(&pace.caller_number)
    .bind(candidate.number.as_str())
    .bind(row.try_get::<Option<String>, _>("name")?)
    .bind(pace.caller_number_id)
    .bind(pace.agent_id)
    .bind(pace.agent_version_id)
    .bind(pace.campaign.uuid())
    .bind(&pace.name)
    .bind(candidate.id.uuid())
    .bind(&node.name)
    .bind(node.epoch)
    .bind(i32::try_from(attempt).unwrap_or(i32::MAX))
    .bind(row.try_get::<Option<Uuid>, _>("contact_id")?)
    .execute(connection)
    .await?;
    let variables: sqlx::types::Json<serde_json::Map<String, serde_json::Value>> =
        row.try_get("variables")?;
    Ok(Claimed {
        recipient_id: candidate.id,
        number: candidate.number,
        name: row.try_get::<Option<String>, _>("name")?.map(Pii::new),
        variables: variables.0,
        attempt,
        call_id,
        sip_call_id,
        claimed_at: candidate.now,
    })
}
