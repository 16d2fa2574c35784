//! Knowledge bases as their custom resources say: the sources of documents, for a worker to read.

use std::collections::HashMap;

use callplane_types::{Pii, TenantId};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use super::DocumentKind;
use crate::column::get;
use crate::object::owned;
use crate::{Error, Fence, ObjectRef, OperatorDatabase, Result, quotas};

/// Documents that a status names at most.
const MAX_FAILED: i64 = 20;

/// A resolved KnowledgeBase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseSpec {
    /// The custom resource.
    pub object: ObjectRef,
    /// Hash of everything below, of the versions of ConfigMaps too.
    pub spec_hash: String,
    /// What it is about.
    pub description: Option<String>,
    /// Text-search configuration of PostgreSQL.
    pub text_search: String,
    /// `namespace/name` of the Provider that embeds; without one, passages are found by words alone.
    pub embedding_provider: Option<String>,
    /// Its documents, with different names. Nothing when the row has this very `spec_hash`, and so the documents.
    pub documents: Option<Vec<SourceSpec>>,
}

/// A document of a KnowledgeBase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceSpec {
    /// Its name in the KnowledgeBase.
    pub name: String,
    /// Where it comes from.
    pub source: Source,
}

/// Where a document comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The text itself, as Markdown.
    Text(Pii<String>),
    /// A web page, which a worker fetches.
    Page {
        /// Where it is.
        url: String,
        /// Seconds until it is fetched again; once if there are none.
        refresh_seconds: Option<i32>,
    },
    /// A file.
    File {
        /// Where it was taken from, for people.
        url: String,
        /// Media type.
        mime_type: &'static str,
        /// Its content.
        octets: Pii<Vec<u8>>,
    },
}

/// How far a knowledge base is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Its row.
    pub id: Uuid,
    /// Documents that are being read.
    pub processing: i64,
    /// Documents that can be searched.
    pub ready: i64,
    /// Documents that could not be read.
    pub failed: i64,
    /// The first of these by name, and why.
    pub failures: Vec<(String, String)>,
}

/// [`BaseSpec::spec_hash`] of the row that the object `uid` has.
pub async fn stored_hash(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
    uid: Uuid,
) -> Result<Option<String>> {
    let mut transaction = database.begin_in(fence, tenant).await?;
    let row = sqlx::query("SELECT spec_hash FROM knowledge_bases WHERE k8s_uid = $1")
        .bind(uid)
        .fetch_optional(&mut *transaction)
        .await?;
    let hash = row.map(|row| get(&row, "spec_hash")).transpose()?;
    Ok(hash.flatten())
}

/// Writes a KnowledgeBase and its documents, and says how far they are. A document whose source is the same stays as it
/// is, unless its words are to be compared or embedded in another way; one that is named no more is removed with its
/// passages. Documents that the API added are left alone, and count.
///
/// Fails with [`Error::QuotaExceeded`] when there are more documents than the tenant may have in one, and changes
/// nothing then.
pub async fn project(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
    spec: &BaseSpec,
) -> Result<Progress> {
    let mut transaction = database.begin_in(fence, tenant).await?;
    let before = sqlx::query(
        "SELECT spec_hash, text_search, embedding_provider FROM knowledge_bases
          WHERE k8s_uid = $1 FOR NO KEY UPDATE",
    )
    .bind(spec.object.uid)
    .fetch_optional(&mut *transaction)
    .await?;
    let limit = limit(&mut transaction, tenant).await?;
    let id = base(&mut transaction, spec, limit).await?;
    let is_same = match &before {
        Some(row) => get::<Option<String>>(row, "spec_hash")?.as_ref() == Some(&spec.spec_hash),
        None => false,
    };
    if !is_same {
        let reads_anew = match &before {
            Some(row) => {
                get::<String>(row, "text_search")? != spec.text_search
                    || get::<Option<String>>(row, "embedding_provider")? != spec.embedding_provider
            }
            None => false,
        };
        let sources = spec.documents.as_ref().ok_or_else(|| {
            Error::invalid("row of the knowledge base", "it changed since; look again")
        })?;
        documents(&mut transaction, id, sources, reads_anew, limit).await?;
    }
    let progress = progress(&mut transaction, id).await?;
    transaction.commit().await?;
    Ok(progress)
}

/// Removes the knowledge base that `uid` projected, with its documents. Says whether there was one.
pub async fn remove(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
    uid: Uuid,
) -> Result<bool> {
    let mut transaction = database.begin_in(fence, tenant).await?;
    let gone = sqlx::query("DELETE FROM knowledge_bases WHERE k8s_uid = $1")
        .bind(uid)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(gone.rows_affected() > 0)
}

/// How many documents the tenant may have in one knowledge base.
async fn limit(connection: &mut PgConnection, tenant: TenantId) -> Result<i32> {
    let row = sqlx::query(
        "SELECT limit_value FROM platform.usage_quotas WHERE tenant_id = $1 AND resource = $2",
    )
    .bind(tenant.uuid())
    .bind(quotas::DOCUMENTS_PER_KB)
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else {
        return Ok(DEFAULT_LIMIT);
    };
    let limit: Option<i64> = row.try_get(0)?;
    Ok(limit.map_or(i32::MAX, |limit| i32::try_from(limit).unwrap_or(i32::MAX)))
}

/// As the column has it.
const DEFAULT_LIMIT: i32 = 100;

async fn base(connection: &mut PgConnection, spec: &BaseSpec, limit: i32) -> Result<Uuid> {
    let BaseSpec {
        object,
        spec_hash,
        description,
        text_search,
        embedding_provider,
        documents: _,
    } = spec;
    let written = sqlx::query(
        "INSERT INTO knowledge_bases AS b (k8s_namespace, k8s_name, k8s_uid, k8s_generation, spec_hash,
                synced_at, name, description, text_search, embedding_provider, document_limit)
         VALUES ($1, $2, $3, $4, $5, now(), $6, $7, $8, $9, greatest($10, 1))
         ON CONFLICT (k8s_uid) DO UPDATE
            SET k8s_generation = excluded.k8s_generation, spec_hash = excluded.spec_hash,
                synced_at = excluded.synced_at, description = excluded.description,
                text_search = excluded.text_search,
                embedding_provider = excluded.embedding_provider,
                document_limit = excluded.document_limit
          WHERE (b.spec_hash, b.document_limit)
                IS DISTINCT FROM (excluded.spec_hash, excluded.document_limit)
         RETURNING id",
    )
    .bind(&object.namespace)
    .bind(&object.name)
    .bind(object.uid)
    .bind(object.generation)
    .bind(spec_hash)
    .bind(object.path())
    .bind(description)
    .bind(text_search)
    .bind(embedding_provider)
    .bind(limit)
    .fetch_optional(&mut *connection)
    .await;
    let row = match owned("knowledge base", object, written)? {
        Some(row) => row,
        None => {
            sqlx::query("SELECT id FROM knowledge_bases WHERE k8s_uid = $1")
                .bind(object.uid)
                .fetch_one(connection)
                .await?
        }
    };
    get(&row, "id")
}

async fn documents(
    connection: &mut PgConnection,
    base: Uuid,
    documents: &[SourceSpec],
    reads_anew: bool,
    limit: i32,
) -> Result<()> {
    if i32::try_from(documents.len()).is_ok_and(|many| many > limit) {
        return Err(exceeded(limit));
    }
    let names: Vec<&str> = documents.iter().map(|one| one.name.as_str()).collect();
    // First, so that a renamed document needs no room for two.
    sqlx::query(
        "DELETE FROM kb_documents WHERE knowledge_base_id = $1 AND from_spec AND name <> ALL ($2)",
    )
    .bind(base)
    .bind(&names)
    .execute(&mut *connection)
    .await?;
    let rows =
        sqlx::query("SELECT id, name FROM kb_documents WHERE knowledge_base_id = $1 AND from_spec")
            .bind(base)
            .fetch_all(&mut *connection)
            .await?;
    let there: HashMap<String, Uuid> = rows
        .iter()
        .map(|row| Ok((get(row, "name")?, get(row, "id")?)))
        .collect::<Result<_>>()?;
    for document in documents {
        match there.get(&document.name) {
            Some(id) => change(connection, *id, &document.source, reads_anew).await?,
            None => add(connection, base, document, limit).await?,
        }
    }
    Ok(())
}

async fn add(
    connection: &mut PgConnection,
    base: Uuid,
    document: &SourceSpec,
    limit: i32,
) -> Result<()> {
    let columns = document.source.columns();
    let added = sqlx::query(
        "INSERT INTO kb_documents (knowledge_base_id, name, from_spec, type, url, content, source,
                file_size, mime_type, sha256, refresh_seconds)
         VALUES ($1, $2, true, $3::text::platform.document_type, $4, $5, $6,
                 coalesce(octet_length($5), octet_length($6)), $7,
                 sha256(coalesce(convert_to($5, 'UTF8'), $6)), $8)",
    )
    .bind(base)
    .bind(&document.name)
    .bind(columns.kind.as_str())
    .bind(columns.url)
    .bind(columns.content)
    .bind(columns.octets)
    .bind(columns.mime_type)
    .bind(columns.refresh_seconds)
    .execute(connection)
    .await;
    match added {
        Ok(_) => Ok(()),
        // With those that the API added.
        Err(error) if is_limit(&error) => Err(exceeded(limit)),
        Err(error) => Err(error.into()),
    }
}

fn exceeded(limit: i32) -> Error {
    Error::QuotaExceeded {
        resource: quotas::DOCUMENTS_PER_KB.to_owned(),
        limit: limit.into(),
    }
}

/// Whether the trigger of `kb_documents` refused a row.
fn is_limit(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(|error| error.message().starts_with("DOCUMENT_LIMIT"))
}

/// Takes a document over. Another source is read anew, and whoever reads the former one writes nothing any more. Of a
/// page, the hash is that of what was fetched, so the address decides.
async fn change(
    connection: &mut PgConnection,
    document: Uuid,
    source: &Source,
    reads_anew: bool,
) -> Result<()> {
    let columns = source.columns();
    sqlx::query(
        "UPDATE kb_documents
            SET type = $2::text::platform.document_type, url = $3, content = $4, source = $5,
                file_size = coalesce(octet_length($4), octet_length($5)), mime_type = $6,
                sha256 = sha256(coalesce(convert_to($4, 'UTF8'), $5)), refresh_seconds = $7,
                status = 'processing', error_message = NULL, due_at = now(), attempts = 0, abandoned = 0,
                lease = NULL, leased_until = NULL
          WHERE id = $1
            AND ($8 OR type::text <> $2 OR url IS DISTINCT FROM $3
                 OR CASE WHEN $2 <> 'website' THEN
                      sha256 IS DISTINCT FROM sha256(coalesce(convert_to($4, 'UTF8'), $5))
                      OR mime_type IS DISTINCT FROM $6 ELSE false END)",
    )
    .bind(document)
    .bind(columns.kind.as_str())
    .bind(columns.url)
    .bind(columns.content)
    .bind(columns.octets)
    .bind(columns.mime_type)
    .bind(columns.refresh_seconds)
    .bind(reads_anew)
    .execute(&mut *connection)
    .await?;
    // Another pause alone is no reason to read anew what was read.
    sqlx::query(
        "UPDATE kb_documents
            SET refresh_seconds = $2,
                due_at = CASE WHEN status = 'processing' THEN due_at
                              ELSE fetched_at + make_interval(secs => $2) END
          WHERE id = $1 AND refresh_seconds IS DISTINCT FROM $2",
    )
    .bind(document)
    .bind(columns.refresh_seconds)
    .execute(connection)
    .await?;
    Ok(())
}

/// How far a knowledge base is.
async fn progress(connection: &mut PgConnection, base: Uuid) -> Result<Progress> {
    let counts = sqlx::query(
        "SELECT count(*) FILTER (WHERE status = 'processing') AS processing,
                count(*) FILTER (WHERE status = 'ready') AS ready,
                count(*) FILTER (WHERE status = 'error') AS failed
           FROM kb_documents WHERE knowledge_base_id = $1",
    )
    .bind(base)
    .fetch_one(&mut *connection)
    .await?;
    let failures = sqlx::query(
        "SELECT DISTINCT ON (name) name, coalesce(error_message, '') AS message FROM kb_documents
          WHERE knowledge_base_id = $1 AND status = 'error' ORDER BY name, id LIMIT $2",
    )
    .bind(base)
    .bind(MAX_FAILED)
    .fetch_all(connection)
    .await?;
    let failure = |row: &PgRow| Ok((get(row, "name")?, get(row, "message")?));
    Ok(Progress {
        id: base,
        processing: get(&counts, "processing")?,
        ready: get(&counts, "ready")?,
        failed: get(&counts, "failed")?,
        failures: failures.iter().map(failure).collect::<Result<_>>()?,
    })
}

/// The columns of a source.
struct Columns<'a> {
    kind: DocumentKind,
    url: Option<&'a str>,
    content: Option<&'a str>,
    octets: Option<&'a [u8]>,
    mime_type: Option<&'static str>,
    refresh_seconds: Option<i32>,
}

impl Source {
    fn columns(&self) -> Columns<'_> {
        let none = Columns {
            kind: DocumentKind::Text,
            url: None,
            content: None,
            octets: None,
            mime_type: None,
            refresh_seconds: None,
        };
        match self {
            Self::Text(text) => Columns {
                content: Some(text.expose()),
                mime_type: Some("text/markdown"),
                ..none
            },
            Self::Page {
                url,
                refresh_seconds,
            } => Columns {
                kind: DocumentKind::Website,
                url: Some(url),
                refresh_seconds: *refresh_seconds,
                ..none
            },
            Self::File {
                url,
                mime_type,
                octets,
            } => Columns {
                kind: DocumentKind::File,
                url: Some(url),
                octets: Some(octets.expose()),
                mime_type: Some(mime_type),
                ..none
            },
        }
    }
}
