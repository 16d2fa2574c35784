//! How far each schema is: what is recorded against the files of this version.

use std::collections::BTreeMap;

use callplane_types::{TenantId, TenantName, WallTime};
use chrono::{DateTime, Utc};
use sqlx::Row as _;
use sqlx::postgres::PgRow;

use super::{File, PLATFORM, TENANT, checksum_of};
use crate::time::wall;
use crate::{Error, OperatorDatabase, Result};

/// How far a schema is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaState {
    /// Its name.
    pub schema: String,
    /// Whose it is; of nobody is `platform`.
    pub tenant: Option<(TenantName, TenantId)>,
    /// Version of the last file that it has. Above the files of this version when a later one of
    /// Callplane was here.
    pub version: i32,
    /// Files that it lacks, in order.
    pub pending: Vec<&'static str>,
    /// Files that were changed after they were applied.
    pub changed: Vec<&'static str>,
    /// The file that stands in the way of those after it.
    pub stuck: Option<Stuck>,
    /// When the last file was applied.
    pub last_applied_at: Option<WallTime>,
}

/// A file that was begun and is not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stuck {
    /// Its name.
    pub file: String,
    /// Why it failed, without data; `None` when it runs, or ran until its server or process died.
    pub error: Option<String>,
    /// When it failed or began.
    pub at: WallTime,
}

impl SchemaState {
    /// Whether it is as this version of Callplane wants it.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.pending.is_empty() && self.changed.is_empty()
    }

    /// What a person should know, as a sentence.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        if let Some(file) = self.changed.first() {
            return Some(format!(
                "{file} was changed after it was applied; restore it and put the change into a new file"
            ));
        }
        self.stuck.as_ref().map(|stuck| match &stuck.error {
            Some(error) => format!("{} failed: {error}", stuck.file),
            None => format!("{} is running or was interrupted", stuck.file),
        })
    }
}

/// Every schema: `platform` first, then the tenants', deleted ones with retained data included.
pub async fn states(database: &OperatorDatabase) -> Result<Vec<SchemaState>> {
    let begun: bool = sqlx::query("SELECT to_regclass('platform.tenants') IS NOT NULL")
        .fetch_one(database.pool())
        .await?
        .try_get(0)?;
    if !begun {
        return Ok(vec![compare("platform".to_owned(), None, PLATFORM, &[])?]);
    }
    let rows = sqlx::query(
        "SELECT coalesce(t.schema_name, 'platform') AS schema, t.slug, t.id, m.version, m.name,
                m.checksum, m.status, m.applied_at, m.error
           FROM platform.tenants t
           FULL JOIN platform.schema_migrations m ON m.tenant_id = t.id
          ORDER BY t.slug NULLS FIRST, m.version",
    )
    .fetch_all(database.pool())
    .await?;
    // By name of the tenant; `platform` has none and comes first.
    let mut schemas: BTreeMap<Option<String>, Vec<PgRow>> = BTreeMap::new();
    for row in rows {
        schemas.entry(row.try_get("slug")?).or_default().push(row);
    }
    schemas.into_values().map(|rows| read(&rows)).collect()
}

/// One tenant's schema.
pub async fn state(database: &OperatorDatabase, tenant: TenantId) -> Result<SchemaState> {
    let rows = sqlx::query(
        "SELECT t.schema_name AS schema, t.slug, t.id, m.version, m.name, m.checksum, m.status,
                m.applied_at, m.error
           FROM platform.tenants t LEFT JOIN platform.schema_migrations m ON m.tenant_id = t.id
          WHERE t.id = $1 ORDER BY m.version",
    )
    .bind(tenant.uuid())
    .fetch_all(database.pool())
    .await?;
    if rows.is_empty() {
        return Err(Error::NotFound {
            kind: "tenant",
            name: tenant.to_string(),
        });
    }
    read(&rows)
}

/// The rows of one schema; none of them has a version when nothing was applied.
fn read(rows: &[PgRow]) -> Result<SchemaState> {
    let mut records = Vec::new();
    let (mut schema, mut tenant) = (String::new(), None);
    for row in rows {
        schema = row.try_get("schema")?;
        if let Some(slug) = row.try_get::<Option<String>, _>("slug")? {
            let name = slug
                .parse()
                .map_err(|error| Error::invalid("tenant name", error))?;
            tenant = Some((name, TenantId::new(row.try_get("id")?)));
        }
        if let Some(version) = row.try_get("version")? {
            records.push(Record {
                version,
                name: row.try_get("name")?,
                checksum: row.try_get("checksum")?,
                status: row.try_get("status")?,
                at: row.try_get("applied_at")?,
                error: row.try_get("error")?,
            });
        }
    }
    let files = if tenant.is_some() { TENANT } else { PLATFORM };
    compare(schema, tenant, files, &records)
}

/// A row of `platform.schema_migrations`.
struct Record {
    version: i32,
    name: String,
    checksum: Vec<u8>,
    status: String,
    at: DateTime<Utc>,
    error: Option<String>,
}

impl Record {
    fn is_applied(&self) -> bool {
        matches!(self.status.as_str(), "applied" | "marked_applied")
    }
}

fn compare(
    schema: String,
    tenant: Option<(TenantName, TenantId)>,
    files: &[File],
    records: &[Record],
) -> Result<SchemaState> {
    let mut state = SchemaState {
        schema,
        tenant,
        version: 0,
        pending: Vec::new(),
        changed: Vec::new(),
        stuck: None,
        last_applied_at: None,
    };
    for (version, file) in (1..).zip(files) {
        let record = records.iter().find(|record| record.version == version);
        match record {
            Some(record) if record.is_applied() => {
                if record.checksum != checksum_of(file) {
                    state.changed.push(file.name);
                }
            }
            _ => state.pending.push(file.name),
        }
    }
    for record in records {
        if record.is_applied() {
            state.version = state.version.max(record.version);
            state.last_applied_at = state.last_applied_at.max(Some(wall(record.at)));
        } else if matches!(record.status.as_str(), "failed" | "running") && state.stuck.is_none() {
            state.stuck = Some(Stuck {
                file: record.name.clone(),
                error: record.error.clone(),
                at: wall(record.at),
            });
        }
    }
    Ok(state)
}
