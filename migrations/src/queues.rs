//! `queues` and who serves them.

use callplane_types::{AgentId, Seconds};
use uuid::Uuid;

use crate::column::{each, get};
use crate::input::text;
use crate::words::words;
use crate::{Error, Result, TenantDatabase};

words! {
    /// `platform.queue_strategy`: who is rung.
    QueueStrategy {
        /// Who has waited longest.
        LongestIdle = "longest_idle",
        /// In turn.
        RoundRobin = "round_robin",
        /// All at once.
        RingAll = "ring_all",
        /// Who had the fewest.
        LeastCalls = "least_calls",
        /// By weight.
        Weighted = "weighted",
    }
}

/// A row of `queues`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// Unique in the tenant.
    pub name: String,
    /// Who is rung.
    pub strategy: QueueStrategy,
    /// Longest that a call waits.
    pub max_wait: Seconds,
    /// Most calls that wait.
    pub max_size: Option<i32>,
    /// When it is open.
    pub schedule: Option<Uuid>,
}

/// Who serves a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// A person, `members.id`.
    Member(Uuid),
    /// An AI agent.
    Agent(AgentId),
}

/// Makes a queue, or changes the one of its name.
pub async fn put(database: &TenantDatabase, queue: &Queue) -> Result<Uuid> {
    let Queue {
        name,
        strategy,
        max_wait,
        max_size,
        schedule,
    } = queue;
    text("queues.name", name)?;
    let max_wait = i32::try_from(max_wait.0)
        .map_err(|_| Error::invalid("max_wait_seconds", "write less than 68 years"))?;
    let row = sqlx::query(
        "INSERT INTO queues (name, strategy, max_wait_seconds, max_size, schedule_id)
         VALUES ($1, $2::text::platform.queue_strategy, $3, $4, $5)
         ON CONFLICT (name) DO UPDATE SET strategy = EXCLUDED.strategy,
                max_wait_seconds = EXCLUDED.max_wait_seconds, max_size = EXCLUDED.max_size,
                schedule_id = EXCLUDED.schedule_id, status = 'active', deleted_at = NULL
         RETURNING id",
    )
    .bind(name)
    .bind(strategy.as_str())
    .bind(max_wait)
    .bind(max_size)
    .bind(schedule)
    .fetch_one(database.pool())
    .await?;
    get(&row, "id")
}

/// The queues that are there, by name.
pub async fn list(database: &TenantDatabase) -> Result<Vec<(Uuid, Queue)>> {
    let rows = sqlx::query(
        "SELECT id, name, strategy::text, max_wait_seconds::bigint, max_size, schedule_id
           FROM queues WHERE deleted_at IS NULL ORDER BY name",
    )
    .fetch_all(database.pool())
    .await?;
    each(&rows, |row| {
        let queue = Queue {
            name: get(row, "name")?,
            strategy: get(row, "strategy")?,
            max_wait: get(row, "max_wait_seconds")?,
            max_size: get(row, "max_size")?,
            schedule: get(row, "schedule_id")?,
        };
        Ok((get(row, "id")?, queue))
    })
}

/// Lets somebody serve a queue; a lower penalty is rung first.
pub async fn serve(
    database: &TenantDatabase,
    queue: Uuid,
    server: Server,
    penalty: i32,
) -> Result<()> {
    let (member, agent) = match server {
        Server::Member(member) => (Some(member), None),
        Server::Agent(agent) => (None, Some(agent.uuid())),
    };
    sqlx::query(
        "INSERT INTO queue_members (queue_id, member_id, agent_id, penalty) VALUES ($1, $2, $3, $4)
         ON CONFLICT (queue_id, member_id, agent_id) DO UPDATE SET penalty = EXCLUDED.penalty,
                is_paused = false",
    )
    .bind(queue)
    .bind(member)
    .bind(agent)
    .bind(penalty)
    .execute(database.pool())
    .await?;
    Ok(())
}

/// Who serves a queue now, lowest penalty first.
pub async fn servers(database: &TenantDatabase, queue: Uuid) -> Result<Vec<Server>> {
    let rows = sqlx::query(
        "SELECT member_id, agent_id FROM queue_members
          WHERE queue_id = $1 AND NOT is_paused ORDER BY penalty, id",
    )
    .bind(queue)
    .fetch_all(database.pool())
    .await?;
    each(&rows, |row| {
        match (get(row, "member_id")?, get(row, "agent_id")?) {
            (Some(member), _) => Ok(Server::Member(member)),
            (None, Some(agent)) => Ok(Server::Agent(agent)),
            (None, None) => Err(Error::invalid("queue_members", "a row names nobody")),
        }
    })
}

/// Takes a queue out of service; its calls keep it.
pub async fn remove(database: &TenantDatabase, queue: Uuid) -> Result<()> {
    sqlx::query("UPDATE queues SET status = 'archived', deleted_at = now() WHERE id = $1")
        .bind(queue)
        .execute(database.pool())
        .await?;
    Ok(())
}
