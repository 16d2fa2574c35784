use std::fmt;

use super::OpusError;
use crate::WIDEBAND_RATE;

/// The codec conceals multiples of 2.5 ms.
const CONCEALED: usize = WIDEBAND_RATE as usize / 400;

/// Packets to 16 kHz mono; of two channels the mean.
///
/// A packet that did not come is replaced once its time has come: by [`Self::recover`] where the next
/// one is there and [carries a copy](super::OpusPacket::fec), otherwise by [`Self::conceal`].
pub struct OpusDecoder {
    inner: ropus::OpusDecoder,
}

impl Default for OpusDecoder {
    fn default() -> Self {
        Self::new()
    }
}

impl OpusDecoder {
    /// One stream's decoder: 70 KiB.
    #[must_use]
    pub fn new() -> Self {
        let inner = ropus::OpusDecoder::new(WIDEBAND_RATE as i32, 1)
            .expect("Opus knows 16 kHz and one channel");
        Self { inner }
    }

    /// Decodes a packet and returns how many samples it had;
    /// [`OPUS_MAX_SAMPLES`](super::OPUS_MAX_SAMPLES) are always enough.
    ///
    /// # Errors
    /// The packet is malformed, or longer than `samples`. The next one can be decoded all the same.
    pub fn decode(&mut self, packet: &[u8], samples: &mut [i16]) -> Result<usize, OpusError> {
        if packet.is_empty() {
            return Err(OpusError::MalformedPacket);
        }
        self.run(Some(packet), samples, false)
    }

    /// Fills `lost` with what was lost right before `next`, from the copy in `next` as far as there is
    /// one; `next` itself is to be decoded after it.
    ///
    /// # Errors
    /// `next` is malformed.
    pub fn recover(&mut self, next: &[u8], lost: &mut [i16]) -> Result<(), OpusError> {
        if next.is_empty() {
            return Err(OpusError::MalformedPacket);
        }
        let (whole, rest) = lost.split_at_mut(lost.len() / CONCEALED * CONCEALED);
        rest.fill(0);
        if !whole.is_empty() {
            self.run(Some(next), whole, true)?;
        }
        Ok(())
    }

    /// Fills `lost` with what may have been there; it fades out while nothing comes.
    pub fn conceal(&mut self, lost: &mut [i16]) {
        let (whole, rest) = lost.split_at_mut(lost.len() / CONCEALED * CONCEALED);
        rest.fill(0);
        if !whole.is_empty() && self.run(None, whole, false).is_err() {
            whole.fill(0);
        }
    }

    /// Forgets the signal so far: for another source or a gap in its sequence numbers.
    pub fn reset(&mut self) {
        self.inner.reset();
    }

    fn run(
        &mut self,
        packet: Option<&[u8]>,
        samples: &mut [i16],
        copy: bool,
    ) -> Result<usize, OpusError> {
        if samples.is_empty() {
            return Err(OpusError::OutputTooSmall);
        }
        let room = i32::try_from(samples.len()).unwrap_or(i32::MAX);
        let length = self.inner.decode(packet, samples, room, copy)?;
        Ok(length as usize)
    }
}

impl fmt::Debug for OpusDecoder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("OpusDecoder")
            .finish_non_exhaustive()
    }
}
