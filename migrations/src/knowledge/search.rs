//! What documents have to do with what somebody said: by its words, and by where it lies in the space of a model.
//!
//! Both give chunks in an order, and [`fuse`] makes one order of them (reciprocal rank fusion: Cormack, Clarke and
//! Buettcher, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning Methods", SIGIR 2009). **Only
//! chunks of documents that are ready are found.**

use callplane_types::Pii;
use uuid::Uuid;

use crate::column::{each, get};
use crate::input::text;
use crate::{Result, TenantDatabase};

/// Chunks of either order that are fused.
const DEPTH: i64 = 20;
/// How much a place further down counts less: the constant of the paper.
const RRF: f64 = 60.0;

/// A knowledge base that can be searched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchedBase {
    /// Which.
    pub id: Uuid,
    /// `namespace/name` of the Provider whose model its chunks lie in the space of; nothing where it is found by words
    /// only.
    pub embedding_provider: Option<String>,
}

/// A chunk that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundChunk {
    /// `namespace/name` of the KnowledgeBase.
    pub base: String,
    /// Name of the document.
    pub document: String,
    /// Number of the chunk in it, from 1.
    pub number: u32,
    /// What it says.
    pub content: Pii<String>,
}

/// The knowledge bases that these are, by `namespace/name`, as far as they exist.
pub async fn searched(database: &TenantDatabase, names: &[String]) -> Result<Vec<SearchedBase>> {
    let rows = sqlx::query(
        "SELECT id, embedding_provider FROM knowledge_bases
          WHERE k8s_namespace || '/' || k8s_name = ANY($1) AND deleted_at IS NULL ORDER BY id",
    )
    .bind(names)
    .fetch_all(database.pool())
    .await?;
    each(&rows, |row| {
        Ok(SearchedBase {
            id: get(row, "id")?,
            embedding_provider: get(row, "embedding_provider")?,
        })
    })
}

/// Chunks that have words of `said`, the best first. **A word counts the more the fewer chunks have it** (inverse document
/// frequency, as in BM25), so that a spoken question finds by what it is about and not by its filler words; a word in
/// the name of a document counts more than one in its text.
pub async fn by_words(database: &TenantDatabase, bases: &[Uuid], said: &str) -> Result<Vec<Uuid>> {
    text("words", said)?;
    let rows = sqlx::query(
        r"WITH term AS (
            SELECT b.id AS base, t.lexeme,
                   ('''' || replace(replace(t.lexeme, '\', '\\'), '''', '''''') || '''')::tsquery AS query
              FROM knowledge_bases b, unnest(to_tsvector(b.text_search::regconfig, $2)) AS t
             WHERE b.id = ANY($1) AND b.deleted_at IS NULL),
          size AS (
            SELECT d.knowledge_base_id AS base, count(*) AS chunks
              FROM kb_documents d JOIN kb_chunks c ON c.document_id = d.id
             WHERE d.knowledge_base_id = ANY($1) AND d.status = 'ready' GROUP BY 1),
          hit AS (
            SELECT c.id, t.base, ts_rank(c.words, t.query) AS weight,
                   count(*) OVER (PARTITION BY t.base, t.lexeme) AS having
              FROM term t
              JOIN kb_documents d ON d.knowledge_base_id = t.base AND d.status = 'ready'
              JOIN kb_chunks c ON c.document_id = d.id AND c.words @@ t.query)
          SELECT h.id FROM hit h JOIN size s ON s.base = h.base
           GROUP BY h.id
           ORDER BY sum(ln(1 + (s.chunks - h.having + 0.5) / (h.having + 0.5)) * (1 + h.weight)) DESC, h.id
           LIMIT $3",
    )
    .bind(bases)
    .bind(said)
    .bind(DEPTH)
    .fetch_all(database.pool())
    .await?;
    each(&rows, |row| get(row, "id"))
}

/// Chunks that lie closest to `at` in the space of `model`, the closest first.
pub async fn by_meaning(
    database: &TenantDatabase,
    bases: &[Uuid],
    model: &str,
    at: &[f32],
) -> Result<Vec<Uuid>> {
    let rows = sqlx::query(
        "SELECT c.id, c.embedding FROM kb_documents d JOIN kb_chunks c ON c.document_id = d.id
          WHERE d.knowledge_base_id = ANY($1) AND d.status = 'ready' AND c.embedding_model = $2
            AND cardinality(c.embedding) = $3",
    )
    .bind(bases)
    .bind(model)
    .bind(i32::try_from(at.len()).unwrap_or(i32::MAX))
    .fetch_all(database.pool())
    .await?;
    let mut near: Vec<(f32, Uuid)> = each(&rows, |row| {
        let lies: Vec<f32> = get(row, "embedding")?;
        Ok((cosine(&lies, at), get(row, "id")?))
    })?;
    near.sort_by(|(one, a), (other, b)| other.total_cmp(one).then(a.cmp(b)));
    near.truncate(DEPTH as usize);
    Ok(near.into_iter().map(|(_, id)| id).collect())
}

/// How much two vectors of one length point the same way, -1 to 1; 0 where one points nowhere.
fn cosine(one: &[f32], other: &[f32]) -> f32 {
    let (mut both, mut first, mut second) = (0.0_f32, 0.0_f32, 0.0_f32);
    for (a, b) in one.iter().zip(other) {
        both += a * b;
        first += a * a;
        second += b * b;
    }
    let lengths = (first * second).sqrt();
    match lengths > 0.0 {
        true => both / lengths,
        false => 0.0,
    }
}

/// One order of several: a chunk counts by its place in each, at most `most` of them.
#[must_use]
pub fn fuse(orders: &[Vec<Uuid>], most: usize) -> Vec<Uuid> {
    let mut scores: Vec<(f64, Uuid)> = Vec::new();
    for order in orders {
        for (place, id) in (1_u32..).zip(order) {
            let score = 1.0 / (RRF + f64::from(place));
            match scores.iter_mut().find(|(_, known)| known == id) {
                Some((sum, _)) => *sum += score,
                None => scores.push((score, *id)),
            }
        }
    }
    // Where two score the same, the one that was named first.
    scores.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    scores.truncate(most);
    scores.into_iter().map(|(_, id)| id).collect()
}

/// What these chunks say, in this order.
pub async fn found(database: &TenantDatabase, chunks: &[Uuid]) -> Result<Vec<FoundChunk>> {
    let rows = sqlx::query(
        "SELECT coalesce(b.k8s_namespace || '/' || b.k8s_name, b.name) AS base, d.name AS document,
                c.chunk_no, c.content
           FROM unnest($1::uuid[]) WITH ORDINALITY AS f (id, place)
           JOIN kb_chunks c ON c.id = f.id
           JOIN kb_documents d ON d.id = c.document_id AND d.status = 'ready'
           JOIN knowledge_bases b ON b.id = d.knowledge_base_id
          ORDER BY f.place",
    )
    .bind(chunks)
    .fetch_all(database.pool())
    .await?;
    each(&rows, |row| {
        let number: i32 = get(row, "chunk_no")?;
        Ok(FoundChunk {
            base: get(row, "base")?,
            document: get(row, "document")?,
            number: u32::try_from(number).unwrap_or_default(),
            content: get(row, "content")?,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_both_orders_have_comes_first_and_ties_keep_the_order_of_the_first() {
        let [a, b, c, d] = [1, 2, 3, 4].map(Uuid::from_u128);
        assert_eq!(fuse(&[vec![a, b], vec![c, b]], 9), [b, a, c]);
        assert_eq!(fuse(&[vec![a, b, c, d], vec![]], 2), [a, b]);
        assert!(fuse(&[], 4).is_empty());
    }

    #[test]
    fn a_vector_that_points_nowhere_is_like_no_other() {
        assert!((cosine(&[1.0, 1.0], &[2.0, 2.0]) - 1.0).abs() < 1e-6);
        assert!((cosine(&[1.0, 0.0], &[-3.0, 0.0]) + 1.0).abs() < 1e-6);
        assert_eq!(cosine(&[0.0, 0.0], &[1.0, 1.0]), 0.0);
    }
}
