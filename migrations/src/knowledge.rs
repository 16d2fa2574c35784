//! `knowledge_bases`, their `kb_documents` and the `kb_chunks` that are searched. Counters and status of
//! a knowledge base are kept by triggers, as is its limit of documents.

pub mod projection;
pub mod queue;
mod search;

pub use search::{FoundChunk, SearchedBase, by_meaning, by_words, found, fuse, searched};

use callplane_types::Pii;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::column::{each, get};
use crate::input::{opt_text, text};
use crate::words::words;
use crate::{Page, Result, TenantDatabase};

words! {
    /// `platform.document_type`.
    DocumentKind {
        /// A file in object storage.
        File = "file",
        /// A web site.
        Website = "website",
        /// A text.
        Text = "text",
    }
}

words! {
    /// `platform.document_status`.
    DocumentStatus {
        /// Is being read.
        Processing = "processing",
        /// Can be searched.
        Ready = "ready",
        /// Could not be read.
        Error = "error",
    }
}

/// A document to add.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDocument {
    /// For people.
    pub name: String,
    /// What it is.
    pub kind: DocumentKind,
    /// Where it is, unless it is a text.
    pub url: Option<String>,
    /// The text itself.
    pub content: Option<Pii<String>>,
}

/// A row of `kb_documents`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Which.
    pub id: Uuid,
    /// For people.
    pub name: String,
    /// What it is.
    pub kind: DocumentKind,
    /// How far it is.
    pub status: DocumentStatus,
    /// Why it could not be read.
    pub error: Option<String>,
}

/// A part of a document.
#[derive(Debug, Clone, PartialEq)]
pub struct Chunk {
    /// The text.
    pub content: Pii<String>,
    /// Its length in tokens.
    pub tokens: i32,
    /// Where it lies in the space of the model, where the knowledge base has one.
    pub embedding: Option<Vec<f32>>,
}

/// The knowledge base of a name.
pub async fn base(database: &TenantDatabase, name: &str) -> Result<Option<Uuid>> {
    let row = sqlx::query("SELECT id FROM knowledge_bases WHERE name = $1 AND deleted_at IS NULL")
        .bind(name)
        .fetch_optional(database.pool())
        .await?;
    row.map(|row| get(&row, "id")).transpose()
}

/// Adds a document, to be read.
pub async fn add(database: &TenantDatabase, base: Uuid, document: &NewDocument) -> Result<Uuid> {
    let NewDocument {
        name,
        kind,
        url,
        content,
    } = document;
    text("name", name)?;
    opt_text("url", url.as_deref())?;
    opt_text(
        "content",
        content.as_ref().map(|text| text.expose().as_str()),
    )?;
    let row = sqlx::query(
        "INSERT INTO kb_documents (knowledge_base_id, name, type, url, content)
         VALUES ($1, $2, $3::text::platform.document_type, $4, $5) RETURNING id",
    )
    .bind(base)
    .bind(name)
    .bind(kind.as_str())
    .bind(url)
    .bind(content.as_ref().map(Pii::expose))
    .fetch_one(database.pool())
    .await?;
    get(&row, "id")
}

/// Replaces the chunks of a document, which can be searched from then on. `model` made the embeddings, where there are
/// some. Their words are those of the content and, with more weight, of the name of the document.
pub async fn set_chunks(
    database: &TenantDatabase,
    document: Uuid,
    model: Option<&str>,
    chunks: &[Chunk],
) -> Result<()> {
    let mut transaction = database.pool().begin().await?;
    write_chunks(&mut transaction, document, model, chunks).await?;
    sqlx::query("UPDATE kb_documents SET status = 'ready', error_message = NULL, due_at = NULL WHERE id = $1")
        .bind(document)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(())
}

/// Replaces the chunks of a document, within a transaction of the caller.
async fn write_chunks(
    connection: &mut PgConnection,
    document: Uuid,
    model: Option<&str>,
    chunks: &[Chunk],
) -> Result<()> {
    sqlx::query("DELETE FROM kb_chunks WHERE document_id = $1")
        .bind(document)
        .execute(&mut *connection)
        .await?;
    for (number, chunk) in (1_i32..).zip(chunks) {
        let Chunk {
            content,
            tokens,
            embedding,
        } = chunk;
        text("content", content.expose())?;
        sqlx::query(
            "INSERT INTO kb_chunks (document_id, chunk_no, content, token_count, embedding,
                    embedding_model, words)
             SELECT d.id, $2, $3, $4, $5, CASE WHEN $5 IS NOT NULL THEN $6 END,
                    setweight(to_tsvector(b.text_search::regconfig, d.name), 'B')
                      || to_tsvector(b.text_search::regconfig, $3)
               FROM kb_documents d JOIN knowledge_bases b ON b.id = d.knowledge_base_id
              WHERE d.id = $1",
        )
        .bind(document)
        .bind(number)
        .bind(content.expose())
        .bind(tokens)
        .bind(embedding)
        .bind(model)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// Says that a document could not be read.
pub async fn failed(database: &TenantDatabase, document: Uuid, why: &str) -> Result<()> {
    sqlx::query(
        "UPDATE kb_documents SET status = 'error', error_message = $2, due_at = NULL WHERE id = $1",
    )
    .bind(document)
    .bind(why)
    .execute(database.pool())
    .await?;
    Ok(())
}

/// The documents of a knowledge base.
pub async fn documents(database: &TenantDatabase, base: Uuid, page: Page) -> Result<Vec<Document>> {
    let rows = sqlx::query(
        "SELECT id, name, type::text, status::text, error_message FROM kb_documents
          WHERE knowledge_base_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
    )
    .bind(base)
    .bind(page.before())
    .bind(page.limit())
    .fetch_all(database.pool())
    .await?;
    each(&rows, |row| {
        Ok(Document {
            id: get(row, "id")?,
            name: get(row, "name")?,
            kind: get(row, "type")?,
            status: get(row, "status")?,
            error: get(row, "error_message")?,
        })
    })
}

/// The chunks of a knowledge base, without their embeddings.
pub async fn chunks(
    database: &TenantDatabase,
    base: Uuid,
    model: &str,
) -> Result<Vec<(Uuid, Pii<String>)>> {
    let rows = sqlx::query(
        "SELECT c.id, c.content FROM kb_chunks c JOIN kb_documents d ON d.id = c.document_id
          WHERE d.knowledge_base_id = $1 AND c.embedding_model = $2 ORDER BY d.id, c.chunk_no",
    )
    .bind(base)
    .bind(model)
    .fetch_all(database.pool())
    .await?;
    each(&rows, |row| Ok((get(row, "id")?, get(row, "content")?)))
}

/// Removes a document with its chunks.
pub async fn remove(database: &TenantDatabase, document: Uuid) -> Result<()> {
    sqlx::query("DELETE FROM kb_documents WHERE id = $1")
        .bind(document)
        .execute(database.pool())
        .await?;
    Ok(())
}
