//! What a person decides about a file that failed.

use callplane_types::TenantId;
use sqlx::Row as _;

use super::{File, PLATFORM, TENANT, checksum_of, lock};
use crate::roles::schema_of;
use crate::{Error, OperatorDatabase, Result};

/// How a file stands, by the word of a person who has looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// What the file makes is there, by whatever way: it is not run, or its changed text is taken for
    /// what was applied.
    Applied,
    /// Nothing of the file is there: it is run at the next migration.
    RolledBack,
}

/// Records a decision about `file` in a tenant's schema, or in `platform`. It changes nothing else;
/// [`crate::drift`] says whether the decision was right.
///
/// [`Error::NotFound`] for a file that this version does not have, [`Error::Invalid`] where there is
/// nothing to decide.
pub async fn resolve(
    database: &OperatorDatabase,
    tenant: Option<TenantId>,
    file: &str,
    resolution: Resolution,
) -> Result<()> {
    let files = if tenant.is_some() { TENANT } else { PLATFORM };
    let found = (1..).zip(files).find(|(_, known)| known.name == file);
    let (version, file) = found.ok_or_else(|| Error::NotFound {
        kind: "migration",
        name: file.to_owned(),
    })?;
    let mut transaction = database.pool().begin().await?;
    let schema = match tenant {
        Some(tenant) => schema_of(&mut transaction, tenant).await?.to_string(),
        None => "platform".to_owned(),
    };
    lock(&mut transaction, &schema).await?;
    let row = sqlx::query(
        "SELECT status, checksum FROM platform.schema_migrations
          WHERE tenant_id IS NOT DISTINCT FROM $1 AND version = $2",
    )
    .bind(tenant.map(TenantId::uuid))
    .bind(version)
    .fetch_optional(&mut *transaction)
    .await?;
    let (status, checksum) = match &row {
        Some(row) => (row.try_get("status")?, row.try_get("checksum")?),
        None => ("", Vec::<u8>::new()),
    };
    allowed(file, resolution, status, checksum == checksum_of(file))?;
    let word = match resolution {
        Resolution::Applied => "marked_applied",
        Resolution::RolledBack => "rolled_back",
    };
    sqlx::query(
        "INSERT INTO platform.schema_migrations (tenant_id, version, name, checksum, status)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (tenant_id, version) DO UPDATE
            SET name = excluded.name, checksum = excluded.checksum, status = excluded.status,
                error = NULL, applied_at = now()",
    )
    .bind(tenant.map(TenantId::uuid))
    .bind(version)
    .bind(file.name)
    .bind(checksum_of(file))
    .bind(word)
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(())
}

/// What was applied as it is stays so: a change back is a file of its own.
fn allowed(file: &File, resolution: Resolution, status: &str, same: bool) -> Result<()> {
    let why = match (resolution, status) {
        (Resolution::Applied, "applied" | "marked_applied") if same => "it is applied",
        (Resolution::RolledBack, "applied") => {
            "it was applied; undo what it made by a file of its own"
        }
        (Resolution::RolledBack, "") => "it was never begun; the next migration runs it",
        _ => return Ok(()),
    };
    Err(Error::invalid(
        "resolution",
        format!("{}: {why}", file.name),
    ))
}
