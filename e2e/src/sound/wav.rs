//! WAV files of 16-bit PCM.

use std::path::Path;

use anyhow::{Context, Result, ensure};

/// Samples of one or more channels, interleaved.
#[derive(Clone, Debug, PartialEq)]
pub struct Wav {
    /// Samples a second and channel.
    pub rate: u32,
    /// Channels.
    pub channels: u16,
    /// Interleaved samples.
    pub samples: Vec<i16>,
}

impl Wav {
    /// Reads a file. A writer that is still at work leaves the lengths of the header open: what is there counts.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes =
            std::fs::read(path).with_context(|| format!("failed to read {}", path.display()))?;
        Self::parse(&bytes).with_context(|| format!("{} is no WAV file", path.display()))
    }

    fn parse(bytes: &[u8]) -> Result<Self> {
        ensure!(
            bytes.len() > 12 && &bytes[..4] == b"RIFF" && &bytes[8..12] == b"WAVE",
            "no RIFF header"
        );
        let (mut rate, mut channels, mut at) = (0, 0, 12);
        while let Some(header) = bytes.get(at..at + 8) {
            let length = u32::from_le_bytes([header[4], header[5], header[6], header[7]]) as usize;
            let body = &bytes[at + 8..];
            match &header[..4] {
                b"fmt " => {
                    ensure!(
                        body.len() >= 16 && body[0] == 1 && body[14] == 16,
                        "not 16-bit PCM"
                    );
                    channels = u16::from_le_bytes([body[2], body[3]]);
                    rate = u32::from_le_bytes([body[4], body[5], body[6], body[7]]);
                }
                b"data" => {
                    ensure!(rate > 0 && channels > 0, "data before its format");
                    let open = length == 0 || length > body.len();
                    let data = if open { body } else { &body[..length] };
                    let samples = data
                        .chunks_exact(2)
                        .map(|s| i16::from_le_bytes([s[0], s[1]]))
                        .collect();
                    return Ok(Self {
                        rate,
                        channels,
                        samples,
                    });
                }
                _ => {}
            }
            at += 8 + length + length % 2;
        }
        anyhow::bail!("no data")
    }

    /// Writes a file.
    pub fn write(&self, path: &Path) -> Result<()> {
        let data = u32::try_from(self.samples.len() * 2)?;
        let frame = self.channels * 2;
        let mut bytes = Vec::with_capacity(self.samples.len() * 2 + 44);
        bytes.extend_from_slice(b"RIFF");
        bytes.extend_from_slice(&(36 + data).to_le_bytes());
        bytes.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0");
        bytes.extend_from_slice(&self.channels.to_le_bytes());
        bytes.extend_from_slice(&self.rate.to_le_bytes());
        bytes.extend_from_slice(&(self.rate * u32::from(frame)).to_le_bytes());
        bytes.extend_from_slice(&frame.to_le_bytes());
        bytes.extend_from_slice(b"\x10\0data");
        bytes.extend_from_slice(&data.to_le_bytes());
        bytes.extend(self.samples.iter().flat_map(|s| s.to_le_bytes()));
        std::fs::write(path, bytes).with_context(|| format!("failed to write {}", path.display()))
    }

    /// One channel of it, at `rate` (which must divide the file's rate): groups of samples are averaged.
    pub fn channel(&self, channel: u16, rate: u32) -> Vec<f32> {
        let step = (self.rate / rate).max(1) as usize;
        let channels = usize::from(self.channels);
        let one: Vec<f32> = self
            .samples
            .iter()
            .skip(usize::from(channel))
            .step_by(channels)
            .map(|s| f32::from(*s))
            .collect();
        one.chunks_exact(step)
            .map(|group| group.iter().sum::<f32>() / step as f32)
            .collect()
    }

    /// Seconds of it.
    pub fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(self.channels) / f64::from(self.rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let path = std::env::temp_dir().join(format!("callplane-wav-{}.wav", std::process::id()));
        let wav = Wav {
            rate: 8000,
            channels: 2,
            samples: vec![1, -2, 3, -4],
        };
        wav.write(&path).unwrap();
        assert_eq!(Wav::read(&path).unwrap(), wav);
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_channel_is_averaged_down() {
        let wav = Wav {
            rate: 16_000,
            channels: 1,
            samples: vec![2, 4, 6, 8],
        };
        assert_eq!(wav.channel(0, 8000), [3.0, 7.0]);
    }
}
