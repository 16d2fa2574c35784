//! Telephone numbers: unique in the whole installation, routed in their tenant's schema.

use callplane_types::{E164, NumberId, TenantId};
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use crate::notify::{self, notify};
use crate::object::owned;
use crate::{Error, Fence, ObjectRef, OperatorDatabase, Result, quotas};

/// A resolved PhoneNumber.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberSpec {
    /// The custom resource.
    pub object: ObjectRef,
    /// Hash of everything below.
    pub spec_hash: String,
    /// The number.
    pub number: E164,
    /// Name for people.
    pub label: Option<String>,
    /// `metadata.name` of the Trunk in the same namespace.
    pub trunk: Option<String>,
    /// `metadata.name` of the Agent in the same namespace that answers.
    pub agent: Option<String>,
    /// Whether calls to it are taken.
    pub inbound: bool,
    /// Whether calls may show it.
    pub outbound: bool,
}

/// Assigns a number to the tenant and routes it, in both schemas in one transaction, and tells the
/// nodes.
///
/// Fails with [`Error::NumberTakenHere`] or [`Error::NumberTakenElsewhere`] when it is in use,
/// [`Error::QuotaExceeded`] when the tenant has as many as it may, [`Error::NotFound`] when trunk or
/// agent are missing.
pub async fn project(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
    spec: &NumberSpec,
) -> Result<NumberId> {
    let mut transaction = database.begin_in(fence, tenant).await?;
    let id = assign(&mut transaction, tenant, spec).await?;
    let trunk = reference(
        &mut transaction,
        "trunk",
        "SELECT id FROM trunks WHERE k8s_namespace IS NOT DISTINCT FROM $1 AND k8s_name = $2
            AND k8s_uid IS NOT NULL",
        spec,
        spec.trunk.as_deref(),
    )
    .await?;
    let agent = reference(
        &mut transaction,
        "agent",
        "SELECT id FROM agents WHERE k8s_namespace IS NOT DISTINCT FROM $1 AND k8s_name = $2
            AND deleted_at IS NULL",
        spec,
        spec.agent.as_deref(),
    )
    .await?;
    if route(&mut transaction, id, spec, trunk, agent).await? {
        notify(&mut transaction, notify::ROUTES, tenant).await?;
        notify(&mut transaction, notify::CAMPAIGNS, tenant).await?;
    }
    transaction.commit().await?;
    Ok(NumberId::new(id))
}

/// Releases the number that `uid` projected: it may be assigned again. Says whether there was one.
pub async fn remove(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
    uid: Uuid,
) -> Result<bool> {
    let mut transaction = database.begin_in(fence, tenant).await?;
    let rows = sqlx::query(
        "UPDATE platform.phone_numbers
            SET tenant_id = NULL, status = 'released', released_at = now(), k8s_uid = NULL
          WHERE k8s_uid = $1 AND tenant_id = $2
         RETURNING id",
    )
    .bind(uid)
    .bind(tenant.uuid())
    .fetch_all(&mut *transaction)
    .await?;
    for row in &rows {
        let id: Uuid = row.try_get(0)?;
        // The row stays for the calls that used it; e164 is freed for a row that comes back.
        sqlx::query(
            "UPDATE phone_numbers
                SET status = 'released', released_at = now(), deleted_at = now(), k8s_uid = NULL,
                    inbound_enabled = false, outbound_enabled = false
              WHERE id = $1",
        )
        .bind(id)
        .execute(&mut *transaction)
        .await?;
        sqlx::query("DELETE FROM number_routes WHERE phone_number_id = $1")
            .bind(id)
            .execute(&mut *transaction)
            .await?;
        count(&mut transaction, tenant).await?;
    }
    notify(&mut transaction, notify::ROUTES, tenant).await?;
    transaction.commit().await?;
    Ok(!rows.is_empty())
}

/// Takes the number in the registry. The unique `e164` decides between two that want it at once.
async fn assign(
    connection: &mut PgConnection,
    tenant: TenantId,
    spec: &NumberSpec,
) -> Result<Uuid> {
    let unchanged = sqlx::query(
        "SELECT id FROM platform.phone_numbers
          WHERE e164 = $1 AND tenant_id = $2 AND k8s_uid = $3 AND spec_hash = $4
            AND status = 'active'",
    )
    .bind(spec.number.as_str())
    .bind(tenant.uuid())
    .bind(spec.object.uid)
    .bind(&spec.spec_hash)
    .fetch_optional(&mut *connection)
    .await?;
    if let Some(row) = unchanged {
        return Ok(row.try_get("id")?);
    }
    let taken = sqlx::query(
        "INSERT INTO platform.phone_numbers AS n (e164, tenant_id, status, country_code, carrier,
                assigned_at, k8s_namespace, k8s_name, k8s_uid, k8s_generation, spec_hash, synced_at)
         VALUES ($1, $2, 'active', '', 'sip', now(), $3, $4, $5, $6, $7, now())
         ON CONFLICT (e164) DO UPDATE
            SET tenant_id = excluded.tenant_id, status = 'active',
                assigned_at = CASE WHEN n.tenant_id IS NULL THEN now() ELSE n.assigned_at END,
                released_at = NULL, k8s_namespace = excluded.k8s_namespace,
                k8s_name = excluded.k8s_name, k8s_uid = excluded.k8s_uid,
                k8s_generation = excluded.k8s_generation, spec_hash = excluded.spec_hash,
                synced_at = now()
          WHERE n.tenant_id IS NULL
             OR (n.tenant_id = excluded.tenant_id
                 AND (n.k8s_uid = excluded.k8s_uid
                      -- Imported, and no object had it yet.
                      OR (n.k8s_uid IS NULL AND n.k8s_name IS NULL)))
         RETURNING id, assigned_at = now() AS new",
    )
    .bind(spec.number.as_str())
    .bind(tenant.uuid())
    .bind(&spec.object.namespace)
    .bind(&spec.object.name)
    .bind(spec.object.uid)
    .bind(spec.object.generation)
    .bind(&spec.spec_hash)
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = taken else {
        return Err(conflict(connection, tenant, spec).await?);
    };
    if row.try_get("new")? {
        let limit = count(connection, tenant).await?;
        if let Some(limit) = limit {
            return Err(Error::QuotaExceeded {
                resource: quotas::PHONE_NUMBERS.to_owned(),
                limit,
            });
        }
    }
    Ok(row.try_get("id")?)
}

/// Counts the tenant's numbers into its quota, and returns the limit when that is exceeded. The row
/// lock of the update makes two assignments count one after the other.
async fn count(connection: &mut PgConnection, tenant: TenantId) -> Result<Option<i64>> {
    sqlx::query(
        "SELECT 1 FROM platform.usage_quotas WHERE tenant_id = $1 AND resource = $2 FOR UPDATE",
    )
    .bind(tenant.uuid())
    .bind(quotas::PHONE_NUMBERS)
    .fetch_optional(&mut *connection)
    .await?;
    let row = sqlx::query(
        "UPDATE platform.usage_quotas
            SET used_value = (SELECT count(*) FROM platform.phone_numbers WHERE tenant_id = $1)
          WHERE tenant_id = $1 AND resource = $2
         RETURNING CASE WHEN enforcement = 'hard' AND used_value > limit_value
                        THEN limit_value END",
    )
    .bind(tenant.uuid())
    .bind(quotas::PHONE_NUMBERS)
    .fetch_optional(connection)
    .await?;
    Ok(match row {
        Some(row) => row.try_get(0)?,
        None => None,
    })
}

/// Who has the number, told only to its own tenant.
async fn conflict(
    connection: &mut PgConnection,
    tenant: TenantId,
    spec: &NumberSpec,
) -> Result<Error> {
    let row = sqlx::query(
        "SELECT concat_ws('/', k8s_namespace, k8s_name) FROM platform.phone_numbers
          WHERE e164 = $1 AND tenant_id = $2",
    )
    .bind(spec.number.as_str())
    .bind(tenant.uuid())
    .fetch_optional(connection)
    .await?;
    Ok(match row {
        Some(row) => Error::NumberTakenHere {
            owner: row.try_get(0)?,
        },
        None => Error::NumberTakenElsewhere,
    })
}

async fn reference(
    connection: &mut PgConnection,
    kind: &'static str,
    query: &'static str,
    spec: &NumberSpec,
    name: Option<&str>,
) -> Result<Option<Uuid>> {
    let Some(name) = name else { return Ok(None) };
    let row = sqlx::query(query)
        .bind(&spec.object.namespace)
        .bind(name)
        .fetch_optional(connection)
        .await?
        .ok_or_else(|| Error::NotFound {
            kind,
            name: name.to_owned(),
        })?;
    Ok(Some(row.try_get(0)?))
}

/// Writes the tenant's row of the number and its route. Says whether anything changed.
async fn route(
    connection: &mut PgConnection,
    id: Uuid,
    spec: &NumberSpec,
    trunk: Option<Uuid>,
    agent: Option<Uuid>,
) -> Result<bool> {
    let written = sqlx::query(
        "INSERT INTO phone_numbers AS n (id, e164, label, country_code, carrier, trunk_id, agent_id,
                inbound_enabled, outbound_enabled, status, assigned_at, k8s_namespace, k8s_name,
                k8s_uid, k8s_generation, spec_hash, synced_at)
         VALUES ($1, $2, $3, '', 'sip', $4, $5, $6, $7, 'active', now(), $8, $9, $10, $11, $12,
                now())
         ON CONFLICT (id) DO UPDATE
            SET label = excluded.label, trunk_id = excluded.trunk_id, agent_id = excluded.agent_id,
                inbound_enabled = excluded.inbound_enabled,
                outbound_enabled = excluded.outbound_enabled, status = 'active',
                released_at = NULL, deleted_at = NULL, k8s_namespace = excluded.k8s_namespace,
                k8s_name = excluded.k8s_name, k8s_uid = excluded.k8s_uid,
                k8s_generation = excluded.k8s_generation, spec_hash = excluded.spec_hash,
                synced_at = now()
          WHERE (n.spec_hash, n.k8s_uid, n.trunk_id, n.agent_id) IS DISTINCT FROM
                (excluded.spec_hash, excluded.k8s_uid, excluded.trunk_id, excluded.agent_id)",
    )
    .bind(id)
    .bind(spec.number.as_str())
    .bind(&spec.label)
    .bind(trunk)
    .bind(agent)
    .bind(spec.inbound)
    .bind(spec.outbound)
    .bind(&spec.object.namespace)
    .bind(&spec.object.name)
    .bind(spec.object.uid)
    .bind(spec.object.generation)
    .bind(&spec.spec_hash)
    .execute(&mut *connection)
    .await;
    let changed = owned("number", &spec.object, written)?.rows_affected();
    if changed == 0 {
        return Ok(false);
    }
    sqlx::query("DELETE FROM number_routes WHERE phone_number_id = $1")
        .bind(id)
        .execute(&mut *connection)
        .await?;
    if let Some(agent) = agent {
        sqlx::query("INSERT INTO number_routes (phone_number_id, agent_id) VALUES ($1, $2)")
            .bind(id)
            .bind(agent)
            .execute(connection)
            .await?;
    }
    Ok(true)
}
