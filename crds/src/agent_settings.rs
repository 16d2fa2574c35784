//! What an Agent says, in the terms of the flow.

use std::time::Duration;

use callplane_flow::{self as flow, AgentSettings, Limits, ModelUse, TranscriptionUse, Voice};
use kube::ResourceExt as _;

use crate::agent::{
    Agent, AgentModel, AgentSpec, AgentTranscription, RecordingFormat, RecordingMode,
};
use crate::codec::AudioCodec;
use crate::reference::LocalReference;

impl Agent {
    /// What its calls follow, its Flow aside.
    #[must_use]
    pub fn settings(&self) -> AgentSettings {
        let AgentSpec {
            display_name: _,
            flow_ref: _,
            prompt,
            model,
            transcription,
            voice,
            first_sentence,
            limits,
            recording,
            codecs,
        } = &self.spec;
        AgentSettings {
            name: self.name_any(),
            prompt: prompt.clone(),
            model: model.as_ref().map(|model| self.model(model)),
            transcription: transcription.as_ref().map(|one| self.transcription(one)),
            voice: Voice {
                name: Some(voice.as_str().to_owned()),
                ..Voice::default()
            },
            first_sentence: first_sentence.clone(),
            limits: Limits {
                max_call: Duration::from_secs(limits.max_call_seconds.into()),
                silence: Duration::from_secs(limits.silence_seconds.into()),
                ..Limits::default()
            },
            recording: match recording.mode {
                RecordingMode::None => flow::Recording::Off,
                RecordingMode::Stereo => flow::Recording::On,
            },
            recording_format: match recording.format {
                RecordingFormat::Wav => flow::RecordingFormat::Wav,
                RecordingFormat::Opus => flow::RecordingFormat::Opus,
            },
            codecs: codecs.iter().map(codec).collect(),
            ..AgentSettings::default()
        }
    }

    fn model(&self, model: &AgentModel) -> ModelUse {
        let AgentModel {
            provider_ref,
            model,
            temperature_percent,
            max_tokens,
        } = model;
        ModelUse {
            provider: self.path(provider_ref),
            model: model.clone(),
            temperature_percent: *temperature_percent,
            max_tokens: *max_tokens,
        }
    }

    fn transcription(&self, transcription: &AgentTranscription) -> TranscriptionUse {
        let AgentTranscription {
            provider_ref,
            language,
        } = transcription;
        TranscriptionUse {
            provider: self.path(provider_ref),
            language: language.clone(),
        }
    }

    /// What the database calls an object of this namespace.
    fn path(&self, reference: &LocalReference) -> String {
        let namespace = self.namespace().unwrap_or_default();
        format!("{namespace}/{}", reference.name)
    }
}

const fn codec(codec: &AudioCodec) -> flow::AudioCodec {
    match codec {
        AudioCodec::Pcmu => flow::AudioCodec::Pcmu,
        AudioCodec::Pcma => flow::AudioCodec::Pcma,
        AudioCodec::G722 => flow::AudioCodec::G722,
        AudioCodec::Opus => flow::AudioCodec::Opus,
    }
}
