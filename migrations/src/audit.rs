//! `audit_logs` of a tenant: who did what. Rows never change, and leave with their month.

use callplane_types::WallTime;
use sqlx::types::Json;
use uuid::Uuid;

use crate::column::{each, get};
use crate::input::{json, text};
use crate::words::words;
use crate::{Page, Result, TenantDatabase};

words! {
    /// `platform.actor_kind`: who may do something.
    ActorKind {
        /// A person.
        User = "user",
        /// A program with a key.
        ApiKey = "api_key",
        /// The operator.
        Operator = "operator",
        /// A job.
        System = "system",
        /// A media node.
        MediaNode = "media_node",
    }
}

words! {
    /// `platform.audit_action`.
    AuditAction {
        /// Made.
        Create = "create",
        /// Changed.
        Update = "update",
        /// Removed.
        Delete = "delete",
        /// Looked at what is sensitive.
        Read = "read",
        /// Took it out.
        Export = "export",
        /// Came in.
        Login = "login",
        /// Went out.
        Logout = "logout",
        /// Tried to come in.
        LoginFailed = "login_failed",
        /// Gave out a key.
        KeyIssued = "key_issued",
        /// Took a key back.
        KeyRevoked = "key_revoked",
        /// Set up a tenant.
        Provision = "provision",
        /// Put it out of service.
        Suspend = "suspend",
        /// Put it into service again.
        Resume = "resume",
        /// Moved rows into an archive.
        Archive = "archive",
        /// Brought something back.
        Restore = "restore",
        /// Took an older configuration.
        ConfigRollback = "config_rollback",
    }
}

/// What somebody did.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// What kind of actor.
    pub actor: ActorKind,
    /// Which person, `members.id`.
    pub member: Option<Uuid>,
    /// What they did.
    pub action: AuditAction,
    /// With what kind of thing.
    pub entity_type: String,
    /// With which.
    pub entity_id: String,
    /// As it was, for a change.
    pub before: Option<serde_json::Value>,
    /// As it is.
    pub after: Option<serde_json::Value>,
    /// The request that it was part of.
    pub request_id: Option<String>,
}

/// An entry as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// Which; sorts by time.
    pub id: Uuid,
    /// When.
    pub at: WallTime,
    /// What.
    pub entry: Entry,
}

/// Keeps an entry.
pub async fn add(database: &TenantDatabase, entry: &Entry) -> Result<()> {
    let Entry {
        actor,
        member,
        action,
        entity_type,
        entity_id,
        before,
        after,
        request_id,
    } = entry;
    text("entity_id", entity_id)?;
    for (field, value) in [("before_values", before), ("after_values", after)] {
        value.as_ref().map_or(Ok(()), |value| json(field, value))?;
    }
    sqlx::query(
        "INSERT INTO audit_logs (actor_kind, actor_user_id, action, entity_type, entity_id,
                before_values, after_values, request_id)
         VALUES ($1::text::platform.actor_kind, $2, $3::text::platform.audit_action, $4, $5, $6,
                $7, $8)",
    )
    .bind(actor.as_str())
    .bind(member)
    .bind(action.as_str())
    .bind(entity_type)
    .bind(entity_id)
    .bind(before.as_ref().map(Json))
    .bind(after.as_ref().map(Json))
    .bind(request_id)
    .execute(database.pool())
    .await?;
    Ok(())
}

/// What a person did.
pub async fn by_member(database: &TenantDatabase, member: Uuid, page: Page) -> Result<Vec<Kept>> {
    // The index is by actor and time; the id carries the time.
    let rows = sqlx::query(
        "SELECT id, created_at, actor_kind::text, actor_user_id, action::text, entity_type,
                entity_id, before_values, after_values, request_id
           FROM audit_logs
          WHERE actor_user_id = $1 AND id < $2
          ORDER BY created_at DESC, id DESC LIMIT $3",
    )
    .bind(member)
    .bind(page.before())
    .bind(page.limit())
    .fetch_all(database.pool())
    .await?;
    each(&rows, read)
}

/// What was done with a thing.
pub async fn of_entity(
    database: &TenantDatabase,
    entity_type: &str,
    entity_id: &str,
    page: Page,
) -> Result<Vec<Kept>> {
    let rows = sqlx::query(
        "SELECT id, created_at, actor_kind::text, actor_user_id, action::text, entity_type,
                entity_id, before_values, after_values, request_id
           FROM audit_logs
          WHERE entity_type = $1 AND entity_id = $2 AND id < $3
          ORDER BY id DESC LIMIT $4",
    )
    .bind(entity_type)
    .bind(entity_id)
    .bind(page.before())
    .bind(page.limit())
    .fetch_all(database.pool())
    .await?;
    each(&rows, read)
}

fn read(row: &sqlx::postgres::PgRow) -> Result<Kept> {
    Ok(Kept {
        id: get(row, "id")?,
        at: get(row, "created_at")?,
        entry: Entry {
            actor: get(row, "actor_kind")?,
            member: get(row, "actor_user_id")?,
            action: get(row, "action")?,
            entity_type: get(row, "entity_type")?,
            entity_id: get(row, "entity_id")?,
            before: get(row, "before_values")?,
            after: get(row, "after_values")?,
            request_id: get(row, "request_id")?,
        },
    })
}
