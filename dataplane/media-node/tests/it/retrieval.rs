//! How well what callers ask is found, with real embeddings: questions with known answers about a bicycle shop, spoken
//! as people speak, of three kinds. Some share words with their answer, some share none, and some have a rare code.

use std::time::Duration;

use callplane_e2e::Embeddings;
use callplane_providers::{Embedder, EmbeddingConfig, Endpoint, HttpClient};
use callplane_store::TenantDatabase;
use callplane_store::knowledge;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use crate::knowledge::{base, document, ingesting};
use crate::world::World;

/// Passages that a model is given.
const MOST: usize = 4;
const KINDS: [&str; 3] = ["plain", "paraphrase", "code"];

#[derive(Deserialize)]
struct Shop {
    documents: Vec<Document>,
    questions: Vec<Question>,
}

#[derive(Deserialize)]
struct Document {
    name: String,
    text: String,
}

#[derive(Deserialize)]
struct Question {
    kind: String,
    ask: String,
    answer: String,
}

/// Whether a question finds its answer by words, by meaning, and by both.
#[derive(Debug, Clone, Copy, Default)]
struct Recall {
    asked: usize,
    words: usize,
    meaning: usize,
    both: usize,
}

impl Recall {
    fn row(self, kind: &str) -> String {
        let of = |found: usize| format!("{found:>4} {:.3}", found as f64 / self.asked as f64);
        format!(
            "{kind:<11} {:>5}  {}  {}  {}",
            self.asked,
            of(self.words),
            of(self.meaning),
            of(self.both)
        )
    }
}

/// Whether the answer is among what a model would be given.
async fn has(database: &TenantDatabase, order: &[Uuid], answer: &str) -> bool {
    let chunks = &order[..order.len().min(MOST)];
    let found = knowledge::found(database, chunks).await.unwrap();
    found.iter().any(|chunk| chunk.document == answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn words_and_meaning_together_find_nine_of_ten_answers() {
    let shop: Shop = serde_json::from_str(include_str!("retrieval/shop.json")).unwrap();
    let world = World::new(json!({"start": "a", "nodes": {"a": {"hangup": {}}}})).await;
    let model = Embeddings::start(world.folder.path()).await.unwrap();
    let http = HttpClient::new("127.0.0.0/8".parse().unwrap()).unwrap();
    let embedder = Embedder::new(
        &http,
        EmbeddingConfig {
            endpoint: Endpoint::new(&model.base_url, None).unwrap(),
            model: Embeddings::MODEL.to_owned(),
            timeout: Duration::from_secs(60),
        },
    );
    let database = ingesting(&world).await;
    let base = base(&world).await;
    let texts: Vec<String> = shop
        .documents
        .iter()
        .map(|document| format!("{}\n{}", document.name, document.text))
        .collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let vectors = embedder.embed(&texts).await.unwrap();
    for (one, vector) in shop.documents.iter().zip(vectors) {
        assert_eq!(vector.len(), 384);
        let Document { name, text } = one;
        document(&database, base, name, text, Embeddings::MODEL, vector).await;
    }

    let mut kinds = KINDS.map(|_| Recall::default());
    let mut all = Recall::default();
    for question in &shop.questions {
        let Question { kind, ask, answer } = question;
        let at = embedder.embed(&[ask]).await.unwrap().remove(0);
        let bases = [base];
        let words = knowledge::by_words(&database, &bases, ask).await.unwrap();
        let meaning = knowledge::by_meaning(&database, &bases, Embeddings::MODEL, &at)
            .await
            .unwrap();
        let both = knowledge::fuse(&[words.clone(), meaning.clone()], MOST);
        let place = KINDS.iter().position(|known| known == kind).unwrap();
        let (by_words, by_meaning, by_both) = (
            has(&database, &words, answer).await,
            has(&database, &meaning, answer).await,
            has(&database, &both, answer).await,
        );
        if !by_both {
            println!("missed ({kind}, words {by_words}, meaning {by_meaning}): {ask}");
        }
        for recall in [&mut kinds[place], &mut all] {
            recall.asked += 1;
            recall.words += usize::from(by_words);
            recall.meaning += usize::from(by_meaning);
            recall.both += usize::from(by_both);
        }
    }
    println!("recall@4    asked  words       meaning     both");
    for (kind, recall) in KINDS.iter().zip(kinds) {
        println!("{}", recall.row(kind));
    }
    println!("{}", all.row("all"));
    let [plain, paraphrase, code] = kinds;
    assert!(all.both > all.words, "{all:?}");
    assert!(all.both * 10 >= all.asked * 9, "{all:?}");
    assert_eq!((plain.both, code.both), (plain.asked, code.asked));
    assert!(
        paraphrase.both * 4 >= paraphrase.asked * 3,
        "{paraphrase:?}"
    );
}
