//! `platform.memberships`, `platform.roles` and `platform.user_roles`: who works in which tenant, and
//! what they may do there.

use callplane_types::TenantId;
use uuid::Uuid;

use crate::column::{each, get};
use crate::members::MemberRole;
use crate::{ApiDatabase, Result};

/// A tenant that a person works in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// Which tenant.
    pub tenant: TenantId,
    /// Its name.
    pub slug: String,
    /// What the person is there.
    pub role: MemberRole,
}

/// Lets a person work in a tenant, in a role; in another one than before. Whoever calls it has asked the
/// person, as an invitation does.
pub async fn put(
    database: &ApiDatabase,
    user: Uuid,
    tenant: TenantId,
    role: MemberRole,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO platform.memberships (user_id, tenant_id, role)
         VALUES ($1, $2, $3::text::platform.member_role)
         ON CONFLICT (user_id, tenant_id) DO UPDATE SET role = EXCLUDED.role, status = 'active',
                deleted_at = NULL",
    )
    .bind(user)
    .bind(tenant.uuid())
    .bind(role.as_str())
    .execute(database.pool())
    .await?;
    Ok(())
}

/// The person joins a tenant that asked them, and shows it their profile from now on: until here the
/// tenant knew what its import said, until [`crate::members::copy`] tells it. Says whether it had asked, and the
/// person may log in.
pub async fn accept(database: &ApiDatabase, user: Uuid, tenant: TenantId) -> Result<bool> {
    let accepted = sqlx::query(
        "UPDATE platform.memberships SET status = 'active'
          WHERE user_id = $1 AND tenant_id = $2 AND status = 'pending' AND deleted_at IS NULL
            AND EXISTS (SELECT FROM platform.users u
                         WHERE u.id = $1 AND u.status = 'active' AND u.deleted_at IS NULL)",
    )
    .bind(user)
    .bind(tenant.uuid())
    .execute(database.pool())
    .await?
    .rows_affected();
    Ok(accepted > 0)
}

/// Takes a person out of a tenant.
pub async fn end(database: &ApiDatabase, user: Uuid, tenant: TenantId) -> Result<()> {
    sqlx::query(
        "UPDATE platform.memberships SET status = 'inactive', deleted_at = now()
          WHERE user_id = $1 AND tenant_id = $2",
    )
    .bind(user)
    .bind(tenant.uuid())
    .execute(database.pool())
    .await?;
    Ok(())
}

/// The tenants that a person may enter, by name: none of a person, a membership or a tenant that is out of
/// service.
pub async fn of_user(database: &ApiDatabase, user: Uuid) -> Result<Vec<Membership>> {
    let rows = sqlx::query(
        "SELECT m.tenant_id, t.slug, m.role::text
           FROM platform.memberships m JOIN platform.tenants t ON t.id = m.tenant_id
          WHERE m.user_id = $1 AND platform.works_in(m.user_id, m.tenant_id)
          ORDER BY t.slug",
    )
    .bind(user)
    .fetch_all(database.pool())
    .await?;
    each(&rows, |row| {
        Ok(Membership {
            tenant: get(row, "tenant_id")?,
            slug: get(row, "slug")?,
            role: get(row, "role")?,
        })
    })
}

/// Grants a role of the system or of the tenant, by its key; says whether there is such a role.
pub async fn grant(
    database: &ApiDatabase,
    user: Uuid,
    tenant: TenantId,
    role: &str,
) -> Result<bool> {
    let granted = sqlx::query(
        "INSERT INTO platform.user_roles (user_id, role_id, tenant_id)
         SELECT $1, r.id, $2 FROM platform.roles r
          WHERE r.key = $3 AND (r.tenant_id = $2 OR r.tenant_id IS NULL)
          ORDER BY r.tenant_id NULLS LAST LIMIT 1
         ON CONFLICT (user_id, role_id, tenant_id) DO UPDATE SET role_id = EXCLUDED.role_id",
    )
    .bind(user)
    .bind(tenant.uuid())
    .bind(role)
    .execute(database.pool())
    .await?
    .rows_affected();
    Ok(granted > 0)
}

/// The keys of the roles that a person has in a tenant.
pub async fn roles(database: &ApiDatabase, user: Uuid, tenant: TenantId) -> Result<Vec<String>> {
    let rows = sqlx::query(
        "SELECT r.key FROM platform.user_roles u JOIN platform.roles r ON r.id = u.role_id
          WHERE u.user_id = $1 AND (u.tenant_id = $2 OR u.tenant_id IS NULL) ORDER BY r.key",
    )
    .bind(user)
    .bind(tenant.uuid())
    .fetch_all(database.pool())
    .await?;
    each(&rows, |row| get(row, "key"))
}
