//! How far an import has come, in `platform.import_progress`.

use callplane_types::TenantId;
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use super::report::TableReport;
use crate::tenants::forget_sealed;
use crate::{Error, Result};

/// Which import.
#[derive(Debug, Clone)]
pub(super) struct Import {
    pub(super) tenant: Uuid,
    pub(super) platform: &'static str,
    /// The tenant's identifier in the source.
    pub(super) source_tenant: String,
    /// Which database the source is, see [`super::Source`].
    pub(super) source_database: String,
}

/// Where a table was left.
#[derive(Debug, Default)]
pub(super) struct Checkpoint {
    pub(super) last_key: Option<String>,
    pub(super) figures: TableReport,
    pub(super) finished: bool,
}

impl Import {
    /// Refuses to go on where an import from another database was left: rows after the same key are
    /// other rows there.
    pub(super) async fn claim(&self, connection: &mut PgConnection) -> Result<()> {
        let others = sqlx::query(
            "SELECT FROM platform.import_progress
              WHERE tenant_id = $1 AND source_platform = $2 AND source_tenant = $3
                AND source_database <> $4
              LIMIT 1",
        )
        .bind(self.tenant)
        .bind(self.platform)
        .bind(&self.source_tenant)
        .bind(&self.source_database)
        .fetch_optional(connection)
        .await?;
        if others.is_none() {
            return Ok(());
        }
        Err(Error::invalid(
            "source",
            "an import of this tenant from another database has begun and not ended; end it from there, \
             or begin anew from here with --restart, which leaves what it wrote",
        ))
    }

    /// Where `table` was left by an import that was killed.
    pub(super) async fn read(
        &self,
        connection: &mut PgConnection,
        table: &str,
    ) -> Result<Option<Checkpoint>> {
        let row = sqlx::query(
            "SELECT last_key, figures, finished FROM platform.import_progress
              WHERE tenant_id = $1 AND source_platform = $2 AND source_tenant = $3
                AND source_table = $4",
        )
        .bind(self.tenant)
        .bind(self.platform)
        .bind(&self.source_tenant)
        .bind(table)
        .fetch_optional(connection)
        .await?;
        row.map(|row| {
            Ok(Checkpoint {
                last_key: row.try_get("last_key")?,
                figures: serde_json::from_value(row.try_get("figures")?)
                    .map_err(|error| Error::invalid("figures of an import", error))?,
                finished: row.try_get("finished")?,
            })
        })
        .transpose()
    }

    /// Notes, in the transaction of a batch, that it was done.
    pub(super) async fn write(
        &self,
        connection: &mut PgConnection,
        table: &str,
        checkpoint: &Checkpoint,
    ) -> Result<()> {
        let figures = serde_json::to_value(&checkpoint.figures)
            .map_err(|error| Error::invalid("figures of an import", error))?;
        sqlx::query(
            "INSERT INTO platform.import_progress
                    (tenant_id, source_platform, source_tenant, source_database, source_table,
                     last_key, figures, finished)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (tenant_id, source_platform, source_tenant, source_table) DO UPDATE
                SET last_key = excluded.last_key, figures = excluded.figures,
                    finished = excluded.finished",
        )
        .bind(self.tenant)
        .bind(self.platform)
        .bind(&self.source_tenant)
        .bind(&self.source_database)
        .bind(table)
        .bind(&checkpoint.last_key)
        .bind(figures)
        .bind(checkpoint.finished)
        .execute(&mut *connection)
        .await?;
        // What another platform's callers said is in clear at first.
        forget_sealed(connection, TenantId::new(self.tenant)).await
    }

    /// Forgets it all: the next import reads from the beginning.
    pub(super) async fn forget(&self, connection: &mut PgConnection) -> Result<()> {
        sqlx::query(
            "DELETE FROM platform.import_progress
              WHERE tenant_id = $1 AND source_platform = $2 AND source_tenant = $3",
        )
        .bind(self.tenant)
        .bind(self.platform)
        .bind(&self.source_tenant)
        .execute(connection)
        .await?;
        Ok(())
    }
}
