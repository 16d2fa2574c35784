//! Documents that wait to be read. A worker takes one under a lease, reads it, and says how it went; one that dies says
//! nothing, and its document is another's after the lease.

use std::time::Duration;

use callplane_types::Pii;
use sqlx::postgres::PgQueryResult;
use uuid::Uuid;

use super::{Chunk, DocumentKind, write_chunks};
use crate::column::get;
use crate::{Result, TenantDatabase};

/// A document to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// Which.
    pub id: Uuid,
    /// Whoever has it may say how it went, until the document changes or the lease is another's.
    pub lease: Uuid,
    /// Its name, for people.
    pub name: String,
    /// What it is.
    pub kind: DocumentKind,
    /// Where it is, or was taken from.
    pub url: Option<String>,
    /// The text, of a text.
    pub content: Option<Pii<String>>,
    /// The octets, of a file that is not fetched.
    pub source: Option<Pii<Vec<u8>>>,
    /// Media type, where it is known before.
    pub mime_type: Option<String>,
    /// SHA-256 of what its passages were made of; nothing while it has none.
    pub read: Option<Vec<u8>>,
    /// How many times it was taken since it was last read or refused, this time included.
    pub attempts: i32,
    /// How many workers in a row took it before and said nothing: it may be what ends them.
    pub abandoned: i32,
    /// `namespace/name` of the Provider that embeds.
    pub embedding_provider: Option<String>,
}

/// What was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Contents<'a> {
    /// SHA-256 of the octets that it was read from.
    pub sha256: &'a [u8],
    /// How many these are.
    pub octets: i64,
    /// Their media type.
    pub mime_type: &'a str,
    /// The model that made the embeddings, where there are some.
    pub model: Option<&'a str>,
    /// The passages.
    pub chunks: &'a [Chunk],
}

/// Takes the document that is due first, for `lease`; nothing if none is.
pub async fn claim(database: &TenantDatabase, lease: Duration) -> Result<Option<Work>> {
    let row = sqlx::query(
        "UPDATE kb_documents d
            SET lease = gen_random_uuid(), leased_until = now() + make_interval(secs => $1),
                attempts = d.attempts + 1,
                abandoned = CASE WHEN d.lease IS NULL THEN 0 ELSE d.abandoned + 1 END
           FROM (SELECT id FROM kb_documents
                  WHERE due_at <= now() AND (leased_until IS NULL OR leased_until <= now())
                  ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED) due, knowledge_bases b
          WHERE d.id = due.id AND b.id = d.knowledge_base_id
         RETURNING d.id, d.lease, d.name, d.type::text, d.url, d.content, d.source, d.mime_type,
                   CASE WHEN d.status = 'ready' THEN d.sha256 END AS read, d.attempts,
                   d.abandoned, b.embedding_provider",
    )
    .bind(lease.as_secs_f64())
    .fetch_optional(database.pool())
    .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    Ok(Some(Work {
        id: get(&row, "id")?,
        lease: get(&row, "lease")?,
        name: get(&row, "name")?,
        kind: get::<String>(&row, "type")?.parse()?,
        url: get(&row, "url")?,
        content: get::<Option<String>>(&row, "content")?.map(Pii::new),
        source: get::<Option<Vec<u8>>>(&row, "source")?.map(Pii::new),
        mime_type: get(&row, "mime_type")?,
        read: get(&row, "read")?,
        attempts: get(&row, "attempts")?,
        abandoned: get(&row, "abandoned")?,
        embedding_provider: get(&row, "embedding_provider")?,
    }))
}

/// Replaces the passages of a document, which can be searched from then on. Says whether the lease held; if not, nothing
/// is changed.
pub async fn finish(
    database: &TenantDatabase,
    work: &Work,
    contents: &Contents<'_>,
) -> Result<bool> {
    let Contents {
        sha256,
        octets,
        mime_type,
        model,
        chunks,
    } = contents;
    let mut transaction = database.pool().begin().await?;
    let done = sqlx::query(
        "UPDATE kb_documents
            SET status = 'ready', error_message = NULL, sha256 = $3, file_size = $4, mime_type = $5,
                fetched_at = now(), due_at = now() + make_interval(secs => refresh_seconds),
                attempts = 0, lease = NULL, leased_until = NULL
          WHERE id = $1 AND lease = $2",
    )
    .bind(work.id)
    .bind(work.lease)
    .bind(sha256)
    .bind(octets)
    .bind(mime_type)
    .execute(&mut *transaction)
    .await?;
    if !held(&done) {
        return Ok(false);
    }
    write_chunks(&mut transaction, work.id, *model, chunks).await?;
    transaction.commit().await?;
    Ok(true)
}

/// Says that a page is what it was: its passages stay. As [`finish`].
pub async fn unchanged(database: &TenantDatabase, work: &Work) -> Result<bool> {
    let done = sqlx::query(
        "UPDATE kb_documents
            SET fetched_at = now(), due_at = now() + make_interval(secs => refresh_seconds),
                error_message = NULL, attempts = 0, lease = NULL, leased_until = NULL
          WHERE id = $1 AND lease = $2",
    )
    .bind(work.id)
    .bind(work.lease)
    .execute(database.pool())
    .await?;
    Ok(held(&done))
}

/// Says that a document cannot be read, and what to do about it. A page is fetched again in its time; the passages that
/// it had are removed, because nobody knows any more whether they hold. As [`finish`].
pub async fn refuse(database: &TenantDatabase, work: &Work, why: &str) -> Result<bool> {
    let mut transaction = database.pool().begin().await?;
    let done = sqlx::query(
        "UPDATE kb_documents
            SET status = 'error', error_message = $3,
                due_at = now() + make_interval(secs => refresh_seconds),
                attempts = 0, lease = NULL, leased_until = NULL
          WHERE id = $1 AND lease = $2",
    )
    .bind(work.id)
    .bind(work.lease)
    .bind(why)
    .execute(&mut *transaction)
    .await?;
    if !held(&done) {
        return Ok(false);
    }
    write_chunks(&mut transaction, work.id, None, &[]).await?;
    transaction.commit().await?;
    Ok(true)
}

/// Puts a document back for `pause`, because of something that may pass, and says of what. It keeps its state and the
/// passages that it has. As [`finish`].
pub async fn postpone(
    database: &TenantDatabase,
    work: &Work,
    pause: Duration,
    why: &str,
) -> Result<bool> {
    let done = sqlx::query(
        "UPDATE kb_documents
            SET error_message = $3, due_at = now() + make_interval(secs => $4),
                lease = NULL, leased_until = NULL
          WHERE id = $1 AND lease = $2",
    )
    .bind(work.id)
    .bind(work.lease)
    .bind(why)
    .bind(pause.as_secs_f64())
    .execute(database.pool())
    .await?;
    Ok(held(&done))
}

fn held(done: &PgQueryResult) -> bool {
    done.rows_affected() > 0
}
