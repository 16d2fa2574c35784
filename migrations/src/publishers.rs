//! `publishers`: who brings calls.

use callplane_types::Pii;
use uuid::Uuid;

use crate::column::{each, get};
use crate::input::text;
use crate::{Page, Result, TenantDatabase};

/// A row of `publishers`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publisher {
    /// Which.
    pub id: Uuid,
    /// Unique in the tenant.
    pub name: String,
    /// Where they are written to.
    pub email: Option<Pii<String>>,
}

/// Adds a publisher.
pub async fn add(database: &TenantDatabase, name: &str, email: Option<&str>) -> Result<Uuid> {
    text("name", name)?;
    let row =
        sqlx::query("INSERT INTO publishers (name, email) VALUES ($1, $2::text) RETURNING id")
            .bind(name)
            .bind(email)
            .fetch_one(database.pool())
            .await?;
    get(&row, "id")
}

/// Those that bring calls today.
pub async fn list(database: &TenantDatabase, page: Page) -> Result<Vec<Publisher>> {
    let rows = sqlx::query(
        "SELECT id, name, email::text FROM publishers
          WHERE id < $1 AND deleted_at IS NULL AND status = 'active' ORDER BY id DESC LIMIT $2",
    )
    .bind(page.before())
    .bind(page.limit())
    .fetch_all(database.pool())
    .await?;
    each(&rows, |row| {
        Ok(Publisher {
            id: get(row, "id")?,
            name: get(row, "name")?,
            email: get(row, "email")?,
        })
    })
}

/// Takes a publisher out of service; its calls and payouts keep it.
pub async fn remove(database: &TenantDatabase, publisher: Uuid) -> Result<()> {
    sqlx::query("UPDATE publishers SET status = 'archived', deleted_at = now() WHERE id = $1")
        .bind(publisher)
        .execute(database.pool())
        .await?;
    Ok(())
}
