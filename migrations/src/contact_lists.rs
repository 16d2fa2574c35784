//! `contact_lists` and who is on them.

use callplane_types::Pii;
use uuid::Uuid;

use crate::column::{each, get};
use crate::input::text;
use crate::{Error, Page, Result, TenantDatabase};

/// A row of `contact_lists` with its length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactList {
    /// Which.
    pub id: Uuid,
    /// Unique in the tenant.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// How many are on it.
    pub members: i64,
}

/// Makes a list.
pub async fn add(database: &TenantDatabase, name: &str, description: Option<&str>) -> Result<Uuid> {
    text("name", name)?;
    let row =
        sqlx::query("INSERT INTO contact_lists (name, description) VALUES ($1, $2) RETURNING id")
            .bind(name)
            .bind(description)
            .fetch_one(database.pool())
            .await?;
    get(&row, "id")
}

/// All lists, by name.
pub async fn list(database: &TenantDatabase) -> Result<Vec<ContactList>> {
    let rows = sqlx::query(
        "SELECT l.id, l.name, l.description,
                (SELECT count(*) FROM contact_list_members m WHERE m.contact_list_id = l.id) AS members
           FROM contact_lists l ORDER BY l.name",
    )
    .fetch_all(database.pool())
    .await?;
    each(&rows, |row| {
        Ok(ContactList {
            id: get(row, "id")?,
            name: get(row, "name")?,
            description: get(row, "description")?,
            members: get(row, "members")?,
        })
    })
}

/// Puts people on a list; says how many were not on it before.
pub async fn put_on(database: &TenantDatabase, list: Uuid, contacts: &[Uuid]) -> Result<u64> {
    Ok(sqlx::query(
        "INSERT INTO contact_list_members (contact_list_id, contact_id)
         SELECT $1, c.id FROM contacts c WHERE c.id = ANY ($2) AND c.deleted_at IS NULL
         ON CONFLICT DO NOTHING",
    )
    .bind(list)
    .bind(contacts)
    .execute(database.pool())
    .await?
    .rows_affected())
}

/// Takes people off a list.
pub async fn take_off(database: &TenantDatabase, list: Uuid, contacts: &[Uuid]) -> Result<u64> {
    Ok(sqlx::query(
        "DELETE FROM contact_list_members WHERE contact_list_id = $1 AND contact_id = ANY ($2)",
    )
    .bind(list)
    .bind(contacts)
    .execute(database.pool())
    .await?
    .rows_affected())
}

/// The people on a list, with their numbers.
pub async fn members(
    database: &TenantDatabase,
    list: Uuid,
    page: Page,
) -> Result<Vec<(Uuid, Option<Pii<String>>)>> {
    let rows = sqlx::query(
        "SELECT c.id, c.phone FROM contact_list_members m JOIN contacts c ON c.id = m.contact_id
          WHERE m.contact_list_id = $1 AND c.id < $2 AND c.deleted_at IS NULL
          ORDER BY c.id DESC LIMIT $3",
    )
    .bind(list)
    .bind(page.before())
    .bind(page.limit())
    .fetch_all(database.pool())
    .await?;
    each(&rows, |row| Ok((get(row, "id")?, get(row, "phone")?)))
}

/// Removes a list; the people stay.
pub async fn remove(database: &TenantDatabase, list: Uuid) -> Result<()> {
    let removed = sqlx::query("DELETE FROM contact_lists WHERE id = $1")
        .bind(list)
        .execute(database.pool())
        .await?
        .rows_affected();
    if removed == 0 {
        return Err(Error::NotFound {
            kind: "contact list",
            name: list.to_string(),
        });
    }
    Ok(())
}
