//! What the audio of a call is written as.

use callplane_flow::RecordingFormat;
use callplane_keys::StreamChunk;

/// The kind of a file, below its seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// 16-bit samples at 8 kHz.
    Wav,
    /// Ogg Opus (RFC 7845).
    Opus,
}

impl Format {
    pub(super) const ALL: [Self; 2] = [Self::Wav, Self::Opus];

    /// What stands behind the call in the name of a file.
    pub(crate) const fn ending(self) -> &'static str {
        match self {
            Self::Wav => ".wav.sealed",
            Self::Opus => ".opus.sealed",
        }
    }

    /// By the name of a file or an object.
    pub(crate) fn of(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|format| name.ends_with(format.ending()))
    }

    /// `call_recordings.mime_type`, and what a player is told.
    pub(crate) const fn mime_type(self) -> &'static str {
        match self {
            Self::Wav => "audio/wav",
            Self::Opus => "audio/ogg; codecs=opus",
        }
    }

    /// How much is sealed at once: half a second of samples, at most a second of Opus.
    pub(super) const fn chunk(self) -> StreamChunk {
        match self {
            Self::Wav => StreamChunk::Long,
            Self::Opus => StreamChunk::Short,
        }
    }
}

impl From<RecordingFormat> for Format {
    fn from(format: RecordingFormat) -> Self {
        match format {
            RecordingFormat::Wav => Self::Wav,
            RecordingFormat::Opus => Self::Opus,
        }
    }
}
