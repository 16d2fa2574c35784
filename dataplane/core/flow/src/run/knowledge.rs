//! What a conversation looks up in knowledge bases, and what is found there.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How long the model is not asked for the sake of what may be found.
pub(super) const LOOK_UP: Duration = Duration::from_millis(300);
/// Passages of one look-up that a model is given.
const MAX_PASSAGES: usize = 4;
/// Characters of a passage, and of the name of its document.
const MAX_TEXT: usize = 2_000;
const MAX_NAME: usize = 200;

/// Names one look-up within a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LookUpId(pub u32);

/// Something is to be looked up in knowledge bases. `Debug` shows no words.
#[derive(Clone, PartialEq, Eq)]
pub struct LookUp {
    /// To be named with what was found.
    pub id: LookUpId,
    /// What the caller said.
    pub words: String,
    /// Where: `namespace/name` of each KnowledgeBase.
    pub bases: Vec<String>,
    /// When the conversation goes on without.
    pub timeout: Duration,
}

/// A part of a document that may have to do with what the caller said. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Passage {
    /// Where it is.
    pub citation: Citation,
    /// What it says.
    pub text: String,
}

/// Where a passage is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Citation {
    /// `namespace/name` of the KnowledgeBase.
    pub base: String,
    /// Name of the document.
    pub document: String,
    /// Number of the passage in it, from 1.
    pub chunk: u32,
}

/// What the model is given of what was found.
#[derive(Debug, Clone, Default)]
pub(super) struct Found {
    passages: Vec<Passage>,
    citations: Arc<[Citation]>,
}

impl Found {
    /// The best of them, cut to what a prompt has room for.
    pub(super) fn new(mut passages: Vec<Passage>) -> Self {
        passages.truncate(MAX_PASSAGES);
        for passage in &mut passages {
            cut(&mut passage.text, MAX_TEXT);
            cut(&mut passage.citation.document, MAX_NAME);
        }
        let citations = passages
            .iter()
            .map(|passage| passage.citation.clone())
            .collect();
        Self {
            passages,
            citations,
        }
    }

    pub(super) fn citations(&self) -> Arc<[Citation]> {
        Arc::clone(&self.citations)
    }

    /// As JSON, so that no text can pretend to be the end of it.
    pub(super) fn for_model(&self) -> Option<String> {
        if self.passages.is_empty() {
            return None;
        }
        let passages = self.passages.iter().map(|passage| {
            serde_json::json!({ "document": passage.citation.document, "text": passage.text })
        });
        Some(serde_json::Value::Array(passages.collect()).to_string())
    }
}

fn cut(text: &mut String, most: usize) {
    if let Some((end, _)) = text.char_indices().nth(most) {
        text.truncate(end);
    }
}

impl fmt::Debug for LookUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LookUp({})", self.id.0)
    }
}

impl fmt::Debug for Passage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Passage({})", self.citation.chunk)
    }
}
