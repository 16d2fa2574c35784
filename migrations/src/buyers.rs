//! `buyers`, their `buyer_endpoints`, and the `target_groups` that endpoints are chosen from.

use uuid::Uuid;

use crate::column::{each, get};
use crate::input::text;
use crate::records::EndpointKind;
use crate::{Result, TenantDatabase};

/// Where a buyer takes calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Unique among those of the buyer.
    pub name: String,
    /// How it is reached.
    pub kind: EndpointKind,
    /// A number in E.164, or a SIP URI.
    pub destination: String,
    /// Lower is tried first.
    pub priority: i32,
    /// Most calls at once.
    pub concurrency_cap: Option<i32>,
}

/// Adds a buyer.
pub async fn add(database: &TenantDatabase, name: &str, daily_cap: Option<i32>) -> Result<Uuid> {
    text("buyers.name", name)?;
    let row = sqlx::query("INSERT INTO buyers (name, daily_cap) VALUES ($1, $2) RETURNING id")
        .bind(name)
        .bind(daily_cap)
        .fetch_one(database.pool())
        .await?;
    get(&row, "id")
}

/// Adds or changes an endpoint of a buyer.
pub async fn put_endpoint(
    database: &TenantDatabase,
    buyer: Uuid,
    endpoint: &Endpoint,
) -> Result<Uuid> {
    let Endpoint {
        name,
        kind,
        destination,
        priority,
        concurrency_cap,
    } = endpoint;
    text("buyer_endpoints.name", name)?;
    let row = sqlx::query(
        "INSERT INTO buyer_endpoints (buyer_id, name, kind, destination, priority, concurrency_cap)
         VALUES ($1, $2, $3::text::platform.endpoint_kind, $4, $5, $6)
         ON CONFLICT (buyer_id, name) DO UPDATE SET kind = EXCLUDED.kind,
                destination = EXCLUDED.destination, priority = EXCLUDED.priority,
                concurrency_cap = EXCLUDED.concurrency_cap, status = 'active', deleted_at = NULL
         RETURNING id",
    )
    .bind(buyer)
    .bind(name)
    .bind(kind.as_str())
    .bind(destination)
    .bind(priority)
    .bind(concurrency_cap)
    .fetch_one(database.pool())
    .await?;
    get(&row, "id")
}

/// Makes a group of endpoints to choose among; one of the same name gets these instead.
pub async fn set_group(database: &TenantDatabase, name: &str, endpoints: &[Uuid]) -> Result<Uuid> {
    text("target_groups.name", name)?;
    let mut transaction = database.pool().begin().await?;
    let row = sqlx::query(
        "INSERT INTO target_groups (name) VALUES ($1)
         ON CONFLICT (name) DO UPDATE SET status = 'active' RETURNING id",
    )
    .bind(name)
    .fetch_one(&mut *transaction)
    .await?;
    let group: Uuid = get(&row, "id")?;
    sqlx::query("DELETE FROM target_group_members WHERE target_group_id = $1 AND buyer_endpoint_id <> ALL ($2)")
        .bind(group)
        .bind(endpoints)
        .execute(&mut *transaction)
        .await?;
    sqlx::query(
        "INSERT INTO target_group_members (target_group_id, buyer_endpoint_id)
         SELECT $1, e.id FROM unnest($2::uuid[]) AS e(id) ON CONFLICT DO NOTHING",
    )
    .bind(group)
    .bind(endpoints)
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(group)
}

/// The endpoints of a group that take calls, in the order in which they are tried: name of the buyer and
/// destination.
pub async fn targets(database: &TenantDatabase, group: Uuid) -> Result<Vec<(String, String)>> {
    let rows = sqlx::query(
        "SELECT b.name, e.destination
           FROM target_group_members m JOIN buyer_endpoints e ON e.id = m.buyer_endpoint_id
           JOIN buyers b ON b.id = e.buyer_id
          WHERE m.target_group_id = $1 AND e.status = 'active' AND b.status = 'active'
            AND e.deleted_at IS NULL AND b.deleted_at IS NULL
          ORDER BY m.priority, e.priority, m.id",
    )
    .bind(group)
    .fetch_all(database.pool())
    .await?;
    each(&rows, |row| {
        Ok((get(row, "name")?, get(row, "destination")?))
    })
}
