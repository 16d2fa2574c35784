//! The import as a whole.

use std::io::Write as _;
use std::path::PathBuf;

use callplane_types::TenantName;
use futures::{Stream, StreamExt as _, TryStreamExt as _};
use sqlx::{Connection as _, PgConnection};

use super::checkpoint::{Checkpoint, Import};
use super::copied::Copied;
use super::report::{Refusal, Report, TableReport};
use super::secrets::{self, Scope, Seal};
use super::session::{begin, choose_tenant, open};
use super::source::{self, Source, SourceRow};
use super::step::Step;
use super::{batch, platforms};
use crate::compatibility::Platform;
use crate::{Error, OperatorDatabase, Result};

/// Rows a transaction: a second's work, and little to do again after a kill.
const BATCH: usize = 2_000;

/// What to import, and how.
#[derive(Default)]
pub struct Options<'a> {
    /// Identifier of the tenant in the source; may be left out when the source has one.
    pub source_tenant: Option<String>,
    /// Writes nothing: everything runs and is taken back.
    pub dry_run: bool,
    /// Seals secrets that must be read again. Without it, rows whose step says so are refused, and the others
    /// arrive without their secret.
    pub seal: Option<&'a dyn Seal>,
    /// Where every refusal is written, one JSON object a line.
    pub refusals: Option<PathBuf>,
    /// Forgets how far an import came that did not end, and reads every table from its beginning.
    pub restart: bool,
    /// Rows a transaction, for tests; 0 for the usual number.
    pub batch: usize,
}

/// How far an import is.
#[derive(Debug, Clone, Copy)]
pub struct Progress<'a> {
    /// The table of the source.
    pub table: &'a str,
    /// Rows of it that were read.
    pub read: u64,
    /// Rows it has.
    pub of: u64,
}

/// What whoever hears of the progress wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// Go on.
    Continue,
    /// Stop after the batch that was just committed; the next import goes on there.
    Stop,
}

/// Imports a tenant of `source` into the tenant `name`. What was imported before is left as it is.
///
/// Fails with [`Error::NotFound`] for an unknown tenant, [`Error::Busy`] when the tenant is being
/// imported into already, [`Error::Import`] with the table that failed, and [`Error::Stopped`]. A
/// difference between source and target is in the report and no error here.
pub async fn run(
    target: &OperatorDatabase,
    name: &TenantName,
    platform: Platform,
    source: &mut Source,
    options: &Options<'_>,
    progress: &mut (dyn FnMut(Progress<'_>) -> Control + Send),
) -> Result<Report> {
    let tenant = crate::tenants::find(target, name)
        .await?
        .ok_or_else(|| Error::NotFound {
            kind: "tenant",
            name: name.to_string(),
        })?;
    let mapping = platforms::mapping(platform);
    let source_tenant = choose_tenant(source, mapping.tenants, options).await?;
    let source_database = source.identity(mapping.first_table()).await?;
    // A connection of its own, closed at the end: it leaves temporary tables and functions.
    let mut connection = target.pool().acquire().await?.detach();
    let scope = Scope {
        tenant: tenant.id.uuid(),
        platform: platform.as_str(),
    };
    open(&mut connection, &scope).await?;
    let mut run = Run {
        connection,
        import: Import {
            tenant: scope.tenant,
            platform: scope.platform,
            source_tenant,
            source_database,
        },
        scope,
        options,
        progress,
    };
    let report = run.all(source, &mapping).await;
    let report = report?;
    // By itself: the server may notice only later that the connection is closed.
    sqlx::raw_sql("SELECT pg_advisory_unlock_all()")
        .execute(&mut run.connection)
        .await?;
    let closed = run.connection.close().await;
    closed?;
    Ok(report)
}

/// A platform's tables.
pub(super) struct Mapping {
    /// A query for the tenants of a source: identifier and name for people.
    pub(super) tenants: &'static str,
    /// In the order in which tables refer to each other.
    pub(super) parts: &'static [Part],
    /// What the report says at its end.
    pub(super) remarks: &'static [&'static str],
}

impl Mapping {
    /// A table that every database of the platform has.
    fn first_table(&self) -> &'static str {
        match self.parts.first() {
            Some(Part::Steps([step, ..])) => step.table,
            Some(Part::Copies([copied, ..])) => copied.source,
            _ => "",
        }
    }
}

/// Some tables of a platform.
pub(super) enum Part {
    /// With mappings of their own.
    Steps(&'static [Step<'static>]),
    /// Whose columns are ours by other names.
    Copies(&'static [Copied]),
}

struct Run<'a, 'o> {
    connection: PgConnection,
    import: Import,
    scope: Scope,
    options: &'a Options<'o>,
    progress: &'a mut (dyn FnMut(Progress<'_>) -> Control + Send),
}

impl Run<'_, '_> {
    async fn all(&mut self, source: &mut Source, mapping: &Mapping) -> Result<Report> {
        if self.options.dry_run {
            begin(&mut self.connection).await?;
        }
        if self.options.restart {
            self.import.forget(&mut self.connection).await?;
        }
        self.import.claim(&mut self.connection).await?;
        let mut report = Report {
            remarks: mapping.remarks.iter().map(ToString::to_string).collect(),
            ..Report::default()
        };
        for part in mapping.parts {
            match part {
                Part::Steps(steps) => {
                    for step in *steps {
                        let table = self.table(source, step).await;
                        report.add(table.map_err(|error| error.of_import(step.name()))?);
                    }
                }
                Part::Copies(copies) => {
                    for copied in *copies {
                        let table = self.copy(source, copied).await;
                        report.add(table.map_err(|error| error.of_import(copied.name()))?);
                    }
                }
            }
        }
        report.not_read = source
            .tables()
            .await?
            .into_iter()
            .filter(|table| report.table(table).is_none())
            .collect();
        if self.options.dry_run {
            sqlx::raw_sql("ROLLBACK")
                .execute(&mut self.connection)
                .await?;
        } else {
            self.import.forget(&mut self.connection).await?;
        }
        Ok(report)
    }

    /// A table whose mapping follows from the catalogues of both sides.
    async fn copy(&mut self, source: &mut Source, copied: &Copied) -> Result<TableReport> {
        let Some(has) = source.columns(copied.source).await? else {
            return Ok(TableReport {
                table: copied.name().to_owned(),
                ..TableReport::default()
            });
        };
        let mapping = copied.mapping(&mut self.connection, &has).await?;
        let refuse = mapping.refuse(copied);
        self.table(source, &mapping.step(copied, &refuse)).await
    }

    async fn table(&mut self, source: &mut Source, step: &Step<'_>) -> Result<TableReport> {
        let label = step_label(step);
        let mut checkpoint = self
            .import
            .read(&mut self.connection, &label)
            .await?
            .unwrap_or_default();
        if checkpoint.finished {
            return Ok(checkpoint.figures);
        }
        checkpoint.figures.table = step.name().to_owned();
        let Some(has) = source.columns(step.table).await? else {
            return Ok(checkpoint.figures);
        };
        let tenant = self.import.source_tenant.clone();
        let totals = source.totals(step, &tenant).await?;
        checkpoint.figures.start(step, &totals);
        batch::prepare(&mut self.connection, step, self.scope.platform).await?;
        let sql = source::rows_query(step, &has);
        let rows = source.rows(&sql, step, &tenant, checkpoint.last_key.clone());
        // Asked once more after its end.
        let mut rows = Box::pin(rows.fuse());
        let size = match self.options.batch {
            0 => BATCH,
            size => size,
        };
        let mut read = checkpoint.figures.seen();
        let mut analysed = false;
        let mut part = next_part(&mut rows, size).await?;
        while !part.is_empty() {
            // The source reads on while the target writes.
            let (written, next) = tokio::join!(
                self.batch(step, &label, &part, &mut checkpoint),
                next_part(&mut rows, size)
            );
            written?;
            if !analysed {
                batch::analyse(&mut self.connection, step).await?;
                analysed = true;
            }
            read += part.len() as u64;
            let now = Progress {
                table: step.name(),
                read,
                of: totals.rows,
            };
            if (self.progress)(now) == Control::Stop {
                return Err(Error::Stopped);
            }
            part = next?;
        }
        checkpoint.finished = true;
        self.import
            .write(&mut self.connection, &label, &checkpoint)
            .await?;
        Ok(checkpoint.figures)
    }

    /// Writes a batch and how far it came, together.
    async fn batch(
        &mut self,
        step: &Step<'_>,
        label: &str,
        rows: &[SourceRow],
        checkpoint: &mut Checkpoint,
    ) -> Result<()> {
        let replaced;
        let rows = if step.secrets.is_empty() {
            rows
        } else {
            replaced = rows
                .iter()
                .map(|row| {
                    let seal = self.options.seal;
                    let json = secrets::replace(&row.json, step.secrets, &self.scope, seal)?;
                    Ok(SourceRow {
                        json,
                        ..row.clone()
                    })
                })
                .collect::<Result<Vec<_>>>()?;
            &replaced
        };
        if !self.options.dry_run {
            begin(&mut self.connection).await?;
        }
        let outcome = batch::write(&mut self.connection, step, rows).await?;
        self.list(step, &outcome.refusals)?;
        checkpoint.figures.add(outcome, rows);
        checkpoint.last_key = rows.last().map(|row| row.key.clone());
        self.import
            .write(&mut self.connection, label, checkpoint)
            .await?;
        if !self.options.dry_run {
            sqlx::raw_sql("COMMIT")
                .execute(&mut self.connection)
                .await?;
        }
        Ok(())
    }

    fn list(&self, step: &Step<'_>, refusals: &[Refusal]) -> Result<()> {
        let Some(path) = &self.options.refusals else {
            return Ok(());
        };
        let unwritable = |error: std::io::Error| Error::invalid("file of refusals", error);
        let mut file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .map_err(unwritable)?;
        for Refusal { key, reason } in refusals {
            let line = serde_json::json!({"table": step.name(), "key": key, "reason": reason});
            writeln!(file, "{line}").map_err(unwritable)?;
        }
        Ok(())
    }
}

/// What tells a step from others of the same table.
fn step_label(step: &Step<'_>) -> String {
    let target = step.write.split_whitespace().nth(2).unwrap_or_default();
    format!("{} -> {target}", step.name())
}

/// Up to `size` rows; none when there are no more.
async fn next_part(
    rows: &mut (impl Stream<Item = Result<SourceRow>> + Unpin),
    size: usize,
) -> Result<Vec<SourceRow>> {
    rows.take(size).try_collect().await
}
