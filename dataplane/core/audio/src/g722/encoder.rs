use super::high_band::HighBand;
use super::low_band::LowBand;
use super::qmf::Analysis;

/// 16 kHz to octets, at 64 kbit/s.
#[derive(Debug, Clone, Default)]
pub struct G722Encoder {
    filter: Analysis,
    low: LowBand,
    high: HighBand,
}

impl G722Encoder {
    /// Encodes as many pairs of samples as fit into `octets`, one octet each.
    pub fn encode(&mut self, samples: &[i16], octets: &mut [u8]) {
        for (octet, pair) in octets.iter_mut().zip(samples.as_chunks::<2>().0) {
            let [low, high] = self.filter.split(*pair);
            *octet = self.high.encode(high) << 6 | self.low.encode(low);
        }
    }

    /// Forgets the signal so far.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}
