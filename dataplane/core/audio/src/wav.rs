//! The header of a WAV file.

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
