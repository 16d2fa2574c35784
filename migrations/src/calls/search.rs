//! Calls by what was said in them.

use callplane_types::{CallId, Pii, WallTime};

use crate::column::{each, get};
use crate::input::text;
use crate::time::sql;
use crate::{Error, Result, TenantDatabase, tenants};

/// Most calls that one search returns.
const MOST: u32 = 200;
/// Shortest text that is searched for: a trigram has three letters.
const SHORTEST: usize = 3;

/// A transcript that has the words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Of which call.
    pub call: CallId,
    /// The text around the first place.
    pub excerpt: Pii<String>,
}

/// Calls between two moments in whose transcripts `words` stand together, whatever their case, newest
/// first.
///
/// # Errors
/// [`Error::SearchOff`] for a tenant whose transcripts are encrypted, also while some of them are not yet:
/// an answer that leaves calls out would read as if they had not said it. [`Error::Invalid`].
pub async fn search(
    database: &TenantDatabase,
    words: &str,
    from: WallTime,
    until: WallTime,
    limit: u32,
) -> Result<Vec<Found>> {
    text("words", words)?;
    if words.trim().chars().count() < SHORTEST {
        return Err(Error::invalid(
            "words",
            format!("write at least {SHORTEST} letters"),
        ));
    }
    if tenants::transcripts(database).await?.are_encrypted() {
        return Err(Error::SearchOff);
    }
    // `<%` uses the index of trigrams, also behind the policies (bootstrap.sql); a text that has the
    // words is as similar to them as can be. What is only similar the position rules out.
    let rows = sqlx::query(
        "SELECT t.call_id, substr(t.text, greatest(1, p.at - 40), length($1) + 80) AS excerpt
           FROM transcriptions t, LATERAL (SELECT strpos(lower(t.text), lower($1)) AS at) p
          WHERE $1 OPERATOR(public.<%) t.text AND p.at > 0
            AND t.call_id >= platform.uuid_v7_floor($2) AND t.call_id < platform.uuid_v7_floor($3)
          ORDER BY t.call_id DESC LIMIT $4",
    )
    .bind(words.trim())
    .bind(sql(from))
    .bind(sql(until))
    .bind(i64::from(limit.clamp(1, MOST)))
    // Planned anew for these words: a plan for any words would compare every transcript.
    .persistent(false)
    .fetch_all(database.pool())
    .await?;
    each(&rows, |row| {
        Ok(Found {
            call: get(row, "call_id")?,
            excerpt: get(row, "excerpt")?,
        })
    })
}
