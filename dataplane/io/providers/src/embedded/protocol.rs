//! The frames between a media node and its speech worker.
//!
//! A frame is: length of the header (u32, little endian), the header (JSON), number of samples
//! (u32, little endian), the samples (16-bit linear PCM at 16 kHz, mono, little endian). Requests go
//! down one after the other; each is answered by exactly one frame before the next is read. The
//! worker opens with [`Reply::Hello`].

use serde::{Deserialize, Serialize};

/// Bumped when a frame changes its meaning.
pub const VERSION: u32 = 1;
/// Sampling rate of every frame, Hz.
pub const SAMPLE_RATE: u32 = 16_000;
/// A header is never longer: 64 KiB hold the largest grammar.
pub const MAX_HEADER: usize = 64 * 1024;
/// No frame holds more audio: 60 seconds.
pub const MAX_SAMPLES: usize = 60 * SAMPLE_RATE as usize;
/// The longest text that is spoken at once, bytes.
pub const MAX_TEXT: usize = 2_000;

/// What the node asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "op")]
pub enum Request {
    /// Speak `text`.
    Synthesize {
        /// At most [`MAX_TEXT`] bytes.
        text: String,
        /// Name of a voice of [`Reply::Hello`]; the first of them when empty.
        voice: String,
    },
    /// Which sentence of `grammar` do the samples hold?
    Recognize {
        /// What the caller may say, in the JSpeech Grammar Format: `#JSGF V1.0;`, `grammar NAME;`
        /// and rules of words, alternatives, groups and optional parts.
        grammar: String,
    },
}

/// What the worker answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "reply")]
pub enum Reply {
    /// Once, when the engines are loaded.
    Hello {
        /// [`VERSION`] of the worker.
        version: u32,
        /// Voices it can speak with.
        voices: Vec<String>,
    },
    /// The samples follow.
    Audio,
    /// A sentence of the grammar was said.
    Match {
        /// Its words, with single spaces.
        text: String,
        /// 0 to 1: how much better the sentence explains the audio than free speech sounds do.
        confidence: f32,
    },
    /// No sentence of the grammar was said.
    NoMatch,
    /// The request cannot be done; the next one can.
    Refused {
        /// Why, in a sentence.
        reason: String,
    },
}

/// Why bytes are no frame.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The header is not JSON of the expected kind.
    #[error("malformed frame header")]
    Header(#[from] serde_json::Error),
    /// A length is over its limit.
    #[error("frame of {0} bytes or samples is over the limit")]
    TooLarge(usize),
}

/// Header and samples as bytes to write.
///
/// # Errors
/// When the header or the audio is over its limit.
pub fn encode(header: &impl Serialize, samples: &[i16]) -> Result<Vec<u8>, FrameError> {
    let header = serde_json::to_vec(header)?;
    check(header.len(), MAX_HEADER)?;
    check(samples.len(), MAX_SAMPLES)?;
    let mut frame = Vec::with_capacity(8 + header.len() + 2 * samples.len());
    frame.extend_from_slice(&length(header.len()));
    frame.extend_from_slice(&header);
    frame.extend_from_slice(&length(samples.len()));
    for sample in samples {
        frame.extend_from_slice(&sample.to_le_bytes());
    }
    Ok(frame)
}

/// The length of the header or of the audio, from its four bytes.
///
/// # Errors
/// When it is over `limit`.
pub fn decode_length(bytes: [u8; 4], limit: usize) -> Result<usize, FrameError> {
    let length = u32::from_le_bytes(bytes) as usize;
    check(length, limit)?;
    Ok(length)
}

/// Samples from their bytes.
#[must_use]
pub fn decode_samples(bytes: &[u8]) -> Vec<i16> {
    bytes
        .as_chunks::<2>()
        .0
        .iter()
        .map(|pair| i16::from_le_bytes(*pair))
        .collect()
}

fn check(length: usize, limit: usize) -> Result<(), FrameError> {
    if length > limit {
        Err(FrameError::TooLarge(length))
    } else {
        Ok(())
    }
}

fn length(value: usize) -> [u8; 4] {
    u32::try_from(value)
        .expect("checked against a limit far below 4 GiB")
        .to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_reads_back() {
        let frame = encode(&Reply::NoMatch, &[1, -2, i16::MIN]).unwrap();
        let header = decode_length(frame[..4].try_into().unwrap(), MAX_HEADER).unwrap();
        let reply: Reply = serde_json::from_slice(&frame[4..4 + header]).unwrap();
        assert_eq!(reply, Reply::NoMatch);
        assert_eq!(decode_samples(&frame[8 + header..]), [1, -2, i16::MIN]);
    }

    #[test]
    fn a_length_over_its_limit_is_refused_before_anything_is_reserved() {
        assert!(decode_length([255; 4], MAX_HEADER).is_err());
        assert!(encode(&Reply::Audio, &vec![0; MAX_SAMPLES + 1]).is_err());
    }
}
