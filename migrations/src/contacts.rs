//! The address book.

use callplane_types::{E164, Pii};
use sqlx::Row as _;
use uuid::Uuid;

use crate::{Result, TenantDatabase};

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
