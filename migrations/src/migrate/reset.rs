//! A tenant's schema made anew, on a database whose data nobody needs.

use callplane_types::TenantId;
use sqlx::{AssertSqlSafe, PgConnection, Row as _};

use super::{Migrated, lock, tenant};
use crate::roles::{RoleNames, living_schema_of};
use crate::{Error, Fence, OperatorDatabase, Result, compatibility};

/// Drops everything that a tenant has stored and makes its schema anew, with the same roles, logins and
/// views. What custom resources own comes back at the operator's next look, within 12 minutes.
///
/// [`Error::NotForDevelopment`] unless the tenant's database cluster is marked `dev` in
/// `platform.database_clusters`; a tenant without one is on the only primary.
pub async fn reset(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant_id: TenantId,
) -> Result<Migrated> {
    let views = compatibility::in_force(database, tenant_id).await?;
    let mut transaction = database.pool().begin().await?;
    let schema = living_schema_of(&mut transaction, tenant_id).await?;
    lock(&mut transaction, schema.as_str()).await?;
    fence.check(&mut transaction).await?;
    for_development(&mut transaction, tenant_id).await?;
    compatibility::drop_schemas(&mut transaction, tenant_id, &schema).await?;
    let roles = RoleNames::of(&schema);
    let (know, owner) = (roles.know_owner(), roles.owner());
    let anew = format!(
        "{know}; DROP SCHEMA \"{schema}\" CASCADE; CREATE SCHEMA \"{schema}\" AUTHORIZATION {owner}"
    );
    sqlx::raw_sql(AssertSqlSafe(anew))
        .execute(&mut *transaction)
        .await?;
    // How far an import had come is true no more either: what it had copied is gone.
    for table in ["schema_migrations", "import_progress"] {
        let rows = format!("DELETE FROM platform.{table} WHERE tenant_id = $1");
        sqlx::query(AssertSqlSafe(rows))
            .bind(tenant_id.uuid())
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await?;
    let migrated = tenant(database, fence, tenant_id).await?;
    compatibility::ensure(database, fence, tenant_id, &views).await?;
    Ok(migrated)
}

/// Every cluster that may hold the tenant is marked, and there is one.
async fn for_development(connection: &mut PgConnection, tenant: TenantId) -> Result<()> {
    let marked: bool = sqlx::query(
        "SELECT coalesce(bool_and(c.environment = 'dev'), false)
           FROM platform.database_clusters c, platform.tenants t
          WHERE t.id = $1 AND CASE WHEN t.database_cluster_id IS NULL THEN c.role = 'primary'
                                   ELSE c.id = t.database_cluster_id END",
    )
    .bind(tenant.uuid())
    .fetch_one(connection)
    .await?
    .try_get(0)?;
    if marked {
        Ok(())
    } else {
        Err(Error::NotForDevelopment)
    }
}
