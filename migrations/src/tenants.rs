//! Tenants: the registry row, the schema with its roles, and the end of both.
//!
//! **Only the object whose uid the registry row carries may change or end a tenant.** A second
//! Tenant that wants the same schema never gets a row, so its deletion finds nothing to delete.

mod transcripts;

use std::collections::BTreeMap;

use callplane_types::{SchemaName, TenantId, TenantName};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use crate::keys::shred_of_tenant;
use crate::notify::{self, notify};
use crate::words::{known, words};
use crate::{Error, Fence, ObjectRef, OperatorDatabase, Result, TenantDatabase, roles};

pub(crate) use transcripts::forget_sealed;
pub use transcripts::{Backlog, Transcripts, backlog, note_sealed, transcripts};

words! {
    /// `platform.tenant_status`.
    TenantStatus {
        /// Its schema is being made.
        Provisioning = "provisioning",
        /// In service.
        Active = "active",
        /// Out of service by the tenant's wish.
        Inactive = "inactive",
        /// Out of service by the platform's wish.
        Suspended = "suspended",
        /// The contract ended.
        Cancelled = "cancelled",
        /// Its data is being removed.
        Terminating = "terminating",
        /// The custom resource is gone; data may be retained.
        Deleted = "deleted",
    }
}

/// A resolved Tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantSpec {
    /// The custom resource; `namespace` is `None`.
    pub object: ObjectRef,
    /// Hash of everything below; nothing is written while it stays the same.
    pub spec_hash: String,
    /// `metadata.name`.
    pub name: TenantName,
    /// The schema; see [`TenantName::default_schema`].
    pub schema: SchemaName,
    /// Name for people.
    pub display_name: String,
    /// The wanted state: active, inactive, suspended or cancelled.
    pub status: TenantStatus,
    /// Key of a plan, whose quotas apply where `quotas` names none.
    pub plan: String,
    /// IANA zone.
    pub time_zone: String,
    /// BCP 47.
    pub locale: String,
    /// `Retain` or `Delete`, as the custom resource says.
    pub retain: bool,
    /// Limits by resource (`concurrent_calls`, ...); `None` is unlimited.
    pub quotas: BTreeMap<String, Option<i64>>,
    /// How what is said in its calls is kept.
    pub transcripts: Transcripts,
    /// Takes over the data that a deleted tenant of this id left behind.
    pub adopt: Option<TenantId>,
}

/// A row of `platform.tenants`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Which.
    pub id: TenantId,
    /// `metadata.name`.
    pub name: TenantName,
    /// Its schema; set once.
    pub schema: SchemaName,
    /// How it stands.
    pub status: TenantStatus,
    /// The plan it is on.
    pub plan: String,
    /// uid of its custom resource; `None` once that is gone.
    pub uid: Option<Uuid>,
}

/// Makes sure that the tenant has its row, roles, schema and quotas; all or nothing. The tables
/// come with [`crate::migrate::tenant`], which the caller runs next.
///
/// Fails with [`Error::NotOwner`], [`Error::Retained`] or [`Error::SchemaTaken`] when the name or
/// the schema is somebody else's, and [`Error::NotFound`] for an unknown plan.
pub async fn ensure(
    database: &OperatorDatabase,
    fence: &Fence,
    spec: &TenantSpec,
) -> Result<Tenant> {
    let mut transaction = database.begin(fence).await?;
    let id = match by_name(&mut transaction, &spec.name).await? {
        None => insert(&mut transaction, spec).await?,
        Some(tenant) if tenant.uid == Some(spec.object.uid) => {
            if tenant.schema != spec.schema {
                return Err(Error::invalid(
                    "schema",
                    format!("it is `{}` and cannot be changed", tenant.schema),
                ));
            }
            update(&mut transaction, tenant.id, spec).await?;
            tenant.id
        }
        Some(tenant) if tenant.uid.is_some() => {
            return Err(Error::NotOwner {
                kind: "tenant",
                name: spec.name.to_string(),
            });
        }
        Some(tenant) if spec.adopt == Some(tenant.id) && tenant.schema == spec.schema => {
            update(&mut transaction, tenant.id, spec).await?;
            tenant.id
        }
        Some(tenant) => {
            return Err(Error::Retained {
                name: tenant.name,
                tenant_id: tenant.id,
            });
        }
    };
    roles::ensure_schema(&mut transaction, id, &spec.schema).await?;
    ensure_quotas(&mut transaction, id, spec).await?;
    let tenant = by_name(&mut transaction, &spec.name)
        .await?
        .ok_or_else(|| not_found(spec.name.as_str()))?;
    transaction.commit().await?;
    Ok(tenant)
}

/// Copies the tenant into its schema, the anchor of all its foreign keys. After the migrations.
pub async fn project_anchor(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
) -> Result<()> {
    let mut transaction = database.begin_in(fence, tenant).await?;
    // Two statements: the row has two unique columns, and ON CONFLICT DO UPDATE watches only one.
    sqlx::query(
        "INSERT INTO tenant (id, row_no, slug, name, status, plan_key, timezone, locale)
         SELECT id, row_no, slug, name, status, plan_key, timezone, locale
           FROM platform.tenants WHERE id = $1
         ON CONFLICT DO NOTHING",
    )
    .bind(tenant.uuid())
    .execute(&mut *transaction)
    .await?;
    sqlx::query(
        "UPDATE tenant t
            SET name = p.name, status = p.status, plan_key = p.plan_key, timezone = p.timezone,
                locale = p.locale
           FROM platform.tenants p
          WHERE p.id = $1 AND t.id = p.id
            AND (t.name, t.status, t.plan_key, t.timezone, t.locale) IS DISTINCT FROM
                (p.name, p.status, p.plan_key, p.timezone, p.locale)",
    )
    .bind(tenant.uuid())
    .execute(&mut *transaction)
    .await?;
    if transcripts::project(&mut transaction, tenant.uuid()).await? {
        notify(&mut transaction, notify::ROUTES, tenant).await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// Whether the calling tenant is in service: only then new calls are taken or placed for it.
pub async fn in_service(database: &TenantDatabase) -> Result<bool> {
    let row = sqlx::query(
        "SELECT EXISTS (SELECT FROM platform.tenants WHERE id = $1 AND status = 'active')",
    )
    .bind(database.tenant().uuid())
    .fetch_one(database.pool())
    .await?;
    Ok(row.try_get(0)?)
}

/// The tenant of that name.
pub async fn find(database: &OperatorDatabase, name: &TenantName) -> Result<Option<Tenant>> {
    let mut connection = database.pool().acquire().await?;
    sqlx::query(
        "SELECT id, slug, schema_name, status::text AS status, plan_key, k8s_uid
           FROM platform.tenants WHERE slug = $1",
    )
    .bind(name.as_str())
    .fetch_optional(&mut *connection)
    .await?
    .as_ref()
    .map(read)
    .transpose()
}

/// All tenants, deleted ones with retained data included.
pub async fn list(database: &OperatorDatabase) -> Result<Vec<Tenant>> {
    let rows = sqlx::query(
        "SELECT id, slug, schema_name, status::text AS status, plan_key, k8s_uid
           FROM platform.tenants ORDER BY slug",
    )
    .fetch_all(database.pool())
    .await?;
    known(&rows, read)
}

/// Lets go of a tenant whose custom resource `uid` is deleted with `Retain`: logins are closed, the
/// numbers stay its own, every row is kept. Says what is retained, or `None` when `uid` has nothing.
pub async fn retain(
    database: &OperatorDatabase,
    fence: &Fence,
    uid: Uuid,
) -> Result<Option<Tenant>> {
    if !end_logins(database, fence, uid).await? {
        return Ok(None);
    }
    let mut transaction = database.begin(fence).await?;
    let Some(tenant) = by_uid(&mut transaction, uid).await? else {
        return Ok(None);
    };
    sqlx::query(
        "UPDATE platform.tenants
            SET status = 'deleted', status_reason = 'retained', deleted_at = now(), k8s_uid = NULL
          WHERE id = $1",
    )
    .bind(tenant.id.uuid())
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(Some(tenant))
}

/// Removes the tenant of the custom resource `uid`: schema, roles, numbers, registry row. Says what
/// was removed, or `None` when `uid` has nothing (which is also the answer to a repetition, and to
/// a duplicate that never got a schema).
///
/// The caller has checked the confirming annotation.
pub async fn delete(
    database: &OperatorDatabase,
    fence: &Fence,
    uid: Uuid,
) -> Result<Option<Tenant>> {
    if !end_logins(database, fence, uid).await? {
        return Ok(None);
    }
    let mut transaction = database.begin(fence).await?;
    let Some(tenant) = by_uid(&mut transaction, uid).await? else {
        return Ok(None);
    };
    // A large schema takes its time.
    sqlx::query("SET LOCAL statement_timeout = 0")
        .execute(&mut *transaction)
        .await?;
    roles::drop_schema(&mut transaction, tenant.id, &tenant.schema).await?;
    shred_of_tenant(&mut transaction, tenant.id).await?;
    sqlx::query("DELETE FROM platform.tenants WHERE id = $1 AND k8s_uid = $2")
        .bind(tenant.id.uuid())
        .bind(uid)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(Some(tenant))
}

/// Closes the logins of the tenant of `uid` and ends their sessions; `false` when `uid` has nothing.
/// Before the row lets go of `uid`: a repetition finds the tenant by it and does what is left.
async fn end_logins(database: &OperatorDatabase, fence: &Fence, uid: Uuid) -> Result<bool> {
    let mut transaction = database.begin(fence).await?;
    let Some(tenant) = by_uid(&mut transaction, uid).await? else {
        return Ok(false);
    };
    // By themselves: until the closing is committed, a session that was ended may open again.
    roles::close_logins(&mut transaction, tenant.id, &tenant.schema).await?;
    transaction.commit().await?;
    roles::end_sessions(database, &tenant.schema).await?;
    Ok(true)
}

async fn insert(connection: &mut PgConnection, spec: &TenantSpec) -> Result<TenantId> {
    plan_exists(connection, &spec.plan).await?;
    let row = sqlx::query(
        "INSERT INTO platform.tenants (slug, name, schema_name, status, plan_key, timezone, locale,
                deletion_policy, k8s_name, k8s_uid, k8s_generation, spec_hash, synced_at, settings)
         VALUES ($1, $2, $3, $4::text::platform.tenant_status, $5, $6, $7, $8, $1, $9, $10, $11,
                now(), $12)
         ON CONFLICT (schema_name) DO NOTHING
         RETURNING id",
    )
    .bind(spec.name.as_str())
    .bind(&spec.display_name)
    .bind(spec.schema.as_str())
    .bind(spec.status.as_str())
    .bind(&spec.plan)
    .bind(&spec.time_zone)
    .bind(&spec.locale)
    .bind(if spec.retain { "Retain" } else { "Delete" })
    .bind(spec.object.uid)
    .bind(spec.object.generation)
    .bind(&spec.spec_hash)
    .bind(spec.transcripts.setting())
    .fetch_optional(connection)
    .await?
    .ok_or_else(|| Error::SchemaTaken {
        schema: spec.schema.clone(),
    })?;
    Ok(TenantId::new(row.try_get(0)?))
}

async fn update(connection: &mut PgConnection, id: TenantId, spec: &TenantSpec) -> Result<()> {
    plan_exists(connection, &spec.plan).await?;
    let changed = sqlx::query(
        "UPDATE platform.tenants
            SET name = $2, status = $3::text::platform.tenant_status, status_reason = NULL,
                plan_key = $4, timezone = $5, locale = $6, deletion_policy = $7, deleted_at = NULL,
                k8s_name = slug, k8s_uid = $8, k8s_generation = $9, spec_hash = $10,
                synced_at = now(), settings = (settings - 'transcripts_sealed') || $11
          WHERE id = $1
            AND (spec_hash, k8s_uid, deleted_at) IS DISTINCT FROM ($10, $8, NULL::timestamptz)",
    )
    .bind(id.uuid())
    .bind(&spec.display_name)
    .bind(spec.status.as_str())
    .bind(&spec.plan)
    .bind(&spec.time_zone)
    .bind(&spec.locale)
    .bind(if spec.retain { "Retain" } else { "Delete" })
    .bind(spec.object.uid)
    .bind(spec.object.generation)
    .bind(&spec.spec_hash)
    .bind(spec.transcripts.setting())
    .execute(&mut *connection)
    .await?
    .rows_affected();
    if changed > 0 {
        // Media nodes hold the state in memory, for when we do not answer.
        notify(connection, notify::ROUTES, id).await?;
    }
    Ok(())
}

async fn plan_exists(connection: &mut PgConnection, plan: &str) -> Result<()> {
    sqlx::query("SELECT 1 FROM platform.plans WHERE key = $1 AND is_active")
        .bind(plan)
        .fetch_optional(connection)
        .await?
        .map(|_| ())
        .ok_or_else(|| Error::NotFound {
            kind: "plan",
            name: plan.to_owned(),
        })
}

/// Limits: the tenant's own, else the plan's. A limit below the current use is allowed: nothing is
/// taken away, nothing is added until use has fallen.
async fn ensure_quotas(
    connection: &mut PgConnection,
    id: TenantId,
    spec: &TenantSpec,
) -> Result<()> {
    let (resources, limits): (Vec<&str>, Vec<Option<i64>>) = spec
        .quotas
        .iter()
        .map(|(resource, limit)| (resource.as_str(), *limit))
        .unzip();
    sqlx::query(
        "WITH wanted AS (
            SELECT resource, limit_value, 'cr' AS source
              FROM unnest($2::text[], $3::bigint[]) AS own(resource, limit_value)
            UNION ALL
            SELECT q.key, q.value::bigint, 'plan'
              FROM platform.plans p, jsonb_each_text(p.default_quotas) q
             WHERE p.key = $4 AND q.key <> ALL ($2::text[])
         )
         INSERT INTO platform.usage_quotas AS u (tenant_id, resource, period, limit_value, source)
         SELECT $1, resource,
                CASE WHEN resource = 'concurrent_calls' THEN 'concurrent'
                     WHEN resource = 'monthly_minutes' THEN 'month'
                     ELSE 'total' END::platform.quota_period,
                limit_value, source
           FROM wanted
         ON CONFLICT (tenant_id, resource, period) DO UPDATE
            SET limit_value = excluded.limit_value, source = excluded.source
          WHERE u.source <> 'override'
            AND (u.limit_value, u.source) IS DISTINCT FROM (excluded.limit_value, excluded.source)",
    )
    .bind(id.uuid())
    .bind(resources)
    .bind(limits)
    .bind(&spec.plan)
    .execute(connection)
    .await?;
    Ok(())
}

/// Locks the row: whoever changes or ends a tenant does it alone.
async fn by_name(connection: &mut PgConnection, name: &TenantName) -> Result<Option<Tenant>> {
    sqlx::query(
        "SELECT id, slug, schema_name, status::text AS status, plan_key, k8s_uid
           FROM platform.tenants WHERE slug = $1 FOR NO KEY UPDATE",
    )
    .bind(name.as_str())
    .fetch_optional(connection)
    .await?
    .as_ref()
    .map(read)
    .transpose()
}

async fn by_uid(connection: &mut PgConnection, uid: Uuid) -> Result<Option<Tenant>> {
    sqlx::query(
        "SELECT id, slug, schema_name, status::text AS status, plan_key, k8s_uid
           FROM platform.tenants WHERE k8s_uid = $1 FOR UPDATE",
    )
    .bind(uid)
    .fetch_optional(connection)
    .await?
    .as_ref()
    .map(read)
    .transpose()
}

fn read(row: &PgRow) -> Result<Tenant> {
    Ok(Tenant {
        id: TenantId::new(row.try_get("id")?),
        name: row
            .try_get::<String, _>("slug")?
            .parse()
            .map_err(|error| Error::invalid("tenant name", error))?,
        schema: row
            .try_get::<String, _>("schema_name")?
            .parse()
            .map_err(|error| Error::invalid("schema name", error))?,
        status: row.try_get::<&str, _>("status")?.parse()?,
        plan: row.try_get("plan_key")?,
        uid: row.try_get("k8s_uid")?,
    })
}

fn not_found(name: &str) -> Error {
    Error::NotFound {
        kind: "tenant",
        name: name.to_owned(),
    }
}
