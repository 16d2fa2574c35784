//! What is heard of the far end, a frame at a time, whatever its packets hold and its clock shows.

use std::time::Duration;

use callplane_audio::{DriftControl, DriftResampler, FRAME_TIME, OPUS_MAX_SAMPLES};
use callplane_rtp::{Frame as Received, Receiver};
use callplane_sdp::{Codec, Negotiated};
use callplane_types::Instant;

use super::decode::{Decoder, samples_of};
use super::{Audience, FRAME_SAMPLES, Frame, WIDE_SAMPLES, WideFrame, time_of};

/// How much later than the network asks for may be played without doing anything about it, from half a
/// frame on: what is decoded and not yet played is less than a frame, and not there for the network.
const EASE: Duration = FRAME_TIME;

/// Between a receiver, which gives what packets hold, and the frames of a call.
///
/// **A sender whose clock is off by 300 parts in a million or less is followed**: a little more or less
/// is made of what comes, and in the long run nothing is skipped or made up for it. **The receiver is
/// asked at the same times whoever hears it**, so that its delay and its counters are the same.
#[derive(Debug)]
pub(crate) struct Hearing {
    audience: Audience,
    decoder: Decoder,
    control: DriftControl,
    drift: DriftResampler,
    /// Decoded and not yet played.
    narrow: Vec<i16>,
    /// Nothing while no wideband codec was agreed on.
    wide: Option<Box<Wide>>,
}

/// The same at 16 kHz, where there may be more in it, for the recogniser. **While it hears, there are two samples for
/// each that is decoded and not yet played.**
#[derive(Debug)]
struct Wide {
    drift: DriftResampler,
    samples: Vec<i16>,
    /// The frame that was taken last.
    last: WideFrame,
}

impl Wide {
    /// For a line on which `waiting` samples wait.
    fn new(waiting: usize) -> Box<Self> {
        let mut samples = Vec::with_capacity(3 * WIDE_SAMPLES);
        samples.resize(2 * waiting, 0);
        Box::new(Self {
            drift: DriftResampler::default(),
            samples,
            last: [0; WIDE_SAMPLES],
        })
    }
}

impl Hearing {
    /// `seed` makes its noise differ from that of other calls.
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            audience: Audience::Nobody,
            decoder: Decoder::new(seed),
            control: DriftControl::new(Duration::ZERO),
            drift: DriftResampler::default(),
            narrow: Vec::with_capacity(3 * FRAME_SAMPLES),
            wide: None,
        }
    }

    /// Gets ready for what was agreed on.
    pub(crate) fn prepare(&mut self, negotiated: &Negotiated) {
        self.decoder.prepare(negotiated);
        if self.decoder.is_wideband() {
            let waiting = self.narrow.len();
            self.wide.get_or_insert_with(|| Wide::new(waiting));
        }
        let mut receivable = negotiated.receivable.iter();
        if receivable.any(|(_, codec)| *codec == Codec::Opus) {
            // A packet, and less than a frame from before.
            self.narrow.reserve(OPUS_MAX_SAMPLES);
            if let Some(wide) = &mut self.wide {
                wide.samples.reserve(2 * OPUS_MAX_SAMPLES);
            }
        }
    }

    /// Takes the next 20 ms for an audience; `receivable` says what the payload types mean.
    pub(crate) fn take(
        &mut self,
        now: Instant,
        audience: Audience,
        receiver: &mut Receiver,
        receivable: &[(u8, Codec)],
        frame: &mut Frame,
    ) {
        self.gather(audience);
        self.follow_clock(now, receiver);
        while self.narrow.len() < FRAME_SAMPLES {
            self.listen(now, receiver, receivable);
        }
        frame.copy_from_slice(&self.narrow[..FRAME_SAMPLES]);
        self.narrow.drain(..FRAME_SAMPLES);
        if audience == Audience::Recogniser
            && let Some(wide) = &mut self.wide
        {
            wide.last.copy_from_slice(&wide.samples[..WIDE_SAMPLES]);
            wide.samples.drain(..WIDE_SAMPLES);
        }
    }

    /// Who hears from now on. For those who come the signal begins out of silence: what was before it was not
    /// decoded, or not made for them.
    fn gather(&mut self, audience: Audience) {
        let before = std::mem::replace(&mut self.audience, audience);
        if before == audience {
            return;
        }
        if before == Audience::Nobody {
            self.decoder.reset();
        }
        if let Some(wide) = &mut self.wide {
            wide.drift.reset();
            wide.samples.clear();
            if audience == Audience::Recogniser {
                wide.samples.resize(2 * self.narrow.len(), 0);
            }
        }
    }

    /// Holds how late is played near what the network asks for.
    fn follow_clock(&mut self, now: Instant, receiver: &Receiver) {
        let Some((delay, target)) = receiver.playout(now) else {
            return;
        };
        let delay = delay + time_of(self.narrow.len());
        let least = target + FRAME_TIME / 2;
        self.control.retarget(delay.clamp(least, least + EASE));
        let ppm = self.control.update(delay);
        self.drift.set_ppm(ppm);
        if let Some(wide) = &mut self.wide {
            wide.drift.set_ppm(ppm);
        }
    }

    fn listen(&mut self, now: Instant, receiver: &mut Receiver, receivable: &[(u8, Codec)]) {
        let received = receiver.pop(now);
        if self.audience == Audience::Nobody {
            let length = samples_of(&received);
            return self.drift.rest(length, &mut self.narrow);
        }
        self.decode(received, receivable);
        self.drift.process(self.decoder.narrow(), &mut self.narrow);
        if self.audience < Audience::Recogniser {
            return;
        }
        if let Some(wide) = &mut self.wide {
            let Wide { drift, samples, .. } = &mut **wide;
            drift.process(self.decoder.wide(), samples);
            // Both run alike; the last sample may belong to the next time.
            let last = samples.last().copied().unwrap_or_default();
            samples.resize(2 * self.narrow.len(), last);
        }
    }

    fn decode(&mut self, received: Received<'_>, receivable: &[(u8, Codec)]) {
        let codec_of = |payload_type| {
            let mut known = receivable.iter();
            known.find_map(|(number, codec)| (*number == payload_type).then_some(*codec))
        };
        let decoder = &mut self.decoder;
        match received {
            Received::Audio {
                payload_type,
                payload,
            }
            | Received::Packet {
                payload_type,
                payload,
            } => match codec_of(payload_type) {
                Some(codec) => decoder.decode(codec, payload),
                // From before a codec was changed: in another it would be noise.
                None => decoder.conceal(),
            },
            Received::LostBefore {
                payload_type,
                next,
                time,
            } => match codec_of(payload_type) {
                Some(codec) => decoder.recover(codec, next, time),
                None => decoder.conceal(),
            },
            Received::Lost => decoder.conceal(),
            Received::Noise(description) => decoder.noise(description),
            Received::Idle => decoder.rest(),
        }
    }

    /// The last frame that was taken for the recogniser, at 16 kHz; nothing while no wideband codec was agreed on.
    pub(crate) fn wide(&self) -> Option<&WideFrame> {
        self.wide.as_ref().map(|wide| &wide.last)
    }
}

#[cfg(test)]
mod tests {
    use callplane_audio::{OpusConfig, OpusEncoder, Upsampler};
    use callplane_rtp::{Clock, Format, Packet, ReceiverConfig, ReceiverStats};

    use super::*;
    use crate::media::decode::inspect;
    use crate::media::encode::Encoder;

    const HERTZ: f64 = 430.0;

    fn tone(at: u64) -> i16 {
        let phase = std::f64::consts::TAU * HERTZ * at as f64 / 8_000.0;
        (phase.sin() * 8_000.0) as i16
    }

    /// What is heard of a sender whose clock is off, through a network that delays each packet by up to
    /// `jitter`: the counters after the first minute and after all, and the roughest place between them.
    fn hear(
        codec: Codec,
        ppm: i64,
        jitter: Duration,
        minutes: u64,
    ) -> (ReceiverStats, ReceiverStats, f64) {
        hear_for(codec, ppm, (jitter, 0), minutes, |_| Audience::Recogniser)
    }

    /// The same for the audience of each frame, and through a network that loses as many packets of a hundred.
    fn hear_for(
        codec: Codec,
        ppm: i64,
        (jitter, loss): (Duration, u64),
        minutes: u64,
        audience: fn(u64) -> Audience,
    ) -> (ReceiverStats, ReceiverStats, f64) {
        let format = Format {
            payload_type: codec.payload_type(),
            clock: Clock::of_rate(codec.clock_rate()).unwrap(),
        };
        let mut receiver = Receiver::new(ReceiverConfig {
            audio: vec![format],
            inspect,
            ..ReceiverConfig::new(Vec::new(), None)
        });
        let receivable = [(format.payload_type, codec)];
        let mut hearing = Hearing::new(1);
        let (mut encoder, mut up) = (Encoder::default(), Upsampler::default());
        let mut opus = OpusEncoder::new(OpusConfig::default());
        let (mut random, mut sent, mut in_flight) = (1u64, 0u64, Vec::new());
        let (mut early, mut roughest, mut before) = (None, 0.0f64, [0.0; 2]);
        for tick in 0..minutes * 3_000 {
            let now = Instant::ZERO + Duration::from_millis(20) * tick as u32;
            let micros = now.since_origin().as_micros() as u64;
            // Of a sender that is fast by a part in a million, 20 ms are shorter by as much.
            while (sent * 20_000 * 1_000_000) / (1_000_000i64 + ppm) as u64 <= micros {
                let frame: Frame = std::array::from_fn(|at| tone(sent * 160 + at as u64));
                let payload = match codec {
                    Codec::Opus => {
                        let (mut wide, mut octets) = (Vec::new(), [0; 1_275]);
                        up.process(&frame, &mut wide);
                        let length = opus.encode(&wide, &mut octets).unwrap();
                        octets[..length].to_vec()
                    }
                    codec => encoder.encode(codec, &frame).unwrap().to_vec(),
                };
                random = random
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                let late = (random >> 33) % (jitter.as_micros() as u64 + 1);
                if (random >> 48) % 100 >= loss {
                    in_flight.push((micros + late, sent, payload));
                }
                sent += 1;
            }
            in_flight.sort_by_key(|(arrives, ..)| *arrives);
            let arrived = in_flight.partition_point(|(arrives, ..)| *arrives <= micros);
            for (arrives, number, payload) in in_flight.drain(..arrived) {
                let packet = Packet {
                    payload_type: format.payload_type,
                    sequence: number as u16,
                    timestamp: (number as u32).wrapping_mul(codec.clock_rate() / 50),
                    ssrc: 1,
                    payload: &payload,
                    ..Packet::default()
                };
                receiver.push(Instant::ZERO + Duration::from_micros(arrives), &packet);
            }
            let mut frame = [0; FRAME_SAMPLES];
            let audience = audience(tick);
            hearing.take(now, audience, &mut receiver, &receivable, &mut frame);
            if tick == 3_000 {
                early = Some(receiver.stats(now));
            }
            // A sine is what the two samples before it say; a click is not.
            for sample in frame.map(f64::from) {
                let turn = 2.0 * (std::f64::consts::TAU * HERTZ / 8_000.0).cos();
                let step = sample - turn * before[1] + before[0];
                if tick > 3_000 {
                    roughest = roughest.max(step.abs());
                }
                before = [before[1], sample];
            }
        }
        let end = Instant::ZERO + Duration::from_secs(minutes * 60);
        (early.unwrap(), receiver.stats(end), roughest)
    }

    #[test]
    fn clocks_that_differ_cost_no_frame_in_half_an_hour_and_are_not_heard() {
        for ppm in [-200, 0, 200] {
            let (early, late, roughest) = hear(Codec::Pcma, ppm, Duration::ZERO, 30);
            let lost = late.concealed_frames - early.concealed_frames;
            let skipped = late.skipped_frames - early.skipped_frames;
            println!(
                "{ppm} ppm: {lost} made up, {skipped} skipped, {roughest} rough, {:?}",
                late.delay
            );
            assert_eq!((lost, skipped), (0, 0), "{ppm} ppm");
            // 125 us off, which nobody followed, would be a step of 2500; A-law rounds to some 300.
            assert!(roughest < 1_000.0, "{ppm} ppm: {roughest}");
            assert!(
                late.delay < Duration::from_millis(80),
                "{ppm} ppm: {:?}",
                late.delay
            );
        }
    }

    #[test]
    fn the_delay_and_the_counters_are_the_same_whoever_hears() {
        let changing = |tick: u64| match tick / 150 % 3 {
            0 => Audience::Nobody,
            1 => Audience::People,
            _ => Audience::Recogniser,
        };
        for (codec, ppm) in [(Codec::Pcmu, -250), (Codec::G722, 250), (Codec::Opus, 250)] {
            let network = (Duration::from_millis(60), 3);
            let stats = |audience| hear_for(codec, ppm, network, 2, audience).1;
            let decoded = stats(|_| Audience::Recogniser);
            assert!(decoded.concealed_frames > 100, "{decoded:?}");
            assert_eq!(decoded, stats(|_| Audience::Nobody), "{codec}, {ppm} ppm");
            assert_eq!(decoded, stats(changing), "{codec}, {ppm} ppm");
        }
    }

    #[test]
    fn nor_do_they_where_the_network_delays_and_packets_are_decoded_whole() {
        for (codec, ppm) in [
            (Codec::Pcmu, 200),
            (Codec::Pcmu, -200),
            (Codec::Opus, -200),
            (Codec::Opus, 200),
        ] {
            let (early, late, _) = hear(codec, ppm, Duration::from_millis(15), 8);
            let lost = late.concealed_frames - early.concealed_frames;
            let skipped = late.skipped_frames - early.skipped_frames;
            println!(
                "{codec}, {ppm} ppm: {lost} made up, {skipped} skipped, {:?}",
                late.delay
            );
            assert_eq!(skipped, 0, "{codec}, {ppm} ppm");
            assert!(lost <= 2, "{codec}, {ppm} ppm: {lost}");
        }
    }
}
