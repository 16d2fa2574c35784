//! Migrations: the schema `platform` once, and a schema for every tenant.
//!
//! Each file runs in a transaction of its own under a lock of its own schema, and is recorded with
//! its SHA-256 in `platform.schema_migrations` in the same transaction. **So a file is applied
//! whole or not at all, once, whoever runs the migrations and whenever they were interrupted**; a
//! file that was changed after it was applied stops everything. What PostgreSQL does not run in a
//! transaction may be repeated instead, see `concurrent`.
//!
//! Calls go on meanwhile: a file waits half a second for a table that is in use and begins anew
//! later, see `apply`.
//!
//! Tables of a tenant are created by the owner role of its schema; the operator is a member of it.

mod apply;
mod concurrent;
mod files;
mod lock;
mod record;
mod reset;
mod resolve;
mod rollout;
mod state;
mod statement;

use std::time::{Duration, Instant};

use aws_lc_rs::digest;
use callplane_types::{SchemaName, TenantId};
use sqlx::Row as _;

use crate::{Error, Fence, OperatorDatabase, Result, compatibility, tenants as registry};

pub use files::{File, Mode, PLATFORM, RELEASED, Released, TENANT};
pub(crate) use lock::lock;
use lock::lock_session;
pub use reset::reset;
pub use resolve::{Resolution, resolve};
#[cfg(feature = "test-util")]
pub(crate) use rollout::these;
pub use rollout::{RolledForward, Throttle, behind, tenants};
pub use state::{SchemaState, Stuck, state, states};

/// What a superuser runs once for a database, with psql and its variables `password` and `database`:
/// the operator's login, the group of all tenants' roles, the database and its extensions.
pub const BOOTSTRAP: &str = include_str!("../../bootstrap.sql");

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
///
/// Compatibility views that stood in the way are made anew at the end, also when a file failed.
pub async fn platform(database: &OperatorDatabase) -> Result<Migrated> {
    platform_with(database, PLATFORM).await
}

/// [`platform`] with files of a version that does not exist yet, for tests.
pub(crate) async fn platform_with(database: &OperatorDatabase, files: &[File]) -> Result<Migrated> {
    let target = Target {
        schema: "platform".to_owned(),
        tenant: None,
        fence: None,
    };
    let outcome = run(database, &target, files).await;
    if outcome
        .as_ref()
        .map_or(true, |migrated| !migrated.applied.is_empty())
    {
        compatibility::restore_all(database).await;
    }
    outcome
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
    let outcome = run(database, &target, files).await;
    if outcome.is_ok() {
        registry::project_anchor(database, fence, tenant).await?;
    }
    // Calls need no views: the migration holds without them, and whoever wants them is told by
    // `compatibility::ensure`. A file before the one that failed may have taken them away.
    if let Err(error) = compatibility::restore(database, fence, tenant).await {
        tracing::warn!(
            schema = target.schema,
            error = &error as &dyn std::error::Error,
            "Compatibility views are missing after a migration"
        );
    }
    outcome
}

async fn run(database: &OperatorDatabase, target: &Target, files: &[File]) -> Result<Migrated> {
    let begun = Instant::now();
    let mut migrated = Migrated {
        applied: Vec::new(),
        version: 0,
        took: Duration::ZERO,
    };
    let fresh = record::is_fresh(&mut *database.pool().acquire().await?, target).await?;
    for (version, file) in (1..).zip(files) {
        if apply::apply(database, target, version, file, fresh).await? {
            tracing::debug!(
                schema = target.schema,
                migration.file = file.name,
                "Applied a migration"
            );
            migrated.applied.push(file.name);
        }
        migrated.version = version;
    }
    migrated.took = begun.elapsed();
    if !migrated.applied.is_empty() {
        tracing::info!(
            schema = target.schema,
            schema.version = migrated.version,
            files = migrated.applied.len(),
            milliseconds = migrated.took.as_millis(),
            "Migrated a schema"
        );
    }
    Ok(migrated)
}

/// What a file is recorded with: SHA-256 of its text, placeholders included.
fn checksum_of(file: &File) -> Vec<u8> {
    digest::digest(&digest::SHA256, file.sql.as_bytes())
        .as_ref()
        .to_vec()
}
