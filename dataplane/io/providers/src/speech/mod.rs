//! Voices that speak OpenAI's `audio/speech`: OpenAI itself, Kokoro-FastAPI, Speaches, LocalAI and others.
//!
//! One `POST {base}/audio/speech` a sentence (OpenAI API reference, "Create speech"), answered by a WAV file: its header
//! says how many samples a second there are, which servers do not agree about.

use std::time::Duration;

use callplane_audio::{RateConverter, SampleRate, Wav, WavError};
use reqwest::Method;
use serde::Serialize;
use tokio::time::{Instant, timeout_at};

use crate::error::{ModelError, Slow};
use crate::http::{Endpoint, HttpClient, first_octets, send};

/// What an answer may be, in octets: a minute of 48,000 samples a second.
const MAX_ANSWER: usize = 60 * 48_000 * 2;
/// In percent: the voice as it is.
const USUAL_SPEED: u32 = 100;

/// Where voices are, and what is asked of them.
#[derive(Debug, Clone)]
pub struct SpeechModelConfig {
    /// Where it is.
    pub endpoint: Endpoint,
    /// Name of the model.
    pub model: String,
    /// Until a sentence is there, the connection included.
    pub timeout: Duration,
}

/// Voices behind an endpoint. Cheap to clone; clones share connections.
#[derive(Debug, Clone)]
pub struct SpeechModel {
    http: HttpClient,
    config: SpeechModelConfig,
}

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    input: &'a str,
    voice: &'a str,
    response_format: &'static str,
    /// Left out where it is the usual one: not every server knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    speed: Option<f64>,
}

impl SpeechModel {
    /// Voices behind the connections of `http`; nothing is sent yet.
    #[must_use]
    pub fn new(http: &HttpClient, config: SpeechModelConfig) -> Self {
        Self {
            http: http.clone(),
            config,
        }
    }

    /// `text` as `voice` speaks it, in samples of `rate`; `speed_percent` is 100 where the voice is to be as it is.
    ///
    /// # Errors
    /// When there is no sound, or none that can be read.
    pub async fn synthesize(
        &self,
        text: &str,
        voice: &str,
        speed_percent: u32,
        rate: SampleRate,
    ) -> Result<Vec<i16>, ModelError> {
        let SpeechModelConfig {
            endpoint,
            model,
            timeout,
        } = &self.config;
        let until = Instant::now() + *timeout;
        let request = self
            .http
            .request(Method::POST, endpoint, "audio/speech")?
            .json(&Request {
                model,
                input: text,
                voice,
                response_format: "wav",
                speed: (speed_percent != USUAL_SPEED).then(|| f64::from(speed_percent) / 100.0),
            });
        let response = send(request, until).await?;
        let (body, is_whole) = timeout_at(until, first_octets(response, MAX_ANSWER))
            .await
            .map_err(|_| ModelError::TooSlow(Slow::Total))?;
        match is_whole {
            true => samples(&body, rate),
            false if body.len() > MAX_ANSWER => Err(ModelError::TooLong),
            false => Err(ModelError::Cut),
        }
    }
}

/// The samples of an answer.
fn samples(body: &[u8], rate: SampleRate) -> Result<Vec<i16>, ModelError> {
    let Wav {
        rate: given,
        samples,
    } = match Wav::read(body) {
        Ok(wav) => wav,
        // A text may have no sound.
        Err(WavError::NoSamples) => return Ok(Vec::new()),
        Err(WavError::Cut) => return Err(ModelError::Cut),
        Err(WavError::NoWav | WavError::NoPcm) => {
            return Err(ModelError::Protocol("it is no WAV file of 16-bit PCM"));
        }
    };
    let given = SampleRate::of_hertz(given)
        .ok_or(ModelError::Protocol("its sampling rate is none of speech"))?;
    if given == rate {
        return Ok(samples);
    }
    let mut converted = Vec::new();
    RateConverter::new(given, rate).process(&samples, &mut converted);
    Ok(converted)
}
