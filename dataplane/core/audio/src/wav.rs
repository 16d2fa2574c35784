//! WAV files: the header of those that are written, and the samples of those that are read.

use thiserror::Error;

/// Octets of the header; the samples follow.
pub const WAV_HEADER_LENGTH: usize = 44;

/// The header of 16-bit PCM, for a file with `data` octets of samples behind it.
///
/// A file that grows stays readable when the header is written again at its start from time to time:
/// everything up to the last such moment can be played. Beyond 4 GiB, 37 hours of stereo at 8 kHz,
/// the sizes stay at their largest value, which players take for "until the end of the file".
#[must_use]
pub fn wav_header(channels: u16, rate: u32, data: u64) -> [u8; WAV_HEADER_LENGTH] {
    const BITS: u16 = 16;
    let frame = channels * BITS / 8;
    let size = |octets: u64| u32::try_from(octets).unwrap_or(u32::MAX).to_le_bytes();
    let mut header = [0; WAV_HEADER_LENGTH];
    let mut place = 0;
    let mut put = |octets: &[u8]| {
        header[place..place + octets.len()].copy_from_slice(octets);
        place += octets.len();
    };
    put(b"RIFF");
    put(&size(data.saturating_add(WAV_HEADER_LENGTH as u64 - 8)));
    put(b"WAVEfmt ");
    put(&16u32.to_le_bytes());
    // PCM.
    put(&1u16.to_le_bytes());
    put(&channels.to_le_bytes());
    put(&rate.to_le_bytes());
    put(&(rate * u32::from(frame)).to_le_bytes());
    put(&frame.to_le_bytes());
    put(&BITS.to_le_bytes());
    put(b"data");
    put(&size(data));
    header
}

/// What is read of a WAV file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wav {
    /// Samples a second.
    pub rate: u32,
    /// Those of the first channel.
    pub samples: Vec<i16>,
}

/// Why octets are no WAV file that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum WavError {
    /// It does not begin as one.
    #[error("it is no WAV file")]
    NoWav,
    /// Samples of another kind than 16 bits of PCM, or none at all a second.
    #[error("it is no 16-bit PCM")]
    NoPcm,
    /// There are no samples in it.
    #[error("it has no samples")]
    NoSamples,
    /// It says that there are more samples.
    #[error("it breaks off")]
    Cut,
}

/// From here on a size means "until the end": writers of streams leave the largest number there, or nearly so.
const OPEN: usize = 0x7fff_0000;

/// Format tags of the chunk `fmt `: PCM, and PCM that says more of its channels.
const PCM: [u16; 2] = [1, 0xfffe];

impl Wav {
    /// Reads a file of 16-bit PCM. One that was written as a stream leaves the sizes open: what is there counts.
    ///
    /// # Errors
    /// See [`WavError`].
    pub fn read(octets: &[u8]) -> Result<Self, WavError> {
        let Some((b"RIFF", [_, _, _, _, b'W', b'A', b'V', b'E', chunks @ ..])) =
            octets.split_first_chunk::<4>()
        else {
            return Err(WavError::NoWav);
        };
        let (mut rest, mut format) = (chunks, None);
        while let Some((name, after)) = rest.split_first_chunk::<4>()
            && let Some((size, body)) = after.split_first_chunk::<4>()
        {
            let size = usize::try_from(u32::from_le_bytes(*size)).unwrap_or(usize::MAX);
            let data = body.get(..size).unwrap_or(body);
            match name {
                b"fmt " => format = Some(Format::read(data)?),
                b"data" => {
                    let Format { rate, channels } = format.ok_or(WavError::NoPcm)?;
                    let is_open = size == 0 || size >= OPEN;
                    let data = match body.get(..size) {
                        Some(data) if !is_open => data,
                        None if !is_open => return Err(WavError::Cut),
                        _ => body,
                    };
                    let samples = data.as_chunks::<2>().0.iter().step_by(channels);
                    let samples: Vec<i16> = samples.map(|two| i16::from_le_bytes(*two)).collect();
                    return match samples.is_empty() {
                        true => Err(WavError::NoSamples),
                        false => Ok(Self { rate, samples }),
                    };
                }
                _ => {}
            }
            // A chunk of an odd size has an octet more.
            rest = body.get(size.saturating_add(size % 2)..).unwrap_or(&[]);
        }
        Err(WavError::NoSamples)
    }
}

struct Format {
    rate: u32,
    channels: usize,
}

impl Format {
    fn read(chunk: &[u8]) -> Result<Self, WavError> {
        let [t0, t1, c0, c1, r0, r1, r2, r3, _, _, _, _, _, _, b0, b1, ..] = *chunk else {
            return Err(WavError::NoPcm);
        };
        let channels = usize::from(u16::from_le_bytes([c0, c1]));
        let is_pcm =
            PCM.contains(&u16::from_le_bytes([t0, t1])) && u16::from_le_bytes([b0, b1]) == 16;
        match is_pcm && channels > 0 {
            true => Ok(Self {
                rate: u32::from_le_bytes([r0, r1, r2, r3]),
                channels,
            }),
            false => Err(WavError::NoPcm),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(channels: u16, rate: u32, samples: &[i16]) -> Vec<u8> {
        let octets = samples.iter().flat_map(|sample| sample.to_le_bytes());
        let mut file = wav_header(channels, rate, 2 * samples.len() as u64).to_vec();
        file.extend(octets);
        file
    }

    #[test]
    fn the_first_channel_is_read() {
        let wav = Wav::read(&file(2, 24_000, &[1, -2, 3, -4])).unwrap();
        assert_eq!((wav.rate, wav.samples), (24_000, vec![1, 3]));
    }

    #[test]
    fn a_file_that_was_streamed_is_read_to_its_end() {
        for open in [0, u32::MAX, u32::MAX - 44, 0x7fff_ffff] {
            let mut file = file(1, 22_050, &[7, 8, 9]);
            file[4..8].copy_from_slice(&open.to_le_bytes());
            file[40..44].copy_from_slice(&open.to_le_bytes());
            // The last sample broke off.
            file.push(1);
            assert_eq!(Wav::read(&file).unwrap().samples, [7, 8, 9], "{open}");
        }
    }

    #[test]
    fn other_chunks_are_passed_over() {
        let plain = file(1, 8_000, &[5]);
        let (head, data) = plain.split_at(36);
        let list = [b"LIST".as_slice(), &3u32.to_le_bytes(), b"abc\0"].concat();
        let file = [head, &list, data].concat();
        assert_eq!(Wav::read(&file).unwrap().samples, [5]);
    }

    #[test]
    fn what_is_no_pcm_says_so() {
        let good = file(1, 8_000, &[5]);
        let mut mulaw = good.clone();
        mulaw[20] = 7;
        let mut eight_bits = good.clone();
        eight_bits[34] = 8;
        let mut no_channel = good.clone();
        no_channel[22] = 0;
        for (octets, error) in [
            (&b"ID3 an MP3 file"[..], WavError::NoWav),
            (&[], WavError::NoWav),
            (&mulaw, WavError::NoPcm),
            (&eight_bits, WavError::NoPcm),
            (&no_channel, WavError::NoPcm),
            (&good[..30], WavError::NoPcm),
            (&good[..36], WavError::NoSamples),
            (&good[..44], WavError::Cut),
            (&good[..45], WavError::Cut),
            (&file(1, 8_000, &[]), WavError::NoSamples),
        ] {
            assert_eq!(Wav::read(octets), Err(error));
        }
    }
}
