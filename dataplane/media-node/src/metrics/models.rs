//! What is asked of models and tools, by provider: the namespace and name of a Provider, of which a tenant has a few.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::Buckets;

/// Answers of models: what a caller waits for.
const ANSWER_SECONDS: [f64; 11] = [0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.2, 2.0, 4.0, 8.0, 30.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    tenant: Arc<str>,
    provider: String,
    kind: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TokenLabels {
    tenant: Arc<str>,
    provider: String,
    direction: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ProviderLabels {
    tenant: Arc<str>,
    provider: String,
}

/// Looking things up: what the model is not asked for meanwhile.
const LOOK_UP_SECONDS: [f64; 9] = [0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3];

/// What documents were found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LookedUp {
    /// By words and by meaning.
    Both,
    /// By words only: the knowledge base has nothing else, or its provider was too slow or failed.
    Words,
    /// By nothing: there was no time, or the database did not answer.
    Nothing,
}

impl LookedUp {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Both => "words_and_meaning",
            Self::Words => "words",
            Self::Nothing => "nothing",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LookUpLabels {
    tenant: Arc<str>,
    by: &'static str,
}

/// What this node asks models.
#[derive(Debug)]
pub(crate) struct ModelMetrics {
    tenant: Arc<str>,
    requests: Family<OutcomeLabels, Counter>,
    tokens: Family<TokenLabels, Counter>,
    first_part: Family<ProviderLabels, Histogram, Buckets>,
    transcription: Family<ProviderLabels, Histogram, Buckets>,
    speech: Family<ProviderLabels, Histogram, Buckets>,
    tool: Family<ProviderLabels, Histogram, Buckets>,
    embedding: Family<ProviderLabels, Histogram, Buckets>,
    look_up: Family<LookUpLabels, Histogram, Buckets>,
    left_alone: Family<ProviderLabels, Gauge>,
}

impl ModelMetrics {
    pub(super) fn new(tenant: Arc<str>) -> Self {
        let seconds = || Family::new_with_constructor(Buckets(&ANSWER_SECONDS));
        Self {
            tenant,
            requests: Family::default(),
            tokens: Family::default(),
            first_part: seconds(),
            transcription: seconds(),
            speech: seconds(),
            tool: seconds(),
            embedding: seconds(),
            look_up: Family::new_with_constructor(Buckets(&LOOK_UP_SECONDS)),
            left_alone: Family::default(),
        }
    }

    pub(super) fn enter(&self, registry: &mut Registry) {
        registry.register(
            "callplane_model_requests",
            "Questions to providers, by how they ended",
            self.requests.clone(),
        );
        registry.register(
            "callplane_model_tokens",
            "Tokens of questions to language models and of their answers",
            self.tokens.clone(),
        );
        registry.register(
            "callplane_model_first_part_seconds",
            "Time from the question to a language model until the first part of its answer",
            self.first_part.clone(),
        );
        registry.register(
            "callplane_transcription_seconds",
            "Time until a provider has written down a turn",
            self.transcription.clone(),
        );
        registry.register(
            "callplane_speech_seconds",
            "Time until a provider has spoken a sentence",
            self.speech.clone(),
        );
        registry.register(
            "callplane_tool_seconds",
            "Time until a tool of an agent has answered or failed",
            self.tool.clone(),
        );
        registry.register(
            "callplane_embedding_seconds",
            "Time until a provider has embedded what a caller said, or failed to",
            self.embedding.clone(),
        );
        registry.register(
            "callplane_look_up_seconds",
            "Time until what a caller said was looked up in knowledge bases, by what it was found by",
            self.look_up.clone(),
        );
        registry.register(
            "callplane_model_left_alone",
            "1 while a provider is left alone because it failed again and again",
            self.left_alone.clone(),
        );
    }

    /// A question ended so.
    pub(crate) fn ended(&self, provider: &str, kind: &'static str, outcome: &'static str) {
        let labels = OutcomeLabels {
            tenant: Arc::clone(&self.tenant),
            provider: provider.to_owned(),
            kind,
            outcome,
        };
        self.requests.get_or_create(&labels).inc();
    }

    /// A language model begins to answer.
    pub(crate) fn first_part(&self, provider: &str, took: Duration) {
        let labels = self.labels(provider);
        let seconds = self.first_part.get_or_create(&labels);
        seconds.observe(took.as_secs_f64());
    }

    /// A turn was written down.
    pub(crate) fn transcribed(&self, provider: &str, took: Duration) {
        let labels = self.labels(provider);
        let seconds = self.transcription.get_or_create(&labels);
        seconds.observe(took.as_secs_f64());
    }

    /// A sentence was spoken.
    pub(crate) fn spoke(&self, provider: &str, took: Duration) {
        let labels = self.labels(provider);
        let seconds = self.speech.get_or_create(&labels);
        seconds.observe(took.as_secs_f64());
    }

    /// A tool has run, or failed to.
    pub(crate) fn tool_ran(&self, provider: &str, took: Duration) {
        let labels = self.labels(provider);
        let seconds = self.tool.get_or_create(&labels);
        seconds.observe(took.as_secs_f64());
    }

    /// What a caller said was embedded, or not.
    pub(crate) fn embedded(&self, provider: &str, took: Duration) {
        let labels = self.labels(provider);
        let seconds = self.embedding.get_or_create(&labels);
        seconds.observe(took.as_secs_f64());
    }

    /// What a caller said was looked up.
    pub(crate) fn looked_up(&self, by: LookedUp, took: Duration) {
        let labels = LookUpLabels {
            tenant: Arc::clone(&self.tenant),
            by: by.as_str(),
        };
        let seconds = self.look_up.get_or_create(&labels);
        seconds.observe(took.as_secs_f64());
    }

    /// What a call used.
    pub(crate) fn used(&self, provider: &str, input: u64, output: u64) {
        for (direction, tokens) in [("input", input), ("output", output)] {
            let labels = TokenLabels {
                tenant: Arc::clone(&self.tenant),
                provider: provider.to_owned(),
                direction,
            };
            self.tokens.get_or_create(&labels).inc_by(tokens);
        }
    }

    /// Whether a provider is left alone.
    pub(crate) fn left_alone(&self, provider: &str, is_open: bool) {
        let labels = self.labels(provider);
        self.left_alone
            .get_or_create(&labels)
            .set(i64::from(is_open));
    }

    fn labels(&self, provider: &str) -> ProviderLabels {
        ProviderLabels {
            tenant: Arc::clone(&self.tenant),
            provider: provider.to_owned(),
        }
    }
}
