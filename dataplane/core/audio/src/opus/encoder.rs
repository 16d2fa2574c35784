use std::fmt;

use super::{OpusConfig, OpusError};
use crate::WIDEBAND_RATE;

/// Packets of two octets or less say that nothing was said, and need not be sent.
const NOTHING: usize = 2;
/// The code for success, of every setting.
const OK: i32 = ropus::OPUS_OK;

/// 16 kHz mono to packets.
pub struct OpusEncoder {
    inner: ropus::OpusEncoder,
    config: OpusConfig,
}

impl OpusEncoder {
    /// One stream's encoder: 38 KiB.
    #[must_use]
    pub fn new(config: OpusConfig) -> Self {
        let mut inner =
            ropus::OpusEncoder::new(WIDEBAND_RATE as i32, 1, ropus::OPUS_APPLICATION_VOIP)
                .expect("Opus knows 16 kHz, one channel and VoIP");
        let codes = [
            inner.set_complexity(i32::from(config.complexity.min(10))),
            inner.set_signal(ropus::OPUS_SIGNAL_VOICE),
            inner.set_dtx(i32::from(config.dtx)),
        ];
        debug_assert_eq!(codes, [OK; 3]);
        let mut encoder = Self { inner, config };
        encoder.set_bitrate(config.bitrate);
        encoder.set_expected_loss(config.expected_loss_percent);
        encoder
    }

    /// Aims at another bit rate, 6000 to 510000, from the next frame on.
    pub fn set_bitrate(&mut self, bitrate: u32) {
        self.config.bitrate = bitrate;
        let code = self.inner.set_bitrate(bitrate.clamp(6000, 510_000) as i32);
        debug_assert_eq!(code, OK);
    }

    /// Protects against the loss that the peer reports (RFC 3550 section 6.4.1), from the next frame
    /// on; 0 stops protecting.
    ///
    /// The codec copies only as far as the bit rate allows. At complexity 1, 24 kbit/s have no copies
    /// for a loss of 5 % and give up 2 kHz of bandwidth for one of 10 %; 32 kbit/s afford both.
    pub fn set_expected_loss(&mut self, percent: u8) {
        self.config.expected_loss_percent = percent;
        let percent = i32::from(percent.min(100));
        let codes = [
            self.inner.set_packet_loss_perc(percent),
            self.inner.set_inband_fec(i32::from(percent > 0)),
        ];
        debug_assert_eq!(codes, [OK; 2]);
    }

    /// Encodes 10, 20, 40 or 60 ms (160, 320, 640 or 960 samples) and returns the octets of the packet;
    /// none where DTX is on and nothing need be sent. [`OPUS_MAX_OCTETS`](super::OPUS_MAX_OCTETS) for
    /// each 20 ms always suffice.
    ///
    /// # Errors
    /// The frame is of another length, or `packet` is empty.
    pub fn encode(&mut self, samples: &[i16], packet: &mut [u8]) -> Result<usize, OpusError> {
        if !matches!(samples.len(), 160 | 320 | 640 | 960) {
            return Err(OpusError::FrameLength(samples.len()));
        }
        if packet.is_empty() {
            return Err(OpusError::OutputTooSmall);
        }
        let room = i32::try_from(packet.len()).unwrap_or(i32::MAX);
        let length = self
            .inner
            .encode(samples, samples.len() as i32, packet, room)? as usize;
        Ok(if self.config.dtx && length <= NOTHING {
            0
        } else {
            length
        })
    }

    /// Forgets the signal so far and keeps the settings.
    pub fn reset(&mut self) {
        // The codec's own reset keeps what it decided about bandwidth and copies.
        *self = Self::new(self.config);
    }
}

impl fmt::Debug for OpusEncoder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("OpusEncoder")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
