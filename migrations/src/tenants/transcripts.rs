//! How a tenant keeps what is said in its calls.

use std::time::Duration;

use callplane_types::TenantId;
use sqlx::{PgConnection, Row as _};

use crate::{Fence, OperatorDatabase, Result, TenantDatabase};

/// Key of `settings` in `platform.tenants` and in the tenant's own row.
const SETTING: &str = "encrypt_transcripts";

/// How what was said and captured in a call is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Transcripts {
    /// As text, which is searched.
    #[default]
    Clear,
    /// Sealed with a data key of the tenant, for those who have it.
    Encrypted,
}

impl Transcripts {
    /// As the setting says it.
    #[must_use]
    pub const fn are_encrypted(self) -> bool {
        matches!(self, Self::Encrypted)
    }

    pub(super) fn setting(self) -> serde_json::Value {
        serde_json::json!({ SETTING: self.are_encrypted() })
    }
}

impl From<bool> for Transcripts {
    fn from(encrypted: bool) -> Self {
        if encrypted {
            Self::Encrypted
        } else {
            Self::Clear
        }
    }
}

/// What the operator still has to seal of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backlog {
    /// Nothing: the tenant does not ask for it, or all is sealed.
    None,
    /// What is there now; media nodes that have not heard of it yet may still add to it.
    Growing,
    /// What is there now and no more: whoever finds nothing notes it with [`note_sealed`].
    Last,
}

/// What of the calls from before the tenant asked for encrypted transcripts is still to be sealed, when
/// every media node has heard of a change after `settle`.
pub async fn backlog(
    database: &OperatorDatabase,
    tenant: TenantId,
    settle: Duration,
) -> Result<Backlog> {
    let row = sqlx::query(
        "SELECT settings @> '{\"encrypt_transcripts\": true}' AND NOT settings ? 'transcripts_sealed',
                coalesce(synced_at <= now() - make_interval(secs => $2), true)
           FROM platform.tenants WHERE id = $1",
    )
    .bind(tenant.uuid())
    .bind(settle.as_secs_f64())
    .fetch_optional(database.pool())
    .await?;
    let Some(row) = row else {
        return Ok(Backlog::None);
    };
    Ok(match (row.try_get(0)?, row.try_get(1)?) {
        (false, _) => Backlog::None,
        (true, false) => Backlog::Growing,
        (true, true) => Backlog::Last,
    })
}

/// Notes that nothing is in clear any more, so that the tables are not read again. Without effect when
/// the Tenant was changed since [`Backlog::Last`] was told.
pub async fn note_sealed(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
    settle: Duration,
) -> Result<()> {
    let mut transaction = database.begin(fence).await?;
    sqlx::query(
        "UPDATE platform.tenants SET settings = settings || '{\"transcripts_sealed\": true}'
          WHERE id = $1 AND settings @> '{\"encrypt_transcripts\": true}'
            AND coalesce(synced_at <= now() - make_interval(secs => $2), true)",
    )
    .bind(tenant.uuid())
    .bind(settle.as_secs_f64())
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(())
}

/// Somebody wrote calls with words in clear into the schema, of another platform: the operator looks
/// again.
pub(crate) async fn forget_sealed(connection: &mut PgConnection, tenant: TenantId) -> Result<()> {
    sqlx::query(
        "UPDATE platform.tenants SET settings = settings - 'transcripts_sealed'
          WHERE id = $1 AND settings ? 'transcripts_sealed'",
    )
    .bind(tenant.uuid())
    .execute(connection)
    .await?;
    Ok(())
}

/// How the calling tenant keeps its transcripts.
pub async fn transcripts(database: &TenantDatabase) -> Result<Transcripts> {
    let row = sqlx::query(
        "SELECT coalesce(bool_or(settings @> '{\"encrypt_transcripts\": true}'), false) FROM tenant",
    )
    .fetch_one(database.pool())
    .await?;
    Ok(row.try_get::<bool, _>(0)?.into())
}

/// Copies the setting from the registry into the schema on the search path, where the tenant reads it;
/// says whether it changed. Written always, also `false`: nobody else's setting of this name counts.
pub(super) async fn project(connection: &mut PgConnection, tenant: uuid::Uuid) -> Result<bool> {
    let changed = sqlx::query(
        "UPDATE tenant t SET settings = t.settings || n.setting
           FROM platform.tenants p, LATERAL (SELECT jsonb_build_object($2::text,
                    coalesce(p.settings -> $2 = 'true', false)) AS setting) n
          WHERE p.id = $1 AND t.id = p.id AND NOT t.settings @> n.setting",
    )
    .bind(tenant)
    .bind(SETTING)
    .execute(connection)
    .await?
    .rows_affected();
    Ok(changed > 0)
}
