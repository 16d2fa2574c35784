//! How far an import has come, in `platform.import_progress`.

use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use super::report::TableReport;
use crate::{Error, Result};

/// Which import.
#[derive(Debug, Clone)]
pub(super) struct Import {
    pub(super) tenant: Uuid,
    pub(super) platform: &'static str,
    /// The tenant's identifier in the source.
    pub(super) source_tenant: String,
}

/// Where a table was left.
#[derive(Debug, Default)]
pub(super) struct Checkpoint {
    pub(super) last_key: Option<String>,
    pub(super) figures: TableReport,
    pub(super) finished: bool,
}

impl Import {
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
                    (tenant_id, source_platform, source_tenant, source_table, last_key, figures,
                     finished)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (tenant_id, source_platform, source_tenant, source_table) DO UPDATE
                SET last_key = excluded.last_key, figures = excluded.figures,
                    finished = excluded.finished",
        )
        .bind(self.tenant)
        .bind(self.platform)
        .bind(&self.source_tenant)
        .bind(table)
        .bind(&checkpoint.last_key)
        .bind(figures)
        .bind(checkpoint.finished)
        .execute(connection)
        .await?;
        Ok(())
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
