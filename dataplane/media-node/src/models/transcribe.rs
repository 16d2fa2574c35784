//! Has a recogniser write down what a caller said, where callers may say anything.

use std::sync::Arc;

use callplane_call::{Recognition, SpeechDown, TurnAudio, wav_header};
use callplane_flow::TranscriptionUse;

use super::Models;
use super::known::{Asks, KnownProvider};
use super::question::{Kind, Question};
use crate::node::random_bytes;

/// Samples a second, as recognisers of speech are trained with.
const RATE: u32 = 16_000;

impl Models {
    /// The words of a turn; nothing where there are none. How sure the recogniser is it does not say.
    pub(crate) async fn transcribe(
        &self,
        provider: Option<Arc<KnownProvider>>,
        wishes: &TranscriptionUse,
        audio: TurnAudio,
    ) -> Result<Option<Recognition>, SpeechDown> {
        let Some(provider) = provider else {
            self.count(&wishes.provider, Kind::Transcription, "no_provider");
            return Err(SpeechDown);
        };
        let Asks::Transcription(transcriber) = &provider.asks else {
            self.count(&wishes.provider, Kind::Transcription, "no_provider");
            return Err(SpeechDown);
        };
        let _turn = self.at_once.acquire().await.map_err(|_| SpeechDown)?;
        let question =
            Question::begin(self, Arc::clone(&provider), Kind::Transcription).ok_or(SpeechDown)?;
        let begun = self.clock.now();
        let wav = wav(&audio.into_wideband());
        let boundary = format!("{:032x}", u128::from_ne_bytes(random_bytes()));
        let language = wishes.language.as_deref();
        let words = transcriber.transcribe(&wav, language, &boundary).await;
        question.end(words.as_ref().err());
        let words = words.map_err(|_| SpeechDown)?;
        let took = self.clock.now() - begun;
        self.metrics.models.transcribed(&provider.name, took);
        Ok(words.map(|text| Recognition {
            text,
            confidence: None,
        }))
    }
}

fn wav(samples: &[i16]) -> Vec<u8> {
    let octets = 2 * samples.len();
    let mut wav = wav_header(1, RATE, octets as u64).to_vec();
    wav.reserve(octets);
    wav.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    wav
}
