//! Drift: what a schema has otherwise than the migrations make it, because somebody changed it by hand
//! or a restore left something out.
//!
//! The model is the catalogue of a schema that was made from the files, in `migrations/catalogue/`, one
//! line for each thing; a test makes it anew and compares. **So this sees what the files decide and
//! nothing else**: tables, columns, constraints, indexes, triggers, policies, grants, functions, roles; and
//! of what `bootstrap.sql` makes for the whole server, what Callplane needs.
//! Months are left out, because when a schema was made decides them.

mod difference;
mod model;

use std::collections::BTreeMap;

use callplane_types::{SchemaName, TenantId};
use sqlx::{AssertSqlSafe, PgConnection, Row as _};

use crate::roles::schema_of;
use crate::{OperatorDatabase, Result};

pub use difference::Difference;
pub use model::Model;

/// The things of a schema and how they are, by kind and name.
pub(crate) type Lines = BTreeMap<(String, String), String>;

/// What `platform` has otherwise than the files make it.
pub async fn platform(database: &OperatorDatabase) -> Result<Vec<Difference>> {
    let found = read(database, "platform", None).await?;
    Ok(difference::between(&Model::platform(), &found, "platform"))
}

/// What a tenant's schema has otherwise than the files make it. A schema that lacks a file differs by
/// all that the file makes; see [`crate::migrate::state`] first.
pub async fn tenant(database: &OperatorDatabase, tenant: TenantId) -> Result<Vec<Difference>> {
    let schema = schema_of(&mut *database.pool().acquire().await?, tenant).await?;
    let found = read(database, schema.as_str(), Some(tenant)).await?;
    Ok(difference::between(
        &Model::tenant(),
        &found,
        schema.as_str(),
    ))
}

/// The catalogue of a tenant's schema, as the model has it.
pub async fn model_of_tenant(database: &OperatorDatabase, tenant: TenantId) -> Result<Model> {
    let schema = schema_of(&mut *database.pool().acquire().await?, tenant).await?;
    Ok(Model::of(
        read(database, schema.as_str(), Some(tenant)).await?,
    ))
}

/// The catalogue of `platform`, as the model has it.
pub async fn model_of_platform(database: &OperatorDatabase) -> Result<Model> {
    Ok(Model::of(read(database, "platform", None).await?))
}

async fn read(
    database: &OperatorDatabase,
    schema: &str,
    tenant: Option<TenantId>,
) -> Result<Lines> {
    let mut transaction = database.pool().begin().await?;
    enter(&mut transaction, schema).await?;
    let rows = sqlx::query(include_str!("catalogue.sql"))
        .bind(schema)
        .fetch_all(&mut *transaction)
        .await?;
    transaction.rollback().await?;
    let own = format!("\"{schema}\"");
    let id = tenant.map(|tenant| tenant.to_string());
    let mut lines = Lines::new();
    for row in rows {
        let mut definition: String = row.try_get("definition")?;
        if let Some(id) = &id {
            definition = definition
                .replace(id, "{{tenant_id}}")
                .replace(&own, "{{schema}}");
        }
        lines.insert((row.try_get("kind")?, row.try_get("object")?), definition);
    }
    Ok(lines)
}

/// Makes the server leave the schema out of names.
async fn enter(connection: &mut PgConnection, schema: &str) -> Result<()> {
    // `platform` or the name of a tenant's: letters, digits and underscores.
    let schema: SchemaName = if schema == "platform" {
        return run(connection, "SET LOCAL search_path = platform").await;
    } else {
        schema
            .parse()
            .map_err(|error| crate::Error::invalid("schema name", error))?
    };
    let path = format!("SET LOCAL search_path = \"{schema}\"");
    run(connection, &path).await
}

async fn run(connection: &mut PgConnection, sql: &str) -> Result<()> {
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(connection)
        .await?;
    Ok(())
}
