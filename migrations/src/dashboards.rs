//! `dashboards`: layouts that people save.

use sqlx::types::Json;
use uuid::Uuid;

use crate::column::{each, get};
use crate::input::{json, text};
use crate::{Result, TenantDatabase};

/// Saves a layout, for one person or for all.
pub async fn add(
    database: &TenantDatabase,
    member: Option<Uuid>,
    name: &str,
    layout: &serde_json::Value,
) -> Result<Uuid> {
    text("dashboards.name", name)?;
    json("layout", layout)?;
    let row = sqlx::query(
        "INSERT INTO dashboards (member_id, name, layout) VALUES ($1, $2, $3) RETURNING id",
    )
    .bind(member)
    .bind(name)
    .bind(Json(layout))
    .fetch_one(database.pool())
    .await?;
    get(&row, "id")
}

/// Replaces a layout.
pub async fn update(
    database: &TenantDatabase,
    dashboard: Uuid,
    layout: &serde_json::Value,
) -> Result<()> {
    json("layout", layout)?;
    sqlx::query("UPDATE dashboards SET layout = $2 WHERE id = $1")
        .bind(dashboard)
        .bind(Json(layout))
        .execute(database.pool())
        .await?;
    Ok(())
}

/// The layouts that a person sees: their own and those for all.
pub async fn of(
    database: &TenantDatabase,
    member: Uuid,
) -> Result<Vec<(Uuid, String, serde_json::Value)>> {
    let rows = sqlx::query(
        "SELECT id, name, layout FROM dashboards
          WHERE member_id = $1 OR member_id IS NULL ORDER BY name, id",
    )
    .bind(member)
    .fetch_all(database.pool())
    .await?;
    each(&rows, |row| {
        Ok((get(row, "id")?, get(row, "name")?, get(row, "layout")?))
    })
}

/// Removes a layout.
pub async fn remove(database: &TenantDatabase, dashboard: Uuid) -> Result<()> {
    sqlx::query("DELETE FROM dashboards WHERE id = $1")
        .bind(dashboard)
        .execute(database.pool())
        .await?;
    Ok(())
}
