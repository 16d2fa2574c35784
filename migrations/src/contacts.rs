//! The address book.

use callplane_types::{E164, Pii};
use sqlx::Row as _;
use uuid::Uuid;

use crate::column::{each, get};
use crate::{Error, Page, Result, TenantDatabase};

/// A person, as far as calls need to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// Given name.
    pub first_name: Option<Pii<String>>,
    /// Family name.
    pub last_name: Option<Pii<String>>,
    /// Where they are reached.
    pub phone: E164,
    /// IANA zone they live in.
    pub time_zone: Option<String>,
    /// Whether they asked not to be called.
    pub do_not_call: bool,
}

/// Adds a person and returns the row's id.
pub async fn add(database: &TenantDatabase, contact: &Contact) -> Result<Uuid> {
    let Contact {
        first_name,
        last_name,
        phone,
        time_zone,
        do_not_call,
    } = contact;
    Ok(sqlx::query(
        "INSERT INTO contacts (first_name, last_name, phone, time_zone, do_not_call)
         VALUES ($1, $2, $3, $4, $5) RETURNING id",
    )
    .bind(first_name.as_ref().map(Pii::expose))
    .bind(last_name.as_ref().map(Pii::expose))
    .bind(phone.as_str())
    .bind(time_zone)
    .bind(do_not_call)
    .fetch_one(database.pool())
    .await?
    .try_get(0)?)
}

/// The people who have a number.
pub async fn by_phone(database: &TenantDatabase, phone: &E164) -> Result<Vec<Contact>> {
    let rows = sqlx::query(
        "SELECT first_name, last_name, time_zone, do_not_call FROM contacts
          WHERE phone = $1 AND deleted_at IS NULL ORDER BY id",
    )
    .bind(phone.as_str())
    .fetch_all(database.pool())
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Contact {
                first_name: row.try_get::<Option<String>, _>(0)?.map(Pii::new),
                last_name: row.try_get::<Option<String>, _>(1)?.map(Pii::new),
                phone: phone.clone(),
                time_zone: row.try_get(2)?,
                do_not_call: row.try_get(3)?,
            })
        })
        .collect()
}

/// Writes how a person is reached and called; an unknown one is an error.
pub async fn update(database: &TenantDatabase, id: Uuid, contact: &Contact) -> Result<()> {
    let Contact {
        first_name,
        last_name,
        phone,
        time_zone,
        do_not_call,
    } = contact;
    let updated = sqlx::query(
        "UPDATE contacts SET first_name = $2, last_name = $3, phone = $4, time_zone = $5,
                do_not_call = $6
          WHERE id = $1 AND deleted_at IS NULL",
    )
    .bind(id)
    .bind(first_name.as_ref().map(Pii::expose))
    .bind(last_name.as_ref().map(Pii::expose))
    .bind(phone.as_str())
    .bind(time_zone)
    .bind(do_not_call)
    .execute(database.pool())
    .await?
    .rows_affected();
    if updated == 0 {
        return Err(Error::NotFound {
            kind: "contact",
            name: id.to_string(),
        });
    }
    Ok(())
}

/// People with their ids.
pub async fn list(database: &TenantDatabase, page: Page) -> Result<Vec<(Uuid, Contact)>> {
    let rows = sqlx::query(
        "SELECT id, first_name, last_name, phone, time_zone, do_not_call FROM contacts
          WHERE id < $1 AND deleted_at IS NULL AND phone IS NOT NULL
          ORDER BY id DESC LIMIT $2",
    )
    .bind(page.before())
    .bind(page.limit())
    .fetch_all(database.pool())
    .await?;
    each(&rows, |row| {
        let contact = Contact {
            first_name: get(row, "first_name")?,
            last_name: get(row, "last_name")?,
            phone: get(row, "phone")?,
            time_zone: get(row, "time_zone")?,
            do_not_call: get(row, "do_not_call")?,
        };
        Ok((get(row, "id")?, contact))
    })
}
