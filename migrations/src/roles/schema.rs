//! The beginning and the end of a tenant's schema and roles.

use callplane_types::{SchemaName, TenantId};
use sqlx::{PgConnection, Row as _};

use super::names::{Purpose, RoleNames};
use super::{close, ddl, registered, terminate};
use crate::{Error, OperatorDatabase, Result, Slot, compatibility};

/// Makes the schema and its roles, or finds them as this tenant's.
pub(crate) async fn ensure_schema(
    connection: &mut PgConnection,
    tenant: TenantId,
    schema: &SchemaName,
) -> Result<()> {
    let names = RoleNames::of(schema);
    let (roles, _): (Vec<String>, Vec<&str>) = names.all().into_iter().unzip();
    let found = sqlx::query(
        "SELECT count(*) FILTER (WHERE t.tenant_id = $2) = cardinality($1) AS all_ours,
                count(*) = 0 AND to_regnamespace(quote_ident($3)) IS NULL AS nothing_there,
                to_regnamespace(quote_ident($3)) IS NOT NULL AS schema_there
           FROM pg_roles r LEFT JOIN platform.tenant_roles t ON t.role_name = r.rolname
          WHERE r.rolname = ANY ($1)",
    )
    .bind(roles.as_slice())
    .bind(tenant.uuid())
    .bind(schema.as_str())
    .fetch_one(&mut *connection)
    .await?;
    if found.try_get("nothing_there")? {
        create_schema(connection, tenant, schema, &names).await
    } else if found.try_get("all_ours")? && found.try_get("schema_there")? {
        Ok(())
    } else {
        Err(Error::SchemaTaken {
            schema: schema.clone(),
        })
    }
}

async fn create_schema(
    connection: &mut PgConnection,
    tenant: TenantId,
    schema: &SchemaName,
    names: &RoleNames,
) -> Result<()> {
    let owner = names.owner();
    // A schema name is letters, digits and underscores (`SchemaName`), and may be a word of SQL.
    let mut statements = vec![
        format!("CREATE ROLE {owner} NOLOGIN IN ROLE callplane_tenant"),
        format!("GRANT {owner} TO CURRENT_USER"),
        format!("CREATE SCHEMA \"{schema}\" AUTHORIZATION {owner}"),
    ];
    for purpose in Purpose::ALL {
        let group = names.group(*purpose);
        statements.push(format!(
            "CREATE ROLE {group} NOLOGIN IN ROLE {}",
            purpose.groups()
        ));
        for slot in [Slot::A, Slot::B] {
            let login = names.login(*purpose, slot);
            statements.extend([
                format!(
                    "CREATE ROLE {login} NOLOGIN CONNECTION LIMIT {} IN ROLE {group}",
                    purpose.connection_limit()
                ),
                format!("ALTER ROLE {login} SET app.tenant_id = '{tenant}'"),
                format!("ALTER ROLE {login} SET search_path = \"{schema}\", public"),
            ]);
            statements.extend(
                purpose
                    .settings()
                    .iter()
                    .map(|(name, value)| format!("ALTER ROLE {login} SET {name} = '{value}'")),
            );
        }
    }
    ddl(connection, statements.join(";\n")).await?;
    let (roles, kinds): (Vec<String>, Vec<&str>) = names.all().into_iter().unzip();
    sqlx::query(
        "INSERT INTO platform.tenant_roles (role_name, kind, tenant_id)
         SELECT r.name, r.kind, $3 FROM unnest($1::name[], $2::text[]) AS r(name, kind)",
    )
    .bind(roles.as_slice())
    .bind(kinds.as_slice())
    .bind(tenant.uuid())
    .execute(connection)
    .await?;
    Ok(())
}

/// Closes every login of a tenant. Their sessions end with [`end_sessions`], after the commit.
pub(crate) async fn close_logins(
    connection: &mut PgConnection,
    tenant: TenantId,
    schema: &SchemaName,
) -> Result<()> {
    for login in RoleNames::of(schema).logins() {
        registered(connection, tenant, &login).await?;
        close(connection, &login).await?;
    }
    Ok(())
}

/// Ends the sessions of every login.
pub(crate) async fn end_sessions(database: &OperatorDatabase, schema: &SchemaName) -> Result<()> {
    terminate(database, &RoleNames::of(schema).logins()).await
}

/// Drops the schema and its roles, whose logins are closed, after proving that they are this tenant's.
pub(crate) async fn drop_schema(
    connection: &mut PgConnection,
    tenant: TenantId,
    schema: &SchemaName,
) -> Result<()> {
    let roles = RoleNames::of(schema).all();
    for (role, _) in &roles {
        registered(connection, tenant, role).await?;
    }
    compatibility::drop_schemas(connection, tenant, schema).await?;
    ddl(connection, format!("DROP SCHEMA \"{schema}\" CASCADE")).await?;
    // Members before what they are members of. Fails, and with it all of this, when a role still
    // owns something outside its schema: that was not made by us.
    for (role, _) in roles.iter().rev() {
        ddl(connection, format!("DROP ROLE {role}")).await?;
    }
    Ok(())
}
