//! The words that calls are tagged with, and tagging by people. Records of calls bring their own
//! ([`crate::records`]). Whatever is done here, `calls.tags` follows by triggers.

use callplane_types::CallId;
use sqlx::Row as _;
use uuid::Uuid;

use crate::input::text;
use crate::{Error, Result, TenantDatabase};

/// A row of `tags`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// Which.
    pub id: Uuid,
    /// The word, unique in the tenant.
    pub name: String,
    /// As people see it: `#0af`.
    pub color: Option<String>,
}

/// The catalogue, by name.
pub async fn list(database: &TenantDatabase) -> Result<Vec<Tag>> {
    let rows = sqlx::query("SELECT id, name, color FROM tags ORDER BY name")
        .fetch_all(database.pool())
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Tag {
                id: row.try_get(0)?,
                name: row.try_get(1)?,
                color: row.try_get(2)?,
            })
        })
        .collect()
}

/// Adds a word, or gives the one that is there another color.
pub async fn put(database: &TenantDatabase, name: &str, color: Option<&str>) -> Result<Uuid> {
    text("tags.name", name)?;
    Ok(sqlx::query(
        "INSERT INTO tags (name, color) VALUES ($1, $2)
         ON CONFLICT (name) DO UPDATE SET color = EXCLUDED.color RETURNING id",
    )
    .bind(name)
    .bind(color)
    .fetch_one(database.pool())
    .await?
    .try_get(0)?)
}

/// Renames a word, in the catalogue and on every call that has it.
pub async fn rename(database: &TenantDatabase, from: &str, to: &str) -> Result<()> {
    text("tags.name", to)?;
    let renamed = sqlx::query("UPDATE tags SET name = $2 WHERE name = $1")
        .bind(from)
        .bind(to)
        .execute(database.pool())
        .await?
        .rows_affected();
    found(renamed, from)
}

/// Removes a word, from the catalogue and from every call that has it.
pub async fn remove(database: &TenantDatabase, name: &str) -> Result<()> {
    let removed = sqlx::query("DELETE FROM tags WHERE name = $1")
        .bind(name)
        .execute(database.pool())
        .await?
        .rows_affected();
    found(removed, name)
}

/// Puts a word of the catalogue on a call.
pub async fn put_on(database: &TenantDatabase, call: CallId, name: &str) -> Result<()> {
    let tag: Option<Uuid> = sqlx::query("SELECT id FROM tags WHERE name = $1")
        .bind(name)
        .fetch_optional(database.pool())
        .await?
        .map(|row| row.try_get(0))
        .transpose()?;
    let Some(tag) = tag else {
        return found(0, name);
    };
    sqlx::query("INSERT INTO call_tags (call_id, tag_id) VALUES ($1, $2) ON CONFLICT DO NOTHING")
        .bind(call.uuid())
        .bind(tag)
        .execute(database.pool())
        .await?;
    Ok(())
}

/// Takes a word off a call; one that it does not have changes nothing.
pub async fn take_off(database: &TenantDatabase, call: CallId, name: &str) -> Result<()> {
    sqlx::query(
        "DELETE FROM call_tags WHERE call_id = $1 AND tag_id = (SELECT id FROM tags WHERE name = $2)",
    )
    .bind(call.uuid())
    .bind(name)
    .execute(database.pool())
    .await?;
    Ok(())
}

fn found(rows: u64, name: &str) -> Result<()> {
    if rows > 0 {
        Ok(())
    } else {
        Err(Error::NotFound {
            kind: "tag",
            name: name.to_owned(),
        })
    }
}
