//! One file: whole or not at all, once.

use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, PgConnection};

use super::{File, Mode, Target, checksum_of, concurrent, lock, record};
use crate::roles::{Purpose, RoleNames};
use crate::{Error, OperatorDatabase, Result, compatibility};

/// How long a file waits for a table that somebody uses. **Whoever comes after it waits as long**, so
/// it is short, and the file begins anew later.
pub(super) const LOCK_TIMEOUT: &str = "500ms";

/// Attempts of a file whose tables are in use; with the pauses between them 20 s.
pub(super) const TRIES: u32 = 10;

/// The pause after attempt `tried`, counted from 0, in which those who use the tables go on.
pub(super) fn pause(tried: u32) -> Duration {
    Duration::from_millis(100 << tried.min(5)).min(Duration::from_secs(3))
}

/// Whether a file runs over compatibility views or without them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Views {
    Stay,
    Go,
}

/// Applies one file unless it is recorded; says whether it did. What fails for good is recorded.
///
/// `fresh` is a schema that nobody uses yet.
pub(super) async fn apply(
    database: &OperatorDatabase,
    target: &Target,
    version: i32,
    file: &File,
    fresh: bool,
) -> Result<bool> {
    let outcome = match file.mode() {
        Mode::Concurrent if !fresh => concurrent::apply(database, target, version, file).await,
        Mode::Concurrent | Mode::Transaction => patiently(database, target, version, file).await,
    };
    if let Err(error @ Error::Migration { .. }) = &outcome
        && !error.is_transient()
    {
        record::failed(database, target, version, file, error).await;
    }
    outcome
}

/// Begins the file anew while its tables are in use.
///
/// PostgreSQL refuses to change or drop a column under a view. Such a file runs once more without
/// compatibility views, which are made anew after the last file.
async fn patiently(
    database: &OperatorDatabase,
    target: &Target,
    version: i32,
    file: &File,
) -> Result<bool> {
    let (mut views, mut tried) = (Views::Stay, 0);
    loop {
        match attempt(database, target, version, file, views).await {
            Err(error) if views == Views::Stay && a_view_depends_on_it(&error) => {
                views = Views::Go;
                if target.tenant.is_none() {
                    compatibility::suspend_all(database).await?;
                }
            }
            Err(error) if is_in_use(&error) && tried + 1 < TRIES => {
                tokio::time::sleep(pause(tried)).await;
                tried += 1;
            }
            outcome => return outcome,
        }
    }
}

/// 2BP01 dependent_objects_still_exist; 0A000 feature_not_supported: "cannot alter type of a column
/// used by a view or rule".
fn a_view_depends_on_it(error: &Error) -> bool {
    matches!(error.sqlstate().as_deref(), Some("2BP01" | "0A000"))
}

/// 55P03 lock_not_available, 40P01 deadlock_detected.
pub(super) fn is_in_use(error: &Error) -> bool {
    matches!(error.sqlstate().as_deref(), Some("55P03" | "40P01"))
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
    if is_recorded(&mut transaction, target, version, file).await? {
        return Ok(false);
    }
    if let (Views::Go, Some(tenant)) = (views, target.tenant) {
        compatibility::suspend(&mut transaction, tenant, &target.schema_name()?).await?;
    }
    let begun = Instant::now();
    execute(&mut transaction, target, file)
        .await
        .map_err(|error| failure(target, file, error))?;
    record::applied(&mut transaction, target, version, file, begun.elapsed()).await?;
    transaction.commit().await?;
    Ok(true)
}

/// Whether the file was applied as it is now; fails when it was applied with other content.
pub(super) async fn is_recorded(
    connection: &mut PgConnection,
    target: &Target,
    version: i32,
    file: &File,
) -> Result<bool> {
    let checksum = checksum_of(file);
    match record::applied_checksum(connection, target, version).await? {
        None => Ok(false),
        Some(recorded) if recorded == checksum => Ok(true),
        Some(recorded) => Err(Error::ChangedMigration {
            schema: target.schema.clone(),
            file: file.name,
            recorded: short_hex(&recorded),
            found: short_hex(&checksum),
        }),
    }
}

/// What a file failed with. The server quotes a value that does not fit, which is a tenant's data and
/// belongs into no status, event or log of ours.
pub(super) fn failure(target: &Target, file: &File, error: Error) -> Error {
    let source = match error.sqlstate() {
        Some(sqlstate) if sqlstate.starts_with("22") => Error::Value { sqlstate },
        _ => error,
    };
    Error::Migration {
        schema: target.schema.clone(),
        file: file.name,
        source: Box::new(source),
    }
}

/// Runs the statements of a file in the present transaction; those of a tenant as the owner of its
/// schema.
async fn execute(connection: &mut PgConnection, target: &Target, file: &File) -> Result<()> {
    let mut sql = target.fill(file.sql)?;
    if file.mode() == Mode::Concurrent {
        sql = concurrent::in_transaction(&sql)?;
    }
    // A file and its record are lost together when the machine dies before they are on the disk, and the
    // file is applied again; so a schema of many files waits for the disk once, at the next other commit.
    let before = format!(
        "SET LOCAL synchronous_commit = off; SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'; {}",
        target.enter("LOCAL")?
    );
    let after = "RESET ROLE; SET LOCAL search_path = pg_catalog";
    sqlx::raw_sql(AssertSqlSafe(format!("{before}\n{sql}\n;{after}")))
        .execute(connection)
        .await?;
    Ok(())
}

impl Target {
    /// The statements with the names of this schema.
    pub(super) fn fill(&self, sql: &str) -> Result<String> {
        let Some(tenant) = self.tenant else {
            return Ok(sql.to_owned());
        };
        let schema = self.schema_name()?;
        let names = RoleNames::of(&schema);
        // Names of letters, digits and underscores, and a UUID: nothing that could end a literal.
        let mut sql = sql
            .replace("{{schema}}", &format!("\"{schema}\""))
            .replace("{{tenant_id}}", &tenant.to_string())
            .replace("{{owner}}", &names.owner());
        for purpose in Purpose::ALL {
            sql = sql.replace(&format!("{{{{{purpose}}}}}"), &names.group(*purpose));
        }
        Ok(sql)
    }

    /// Statements that make names without a schema mean this one, and what is made its owner's; for
    /// `LOCAL` the transaction or `SESSION`.
    pub(super) fn enter(&self, scope: &str) -> Result<String> {
        if self.tenant.is_none() {
            return Ok(String::new());
        }
        let schema = self.schema_name()?;
        let act = RoleNames::of(&schema).act_as_owner(scope);
        Ok(format!(
            "{act}; SET {scope} search_path = \"{schema}\", public;"
        ))
    }
}

fn short_hex(hash: &[u8]) -> String {
    hash.iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
