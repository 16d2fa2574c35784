//! Looks something up in knowledge bases, by words and by meaning, within its time.
//!
//! **Words are always looked for; meaning as well where there is time for it.** Embedding goes on while words are looked
//! for, and whoever embeds slowly, or not at all, takes nothing from what words found.

use std::sync::Arc;
use std::time::Duration;

use callplane_flow::{Citation, LookUp, Passage};
use callplane_providers::{ModelError, Slow};
use callplane_store::TenantDatabase;
use callplane_store::knowledge::{self, FoundChunk, SearchedBase};
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use super::Models;
use super::known::{Asks, KnownProvider};
use super::question::{Kind, Question};
use crate::metrics::LookedUp;

/// Passages that are found.
const MOST: usize = 4;
/// What is kept of the time for reading what was found and for handing it to the call, and once more for comparing
/// embeddings.
const RESERVE: Duration = Duration::from_millis(60);

impl Models {
    /// What was found, the best first; nothing where there was no time.
    pub(crate) async fn look_up(
        &self,
        database: &TenantDatabase,
        provider: impl Fn(&str) -> Option<Arc<KnownProvider>>,
        look_up: &LookUp,
    ) -> Vec<Passage> {
        let begun = self.clock.now();
        let until = Instant::now() + look_up.timeout;
        let found = timeout_at(until, self.find(database, provider, look_up, until)).await;
        let (found, by) = match found {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => {
                tracing::warn!(%error, "nothing could be looked up for a caller");
                (Vec::new(), LookedUp::Nothing)
            }
            Err(_elapsed) => (Vec::new(), LookedUp::Nothing),
        };
        let took = self.clock.now() - begun;
        self.metrics.models.looked_up(by, took);
        found.into_iter().map(passage).collect()
    }

    async fn find(
        &self,
        database: &TenantDatabase,
        provider: impl Fn(&str) -> Option<Arc<KnownProvider>>,
        look_up: &LookUp,
        until: Instant,
    ) -> Result<(Vec<FoundChunk>, LookedUp), callplane_store::Error> {
        let LookUp {
            id: _,
            words,
            bases,
            timeout: _,
        } = look_up;
        // Who has no turn in time goes without; the node keeps its look-ups as long as it lives.
        let _turn = self.look_ups.acquire().await.ok();
        let bases = knowledge::searched(database, bases).await?;
        let all: Vec<Uuid> = bases.iter().map(|base| base.id).collect();
        let meant = async {
            let until = until - RESERVE;
            let meant = self.by_meaning(database, provider, &bases, words, until - RESERVE);
            timeout_at(until, meant).await.unwrap_or_default()
        };
        let said = knowledge::by_words(database, &all, words);
        let (said, meant) = tokio::join!(said, meant);
        let by = match meant.is_empty() {
            true => LookedUp::Words,
            false => LookedUp::Both,
        };
        let mut orders = vec![said?];
        orders.extend(meant);
        let chunks = knowledge::fuse(&orders, MOST);
        Ok((knowledge::found(database, &chunks).await?, by))
    }

    /// What each of the models says is close; those that say nothing before `until` are left out.
    async fn by_meaning(
        &self,
        database: &TenantDatabase,
        provider: impl Fn(&str) -> Option<Arc<KnownProvider>>,
        bases: &[SearchedBase],
        words: &str,
        until: Instant,
    ) -> Vec<Vec<Uuid>> {
        let mut names: Vec<&str> = bases
            .iter()
            .filter_map(|base| base.embedding_provider.as_deref())
            .collect();
        names.sort_unstable();
        names.dedup();
        let asked = names.into_iter().map(|name| {
            let of: Vec<Uuid> = bases
                .iter()
                .filter(|base| base.embedding_provider.as_deref() == Some(name))
                .map(|base| base.id)
                .collect();
            let provider = provider(name);
            async move {
                let at = self.embed(name, provider, words, until).await?;
                close_to(database, &of, at).await
            }
        });
        let orders = futures::future::join_all(asked).await;
        orders.into_iter().flatten().collect()
    }

    /// Where `words` lie, by which model. **Who is too slow here has failed**, and is left alone after some such failures:
    /// no caller is to wait for it again and again.
    async fn embed(
        &self,
        name: &str,
        provider: Option<Arc<KnownProvider>>,
        words: &str,
        until: Instant,
    ) -> Option<Place> {
        let Some(provider) = provider else {
            self.count(name, Kind::Embedding, "no_provider");
            return None;
        };
        let Asks::Embedding(embedder) = &provider.asks else {
            self.count(name, Kind::Embedding, "no_provider");
            return None;
        };
        let question = Question::begin(self, Arc::clone(&provider), Kind::Embedding)?;
        let begun = self.clock.now();
        let embedded = timeout_at(until, embedder.embed(&[words]))
            .await
            .unwrap_or(Err(ModelError::TooSlow(Slow::Total)));
        question.end(embedded.as_ref().err());
        let took = self.clock.now() - begun;
        self.metrics.models.embedded(name, took);
        Some(Place {
            model: embedder.model().to_owned(),
            at: embedded.ok()?.pop()?,
        })
    }
}

/// Where something lies in the space of a model.
struct Place {
    model: String,
    at: Vec<f32>,
}

async fn close_to(database: &TenantDatabase, bases: &[Uuid], place: Place) -> Option<Vec<Uuid>> {
    let Place { model, at } = place;
    knowledge::by_meaning(database, bases, &model, &at)
        .await
        .inspect_err(|error| tracing::warn!(%error, "what a caller said was found by words only"))
        .ok()
}

fn passage(found: FoundChunk) -> Passage {
    let FoundChunk {
        base,
        document,
        number,
        content,
    } = found;
    Passage {
        citation: Citation {
            base,
            document,
            chunk: number,
        },
        text: content.into_inner(),
    }
}
