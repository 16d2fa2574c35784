//! A provider as this node has it: its client, and what was seen of it lately.

use std::sync::{Mutex, MutexGuard, PoisonError};

use callplane_providers::{
    Breaker, BreakerPolicy, ChatConfig, ChatLimits, ChatModel, Endpoint, HttpClient,
    InvalidEndpoint, Transcriber, TranscriptionConfig,
};
use callplane_store::providers::{ChatTimeouts, Provider, ProviderProtocol, TranscriptionTimeouts};
use callplane_types::ProviderId;

/// A provider of the tenant. It lasts until it is changed, and with it what is known of its failures.
#[derive(Debug)]
pub(crate) struct KnownProvider {
    id: ProviderId,
    spec_hash: String,
    /// `namespace/name`, by which Programs name it.
    pub(crate) name: String,
    /// Name of the model that it is for, where the agent wishes no other.
    pub(crate) model: String,
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
            model,
            sealed_key: _,
        } = row;
        let endpoint = Endpoint::new(&base_url, key)?;
        let asks = match protocol {
            ProviderProtocol::OpenaiChat(ChatTimeouts {
                first_part,
                stall,
                total,
            }) => Asks::Chat(ChatModel::new(
                http,
                ChatConfig {
                    endpoint,
                    model: model.clone(),
                    limits: ChatLimits {
                        first_part,
                        stall,
                        total,
                        ..ChatLimits::default()
                    },
                },
            )),
            ProviderProtocol::OpenaiTranscription(TranscriptionTimeouts { total }) => {
                Asks::Transcription(Transcriber::new(
                    http,
                    TranscriptionConfig {
                        endpoint,
                        model: model.clone(),
                        timeout: total,
                    },
                ))
            }
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
