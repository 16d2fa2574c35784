//! From frames of 8 kHz to the octets of packets.

use callplane_audio::{G722Encoder, Law, OPUS_MAX_OCTETS, OpusConfig, OpusEncoder, Upsampler};
use callplane_sdp::{Codec, Negotiated, OpusParameters};

use super::{MAX_PACKET_SAMPLES, WIDE_SAMPLES};

/// Bits a second of Opus without copies of the packet before, and with them: a voice of 8 kHz sounds
/// alike in both.
const BITRATE: u32 = 24_000;
const PROTECTED_BITRATE: u32 = 32_000;
/// The loss that is protected against before any was reported, and at most, in percent. For less than
/// the first, the encoder makes no copies at [`PROTECTED_BITRATE`].
const EXPECTED_LOSS: u8 = 10;
const MOST_LOSS: u8 = 30;
/// Silence that is still sent, in samples: the end of a word, and what tells the jitter buffer of the
/// other side that the pause is one.
const TAIL: usize = 200 * 8;
/// In a longer silence one packet of so much is sent, so that the other side knows that we are there:
/// 400 ms, as Opus itself does (RFC 6716 section 2.1.9).
const REST: usize = 400 * 8;

/// Encodes one stream.
#[derive(Debug)]
pub(crate) struct Encoder {
    up: Upsampler,
    wide: Vec<i16>,
    octets: Vec<u8>,
    /// Made when they are agreed on for the first time.
    g722: Option<Box<G722Encoder>>,
    opus: Option<Box<Opus>>,
}

#[derive(Debug)]
struct Opus {
    wanted: OpusParameters,
    encoder: OpusEncoder,
    /// Samples of silence since something was said, or since the last packet in the silence.
    silent: usize,
    /// The silence is longer than its tail.
    rests: bool,
}

impl Default for Encoder {
    fn default() -> Self {
        Self {
            up: Upsampler::default(),
            wide: Vec::with_capacity(2 * MAX_PACKET_SAMPLES),
            octets: vec![0; OPUS_MAX_OCTETS],
            g722: None,
            opus: None,
        }
    }
}

impl Encoder {
    /// Gets ready for what was agreed on: only Opus allocates for a packet.
    pub(crate) fn prepare(&mut self, negotiated: &Negotiated) {
        match negotiated.codec {
            Codec::Pcmu | Codec::Pcma => {}
            Codec::G722 => {
                self.g722.get_or_insert_default();
            }
            Codec::Opus => {
                let wanted = negotiated.opus;
                if self.opus.as_ref().is_none_or(|opus| opus.wanted != wanted) {
                    self.opus = Some(Box::new(Opus::new(wanted)));
                }
            }
        }
    }

    /// The part of our packets that gets lost, as the other side reports it.
    pub(crate) fn lose(&mut self, part: f64) {
        if let Some(opus) = &mut self.opus {
            opus.lose(part);
        }
    }

    /// The payload of a packet with these samples; nothing if none need be sent.
    pub(crate) fn encode(&mut self, codec: Codec, samples: &[i16]) -> Option<&[u8]> {
        let samples = &samples[..samples.len().min(MAX_PACKET_SAMPLES)];
        let length = match codec {
            Codec::Pcmu => self.by_law(Law::Mu, samples),
            Codec::Pcma => self.by_law(Law::A, samples),
            Codec::G722 => {
                self.widen(samples);
                let octets = &mut self.octets[..samples.len()];
                let encoder = self.g722.get_or_insert_default();
                encoder.encode(&self.wide, octets);
                samples.len()
            }
            Codec::Opus => {
                if self.opus.as_mut()?.rests(samples) {
                    return None;
                }
                self.widen(samples);
                let encoder = &mut self.opus.as_mut()?.encoder;
                encoder.encode(&self.wide, &mut self.octets).ok()?
            }
        };
        Some(&self.octets[..length])
    }

    fn by_law(&mut self, law: Law, samples: &[i16]) -> usize {
        law.encode(samples, &mut self.octets[..samples.len()]);
        samples.len()
    }

    fn widen(&mut self, samples: &[i16]) {
        self.wide.clear();
        self.up.process(samples, &mut self.wide);
    }
}

impl Opus {
    fn new(wanted: OpusParameters) -> Self {
        let protects = wanted.in_band_fec;
        let bitrate = if protects { PROTECTED_BITRATE } else { BITRATE };
        let most = wanted.max_average_bitrate.unwrap_or(u32::MAX);
        let config = OpusConfig {
            bitrate: bitrate.min(most),
            expected_loss_percent: if protects { EXPECTED_LOSS } else { 0 },
            ..OpusConfig::default()
        };
        Self {
            wanted,
            encoder: OpusEncoder::new(config),
            silent: 0,
            rests: false,
        }
    }

    fn lose(&mut self, part: f64) {
        if self.wanted.in_band_fec {
            let percent = (part.clamp(0.0, 1.0) * 100.0) as u8;
            let percent = percent.clamp(EXPECTED_LOSS, MOST_LOSS);
            self.encoder.set_expected_loss(percent);
        }
    }

    /// Whether the samples need not be sent (DTX). Between its words the agent is digitally silent: that is
    /// known without the encoder, which is the dearest part of a call.
    fn rests(&mut self, samples: &[i16]) -> bool {
        if !self.wanted.dtx || samples.iter().any(|sample| *sample != 0) {
            (self.silent, self.rests) = (0, false);
            return false;
        }
        self.silent += samples.len();
        let sent = match self.rests {
            true => self.silent >= REST,
            false => self.silent <= TAIL,
        };
        match (sent, self.rests) {
            (true, true) => self.silent = 0,
            (false, false) => (self.silent, self.rests) = (0, true),
            _ => {}
        }
        !sent
    }
}

const _: () =
    assert!(MAX_PACKET_SAMPLES <= OPUS_MAX_OCTETS && 2 * MAX_PACKET_SAMPLES >= WIDE_SAMPLES);

#[cfg(test)]
mod tests {
    use callplane_audio::OpusPacket;

    use super::*;
    use crate::media::FRAME_SAMPLES;

    fn encoder(wanted: OpusParameters) -> Encoder {
        Encoder {
            opus: Some(Box::new(Opus::new(wanted))),
            ..Encoder::default()
        }
    }

    /// Harmonics of a voice that swell and fade as syllables do, with some breath.
    fn syllables(samples: usize) -> Vec<i16> {
        let (mut phase, mut random) = (0.0, 1u64);
        let mut voice = |at: usize| {
            let time = at as f64 / 8_000.0;
            phase += (180.0 + 20.0 * (2.0 * time).sin()) / 8_000.0;
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let breath = (random >> 40) as f64 / f64::from(1 << 23) - 1.0;
            let harmonics: f64 = (1..=18)
                .map(|k| (std::f64::consts::TAU * phase * f64::from(k)).sin() / f64::from(k * k))
                .sum();
            let syllable = 0.6 - 0.4 * (std::f64::consts::TAU * 3.0 * time).cos();
            (syllable * (6_000.0 * harmonics + 300.0 * breath)) as i16
        };
        (0..samples).map(&mut voice).collect()
    }

    /// What two seconds of talk become.
    fn packets(mut encoder: Encoder) -> Vec<Vec<u8>> {
        let mut packets = Vec::new();
        for frame in syllables(100 * FRAME_SAMPLES).chunks_exact(FRAME_SAMPLES) {
            packets.extend(encoder.encode(Codec::Opus, frame).map(<[u8]>::to_vec));
        }
        packets
    }

    #[test]
    fn packets_carry_copies_where_the_other_side_can_use_them() {
        let copies = |in_band_fec, lost| {
            let mut encoder = encoder(OpusParameters {
                in_band_fec,
                ..OpusParameters::default()
            });
            encoder.lose(lost);
            let packets = packets(encoder);
            let copies = packets
                .iter()
                .filter(|packet| OpusPacket::read(packet).unwrap().fec);
            (copies.count(), packets.len())
        };
        assert_eq!(copies(false, 0.2), (0, 100));
        let (with, all) = copies(true, 0.0);
        assert!(all == 100 && with > 50, "{with}");
    }

    #[test]
    fn no_more_is_sent_than_the_other_side_wants() {
        let octets = |max_average_bitrate| {
            let wanted = OpusParameters {
                max_average_bitrate,
                ..OpusParameters::default()
            };
            packets(encoder(wanted)).iter().map(Vec::len).sum::<usize>()
        };
        let (free, bound) = (octets(None), octets(Some(12_000)));
        assert!(bound * 3 < free * 2 && bound < 3_200, "{free}, {bound}");
    }

    #[test]
    fn silence_is_sent_where_the_other_side_does_not_ask_for_pauses() {
        for (dtx, least, most) in [(false, 100, 100), (true, 13, 16)] {
            let mut encoder = encoder(OpusParameters {
                dtx,
                ..OpusParameters::default()
            });
            let silence = [0; FRAME_SAMPLES];
            let sent = (0..100).filter(|_| encoder.encode(Codec::Opus, &silence).is_some());
            let sent = sent.count();
            assert!((least..=most).contains(&sent), "{sent}");
        }
    }
}
