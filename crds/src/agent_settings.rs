//! What an Agent says, in the terms of the flow.

use std::time::Duration;

use callplane_flow::{
    self as flow, AgentSettings, HttpMethod, HttpUse, KnowledgeUse, Limits, ModelFallback,
    ModelUse, Parameters, PathTemplate, SpeechUse, ToolUse, TranscriptionUse, Voice,
};
use kube::ResourceExt as _;

use crate::agent::{
    Agent, AgentModel, AgentSpec, AgentSpeech, AgentTranscription, RecordingFormat, RecordingMode,
};
use crate::codec::AudioCodec;
use crate::reference::LocalReference;
use crate::tool::{AgentTool, ToolMethod, ToolRequest};

/// A field of an Agent that is not as it has to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct InvalidSetting {
    /// The field, as in `spec.tools[0].parameters`.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

impl Agent {
    /// What its calls follow, its Flow aside.
    ///
    /// # Errors
    /// With the field that the API server could not check: schemas and paths of tools.
    pub fn settings(&self) -> Result<AgentSettings, InvalidSetting> {
        let AgentSpec {
            display_name: _,
            flow_ref: _,
            prompt,
            model,
            transcription,
            speech,
            tools,
            knowledge_bases,
            voice,
            first_sentence,
            limits,
            recording,
            codecs,
        } = &self.spec;
        let tools = tools.iter().enumerate().map(|(index, tool)| {
            let tool = self.tool(tool);
            tool.map_err(|(field, message)| InvalidSetting {
                field: format!("spec.tools[{index}].{field}"),
                message,
            })
        });
        Ok(AgentSettings {
            name: self.name_any(),
            prompt: prompt.clone(),
            model: model.as_ref().map(|model| self.model(model)),
            transcription: transcription.as_ref().map(|one| self.transcription(one)),
            speech: speech.as_ref().map(|one| self.speech(one)),
            tools: tools.collect::<Result<_, _>>()?,
            knowledge_bases: knowledge_bases
                .iter()
                .map(|named| KnowledgeUse {
                    name: named.name.clone(),
                    base: self.path(named),
                })
                .collect(),
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
        })
    }

    fn model(&self, model: &AgentModel) -> ModelUse {
        let AgentModel {
            provider_ref,
            model,
            temperature_percent,
            max_tokens,
            fallbacks,
        } = model;
        ModelUse {
            provider: self.path(provider_ref),
            model: model.clone(),
            temperature_percent: *temperature_percent,
            max_tokens: *max_tokens,
            fallbacks: fallbacks
                .iter()
                .map(|fallback| ModelFallback {
                    provider: self.path(&fallback.provider_ref),
                    model: fallback.model.clone(),
                })
                .collect(),
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

    fn speech(&self, speech: &AgentSpeech) -> SpeechUse {
        let AgentSpeech {
            provider_ref,
            voice,
            speed_percent,
        } = speech;
        SpeechUse {
            provider: self.path(provider_ref),
            voice: voice.clone(),
            speed_percent: *speed_percent,
        }
    }

    fn tool(&self, tool: &AgentTool) -> Result<ToolUse, (&'static str, String)> {
        let AgentTool {
            name,
            description,
            parameters,
            http:
                ToolRequest {
                    provider_ref,
                    method,
                    path,
                    idempotent,
                },
            timeout_ms,
            filler,
        } = tool;
        let parameters = Parameters::new(serde_json::json!(parameters))
            .map_err(|error| ("parameters", error.to_string()))?;
        let path = PathTemplate::parse(path).map_err(|error| ("http.path", error.to_string()))?;
        Ok(ToolUse {
            name: name.clone(),
            description: description.clone(),
            parameters,
            timeout: Duration::from_millis((*timeout_ms).into()),
            filler: filler.clone(),
            http: HttpUse {
                provider: self.path(provider_ref),
                method: match method {
                    ToolMethod::Get => HttpMethod::Get,
                    ToolMethod::Post => HttpMethod::Post,
                    ToolMethod::Put => HttpMethod::Put,
                    ToolMethod::Patch => HttpMethod::Patch,
                    ToolMethod::Delete => HttpMethod::Delete,
                },
                path,
                idempotent: *idempotent,
            },
        })
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
