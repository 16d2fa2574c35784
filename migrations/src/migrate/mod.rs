//! Migrations: the schema `platform` once, and a schema for every tenant.
//!
//! Each file runs in a transaction of its own under a lock of its own schema, and is recorded with
//! its SHA-256 in `platform.schema_migrations` in the same transaction. **So a file is applied
//! whole or not at all, once, whoever runs the migrations and whenever they were interrupted**; a
//! file that was changed after it was applied stops everything.
//!
//! Tables of a tenant are created by the owner role of its schema; the operator is a member of it.

mod files;
mod rollout;
mod state;

use std::time::{Duration, Instant};

use aws_lc_rs::digest;
use callplane_types::{SchemaName, TenantId};
use sqlx::{AssertSqlSafe, PgConnection, Row as _};

use crate::roles::{Purpose, RoleNames};
use crate::{Error, Fence, OperatorDatabase, Result, compatibility, tenants as registry};

pub use files::{File, PLATFORM, TENANT};
pub use rollout::{RolledForward, Throttle, behind, tenants};
pub use state::{SchemaState, Stuck, state, states};

/// What a superuser runs once for a database, with psql and its variables `password` and `database`:
/// the operator's login, the group of all tenants' roles, the database and its extensions.
pub const BOOTSTRAP: &str = include_str!("../../bootstrap.sql");

/// How long a migration waits for a lock that somebody else holds, instead of queueing everybody
/// behind it.
const LOCK_TIMEOUT: &str = "5s";

/// What [`platform`] or [`tenant`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migrated {
    /// Files that were applied now.
    pub applied: Vec<&'static str>,
    /// The version the schema is at.
    pub version: i32,
    /// Time spent.
    pub took: Duration,
}

/// Where the files go.
struct Target {
    schema: String,
    tenant: Option<TenantId>,
    fence: Option<Fence>,
}

impl Target {
    fn schema_name(&self) -> Result<SchemaName> {
        self.schema
            .parse()
            .map_err(|error| Error::invalid("schema name", error))
    }
}

/// Brings the schema `platform` up to date. The fence cannot guard it, because the table of epochs
/// comes with it; the lock does.
pub async fn platform(database: &OperatorDatabase) -> Result<Migrated> {
    let target = Target {
        schema: "platform".to_owned(),
        tenant: None,
        fence: None,
    };
    run(database, &target, PLATFORM).await
}

/// Brings the schema of a tenant up to date and copies the tenant into it.
pub async fn tenant(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
) -> Result<Migrated> {
    tenant_with(database, fence, tenant, TENANT).await
}

/// [`tenant`] with files of a version that does not exist yet, for tests.
pub(crate) async fn tenant_with(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
    files: &[File],
) -> Result<Migrated> {
    let schema = sqlx::query("SELECT schema_name FROM platform.tenants WHERE id = $1")
        .bind(tenant.uuid())
        .fetch_optional(database.pool())
        .await?
        .ok_or_else(|| Error::NotFound {
            kind: "tenant",
            name: tenant.to_string(),
        })?
        .try_get(0)?;
    let target = Target {
        schema,
        tenant: Some(tenant),
        fence: Some(fence.clone()),
    };
    let migrated = run(database, &target, files).await?;
    registry::project_anchor(database, fence, tenant).await?;
    // Calls need no views: the migration holds without them, and whoever wants them is told by
    // `compatibility::ensure`.
    if let Err(error) = compatibility::restore(database, fence, tenant).await {
        tracing::warn!(
            schema = target.schema,
            error = &error as &dyn std::error::Error,
            "Compatibility views are missing after a migration"
        );
    }
    Ok(migrated)
}

async fn run(database: &OperatorDatabase, target: &Target, files: &[File]) -> Result<Migrated> {
    let begun = Instant::now();
    let mut migrated = Migrated {
        applied: Vec::new(),
        version: 0,
        took: Duration::ZERO,
    };
    for (version, file) in (1..).zip(files) {
        if apply(database, target, version, file).await? {
            tracing::info!(
                schema = target.schema,
                migration.file = file.name,
                "applied a migration"
            );
            migrated.applied.push(file.name);
        }
        migrated.version = version;
    }
    migrated.took = begun.elapsed();
    Ok(migrated)
}

/// Applies one file unless it is recorded; says whether it did.
///
/// PostgreSQL refuses to change or drop a column under a view. Such a file runs once more without the
/// tenant's compatibility views, which [`compatibility::restore`] makes anew after the last file.
async fn apply(
    database: &OperatorDatabase,
    target: &Target,
    version: i32,
    file: &File,
) -> Result<bool> {
    match attempt(database, target, version, file, Views::Stay).await {
        Err(error) if target.tenant.is_some() && a_view_depends_on_it(&error) => {
            attempt(database, target, version, file, Views::Go).await
        }
        outcome => outcome,
    }
}

/// Whether a file runs over the tenant's compatibility views or without them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Views {
    Stay,
    Go,
}

/// 2BP01 dependent_objects_still_exist; 0A000 feature_not_supported: "cannot alter type of a column
/// used by a view or rule".
fn a_view_depends_on_it(error: &Error) -> bool {
    matches!(error.sqlstate().as_deref(), Some("2BP01" | "0A000"))
}

/// Waits for whoever migrates this schema, or makes views over it, until the transaction ends.
pub(crate) async fn lock(connection: &mut PgConnection, schema: &str) -> Result<()> {
    // By schema: tenants migrate side by side.
    sqlx::query(
        "SELECT set_config('lock_timeout', $2, true), set_config('statement_timeout', '0', true),
                pg_advisory_xact_lock(hashtextextended('callplane:migrate:' || $1, 0))",
    )
    .bind(schema)
    .bind(LOCK_TIMEOUT)
    .execute(connection)
    .await?;
    Ok(())
}

async fn attempt(
    database: &OperatorDatabase,
    target: &Target,
    version: i32,
    file: &File,
    views: Views,
) -> Result<bool> {
    let mut transaction = database.pool().begin().await?;
    lock(&mut transaction, &target.schema).await?;
    if let Some(fence) = &target.fence {
        fence.check(&mut transaction).await?;
    }
    let checksum = checksum_of(file);
    if let Some(recorded) = recorded(&mut transaction, target, version).await? {
        if recorded != checksum {
            return Err(Error::ChangedMigration {
                schema: target.schema.clone(),
                file: file.name,
                recorded: short_hex(&recorded),
                found: short_hex(&checksum),
            });
        }
        return Ok(false);
    }
    if let (Views::Go, Some(tenant)) = (views, target.tenant) {
        compatibility::suspend(&mut transaction, tenant, &target.schema_name()?).await?;
    }
    let begun = Instant::now();
    execute(&mut transaction, target, file)
        .await
        .map_err(|source| Error::Migration {
            schema: target.schema.clone(),
            file: file.name,
            source: Box::new(source),
        })?;
    sqlx::query(
        "INSERT INTO platform.schema_migrations (tenant_id, version, name, checksum, execution_ms)
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(target.tenant.map(TenantId::uuid))
    .bind(version)
    .bind(file.name)
    .bind(&checksum)
    .bind(i32::try_from(begun.elapsed().as_millis()).unwrap_or(i32::MAX))
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(true)
}

/// The checksum that `version` was applied with. The table itself comes with the first file of
/// `platform`.
async fn recorded(
    connection: &mut PgConnection,
    target: &Target,
    version: i32,
) -> Result<Option<Vec<u8>>> {
    let exists: bool = sqlx::query("SELECT to_regclass('platform.schema_migrations') IS NOT NULL")
        .fetch_one(&mut *connection)
        .await?
        .try_get(0)?;
    if !exists {
        return Ok(None);
    }
    sqlx::query(
        "SELECT checksum FROM platform.schema_migrations
          WHERE tenant_id IS NOT DISTINCT FROM $1 AND version = $2
            AND status IN ('applied', 'marked_applied')",
    )
    .bind(target.tenant.map(TenantId::uuid))
    .bind(version)
    .fetch_optional(connection)
    .await?
    .map(|row| Ok(row.try_get(0)?))
    .transpose()
}

/// Runs the statements of a file; those of a tenant as the owner of its schema.
async fn execute(connection: &mut PgConnection, target: &Target, file: &File) -> Result<()> {
    let Some(tenant) = target.tenant else {
        sqlx::raw_sql(file.sql).execute(connection).await?;
        return Ok(());
    };
    let schema = target.schema_name()?;
    let names = RoleNames::of(&schema);
    let owner = names.owner();
    // Names of letters, digits and underscores, and a UUID: nothing that could end a literal.
    let mut sql = file
        .sql
        .replace("{{schema}}", &format!("\"{schema}\""))
        .replace("{{tenant_id}}", &tenant.to_string())
        .replace("{{owner}}", &owner);
    for purpose in Purpose::ALL {
        sql = sql.replace(&format!("{{{{{purpose}}}}}"), &names.group(*purpose));
    }
    let before = format!("SET LOCAL ROLE {owner}; SET LOCAL search_path = \"{schema}\", public;");
    sqlx::raw_sql(AssertSqlSafe(before))
        .execute(&mut *connection)
        .await?;
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(&mut *connection)
        .await?;
    sqlx::raw_sql("RESET ROLE; SET LOCAL search_path = pg_catalog")
        .execute(connection)
        .await?;
    Ok(())
}

/// What a file is recorded with: SHA-256 of its text, placeholders included.
fn checksum_of(file: &File) -> Vec<u8> {
    digest::digest(&digest::SHA256, file.sql.as_bytes())
        .as_ref()
        .to_vec()
}

fn short_hex(hash: &[u8]) -> String {
    hash.iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
