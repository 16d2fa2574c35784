//! Speech for calls: what the worker can do, or the sign that it cannot.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use callplane_call::{APOLOGY, Clip, Recognition, SpeechDown, TurnAudio};
use callplane_flow::{Grammar, Voice};
use callplane_providers::{Recognition as Recognised, SpeechConfig, SpeechError, SpeechWorker};

use crate::config::SpeechProgram;
use crate::metrics::Metrics;

/// The voice of agents that name none.
const DEFAULT_VOICE: &str = "slt";
/// Pause between two attempts to have the apology spoken when the daemon starts.
const APOLOGY_RETRY: Duration = Duration::from_millis(500);

/// The voice and the ear of every call.
pub(crate) struct Speech {
    worker: Option<SpeechWorker>,
    apology: RwLock<Clip>,
    metrics: Arc<Metrics>,
}

impl Speech {
    /// Starts the worker in the background. Until it has spoken the apology, callers that need it
    /// hear a tone.
    pub(crate) fn start(program: &SpeechProgram, metrics: Arc<Metrics>) -> Arc<Self> {
        let worker = match program {
            SpeechProgram::None => None,
            SpeechProgram::Path(path) => {
                let config = SpeechConfig {
                    // Calls that are told the same share it.
                    prepare: |samples| Clip::narrow(&samples).into(),
                    ..SpeechConfig::new(path.clone())
                };
                Some(SpeechWorker::start(&config))
            }
        };
        let speech = Arc::new(Self {
            apology: RwLock::new(Clip::sorry_tone()),
            worker,
            metrics,
        });
        if speech.worker.is_some() {
            tokio::spawn(prepare_apology(Arc::clone(&speech)));
        }
        speech
    }

    /// What callers hear when speech is down.
    pub(crate) fn apology(&self) -> Clip {
        // The clip is replaced whole; a panic elsewhere cannot have broken it.
        let clip = self.apology.read().unwrap_or_else(PoisonError::into_inner);
        clip.clone()
    }

    /// Speaks `text`.
    pub(crate) async fn synthesize(&self, text: &str, voice: &Voice) -> Result<Clip, SpeechDown> {
        let worker = self.worker.as_ref().ok_or(SpeechDown)?;
        let name = voice.name.as_deref().unwrap_or(DEFAULT_VOICE);
        let mut spoken = worker.synthesize(text, name).await;
        if let Err(SpeechError::Refused(reason)) = &spoken
            && name != DEFAULT_VOICE
        {
            tracing::warn!(
                voice = name,
                reason,
                "the speech worker does not take a voice; using the usual one"
            );
            spoken = worker.synthesize(text, DEFAULT_VOICE).await;
        }
        match spoken {
            Ok(samples) => Ok(Clip::new(samples)),
            Err(error) => {
                self.metrics.speech_failures.inc();
                tracing::warn!(%error, "failed to synthesize speech");
                Err(SpeechDown)
            }
        }
    }

    /// Understands what a caller said.
    pub(crate) async fn recognize(
        &self,
        audio: TurnAudio,
        grammar: &Grammar,
    ) -> Result<Option<Recognition>, SpeechDown> {
        let worker = self.worker.as_ref().ok_or(SpeechDown)?;
        match worker
            .recognize(audio.into_wideband(), grammar.to_jsgf())
            .await
        {
            Ok(Recognised::Match { text, confidence }) => Ok(Some(Recognition {
                text,
                confidence: Some(confidence),
            })),
            Ok(Recognised::NoMatch) => Ok(None),
            Err(error) => {
                self.metrics.speech_failures.inc();
                tracing::warn!(%error, "failed to recognise speech");
                Err(SpeechDown)
            }
        }
    }
}

async fn prepare_apology(speech: Arc<Speech>) {
    let Some(worker) = &speech.worker else { return };
    loop {
        match worker.synthesize(APOLOGY, DEFAULT_VOICE).await {
            Ok(samples) => {
                let clip = Clip::new(samples);
                *speech
                    .apology
                    .write()
                    .unwrap_or_else(PoisonError::into_inner) = clip;
                return;
            }
            Err(_) => tokio::time::sleep(APOLOGY_RETRY).await,
        }
    }
}
