//! Destroying a key, and with it everything that it sealed, backups and archives included.

use callplane_keys::{KeyHolder, KeyId, KeyPurpose};
use callplane_types::TenantId;
use sqlx::{AssertSqlSafe, PgConnection, Row as _};

use super::{KeyStatus, SEALED_COLUMNS, begin};
use crate::{Error, Fence, OperatorDatabase, Result};

/// What would be lost with a key, or stands against it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Needs {
    /// Rows with a value that it sealed, by table and column.
    pub rows: Vec<(&'static str, &'static str, i64)>,
    /// Archives that it sealed.
    pub archives: i64,
    /// Those of them that the law or the tenant's retention still wants kept.
    pub archives_to_be_kept: i64,
    /// Recordings that it sealed.
    pub recordings: i64,
    /// Those of them under legal hold, or not old enough to be deleted.
    pub recordings_to_be_kept: i64,
}

impl Needs {
    /// Whether a law, a hold or a retention forbids destroying the key.
    #[must_use]
    pub const fn forbid_shredding(&self) -> bool {
        self.archives_to_be_kept > 0 || self.recordings_to_be_kept > 0
    }

    /// Whether nothing is sealed with it.
    #[must_use]
    pub const fn are_none(&self) -> bool {
        self.rows.is_empty() && self.archives == 0 && self.recordings == 0
    }
}

/// What needs a key: rows and recordings of its tenant, as long as the tenant is there, and archives.
pub async fn needs(database: &OperatorDatabase, holder: &KeyHolder) -> Result<Needs> {
    let mut transaction = database.pool().begin().await?;
    let needs = read_needs(&mut transaction, holder).await?;
    transaction.commit().await?;
    Ok(needs)
}

async fn read_needs(connection: &mut PgConnection, holder: &KeyHolder) -> Result<Needs> {
    let row = sqlx::query(
        "SELECT count(*), count(*) FILTER (WHERE retain_until > now())
           FROM platform.archive_manifests WHERE encryption_key_id = $1 AND deleted_at IS NULL",
    )
    .bind(holder.key.uuid())
    .fetch_one(&mut *connection)
    .await?;
    let mut needs = Needs {
        archives: row.try_get(0)?,
        archives_to_be_kept: row.try_get(1)?,
        ..Needs::default()
    };
    if let Some(tenant) = holder.tenant
        && enter(connection, tenant).await?
    {
        if holder.purpose == KeyPurpose::Column {
            needs.rows = read_rows(connection, holder.key).await?;
        }
        // Words of a call are held with its recording.
        let row = sqlx::query(
            "SELECT count(*) FILTER (WHERE encryption_key_id = $1),
                    count(*) FILTER (WHERE CASE
                        WHEN encryption_key_id = $1 THEN legal_hold OR retain_until > now()
                        ELSE legal_hold AND (EXISTS (
                            SELECT FROM calls c
                             WHERE c.id = r.call_id
                               AND substring(c.variables_enc FROM 2 FOR 16) = $2)
                          OR EXISTS (
                            SELECT FROM transcriptions t
                             WHERE t.call_id = r.call_id
                               AND $2 IN (substring(t.text_enc FROM 2 FOR 16),
                                          substring(t.segments_enc FROM 2 FOR 16)))
                          OR EXISTS (
                            SELECT FROM call_analyses a
                             WHERE a.call_id = r.call_id
                               AND $2 IN (substring(a.summary_enc FROM 2 FOR 16),
                                          substring(a.captured_data_enc FROM 2 FOR 16)))
                          OR EXISTS (
                            SELECT FROM conversations v LEFT JOIN messages m ON m.conversation_id = v.id
                             WHERE v.call_id = r.call_id
                               AND $2 IN (substring(v.context_enc FROM 2 FOR 16),
                                          substring(m.content_enc FROM 2 FOR 16),
                                          substring(m.intended_enc FROM 2 FOR 16)))) END)
               FROM call_recordings r WHERE deleted_at IS NULL",
        )
        .bind(holder.key.uuid())
        .bind(holder.key.uuid().as_bytes().as_slice())
        .fetch_one(&mut *connection)
        .await?;
        needs.recordings = row.try_get(0)?;
        needs.recordings_to_be_kept = row.try_get(1)?;
    }
    Ok(needs)
}

async fn read_rows(
    connection: &mut PgConnection,
    key: KeyId,
) -> Result<Vec<(&'static str, &'static str, i64)>> {
    let mut found = Vec::new();
    for column in SEALED_COLUMNS {
        let (table, column) = (column.table, column.column);
        let rows: i64 = sqlx::query(AssertSqlSafe(format!(
            "SELECT count(*) FROM {table} WHERE substring({column} FROM 2 FOR 16) = $1"
        )))
        .bind(key.uuid().as_bytes().as_slice())
        .fetch_one(&mut *connection)
        .await?
        .try_get(0)?;
        if rows > 0 {
            found.push((table, column, rows));
        }
    }
    Ok(found)
}

/// Makes unqualified names mean the tables of the tenant; `false` when it is gone.
async fn enter(connection: &mut PgConnection, tenant: TenantId) -> Result<bool> {
    let entered = sqlx::query(
        "SELECT set_config('search_path', quote_ident(schema_name) || ', public', true),
                set_config('statement_timeout', '0', true)
           FROM platform.tenants WHERE id = $1",
    )
    .bind(tenant.uuid())
    .fetch_optional(connection)
    .await?;
    Ok(entered.is_some())
}

/// Destroys a key: the wrapped octets are overwritten here; backups of the database keep theirs until
/// they expire. **What it sealed is lost.** Gives back what that was.
///
/// # Errors
/// [`Error::Invalid`] for a key that still seals or opens for a tenant that is there, unless `force`;
/// and, whatever `force` says, when an archive or a recording must be kept by retention or is under legal
/// hold, or the key seals recordings now. [`Error::NotFound`].
pub async fn shred(
    database: &OperatorDatabase,
    fence: &Fence,
    key: KeyId,
    force: bool,
) -> Result<Needs> {
    let stored = super::list_all(database)
        .await?
        .into_iter()
        .find(|stored| stored.holder.key == key)
        .ok_or_else(|| Error::NotFound {
            kind: "data key",
            name: key.to_string(),
        })?;
    let mut transaction = begin(database, fence, stored.holder.tenant).await?;
    let needs = read_needs(&mut transaction, &stored.holder).await?;
    if needs.forbid_shredding() {
        return Err(Error::invalid(
            "shredding",
            format!(
                "{} archives and {} recordings of this key must be kept, by retention or legal hold",
                needs.archives_to_be_kept, needs.recordings_to_be_kept
            ),
        ));
    }
    let (purpose, status) = (stored.holder.purpose, stored.status);
    if purpose == KeyPurpose::Recording && status == KeyStatus::Active {
        // Nodes go on sealing with it for minutes: nobody could want those calls lost.
        return Err(Error::invalid(
            "shredding",
            "calls are being recorded with this key; rotate it and wait until another one is active",
        ));
    }
    if !force && (stored.status.is_handed_out() || !needs.rows.is_empty()) {
        return Err(Error::invalid(
            "shredding",
            "the key is in use; rotate it and wait until it is retired, or force it and lose what it sealed",
        ));
    }
    sqlx::query(
        "UPDATE platform.encryption_keys
            SET status = 'shredded', wrapped_key = '', shredded_at = now()
          WHERE id = $1 AND status <> 'shredded'",
    )
    .bind(key.uuid())
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(needs)
}

/// Destroys the keys of a tenant that is removed, but for those that an archive needs.
pub(crate) async fn shred_of_tenant(connection: &mut PgConnection, tenant: TenantId) -> Result<()> {
    sqlx::query(
        "UPDATE platform.encryption_keys k
            SET status = 'shredded', wrapped_key = '', shredded_at = now()
          WHERE k.tenant_id = $1 AND k.status <> 'shredded'
            AND NOT EXISTS (SELECT FROM platform.archive_manifests m
                             WHERE m.encryption_key_id = k.id AND m.deleted_at IS NULL)",
    )
    .bind(tenant.uuid())
    .execute(connection)
    .await?;
    Ok(())
}
