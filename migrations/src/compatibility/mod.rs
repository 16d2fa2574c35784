//! Compatibility views: a tenant's data as the database of another platform (data model, D32), for
//! users who come from there with their queries and reports.
//!
//! A platform has a schema of its own beside the tenant's, `<schema>__irisx`, with nothing in it but
//! views. They read with the rights of whoever reads them, so both walls of the tenant stand before
//! them, and nobody may write through them.
//!
//! **The catalogue is the record of what is wanted and of what is there**: the schema exists while
//! its platform is wanted, and its comment carries the checksum of the file whose views it holds. A
//! schema without that comment gets its views anew, which is how a changed file reaches a tenant, and
//! how the views come back that a migration had to drop.

mod platform;
mod schema;

use std::collections::BTreeSet;

use callplane_types::TenantId;

use crate::roles::{RoleNames, schema_of};
use crate::{Error, Fence, OperatorDatabase, Result, migrate};

pub use platform::Platform;
pub(crate) use schema::{drop_schemas, suspend};

use schema::{ViewSchemas, Views};

/// What [`ensure`] did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Platforms whose views were made, for the first time or anew.
    pub made: Vec<Platform>,
    /// Platforms whose views were removed.
    pub removed: Vec<Platform>,
}

/// Makes the views of the `wanted` platforms for a migrated tenant, and removes those of the others,
/// in one transaction. Where all is as wanted, nothing is written.
///
/// Fails with [`Error::NotOwner`] when a schema of the name exists that is not this tenant's.
/// What somebody else put into a schema of views is never dropped: the removal fails instead.
pub async fn ensure(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
    wanted: &BTreeSet<Platform>,
) -> Result<Changes> {
    let schemas = ViewSchemas::read(&mut *database.pool().acquire().await?, tenant).await?;
    if Platform::ALL
        .iter()
        .all(|platform| schemas.is_as_wanted(*platform, wanted.contains(platform)))
    {
        return Ok(Changes::default());
    }
    change(database, fence, tenant, |_| wanted.clone()).await
}

/// The platforms whose views a tenant has as this version of the store makes them.
pub async fn in_force(database: &OperatorDatabase, tenant: TenantId) -> Result<BTreeSet<Platform>> {
    let schemas = ViewSchemas::read(&mut *database.pool().acquire().await?, tenant).await?;
    Ok(schemas.of(&[Views::Current]))
}

/// Makes those views anew that exist and are not as the files say: after a migration.
pub(crate) async fn restore(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
) -> Result<Changes> {
    let schemas = ViewSchemas::read(&mut *database.pool().acquire().await?, tenant).await?;
    if schemas.of(&[Views::Outdated]).is_empty() {
        return Ok(Changes::default());
    }
    // Asked again under the lock: what is no longer wanted by then must not come back.
    change(database, fence, tenant, ViewSchemas::ours).await
}

/// Drops the views of every tenant, which a migration of `platform` needs out of its way. A tenant at
/// a time: the locks of all views at once are more than a server has room for.
pub(crate) async fn suspend_all(database: &OperatorDatabase) -> Result<()> {
    for tenant in schema::tenants_with(database, &[Views::Current, Views::Outdated]).await? {
        let mut transaction = database.pool().begin().await?;
        let schema = schema_of(&mut transaction, tenant).await?;
        migrate::lock(&mut transaction, schema.as_str()).await?;
        suspend(&mut transaction, tenant, &schema).await?;
        transaction.commit().await?;
    }
    Ok(())
}

/// Makes the views of every tenant anew that are not as the files say. What it cannot is logged, and
/// told by [`ensure`] to whoever wants the views.
pub(crate) async fn restore_all(database: &OperatorDatabase) {
    // Under the lock of each schema and out of the catalogue: it believes nothing of before.
    let fence = Fence::command("migration of platform");
    let outdated = match schema::tenants_with(database, &[Views::Outdated]).await {
        Ok(outdated) => outdated,
        Err(error) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "Could not look for compatibility views that a migration dropped"
            );
            return;
        }
    };
    for tenant in outdated {
        if let Err(error) = restore(database, &fence, tenant).await {
            tracing::warn!(
                tenant.id = %tenant,
                error = &error as &dyn std::error::Error,
                "Compatibility views are missing after a migration of platform"
            );
        }
    }
}

async fn change(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
    wanted: impl FnOnce(&ViewSchemas) -> BTreeSet<Platform>,
) -> Result<Changes> {
    // In the order of a migration: lock, then fence.
    let mut transaction = database.pool().begin().await?;
    let schema = schema_of(&mut transaction, tenant).await?;
    migrate::lock(&mut transaction, schema.as_str()).await?;
    fence.check(&mut transaction).await?;
    let names = RoleNames::of(&schema);
    let schemas = ViewSchemas::read(&mut transaction, tenant).await?;
    let wanted = wanted(&schemas);
    let mut changes = Changes::default();
    for platform in Platform::ALL {
        let is_wanted = wanted.contains(&platform);
        if schemas.is_as_wanted(platform, is_wanted) {
            continue;
        }
        let name = platform.schema_beside(&schema);
        if is_wanted {
            match schemas.get(platform) {
                Some(Views::Foreign) => {
                    return Err(Error::NotOwner {
                        kind: "schema",
                        name,
                    });
                }
                Some(_) => schema::drop_views(&mut transaction, &names, &name).await?,
                None => schema::create(&mut transaction, &names, &name).await?,
            }
            schema::fill(&mut transaction, &names, &schema, platform).await?;
            changes.made.push(platform);
        } else {
            schema::remove(&mut transaction, &names, &name).await?;
            changes.removed.push(platform);
        }
    }
    transaction.commit().await?;
    Ok(changes)
}
