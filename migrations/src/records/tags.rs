//! The words a call can be found by.

use callplane_types::CallId;
use sqlx::PgConnection;

use crate::Result;

/// Tags the call; a word that the catalogue does not have is added to it. `calls.tags` follows by a
/// trigger.
pub(super) async fn insert_tags(
    connection: &mut PgConnection,
    call: CallId,
    tags: &[String],
) -> Result<()> {
    if tags.is_empty() {
        return Ok(());
    }
    // In the order of the words: two calls with the same new words wait for each other in turn.
    sqlx::query(
        "INSERT INTO tags (name) SELECT DISTINCT t.name FROM unnest($1::text[]) AS t(name)
          ORDER BY t.name
         ON CONFLICT (name) DO NOTHING",
    )
    .bind(tags)
    .execute(&mut *connection)
    .await?;
    // A statement of its own sees the words that another transaction added meanwhile.
    sqlx::query(
        "INSERT INTO call_tags (call_id, tag_id) SELECT $1, id FROM tags WHERE name = ANY ($2)
         ON CONFLICT DO NOTHING",
    )
    .bind(call.uuid())
    .bind(tags)
    .execute(connection)
    .await?;
    Ok(())
}
