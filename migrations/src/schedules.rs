//! `schedules` and their rules: opening hours, holidays, exceptions.

use uuid::Uuid;

use crate::column::{each, get};
use crate::input::text;
use crate::{Result, TenantDatabase};

/// A rule. Times are `HH:MM`, days `YYYY-MM-DD`, in the zone of the schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// On days of the week, 1 is Monday.
    Weekly {
        /// Which.
        days: Vec<i16>,
        /// From.
        opens: String,
        /// Until.
        closes: String,
    },
    /// Closed on a day.
    Holiday {
        /// Which.
        on: String,
        /// For people.
        label: Option<String>,
    },
}

/// Makes a schedule, or gives the one of its name another zone and other rules.
pub async fn put(
    database: &TenantDatabase,
    name: &str,
    time_zone: &str,
    rules: &[Rule],
) -> Result<Uuid> {
    text("schedules.name", name)?;
    let mut transaction = database.pool().begin().await?;
    let row = sqlx::query(
        "INSERT INTO schedules (name, time_zone) VALUES ($1, $2)
         ON CONFLICT (name) DO UPDATE SET time_zone = EXCLUDED.time_zone, deleted_at = NULL
         RETURNING id",
    )
    .bind(name)
    .bind(time_zone)
    .fetch_one(&mut *transaction)
    .await?;
    let schedule: Uuid = get(&row, "id")?;
    sqlx::query("DELETE FROM schedule_rules WHERE schedule_id = $1")
        .bind(schedule)
        .execute(&mut *transaction)
        .await?;
    for rule in rules {
        let query = match rule {
            Rule::Weekly {
                days,
                opens,
                closes,
            } => sqlx::query(
                "INSERT INTO schedule_rules (schedule_id, kind, days_of_week, opens_at, closes_at)
                 VALUES ($1, 'weekly', $2, $3::text::time, $4::text::time)",
            )
            .bind(schedule)
            .bind(days)
            .bind(opens)
            .bind(closes),
            Rule::Holiday { on, label } => sqlx::query(
                "INSERT INTO schedule_rules (schedule_id, kind, on_date, is_open, label)
                 VALUES ($1, 'holiday', $2::text::date, false, $3)",
            )
            .bind(schedule)
            .bind(on)
            .bind(label),
        };
        query.execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(schedule)
}

/// The zone and the rules of a schedule.
pub async fn show(database: &TenantDatabase, schedule: Uuid) -> Result<(String, Vec<Rule>)> {
    let row = sqlx::query("SELECT time_zone FROM schedules WHERE id = $1 AND deleted_at IS NULL")
        .bind(schedule)
        .fetch_one(database.pool())
        .await?;
    let rows = sqlx::query(
        "SELECT days_of_week, to_char(opens_at, 'HH24:MI') AS opens,
                to_char(closes_at, 'HH24:MI') AS closes, on_date::text, label
           FROM schedule_rules WHERE schedule_id = $1
          ORDER BY kind, days_of_week, opens_at, on_date, id",
    )
    .bind(schedule)
    .fetch_all(database.pool())
    .await?;
    let rules = each(&rows, |row| {
        Ok(match get::<Option<Vec<i16>>>(row, "days_of_week")? {
            Some(days) => Rule::Weekly {
                days,
                opens: get(row, "opens")?,
                closes: get(row, "closes")?,
            },
            None => Rule::Holiday {
                on: get(row, "on_date")?,
                label: get(row, "label")?,
            },
        })
    })?;
    Ok((get(&row, "time_zone")?, rules))
}
