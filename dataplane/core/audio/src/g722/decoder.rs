use super::high_band::HighBand;
use super::low_band::LowBand;
use super::mode::G722Mode;
use super::qmf::Synthesis;

/// Octets to 16 kHz. The signal is 22 samples late when encoder and decoder are done with it.
#[derive(Debug, Clone, Default)]
pub struct G722Decoder {
    mode: G722Mode,
    low: LowBand,
    high: HighBand,
    filter: Synthesis,
}

impl G722Decoder {
    /// For octets that are not all speech; [`Self::default`] is for RTP.
    #[must_use]
    pub fn new(mode: G722Mode) -> Self {
        Self {
            mode,
            ..Self::default()
        }
    }

    /// Decodes as many octets as fit into `samples`, two samples each. Any octets are speech.
    pub fn decode(&mut self, octets: &[u8], samples: &mut [i16]) {
        for (pair, octet) in samples.as_chunks_mut::<2>().0.iter_mut().zip(octets) {
            let low = self.low.decode(*octet & 63, self.mode);
            let high = self.high.decode(*octet >> 6);
            *pair = self.filter.join(low, high);
        }
    }

    /// Forgets the signal so far.
    pub fn reset(&mut self) {
        *self = Self::new(self.mode);
    }
}
