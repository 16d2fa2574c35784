//! What a call used of providers, for its costs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use callplane_providers::Usage;

/// What a call used. Clones are of the same call.
#[derive(Debug, Clone, Default)]
pub(super) struct Used {
    ledger: Arc<Mutex<Ledger>>,
}

#[derive(Debug, Default)]
struct Ledger {
    questions: Vec<(Arc<str>, Usage)>,
    turns: Vec<Turn>,
    /// Characters that were spoken, by provider.
    spoken: BTreeMap<String, u64>,
}

#[derive(Debug)]
struct Turn {
    provider: String,
    model: String,
    audio: Duration,
}

/// One question to a language model.
#[derive(Debug)]
pub(super) struct Entry {
    ledger: Arc<Mutex<Ledger>>,
    place: usize,
}

/// Tokens of a provider.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tokens {
    pub(super) input: u64,
    pub(super) output: u64,
}

impl Used {
    /// A question begins.
    pub(super) fn begin_chat(&self, provider: &str) -> Entry {
        let mut ledger = lock(&self.ledger);
        ledger.questions.push((provider.into(), Usage::default()));
        Entry {
            ledger: Arc::clone(&self.ledger),
            place: ledger.questions.len() - 1,
        }
    }

    /// So much audio of a turn was sent to a provider.
    pub(super) fn transcribed(&self, provider: &str, model: &str, audio: Duration) {
        lock(&self.ledger).turns.push(Turn {
            provider: provider.to_owned(),
            model: model.to_owned(),
            audio,
        });
    }

    /// A provider is to speak so many characters.
    pub(super) fn spoke(&self, provider: &str, characters: u64) {
        *lock(&self.ledger)
            .spoken
            .entry(provider.to_owned())
            .or_default() += characters;
    }

    /// It did not, and something else does.
    pub(super) fn was_mute(&self, provider: &str, characters: u64) {
        if let Some(spoken) = lock(&self.ledger).spoken.get_mut(provider) {
            *spoken = spoken.saturating_sub(characters);
        }
    }

    /// Characters that were spoken, by provider.
    pub(super) fn spoken(&self) -> BTreeMap<String, u64> {
        lock(&self.ledger).spoken.clone()
    }

    /// Tokens by provider.
    pub(super) fn tokens(&self) -> BTreeMap<String, Tokens> {
        let mut all: BTreeMap<String, Tokens> = BTreeMap::new();
        for (provider, usage) in &lock(&self.ledger).questions {
            let tokens = all.entry(provider.to_string()).or_default();
            tokens.input += usage.prompt_tokens;
            tokens.output += usage.completion_tokens;
        }
        all.retain(|_, tokens| *tokens != Tokens::default());
        all
    }

    /// Audio by provider.
    pub(super) fn audio(&self) -> BTreeMap<String, Duration> {
        let mut all: BTreeMap<String, Duration> = BTreeMap::new();
        for turn in &lock(&self.ledger).turns {
            *all.entry(turn.provider.clone()).or_default() += turn.audio;
        }
        all
    }

    /// Provider and model that wrote down the last turn in which anything might be said.
    pub(super) fn transcriber(&self) -> Option<(String, String)> {
        let ledger = lock(&self.ledger);
        let Turn {
            provider, model, ..
        } = ledger.turns.last()?;
        Some((provider.clone(), model.clone()))
    }
}

impl Entry {
    /// What the question costs so far; replaces what was said before.
    pub(super) fn set(&self, usage: Usage) {
        lock(&self.ledger).questions[self.place].1 = usage;
    }
}

fn lock(ledger: &Mutex<Ledger>) -> std::sync::MutexGuard<'_, Ledger> {
    // Each change of it is whole; a panic elsewhere cannot have broken it.
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(prompt_tokens: u64, completion_tokens: u64) -> Usage {
        Usage {
            prompt_tokens,
            completion_tokens,
            is_estimated: false,
        }
    }

    #[test]
    fn the_last_word_of_each_question_counts_and_providers_are_summed_up_apart() {
        let used = Used::default();
        let (first, second) = (used.begin_chat("a"), used.begin_chat("a"));
        let other = used.begin_chat("b");
        drop(used.begin_chat("never asked"));
        first.set(usage(100, 0));
        first.set(usage(120, 7));
        second.set(usage(200, 3));
        other.set(usage(1, 1));
        let tokens: Vec<_> = used.tokens().into_iter().collect();
        let of = |input, output| Tokens { input, output };
        assert_eq!(
            tokens,
            [("a".to_owned(), of(320, 10)), ("b".to_owned(), of(1, 1))]
        );
    }

    #[test]
    fn audio_is_summed_up_by_provider_and_the_last_one_named() {
        let used = Used::default();
        assert_eq!(used.transcriber(), None);
        for (provider, seconds) in [("a", 1), ("b", 2), ("a", 3)] {
            used.transcribed(provider, "m", Duration::from_secs(seconds));
        }
        assert_eq!(used.audio()["a"], Duration::from_secs(4));
        assert_eq!(used.audio()["b"], Duration::from_secs(2));
        let last = ("a".to_owned(), "m".to_owned());
        assert_eq!(used.transcriber(), Some(last));
    }
}
