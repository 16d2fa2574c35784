//! Erasing a person of the outside: everything that a tenant's schema holds of them.
//!
//! Three steps in one transaction. Rows that are about the person lose every text, list and document
//! but the few that are named in `rows`: what a later version adds is erased unless somebody says
//! otherwise. A number that must not be called again, and that of a consent, becomes a hash
//! (`platform.erased_number`): to forget who opted out would be to call them. Last, **whatever column
//! of whatever table still contains a number or an e-mail address of the person loses it**
//! (`scrub`), whoever put it there.
//!
//! Calls with a recording under legal hold stay as they are, and are told.
//!
//! What is not in the database yet is erased as well. Before the rows, [`request`] notes in a transaction
//! of its own who is concerned, by hash: **from then on no record of a call from before is stored with the
//! person in it**. Afterwards every media node looks through its disk ([`pending`]) and confirms
//! ([`tell`]); [`standing`] says how far that is.

mod late;
mod pseudonym;
mod record;
mod request;
mod rows;
mod scrub;
mod standing;
mod subject;

pub use late::{Done, Erasure, pending, tell};
pub(crate) use late::{late, scrubbed};
pub use pseudonym::pseudonym;
pub use record::{Trace, scrub, scrub_text};
pub use request::{note_archived, request};
pub use standing::{NodeStanding, Standing, standing};

use std::collections::BTreeMap;

use callplane_types::{E164, TenantId, WallTime};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection, Row as _};
use uuid::Uuid;

use crate::roles::{RoleNames, schema_of};
use crate::time::wall_opt;
use crate::{Error, Fence, OperatorDatabase, Result, notify};

/// Who is erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// Whoever has this number.
    Number(E164),
    /// A contact, with all its numbers and addresses.
    Contact(Uuid),
}

/// A call that stays because of a legal hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldCall {
    /// Which.
    pub call: Uuid,
    /// Until when its recording is kept in any case; the hold has no end of its own.
    pub retain_until: Option<WallTime>,
}

/// What was erased, or would be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Erased {
    /// Rows about the person, by table.
    pub rows: BTreeMap<String, u64>,
    /// Rows from which a number or address of the person was taken, by table; some are among those above.
    pub scrubbed: BTreeMap<String, u64>,
    /// What stays.
    pub held: Vec<HeldCall>,
    /// `call_recordings.object_url` of the audio, which is to be deleted where it lies.
    pub recordings: Vec<String>,
    /// The numbers and addresses that were looked for, for archives. Never shown.
    pub traces: Vec<String>,
    /// The contacts that are the person, for archives.
    pub contacts: Vec<Uuid>,
    /// The media nodes that look through their disks now.
    pub nodes: Vec<String>,
}

/// What [`erase`] is to do.
#[derive(Debug, Clone, Copy)]
pub enum Mode {
    /// Count, and change nothing.
    Dry,
    /// Erase.
    For {
        /// What [`request`] gave.
        erasure: Uuid,
    },
}

/// Erases `subject`. Before the commit, `receipt` makes of what was erased the document that goes into
/// the tenant's audit trail.
///
/// [`Error::Invalid`] for a number of the tenant itself, [`Error::NotFound`] for a contact that is not
/// there.
pub async fn erase(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
    subject: &Subject,
    mode: Mode,
    receipt: impl FnOnce(&Erased) -> Value,
) -> Result<Erased> {
    let mut transaction = database.begin(fence).await?;
    let schema = schema_of(&mut transaction, tenant).await?;
    let roles = RoleNames::of(&schema);
    run(
        &mut transaction,
        format!(
            "SET LOCAL statement_timeout = 0; SET LOCAL search_path = \"{schema}\", public, pg_temp;
             SET LOCAL app.retention = 'on'"
        ),
    )
    .await?;
    let known = request::known_nodes(&mut transaction, tenant).await?;
    subject::find(&mut transaction, &roles, subject).await?;
    // Calls first and in their order, as their ends are written: no deadlock with one that ends now.
    run(
        &mut transaction,
        "SELECT FROM calls WHERE id IN (SELECT id FROM erased_calls) ORDER BY id FOR UPDATE"
            .to_owned(),
    )
    .await?;
    let mut erased = Erased {
        held: held(&mut transaction).await?,
        recordings: recordings(&mut transaction).await?,
        traces: subject::traces(&mut transaction).await?,
        contacts: subject::contacts(&mut transaction).await?,
        ..Erased::default()
    };
    if let Mode::For { erasure } = mode {
        erased.nodes = request::order(&mut transaction, erasure, &known).await?;
        notify::notify(&mut transaction, notify::ERASURES, tenant).await?;
    }
    rows::erase(&mut transaction, tenant, &mut erased.rows).await?;
    scrub::scrub(&mut transaction, schema.as_str(), &mut erased.scrubbed).await?;
    let erasure = match mode {
        Mode::For { erasure, .. } => erasure,
        Mode::Dry => Uuid::nil(),
    };
    sqlx::query(
        "INSERT INTO audit_logs (actor_kind, actor_ref, action, entity_type, entity_id, after_values)
         VALUES ('operator', $1, 'delete', 'person', $2, $3)",
    )
    .bind(&fence.holder)
    .bind(erasure.to_string())
    .bind(receipt(&erased))
    .execute(&mut *transaction)
    .await?;
    run(&mut transaction, "RESET ROLE".to_owned()).await?;
    match mode {
        Mode::Dry => transaction.rollback().await?,
        Mode::For { .. } => transaction.commit().await?,
    }
    Ok(erased)
}

async fn held(connection: &mut PgConnection) -> Result<Vec<HeldCall>> {
    let rows = sqlx::query("SELECT id, retain_until FROM erased_held ORDER BY id")
        .fetch_all(connection)
        .await?;
    rows.iter()
        .map(|row| {
            Ok(HeldCall {
                call: row.try_get("id")?,
                retain_until: wall_opt(row.try_get::<Option<DateTime<Utc>>, _>("retain_until")?),
            })
        })
        .collect()
}

async fn recordings(connection: &mut PgConnection) -> Result<Vec<String>> {
    let rows = sqlx::query(
        "SELECT r.object_url FROM call_recordings r JOIN erased_calls c ON c.id = r.call_id
          WHERE r.object_url IS NOT NULL ORDER BY 1",
    )
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Statements of names that are in the source or come quoted from the catalogue.
async fn run(connection: &mut PgConnection, sql: String) -> Result<()> {
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(connection)
        .await
        .map_err(Error::from)?;
    Ok(())
}
