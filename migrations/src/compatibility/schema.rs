//! The schemas of views: what is there, and the statements that make and remove it.

use std::collections::{BTreeMap, BTreeSet};

use callplane_types::{SchemaName, TenantId};
use sqlx::{AssertSqlSafe, PgConnection, Row as _};

use super::Platform;
use crate::roles::{Purpose, RoleNames};
use crate::{OperatorDatabase, Result};

/// What a schema of views holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Views {
    /// The views of the file as it is.
    Current,
    /// Those of an earlier file, or none since a migration dropped them.
    Outdated,
    /// The schema is not owned by the tenant's owner role: whatever is in it, it is not ours to touch.
    Foreign,
}

/// The schemas of views of one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ViewSchemas(BTreeMap<Platform, Views>);

impl ViewSchemas {
    /// Reads the catalogue.
    pub(super) async fn read(connection: &mut PgConnection, tenant: TenantId) -> Result<Self> {
        let rows = sqlx::query(
            "SELECT p.word, obj_description(n.oid, 'pg_namespace') AS mark,
                    EXISTS (SELECT FROM platform.tenant_roles r
                             WHERE r.role_name = pg_get_userbyid(n.nspowner)
                               AND r.tenant_id = t.id AND r.kind = 'owner') AS ours
               FROM platform.tenants t, unnest($2::text[]) AS p (word)
               JOIN pg_namespace n ON true
              WHERE t.id = $1 AND n.nspname = t.schema_name || '__' || p.word",
        )
        .bind(tenant.uuid())
        .bind(Platform::ALL.map(Platform::as_str).as_slice())
        .fetch_all(connection)
        .await?;
        let mut schemas = BTreeMap::new();
        for row in rows {
            let platform: Platform = row.try_get::<&str, _>("word")?.parse()?;
            let mark: Option<&str> = row.try_get("mark")?;
            let views = if !row.try_get::<bool, _>("ours")? {
                Views::Foreign
            } else if mark == Some(platform.mark().as_str()) {
                Views::Current
            } else {
                Views::Outdated
            };
            schemas.insert(platform, views);
        }
        Ok(Self(schemas))
    }

    pub(super) fn get(&self, platform: Platform) -> Option<Views> {
        self.0.get(&platform).copied()
    }

    pub(super) fn is_as_wanted(&self, platform: Platform, wanted: bool) -> bool {
        match self.get(platform) {
            Some(Views::Current) => wanted,
            Some(Views::Outdated) => false,
            Some(Views::Foreign) | None => !wanted,
        }
    }

    /// The platforms whose schemas are so.
    pub(super) fn of(&self, states: &[Views]) -> BTreeSet<Platform> {
        let found = self.0.iter().filter(|(_, views)| states.contains(views));
        found.map(|(platform, _)| *platform).collect()
    }

    /// The platforms whose schemas are the tenant's.
    pub(super) fn ours(&self) -> BTreeSet<Platform> {
        self.of(&[Views::Current, Views::Outdated])
    }
}

/// The tenants that have a schema of views in one of these states.
pub(super) async fn tenants_with(
    database: &OperatorDatabase,
    states: &[Views],
) -> Result<Vec<TenantId>> {
    let mut connection = database.pool().acquire().await?;
    // A new database has no tenants, nor the table of them.
    let any: bool = sqlx::query("SELECT to_regclass('platform.tenant_roles') IS NOT NULL")
        .fetch_one(&mut *connection)
        .await?
        .try_get(0)?;
    if !any {
        return Ok(Vec::new());
    }
    let rows = sqlx::query(
        "SELECT DISTINCT t.id
           FROM platform.tenants t JOIN pg_namespace n
             ON starts_with(n.nspname, t.schema_name || '__')",
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut tenants = Vec::new();
    for row in rows {
        let tenant = TenantId::new(row.try_get(0)?);
        let schemas = ViewSchemas::read(&mut connection, tenant).await?;
        if !schemas.of(states).is_empty() {
            tenants.push(tenant);
        }
    }
    Ok(tenants)
}

/// Makes the schema, empty.
pub(super) async fn create(
    connection: &mut PgConnection,
    names: &RoleNames,
    name: &str,
) -> Result<()> {
    let (know, owner, act) = (
        names.know_owner(),
        names.owner(),
        names.act_as_owner("LOCAL"),
    );
    let readers = readers(names);
    run(
        connection,
        format!(
            "{know}; CREATE SCHEMA \"{name}\" AUTHORIZATION {owner};
             {act};
             REVOKE ALL ON SCHEMA \"{name}\" FROM PUBLIC;
             GRANT USAGE ON SCHEMA \"{name}\" TO {readers};
             RESET ROLE"
        ),
    )
    .await
}

/// Makes the views in an empty schema, readable by the tenant's logins that read, and says in its
/// comment which file they are from.
pub(super) async fn fill(
    connection: &mut PgConnection,
    names: &RoleNames,
    schema: &SchemaName,
    platform: Platform,
) -> Result<()> {
    let act = names.act_as_owner("LOCAL");
    let readers = readers(names);
    let name = platform.schema_beside(schema);
    let views = platform
        .template()
        .replace("{{views}}", &format!("\"{name}\""));
    let before = format!("{act}; SET LOCAL search_path = \"{schema}\", public");
    for statements in [before, views] {
        run(connection, statements).await?;
    }
    let made = views_in(connection, &name).await?.unwrap_or_default();
    // The mark is letters, digits, commas and spaces.
    let after = format!(
        "GRANT SELECT ON {made} TO {readers};
         COMMENT ON SCHEMA \"{name}\" IS '{}';
         RESET ROLE; SET LOCAL search_path = pg_catalog",
        platform.mark()
    );
    run(connection, after).await
}

/// The views that the tenant's owner role has in a schema, quoted and with commas between them.
async fn views_in(connection: &mut PgConnection, name: &str) -> Result<Option<String>> {
    Ok(sqlx::query(
        "SELECT string_agg(format('%I.%I', n.nspname, c.relname), ', ')
           FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname = $1 AND c.relkind = 'v' AND c.relowner = n.nspowner",
    )
    .bind(name)
    .fetch_one(connection)
    .await?
    .try_get(0)?)
}

/// Drops the views and keeps the schema, whose comment then promises nothing.
pub(super) async fn drop_views(
    connection: &mut PgConnection,
    names: &RoleNames,
    name: &str,
) -> Result<()> {
    let views = views_in(connection, name).await?;
    let drop = views.map_or_else(String::new, |views| format!("DROP VIEW {views};"));
    let act = names.act_as_owner("LOCAL");
    run(
        connection,
        format!("{act}; {drop} COMMENT ON SCHEMA \"{name}\" IS NULL; RESET ROLE"),
    )
    .await
}

/// Drops the views and the schema. Fails when anything else is in it.
pub(super) async fn remove(
    connection: &mut PgConnection,
    names: &RoleNames,
    name: &str,
) -> Result<()> {
    drop_views(connection, names, name).await?;
    run(connection, format!("DROP SCHEMA \"{name}\"")).await
}

/// Drops the views of a tenant that stand in the way of a migration, in the transaction of that
/// migration; [`super::restore`] makes them anew.
pub(crate) async fn suspend(
    connection: &mut PgConnection,
    tenant: TenantId,
    schema: &SchemaName,
) -> Result<()> {
    let names = RoleNames::of(schema);
    for platform in ViewSchemas::read(connection, tenant).await?.ours() {
        drop_views(connection, &names, &platform.schema_beside(schema)).await?;
    }
    Ok(())
}

/// Drops the schemas of views with all that is in them: of a tenant whose data goes too.
pub(crate) async fn drop_schemas(
    connection: &mut PgConnection,
    tenant: TenantId,
    schema: &SchemaName,
) -> Result<()> {
    for platform in ViewSchemas::read(connection, tenant).await?.ours() {
        let name = platform.schema_beside(schema);
        run(connection, format!("DROP SCHEMA \"{name}\" CASCADE")).await?;
    }
    Ok(())
}

/// Who may read the views: people and reports. Media nodes have no use for them.
fn readers(names: &RoleNames) -> String {
    [Purpose::App, Purpose::Ro]
        .map(|purpose| names.group(purpose))
        .join(", ")
}

/// Runs statements that take no parameters. What is put into them is a [`SchemaName`] with a fixed
/// suffix, or quoted by the server.
async fn run(connection: &mut PgConnection, statements: String) -> Result<()> {
    sqlx::raw_sql(AssertSqlSafe(statements))
        .execute(connection)
        .await?;
    Ok(())
}
