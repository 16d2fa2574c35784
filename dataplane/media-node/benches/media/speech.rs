//! A speech worker that costs nothing: it always says the same and always hears yes.

use std::io::{ErrorKind, Read, Write as _};

use anyhow::{Context as _, Result};
use callplane_audio::Law;
use callplane_providers::protocol::{self, Reply, Request};

/// Names the file of what it says.
pub(crate) const VOICE: &str = "CALLPLANE_BENCH_VOICE";

/// Serves until standard input ends.
pub(crate) fn serve() -> Result<()> {
    let voice = std::fs::read(std::env::var_os(VOICE).context("no voice")?)?;
    let spoken: Vec<i16> = voice
        .iter()
        .flat_map(|octet| [Law::Mu.decode_sample(*octet); 2])
        .collect();
    let (mut input, mut output) = (std::io::stdin().lock(), std::io::stdout().lock());
    let mut send = |reply: &Reply, samples: &[i16]| -> Result<()> {
        output.write_all(&protocol::encode(reply, samples)?)?;
        Ok(output.flush()?)
    };
    let hello = Reply::Hello {
        version: protocol::VERSION,
        voices: vec!["slt".to_owned()],
    };
    send(&hello, &[])?;
    while let Some(request) = receive(&mut input)? {
        match request {
            Request::Synthesize { .. } => send(&Reply::Audio, &spoken)?,
            Request::Recognize { .. } => {
                let heard = Reply::Match {
                    text: "yes".to_owned(),
                    confidence: 0.9,
                };
                send(&heard, &[])?;
            }
        }
    }
    Ok(())
}

fn receive(input: &mut impl Read) -> Result<Option<Request>> {
    let mut length = [0; 4];
    match input.read_exact(&mut length) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let mut header = vec![0; protocol::decode_length(length, protocol::MAX_HEADER)?];
    // A node that is killed cuts a request off.
    if input.read_exact(&mut header).is_err() || input.read_exact(&mut length).is_err() {
        return Ok(None);
    }
    let mut samples = vec![0; 2 * protocol::decode_length(length, protocol::MAX_SAMPLES)?];
    if input.read_exact(&mut samples).is_err() {
        return Ok(None);
    }
    Ok(Some(serde_json::from_slice(&header)?))
}
