//! Speech as a caller's voice: flite, then sox to the rate of telephones.

use std::path::Path;

use anyhow::{Result, ensure};

use super::Wav;
use crate::run;

const RATE: u32 = 8000;

/// Speaks `text` with a voice of flite, at 8 kHz.
pub async fn say(text: &str, voice: &str, folder: &Path) -> Result<Wav> {
    let raw = folder.join("flite.wav");
    let telephone = folder.join("flite-8000.wav");
    let (raw, telephone) = (raw.to_string_lossy(), telephone.to_string_lossy());
    run("flite", &["-voice", voice, "-t", text, "-o", &raw], "").await?;
    run(
        "sox",
        &[&*raw, "-r", "8000", "-c", "1", "-b", "16", &*telephone],
        "",
    )
    .await?;
    Wav::read(Path::new(&*telephone))
}

/// Writes a file in which every `(second, text)` is spoken at its time, followed by silence up to `seconds`.
pub async fn say_at(
    schedule: &[(f64, &str)],
    voice: &str,
    seconds: f64,
    folder: &Path,
    file: &Path,
) -> Result<()> {
    let mut samples = vec![0_i16; (seconds * f64::from(RATE)) as usize];
    for (at, text) in schedule {
        let speech = say(text, voice, folder).await?;
        let start = (at * f64::from(RATE)) as usize;
        ensure!(
            start + speech.samples.len() <= samples.len(),
            "{text:?} does not fit into {seconds} s"
        );
        samples[start..start + speech.samples.len()].copy_from_slice(&speech.samples);
    }
    Wav {
        rate: RATE,
        channels: 1,
        samples,
    }
    .write(file)
}
