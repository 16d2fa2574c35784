//! One question to a provider: let through by its breaker, counted however it ends.

use std::sync::Arc;

use callplane_providers::{ModelError, Outcome, Permit, Slow};

use super::Models;
use super::known::KnownProvider;

/// A question that is asked. **It ends once**: with an outcome, or as not waited for when it is dropped.
pub(super) struct Question<'a> {
    models: &'a Models,
    pub(super) provider: Arc<KnownProvider>,
    kind: Kind,
    permit: Option<Permit>,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Chat,
    Transcription,
    Speech,
    Tool,
    Embedding,
}

impl Kind {
    /// The word in metrics.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Transcription => "transcription",
            Self::Speech => "speech",
            Self::Tool => "tool",
            Self::Embedding => "embedding",
        }
    }
}

impl<'a> Question<'a> {
    /// Nothing while the provider is left alone.
    pub(super) fn begin(
        models: &'a Models,
        provider: Arc<KnownProvider>,
        kind: Kind,
    ) -> Option<Self> {
        let admitted = provider.breaker().admit(models.clock.now());
        match admitted {
            Ok(permit) => Some(Self {
                models,
                provider,
                kind,
                permit: Some(permit),
            }),
            Err(_open) => {
                models.count(&provider.name, kind, "left_alone");
                None
            }
        }
    }

    /// It was answered, or not. What the provider says is not logged: it may repeat what callers said.
    pub(super) fn end(mut self, error: Option<&ModelError>) {
        let outcome = match (error, self.kind) {
            (None, _) => Outcome::Worked,
            (Some(error), Kind::Tool) => of_tool(error),
            (Some(error), Kind::Chat | Kind::Transcription | Kind::Speech | Kind::Embedding) => {
                Outcome::from(error)
            }
        };
        if let Some(error) = error {
            let (provider, kind) = (self.provider.name.as_str(), self.kind.as_str());
            let outcome = word(error);
            tracing::warn!(provider, kind, outcome, "a provider did not answer");
        }
        self.report(outcome, error.map_or("ok", word));
    }

    fn report(&mut self, outcome: Outcome, word: &'static str) {
        let Some(permit) = self.permit.take() else {
            return;
        };
        let Self {
            models,
            provider,
            kind,
            permit: _,
        } = self;
        let is_open = {
            let mut breaker = provider.breaker();
            let was_open = breaker.is_open();
            breaker.report(models.clock.now(), permit, outcome);
            if breaker.is_open() && !was_open {
                tracing::warn!(
                    provider = provider.name,
                    "a provider failed again and again and is left alone for a while"
                );
            }
            breaker.is_open()
        };
        models.metrics.models.left_alone(&provider.name, is_open);
        models.count(&provider.name, *kind, word);
    }
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        self.report(Outcome::Neither, "not_waited_for");
    }
}

impl Models {
    pub(super) fn count(&self, provider: &str, kind: Kind, outcome: &'static str) {
        self.metrics.models.ended(provider, kind.as_str(), outcome);
    }
}

/// What an error says of an endpoint of tools: a model, and through it a caller, chooses what is asked of it, so what
/// may be wrong with that says nothing.
fn of_tool(error: &ModelError) -> Outcome {
    match error {
        ModelError::Unauthorized { status: 403 }
        | ModelError::Refused { .. }
        | ModelError::TooLong
        | ModelError::Protocol(_) => Outcome::Neither,
        other => Outcome::from(other),
    }
}

/// The word in metrics and logs.
fn word(error: &ModelError) -> &'static str {
    match error {
        ModelError::Forbidden => "forbidden",
        ModelError::Connection => "connection",
        ModelError::Unauthorized { .. } => "unauthorized",
        ModelError::Busy { .. } => "busy",
        ModelError::Unavailable { .. } => "unavailable",
        ModelError::Refused { .. } => "refused",
        ModelError::TooSlow(Slow::First) => "slow_first_part",
        ModelError::TooSlow(Slow::Stall) => "stalled",
        ModelError::TooSlow(Slow::Total) => "slow",
        ModelError::Cut => "cut",
        ModelError::TooLong => "too_long",
        ModelError::Protocol(_) => "protocol",
    }
}
