//! What lies in object storage: `platform.archive_manifests`.

use callplane_types::{TenantId, WallTime};
use chrono::{DateTime, Months, NaiveDate, NaiveTime, Utc};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use super::Table;
use super::plan::class;
use super::policy::policies;
use crate::roles::schema_of;
use crate::time::{sql, wall};
use crate::{Error, Fence, OperatorDatabase, Result};

/// A row: one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Which.
    pub id: Uuid,
    /// Whose rows.
    pub tenant: TenantId,
    /// Of which table.
    pub table: String,
    /// How many.
    pub rows: i64,
    /// Where.
    pub url: String,
    /// Of the object as it lies there.
    pub sha256: [u8; 32],
    /// Until when it must be kept.
    pub retain_until: WallTime,
}

/// An object that was written and read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewManifest {
    /// Rows in it.
    pub rows: i64,
    /// Where it is.
    pub url: String,
    /// Of the object as it lies there.
    pub sha256: [u8; 32],
    /// `platform.encryption_keys.id`.
    pub key: Uuid,
}

const COLUMNS: &str = "id, tenant_id, source_table, row_count, object_url, sha256, retain_until";

/// Records the objects of a table and month, all or none: who finds manifests finds all of them. Kept
/// until the class of the table says, counted from the end of the month. `since` is what
/// [`export`](super::export()) returned: rows written later are not what was archived.
pub async fn record(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
    table: &Table,
    month: NaiveDate,
    since: WallTime,
    objects: &[NewManifest],
) -> Result<()> {
    let mut transaction = database.begin(fence).await?;
    let schema = schema_of(&mut transaction, tenant).await?;
    let class = class(&mut transaction, &schema, table.name).await?;
    let policies = policies(&mut transaction, tenant).await?;
    let days = policies.get(&class).and_then(|policy| policy.delete);
    let [begin, end] = [month, month + Months::new(1)].map(midnight);
    for object in objects {
        sqlx::query(
            "INSERT INTO platform.archive_manifests (tenant_id, tenant_slug, class, source_table,
                    range_start, range_end, row_count, object_url, sha256, encryption_key_id,
                    retain_until, created_at)
             SELECT id, slug, $2::text::platform.retention_class, $3, $4, $5, $6, $7, $8, $9,
                    coalesce($5 + make_interval(days => $10), '9999-12-31'::timestamptz), $11
               FROM platform.tenants WHERE id = $1",
        )
        .bind(tenant.uuid())
        .bind(&class)
        .bind(table.name)
        .bind(begin)
        .bind(end)
        .bind(object.rows)
        .bind(&object.url)
        .bind(object.sha256.as_slice())
        .bind(object.key)
        .bind(days)
        .bind(sql(since))
        .execute(&mut *transaction)
        .await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// The objects of a table and month whose rows are still in the database.
pub async fn pending(
    database: &OperatorDatabase,
    tenant: TenantId,
    table: &Table,
    month: NaiveDate,
) -> Result<Vec<Manifest>> {
    let mut connection = database.pool().acquire().await?;
    pending_in(&mut connection, tenant, table, month).await
}

pub(super) async fn pending_in(
    connection: &mut PgConnection,
    tenant: TenantId,
    table: &Table,
    month: NaiveDate,
) -> Result<Vec<Manifest>> {
    let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM platform.archive_manifests
          WHERE tenant_id = $1 AND source_table = $2 AND range_start = $3
            AND removed_at IS NULL AND deleted_at IS NULL
          ORDER BY id"
    )))
    .bind(tenant.uuid())
    .bind(table.name)
    .bind(midnight(month))
    .fetch_all(connection)
    .await?;
    rows.iter().map(read).collect()
}

/// Every object of a tenant that is kept.
pub async fn kept(database: &OperatorDatabase, tenant: TenantId) -> Result<Vec<Manifest>> {
    let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM platform.archive_manifests
          WHERE tenant_id = $1 AND deleted_at IS NULL ORDER BY range_start, id"
    )))
    .bind(tenant.uuid())
    .fetch_all(database.pool())
    .await?;
    rows.iter().map(read).collect()
}

/// The objects that need not be kept any longer at `now`.
pub async fn expired(
    database: &OperatorDatabase,
    tenant: TenantId,
    now: WallTime,
) -> Result<Vec<Manifest>> {
    let kept = kept(database, tenant).await?;
    Ok(kept
        .into_iter()
        .filter(|manifest| manifest.retain_until <= now)
        .collect())
}

/// Notes that an object is gone.
pub async fn forget(database: &OperatorDatabase, fence: &Fence, id: Uuid) -> Result<()> {
    let mut transaction = database.begin(fence).await?;
    sqlx::query(
        "UPDATE platform.archive_manifests SET deleted_at = now() WHERE id = $1 AND deleted_at IS NULL",
    )
    .bind(id)
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(())
}

/// Notes that another object is in the place of an object: an archive from which somebody was erased.
pub async fn replace(
    database: &OperatorDatabase,
    fence: &Fence,
    id: Uuid,
    object: &NewManifest,
) -> Result<()> {
    let mut transaction = database.begin(fence).await?;
    sqlx::query(
        "UPDATE platform.archive_manifests
            SET row_count = $2, object_url = $3, sha256 = $4, encryption_key_id = $5
          WHERE id = $1 AND deleted_at IS NULL",
    )
    .bind(id)
    .bind(object.rows)
    .bind(&object.url)
    .bind(object.sha256.as_slice())
    .bind(object.key)
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(())
}

fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc()
}

fn read(row: &PgRow) -> Result<Manifest> {
    let sha256: Vec<u8> = row.try_get("sha256")?;
    Ok(Manifest {
        id: row.try_get("id")?,
        tenant: TenantId::new(row.try_get("tenant_id")?),
        table: row.try_get("source_table")?,
        rows: row.try_get("row_count")?,
        url: row.try_get("object_url")?,
        sha256: sha256
            .try_into()
            .map_err(|_| Error::invalid("SHA-256 of an archive", "it has 32 octets"))?,
        retain_until: wall(row.try_get("retain_until")?),
    })
}
