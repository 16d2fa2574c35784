//! `call_tags`: the words a call can be found by. A word that the catalogue does not have is added to
//! it. `calls.tags` has them already; a trigger sees to it that it has no others.

use sqlx::PgConnection;
use uuid::Uuid;

use super::below;
use crate::Result;
use crate::records::CallRecord;

pub(super) async fn insert(connection: &mut PgConnection, records: &[&CallRecord]) -> Result<()> {
    let rows = below(records, |record| record.call.tags.as_slice());
    if rows.is_empty() {
        return Ok(());
    }
    let calls: Vec<Uuid> = rows.iter().map(|(call, _, _)| call.uuid()).collect();
    let names: Vec<&str> = rows.iter().map(|(_, _, name)| name.as_str()).collect();
    // In the order of the words: two transactions with the same new words wait for each other in turn.
    sqlx::query(
        "INSERT INTO tags (name) SELECT DISTINCT r.name FROM unnest($1::text[]) AS r(name)
          WHERE NOT EXISTS (SELECT FROM tags t WHERE t.name = r.name)
          ORDER BY r.name
         ON CONFLICT (name) DO NOTHING",
    )
    .bind(&names)
    .execute(&mut *connection)
    .await?;
    // A statement of its own sees the words that another transaction added meanwhile.
    sqlx::query(
        "INSERT INTO call_tags (call_id, tag_id)
         SELECT r.call, t.id FROM unnest($1::uuid[], $2::text[]) AS r(call, name)
           JOIN tags t ON t.name = r.name
         ON CONFLICT DO NOTHING",
    )
    .bind(calls)
    .bind(&names)
    .execute(connection)
    .await?;
    Ok(())
}
