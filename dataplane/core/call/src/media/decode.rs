//! From the octets of packets to samples of 8 kHz, and of 16 kHz for the recogniser.

use std::time::Duration;

use callplane_audio::{
    ComfortNoise, Concealer, Downsampler, G722Decoder, Law, NoiseDescription, OPUS_MAX_SAMPLES,
    OpusDecoder, OpusPacket, Upsampler,
};
use callplane_rtp::{Frame as Received, PacketInfo};
use callplane_sdp::{Codec, Negotiated};

use super::{FRAME_SAMPLES, WIDE_SAMPLES};

/// Decodes one stream. **Each call replaces [`Decoder::narrow`] and [`Decoder::wide`]**, which has two
/// samples for each of the first, or none while no wideband codec was agreed on.
#[derive(Debug)]
pub(crate) struct Decoder {
    /// Made when they are agreed on for the first time.
    g722: Option<Box<G722Decoder>>,
    opus: Option<Box<OpusDecoder>>,
    down: Downsampler,
    up: Upsampler,
    concealer: Concealer,
    noise: ComfortNoise,
    /// What came last was decoded by Opus, which conceals by itself.
    by_opus: bool,
    narrow: Vec<i16>,
    wide: Vec<i16>,
    /// What [`Decoder::wide`] would be of the narrow samples.
    upsampled: Vec<i16>,
}

impl Decoder {
    /// `seed` makes its noise differ from that of other calls.
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            noise: ComfortNoise::new(seed),
            g722: None,
            opus: None,
            down: Downsampler::default(),
            up: Upsampler::default(),
            concealer: Concealer::default(),
            by_opus: false,
            narrow: Vec::with_capacity(FRAME_SAMPLES),
            wide: Vec::with_capacity(WIDE_SAMPLES),
            upsampled: Vec::with_capacity(WIDE_SAMPLES),
        }
    }
}

impl Decoder {
    /// Gets ready for what was agreed on: only Opus allocates for a packet.
    pub(crate) fn prepare(&mut self, negotiated: &Negotiated) {
        let receives = |wanted| {
            let mut codecs = negotiated.receivable.iter();
            codecs.any(|(_, codec)| *codec == wanted)
        };
        if receives(Codec::G722) {
            self.g722.get_or_insert_default();
        }
        if receives(Codec::Opus) {
            self.opus.get_or_insert_with(Box::default);
            // Its packets are the only ones longer than a frame.
            self.narrow.reserve(OPUS_MAX_SAMPLES / 2 + 1);
            self.wide.reserve(OPUS_MAX_SAMPLES);
            self.upsampled.reserve(OPUS_MAX_SAMPLES);
        }
    }

    /// The samples that came last.
    pub(crate) fn narrow(&self) -> &[i16] {
        &self.narrow
    }

    /// The same for the recogniser, while there may be more in it. Where they were decoded from a wideband codec
    /// that is what was decoded, a few milliseconds ahead; all else has nothing above 4 kHz.
    pub(crate) fn wide(&self) -> &[i16] {
        &self.wide
    }

    /// Whether a wideband codec was agreed on at some time.
    pub(crate) fn is_wideband(&self) -> bool {
        self.g722.is_some() || self.opus.is_some()
    }

    /// A packet or a frame of it.
    pub(crate) fn decode(&mut self, codec: Codec, octets: &[u8]) {
        let is_wide = match codec {
            Codec::Pcmu => self.by_law(Law::Mu, octets),
            Codec::Pcma => self.by_law(Law::A, octets),
            Codec::G722 => {
                self.wide.resize(2 * octets.len(), 0);
                let decoder = self.g722.get_or_insert_default();
                decoder.decode(octets, &mut self.wide);
                true
            }
            Codec::Opus => {
                self.wide.resize(OPUS_MAX_SAMPLES, 0);
                let decoder = self.opus.get_or_insert_with(Box::default);
                match decoder.decode(octets, &mut self.wide) {
                    Ok(length) => self.wide.truncate(length),
                    Err(_) => return self.conceal(),
                }
                true
            }
        };
        self.finish(is_wide, codec == Codec::Opus);
    }

    /// What is missing right before `next`, a packet of `codec`.
    pub(crate) fn recover(&mut self, codec: Codec, next: &[u8], missing: Duration) {
        let has_copy = codec == Codec::Opus && OpusPacket::read(next).is_some_and(|next| next.fec);
        let samples = missing.as_micros() as usize * 16 / 1000;
        self.conceal_or_recover(samples.min(OPUS_MAX_SAMPLES), has_copy.then_some(next));
    }

    /// 20 ms that are missing.
    pub(crate) fn conceal(&mut self) {
        self.conceal_or_recover(WIDE_SAMPLES, None);
    }

    fn conceal_or_recover(&mut self, samples: usize, copy: Option<&[u8]>) {
        let opus = self.opus.as_mut().filter(|_| self.by_opus);
        if let Some(decoder) = opus {
            self.wide.resize(samples, 0);
            let recovered = copy.is_some_and(|copy| decoder.recover(copy, &mut self.wide).is_ok());
            if !recovered {
                decoder.conceal(&mut self.wide);
            }
            return self.finish(true, true);
        }
        self.narrow.resize(samples / 2, 0);
        self.concealer.conceal(&mut self.narrow);
        self.follow(false);
    }

    /// Forgets what was heard so far: what came since was not decoded.
    pub(crate) fn reset(&mut self) {
        if let Some(decoder) = &mut self.g722 {
            decoder.reset();
        }
        if let Some(decoder) = &mut self.opus {
            decoder.reset();
        }
        self.down.reset();
        self.up.reset();
        self.concealer = Concealer::default();
        self.by_opus = false;
    }

    /// 20 ms in which nothing is said.
    pub(crate) fn rest(&mut self) {
        self.narrow.clear();
        self.narrow.resize(FRAME_SAMPLES, 0);
        self.finish(false, false);
    }

    /// 20 ms in which nothing is said, as the other side describes them; malformed octets are silence.
    pub(crate) fn noise(&mut self, description: &[u8]) {
        let Some(description) = NoiseDescription::read(description) else {
            return self.rest();
        };
        self.noise.describe(&description);
        self.narrow.clear();
        self.narrow.resize(FRAME_SAMPLES, 0);
        self.noise.fill(&mut self.narrow);
        self.finish(false, false);
    }

    fn by_law(&mut self, law: Law, octets: &[u8]) -> bool {
        self.narrow.resize(octets.len(), 0);
        law.decode(octets, &mut self.narrow);
        false
    }

    /// Makes the one of the other, once something was decoded.
    fn finish(&mut self, is_wide: bool, by_opus: bool) {
        if is_wide {
            self.narrow.clear();
            self.down.process(&self.wide, &mut self.narrow);
        }
        if !by_opus {
            self.concealer.received(&mut self.narrow);
        }
        self.by_opus = by_opus;
        self.follow(is_wide);
    }

    fn follow(&mut self, is_wide: bool) {
        if !self.is_wideband() {
            return;
        }
        // Always, so that the filter knows what was before a frame that was lost.
        self.upsampled.clear();
        self.up.process(&self.narrow, &mut self.upsampled);
        if !is_wide {
            self.wide.clone_from(&self.upsampled);
        }
    }
}

/// Whether nobody is talking in the octets: what the jitter buffer may skip. The octets of G.722
/// depend on those before them and say nothing by themselves.
pub(super) fn is_quiet(payload_type: u8, octets: &[u8]) -> bool {
    match payload_type {
        0 => Law::Mu.is_quiet(octets),
        8 => Law::A.is_quiet(octets),
        _ => false,
    }
}

/// How many samples at 8 kHz [`Decoder::narrow`] has once this is decoded.
pub(super) fn samples_of(received: &Received<'_>) -> usize {
    let time = match received {
        Received::Packet { payload, .. } => inspect(payload).map(|packet| packet.time),
        Received::LostBefore { time, .. } => Some(*time),
        Received::Audio { .. } | Received::Lost | Received::Noise(_) | Received::Idle => None,
    };
    time.map_or(FRAME_SAMPLES, |time| time.as_micros() as usize * 8 / 1000)
}

/// What a packet of Opus says, the one codec whose packets are decoded whole.
pub(super) fn inspect(packet: &[u8]) -> Option<PacketInfo> {
    let read = OpusPacket::read(packet)?;
    Some(PacketInfo {
        time: read.duration(),
        quiet: !read.voice,
    })
}

#[cfg(test)]
mod tests {
    use callplane_audio::{G722Encoder, OPUS_MAX_OCTETS, OpusConfig, OpusEncoder};

    use super::*;
    use crate::media::encode::Encoder;

    fn tone(at: usize, hertz: f64, rate: f64) -> i16 {
        ((at as f64 * hertz * std::f64::consts::TAU / rate).sin() * 8_000.0) as i16
    }

    #[test]
    fn the_recogniser_hears_more_of_wideband_codecs() {
        let mut g722 = G722Encoder::default();
        let mut opus = OpusEncoder::new(OpusConfig::default());
        for codec in [Codec::G722, Codec::Opus] {
            let mut decoder = Decoder::new(1);
            let mut loudest = 0;
            for number in 0..20 {
                let sent: [i16; WIDE_SAMPLES] =
                    std::array::from_fn(|at| tone(number * WIDE_SAMPLES + at, 5_000.0, 16_000.0));
                let mut octets = [0; OPUS_MAX_OCTETS];
                let length = match codec {
                    Codec::Opus => opus.encode(&sent, &mut octets).unwrap(),
                    _ => {
                        g722.encode(&sent, &mut octets[..FRAME_SAMPLES]);
                        FRAME_SAMPLES
                    }
                };
                decoder.decode(codec, &octets[..length]);
                assert_eq!(decoder.narrow().len(), FRAME_SAMPLES);
                assert_eq!(decoder.wide().len(), WIDE_SAMPLES);
                // The first frames hear the tone begin, which has something at every frequency.
                if number >= 5 {
                    let loudness = |samples: &[i16]| {
                        let loudness = samples.iter().map(|sample| sample.unsigned_abs());
                        loudness.max().unwrap()
                    };
                    loudest = loudest.max(loudness(decoder.wide()));
                    assert!(loudness(decoder.narrow()) < 500, "{codec}");
                }
            }
            assert!(loudest > 5_000, "{codec}: {loudest}");
        }
    }

    #[test]
    fn what_every_codec_encodes_it_decodes() {
        // Filters and G.722 take 58 samples and a half; Opus looks ahead.
        for (codec, delays, least) in [
            (Codec::Pcmu, 0..1, 50.0),
            (Codec::Pcma, 0..1, 50.0),
            (Codec::G722, 58..59, 50.0),
            (Codec::Opus, 60..200, 20.0),
        ] {
            let (mut encoder, mut decoder) = (Encoder::default(), Decoder::new(1));
            encoder.prepare(&negotiated(codec));
            let (mut sent, mut heard) = (Vec::new(), Vec::new());
            for number in 0..30 {
                let frame: [i16; FRAME_SAMPLES] =
                    std::array::from_fn(|at| tone(number * FRAME_SAMPLES + at, 250.0, 8_000.0));
                decoder.decode(codec, encoder.encode(codec, &frame).unwrap());
                sent.extend(frame);
                heard.extend_from_slice(decoder.narrow());
            }
            let power = |samples: &mut dyn Iterator<Item = i16>| -> f64 {
                samples.map(|sample| f64::from(sample).powi(2)).sum()
            };
            let ratio = |delay: usize| {
                let pairs = || sent[1_600..3_200].iter().zip(&heard[1_600 + delay..]);
                let error = power(&mut pairs().map(|(a, b)| a.saturating_sub(*b)));
                power(&mut pairs().map(|(a, _)| *a)) / error
            };
            let best = delays.map(ratio).fold(0.0, f64::max);
            assert!(best > least, "{codec}: {best}");
        }
    }

    fn negotiated(codec: Codec) -> Negotiated {
        use callplane_sdp::{LocalMedia, Session, SessionDescription};
        let mut session = Session::new(
            1,
            LocalMedia {
                address: std::net::Ipv4Addr::LOCALHOST.into(),
                port: 4_000,
                codecs: vec![codec],
                packet_time_ms: 20,
            },
        );
        let offer = session.offer().to_string();
        let offer = SessionDescription::parse(offer.as_bytes()).unwrap();
        session.answer(&offer).unwrap().1
    }
}
