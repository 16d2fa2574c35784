//! The loop: a frame in, a frame out.

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read, Write};
use std::path::Path;

use anyhow::Context;
use callplane_providers::protocol::{self, Reply, Request};

use crate::engine::{Flite, Heard, Sphinx, UnknownVoice, take_stdout};
use crate::grammar::Grammar;

/// Below this a sentence counts as not said.
const LEAST_CONFIDENCE: f32 = 0.5;

/// Serves until standard input ends.
pub(crate) fn run(models: &Path) -> anyhow::Result<()> {
    let mut replies = take_stdout().context("failed to take standard output for frames")?;
    let mut requests = BufReader::new(io::stdin().lock());
    let mut engines = Engines {
        flite: Flite::load(),
        sphinx: Sphinx::load(models)?,
    };
    let voices = engines.flite.voices();
    send(
        &mut replies,
        &Reply::Hello {
            version: protocol::VERSION,
            voices,
        },
        &[],
    )?;
    while let Some((request, samples)) = receive(&mut requests)? {
        let (reply, samples) = engines.answer(&request, &samples);
        send(&mut replies, &reply, &samples)?;
    }
    Ok(())
}

/// Writes a text as a WAV file.
pub(crate) fn say(text: &str, voice: &str, output: &Path) -> anyhow::Result<()> {
    let samples = Flite::load().synthesize(text, voice)?;
    let bytes = u32::try_from(samples.len() * 2).context("the text is too long for a WAV file")?;
    let rate = protocol::SAMPLE_RATE;
    let mut wav = Vec::with_capacity(44 + samples.len() * 2);
    wav.extend_from_slice(b"RIFF");
    wav.extend_from_slice(&(36 + bytes).to_le_bytes());
    wav.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    wav.extend_from_slice(&rate.to_le_bytes());
    wav.extend_from_slice(&(2 * rate).to_le_bytes());
    wav.extend_from_slice(b"\x02\0\x10\0data");
    wav.extend_from_slice(&bytes.to_le_bytes());
    wav.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    std::fs::write(output, wav).with_context(|| format!("failed to write {}", output.display()))
}

struct Engines {
    flite: Flite,
    sphinx: Sphinx,
}

impl Engines {
    fn answer(&mut self, request: &Request, samples: &[i16]) -> (Reply, Vec<i16>) {
        match request {
            Request::Synthesize { text, voice } => match self.flite.synthesize(text, voice) {
                Ok(audio) => (Reply::Audio, audio),
                Err(error @ UnknownVoice { .. }) => refused(&error),
            },
            Request::Recognize { grammar } => {
                let grammar = match Grammar::parse(grammar) {
                    Ok(grammar) => grammar,
                    Err(error) => return refused(&error),
                };
                match self.sphinx.recognize(samples, &grammar, &self.flite) {
                    Ok(Heard::Sentence { text, confidence }) if confidence >= LEAST_CONFIDENCE => {
                        (Reply::Match { text, confidence }, Vec::new())
                    }
                    Ok(_) => (Reply::NoMatch, Vec::new()),
                    Err(error) => refused(&error),
                }
            }
        }
    }
}

fn refused(error: &dyn std::error::Error) -> (Reply, Vec<i16>) {
    (
        Reply::Refused {
            reason: error.to_string(),
        },
        Vec::new(),
    )
}

fn send(replies: &mut File, reply: &Reply, samples: &[i16]) -> anyhow::Result<()> {
    let frame = protocol::encode(reply, samples)?;
    replies
        .write_all(&frame)
        .context("the node closed the pipe")
}

/// The next request, or nothing at the end of the input.
fn receive(requests: &mut impl Read) -> anyhow::Result<Option<(Request, Vec<i16>)>> {
    let mut length = [0; 4];
    match requests.read_exact(&mut length) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        other => other.context("failed to read a request")?,
    }
    let mut header = vec![0; protocol::decode_length(length, protocol::MAX_HEADER)?];
    requests.read_exact(&mut header)?;
    requests.read_exact(&mut length)?;
    let mut samples = vec![0; 2 * protocol::decode_length(length, protocol::MAX_SAMPLES)?];
    requests.read_exact(&mut samples)?;
    let request = serde_json::from_slice(&header).context("malformed request")?;
    Ok(Some((request, protocol::decode_samples(&samples))))
}
