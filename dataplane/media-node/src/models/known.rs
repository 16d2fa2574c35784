//! A provider as this node has it: its client, and what was seen of it lately.

use std::sync::{Mutex, MutexGuard, PoisonError};

use callplane_providers::{
    Breaker, BreakerPolicy, ChatConfig, ChatLimits, ChatModel, Embedder, EmbeddingConfig, Endpoint,
    HttpClient, InvalidEndpoint, KeyHeader, Prompts, SpeechModel, SpeechModelConfig, ToolClient,
    Transcriber, TranscriptionConfig,
};
use callplane_store::providers::{ChatTimeouts, Provider, ProviderProtocol};
use callplane_types::ProviderId;

use super::Mute;

/// What is kept of what a provider spoke, in samples of two octets: 16 MiB, 17 minutes.
const CACHED_SAMPLES: usize = 8 * 1024 * 1024;

/// A provider of the tenant. It lasts until it is changed, and with it what is known of its failures.
#[derive(Debug)]
pub(crate) struct KnownProvider {
    id: ProviderId,
    spec_hash: String,
    /// `namespace/name`, by which Programs name it.
    pub(crate) name: String,
    /// Name of the model that it is for, where it has one and the agent wishes no other.
    pub(crate) model: Option<String>,
    pub(crate) asks: Asks,
    breaker: Mutex<Breaker>,
}

/// What a provider is asked by.
#[derive(Debug)]
pub(crate) enum Asks {
    /// A language model.
    Chat(ChatModel),
    /// A recogniser of speech.
    Transcription(Transcriber),
    /// Voices, and what they said before.
    Speech(SpeechModel, Prompts<Mute>),
    /// A model of embeddings.
    Embedding(Embedder),
    /// Tools.
    Tool(ToolClient),
}

impl KnownProvider {
    /// A provider behind the connections of `http`; `key` is the opened secret.
    pub(crate) fn new(
        http: &HttpClient,
        row: Provider,
        key: Option<&str>,
    ) -> Result<Self, InvalidEndpoint> {
        let Provider {
            id,
            name,
            spec_hash,
            protocol,
            base_url,
            sealed_key: _,
        } = row;
        let model = protocol.model().map(str::to_owned);
        let endpoint = match &protocol {
            ProviderProtocol::Http {
                key_header: Some(header),
            } => Endpoint::with_key(&base_url, KeyHeader::Named(header), key)?,
            _ => Endpoint::new(&base_url, key)?,
        };
        let asks = match protocol {
            ProviderProtocol::OpenaiChat {
                model,
                timeouts:
                    ChatTimeouts {
                        first_part,
                        stall,
                        total,
                    },
            } => Asks::Chat(ChatModel::new(
                http,
                ChatConfig {
                    endpoint,
                    model,
                    limits: ChatLimits {
                        first_part,
                        stall,
                        total,
                        ..ChatLimits::default()
                    },
                },
            )),
            ProviderProtocol::OpenaiTranscription { model, timeouts } => {
                Asks::Transcription(Transcriber::new(
                    http,
                    TranscriptionConfig {
                        endpoint,
                        model,
                        timeout: timeouts.total,
                    },
                ))
            }
            ProviderProtocol::OpenaiSpeech { model, timeouts } => {
                let config = SpeechModelConfig {
                    endpoint,
                    model,
                    timeout: timeouts.total,
                };
                Asks::Speech(SpeechModel::new(http, config), Prompts::new(CACHED_SAMPLES))
            }
            ProviderProtocol::OpenaiEmbeddings { model, timeouts } => {
                Asks::Embedding(Embedder::new(
                    http,
                    EmbeddingConfig {
                        endpoint,
                        model,
                        timeout: timeouts.total,
                    },
                ))
            }
            ProviderProtocol::Http { .. } => Asks::Tool(ToolClient::new(http, endpoint)),
        };
        Ok(Self {
            id,
            spec_hash,
            name,
            model,
            asks,
            breaker: Mutex::new(Breaker::new(BreakerPolicy::default())),
        })
    }

    /// Whether it was made of this row, as it is.
    pub(crate) fn is_of(&self, row: &Provider) -> bool {
        (self.id, &self.spec_hash) == (row.id, &row.spec_hash)
    }

    pub(super) fn breaker(&self) -> MutexGuard<'_, Breaker> {
        // Each change of it is whole; a panic elsewhere cannot have broken it.
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
