//! The steps in the life of a key.

use std::time::Duration;

use callplane_keys::{KeyHolder, KeyId, KeyPurpose, WrappedKey};
use callplane_types::TenantId;
use sqlx::{PgConnection, Row as _};

use super::sealed::take_time;
use super::{KeyStatus, SEALED_COLUMNS, begin};
use crate::{Error, Fence, OperatorDatabase, Result};

/// Stores the first key of a tenant and purpose, or the one after all that sealed are gone. It seals at
/// once: nothing else could. `false` when a key seals or waits to, which then is the one to use.
pub async fn add_first(
    database: &OperatorDatabase,
    fence: &Fence,
    holder: &KeyHolder,
    wrapped: &WrappedKey,
) -> Result<bool> {
    let unless = [KeyStatus::Active, KeyStatus::Pending];
    add(
        database,
        fence,
        (holder, wrapped),
        KeyStatus::Active,
        &unless,
    )
    .await
}

/// Stores the next key, which seals nothing before [`promote`]. `false` when one is pending already.
pub async fn add_pending(
    database: &OperatorDatabase,
    fence: &Fence,
    holder: &KeyHolder,
    wrapped: &WrappedKey,
) -> Result<bool> {
    let unless = [KeyStatus::Pending];
    add(
        database,
        fence,
        (holder, wrapped),
        KeyStatus::Pending,
        &unless,
    )
    .await
}

/// Stores a key that is not there any more, because the database was restored, as one that opens and seals
/// nothing.
pub async fn adopt(
    database: &OperatorDatabase,
    fence: &Fence,
    holder: &KeyHolder,
    wrapped: &WrappedKey,
) -> Result<()> {
    add(database, fence, (holder, wrapped), KeyStatus::Retired, &[]).await?;
    Ok(())
}

/// Stores the next version of a key, unless there is one of these already; says whether it did.
async fn add(
    database: &OperatorDatabase,
    fence: &Fence,
    (holder, wrapped): (&KeyHolder, &WrappedKey),
    status: KeyStatus,
    unless: &[KeyStatus],
) -> Result<bool> {
    let unless: Vec<&str> = unless.iter().map(|status| status.as_str()).collect();
    let mut transaction = begin(database, fence, holder.tenant).await?;
    let added = sqlx::query(
        "INSERT INTO platform.encryption_keys (id, tenant_id, purpose, version, wrapped_key, kek_ref,
                status, activated_at)
         SELECT $1, $2, $3, coalesce(max(version), 0) + 1, $4, $5, $6,
                CASE $6 WHEN 'active' THEN now() END
           FROM platform.encryption_keys
          WHERE tenant_id IS NOT DISTINCT FROM $2 AND purpose = $3
         HAVING coalesce(bool_and(status <> ALL ($7)), true)",
    )
    .bind(holder.key.uuid())
    .bind(holder.tenant.map(TenantId::uuid))
    .bind(holder.purpose.as_str())
    .bind(&wrapped.octets)
    .bind(&wrapped.kek)
    .bind(status.as_str())
    .bind(unless)
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    transaction.commit().await?;
    Ok(added > 0)
}

/// Notes that the Secret which readers read has these keys. Counts from the first time.
pub async fn mark_distributed(
    database: &OperatorDatabase,
    fence: &Fence,
    keys: &[KeyId],
) -> Result<()> {
    let mut transaction = database.begin(fence).await?;
    let ids: Vec<_> = keys.iter().map(|key| key.uuid()).collect();
    sqlx::query(
        "UPDATE platform.encryption_keys SET distributed_at = now()
          WHERE id = ANY ($1) AND distributed_at IS NULL",
    )
    .bind(ids)
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(())
}

/// Notes that the Secret which readers read says of this key that it seals. Counts from the first time.
pub async fn mark_sealing(database: &OperatorDatabase, fence: &Fence, key: KeyId) -> Result<()> {
    let mut transaction = database.begin(fence).await?;
    sqlx::query(
        "UPDATE platform.encryption_keys SET sealing_at = now()
          WHERE id = $1 AND status = 'active' AND sealing_at IS NULL",
    )
    .bind(key.uuid())
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(())
}

/// Takes a retired key back, so that its readers get it again: a record that was long on its way brought
/// values that it sealed. They are sealed anew, and it retires again.
///
/// [`Error::NotFound`] for a key that is not there, [`Error::Invalid`] for one that is not retired, and for
/// one of another purpose, which nobody is handed.
pub async fn recall(database: &OperatorDatabase, fence: &Fence, key: KeyId) -> Result<()> {
    let mut transaction = database.begin(fence).await?;
    let row = sqlx::query(
        "SELECT purpose, status FROM platform.encryption_keys WHERE id = $1 FOR UPDATE",
    )
    .bind(key.uuid())
    .fetch_optional(&mut *transaction)
    .await?
    .ok_or_else(|| Error::NotFound {
        kind: "data key",
        name: key.to_string(),
    })?;
    let (purpose, status): (String, String) = (row.try_get(0)?, row.try_get(1)?);
    if purpose != KeyPurpose::Column.as_str() {
        return Err(Error::invalid(
            "data key",
            "only keys of columns are sealed anew; archives and recordings are opened with retired keys too",
        ));
    }
    if status != KeyStatus::Retired.as_str() {
        return Err(Error::invalid(
            "data key",
            "it is not retired: `database keys status` shows which are",
        ));
    }
    sqlx::query(
        "UPDATE platform.encryption_keys SET status = 'retiring', retired_at = NULL WHERE id = $1",
    )
    .bind(key.uuid())
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(())
}

/// Lets the pending key seal, once it has been with all readers for `overlap`, by the server's clock;
/// the one before it retires from then on. Says which key seals now, if that changed.
pub async fn promote(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: Option<TenantId>,
    purpose: KeyPurpose,
    overlap: Duration,
) -> Result<Option<KeyId>> {
    let mut transaction = begin(database, fence, tenant).await?;
    let due = sqlx::query(
        "SELECT id FROM platform.encryption_keys
          WHERE tenant_id IS NOT DISTINCT FROM $1 AND purpose = $2 AND status = 'pending'
            AND distributed_at <= now() - make_interval(secs => $3)",
    )
    .bind(tenant.map(TenantId::uuid))
    .bind(purpose.as_str())
    .bind(overlap.as_secs_f64())
    .fetch_optional(&mut *transaction)
    .await?;
    let Some(due) = due else {
        return Ok(None);
    };
    let id: uuid::Uuid = due.try_get(0)?;
    // In this order: only one key of a purpose may be active.
    sqlx::query(
        "UPDATE platform.encryption_keys SET status = 'retiring'
          WHERE tenant_id IS NOT DISTINCT FROM $1 AND purpose = $2 AND status = 'active'",
    )
    .bind(tenant.map(TenantId::uuid))
    .bind(purpose.as_str())
    .execute(&mut *transaction)
    .await?;
    sqlx::query(
        "UPDATE platform.encryption_keys SET status = 'active', activated_at = now() WHERE id = $1",
    )
    .bind(id)
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(Some(KeyId::new(id)))
}

/// Whether the key that seals began to do so longer than `age` ago, and has no successor.
pub async fn is_older_than(
    database: &OperatorDatabase,
    tenant: TenantId,
    purpose: KeyPurpose,
    age: Duration,
) -> Result<bool> {
    let row = sqlx::query(
        "SELECT coalesce(bool_and(status <> 'pending'), false)
                AND coalesce(bool_or(status = 'active'
                        AND activated_at <= now() - make_interval(secs => $3)), false)
           FROM platform.encryption_keys WHERE tenant_id = $1 AND purpose = $2",
    )
    .bind(tenant.uuid())
    .bind(purpose.as_str())
    .bind(age.as_secs_f64())
    .fetch_one(database.pool())
    .await?;
    Ok(row.try_get(0)?)
}

/// Retires a key that was retiring for at least `overlap`, if no row is sealed with it any more. Says
/// whether it did.
///
/// Until the overlap is over, a process may still seal with it that has not learned of its successor.
pub async fn retire(
    database: &OperatorDatabase,
    fence: &Fence,
    holder: &KeyHolder,
    overlap: Duration,
) -> Result<bool> {
    let mut transaction = match holder.tenant {
        Some(tenant) => database.begin_in(fence, tenant).await?,
        None => database.begin(fence).await?,
    };
    // Before the rows, which take long: it is asked at each look at the tenant.
    if !is_superseded(&mut transaction, holder.key, overlap).await? {
        return Ok(false);
    }
    let seals_rows = holder.tenant.is_some() && holder.purpose == KeyPurpose::Column;
    if seals_rows && rows_sealed_with(&mut transaction, holder.key).await? {
        return Ok(false);
    }
    let retired = sqlx::query(
        "UPDATE platform.encryption_keys SET status = 'retired', retired_at = now()
          WHERE id = $1 AND status = 'retiring'",
    )
    .bind(holder.key.uuid())
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    transaction.commit().await?;
    Ok(retired > 0)
}

/// Whether the key is retiring, and all readers have known for `overlap` that its successor seals.
async fn is_superseded(
    connection: &mut PgConnection,
    key: KeyId,
    overlap: Duration,
) -> Result<bool> {
    let row = sqlx::query(
        "SELECT EXISTS (SELECT FROM platform.encryption_keys k JOIN platform.encryption_keys n
                            ON n.tenant_id IS NOT DISTINCT FROM k.tenant_id AND n.purpose = k.purpose
                         WHERE k.id = $1 AND k.status = 'retiring' AND n.status = 'active'
                           AND n.sealing_at <= now() - make_interval(secs => $2))",
    )
    .bind(key.uuid())
    .bind(overlap.as_secs_f64())
    .fetch_one(connection)
    .await?;
    Ok(row.try_get(0)?)
}

/// Whether any sealed column of the schema on the search path holds a value of this key.
async fn rows_sealed_with(connection: &mut PgConnection, key: KeyId) -> Result<bool> {
    take_time(connection).await?;
    for column in SEALED_COLUMNS {
        let found: bool = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT EXISTS (SELECT FROM {table} WHERE {key} = $1)",
            table = column.table,
            key = column.key(),
        )))
        .bind(key.uuid().as_bytes().as_slice())
        .fetch_one(&mut *connection)
        .await?
        .try_get(0)?;
        if found {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Stores a key under another key-encryption key, unless somebody did before.
pub async fn replace_wrapping(
    database: &OperatorDatabase,
    fence: &Fence,
    key: KeyId,
    former: &WrappedKey,
    wrapped: &WrappedKey,
) -> Result<()> {
    let mut transaction = database.begin(fence).await?;
    let changed = sqlx::query(
        "UPDATE platform.encryption_keys SET wrapped_key = $3, kek_ref = $4
          WHERE id = $1 AND wrapped_key = $2 AND status <> 'shredded'",
    )
    .bind(key.uuid())
    .bind(&former.octets)
    .bind(&wrapped.octets)
    .bind(&wrapped.kek)
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    if changed == 0 {
        return Err(Error::invalid(
            "data key",
            "it was wrapped anew or shredded meanwhile; look again",
        ));
    }
    transaction.commit().await?;
    Ok(())
}
