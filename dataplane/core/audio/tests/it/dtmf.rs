//! Keys in the audio: what ITU-T Q.24 wants heard, and what it wants not heard.

use callplane_audio::{DtmfDetector, DtmfEvent, Law, Tone};
use proptest::prelude::*;

use crate::support::{Random, rms, through_telephone};

const LAWS: [Law; 2] = [Law::Mu, Law::A];
/// Amplitude of 0 dBm0: a full-scale sine is +3.17.
const ZERO_DBM0: f64 = 22_746.0;
/// Samples in a millisecond.
const MS: usize = 8;

/// One press of a key.
#[derive(Debug, Clone, Copy)]
struct Press {
    key: u8,
    /// Milliseconds.
    length: usize,
    /// Of the lower and of the higher tone, in dBm0.
    levels: [f64; 2],
    /// From the nominal frequencies, in percent.
    deviations: [f64; 2],
}

impl Press {
    fn new(key: u8) -> Self {
        Self {
            key,
            length: 50,
            levels: [-10.0; 2],
            deviations: [0.0; 2],
        }
    }

    /// The tones, of any phases.
    fn samples(&self, random: &mut Random) -> Vec<f64> {
        let nominal = Tone::key(self.key).unwrap().frequencies;
        let mut sum = vec![0.0; self.length * MS];
        let tones = nominal.iter().zip(self.deviations).zip(self.levels);
        for ((nominal, deviation), level) in tones {
            let frequency = f64::from(*nominal) * (1.0 + deviation / 100.0);
            let amplitude = ZERO_DBM0 * 10f64.powf(level / 20.0);
            let phase = random.noise();
            for (n, sample) in sum.iter_mut().enumerate() {
                let turns = frequency * n as f64 / 8000.0 + phase;
                *sample += amplitude * (std::f64::consts::TAU * turns).sin();
            }
        }
        sum
    }
}

/// Presses with `pause` milliseconds before, between and after them, and at which sample each begins.
fn signal(presses: &[Press], pause: usize, random: &mut Random) -> (Vec<i16>, Vec<usize>) {
    let mut samples: Vec<i16> = vec![0; 200 * MS];
    let mut begins = Vec::new();
    for press in presses {
        // Looks are 40 samples apart: begin at any place between two.
        samples.extend(vec![0; pause * MS + random.next() as usize % 40]);
        begins.push(samples.len());
        samples.extend(press.samples(random).iter().map(|sample| *sample as i16));
    }
    samples.extend(vec![0; 200 * MS]);
    (samples, begins)
}

fn hear(samples: &[i16]) -> Vec<DtmfEvent> {
    let mut detector = DtmfDetector::default();
    let mut events = Vec::new();
    for frame in samples.chunks(160) {
        detector.push(frame, |event| events.push(event));
    }
    assert_eq!(detector.key(), None);
    events
}

fn keys(samples: &[i16]) -> Vec<u8> {
    hear(samples)
        .iter()
        .filter_map(|event| match event {
            DtmfEvent::Begin { key, .. } => Some(*key),
            DtmfEvent::End { .. } => None,
        })
        .collect()
}

/// Hears exactly these, through either law.
fn heard(presses: &[Press], pause: usize, random: &mut Random) {
    let expected: Vec<u8> = presses.iter().map(|press| press.key).collect();
    let (samples, _) = signal(presses, pause, random);
    for law in LAWS {
        assert_eq!(
            keys(&through_telephone(law, &samples)),
            expected,
            "{law:?} {presses:?}"
        );
    }
}

fn not_heard(presses: &[Press], random: &mut Random) {
    let (samples, _) = signal(presses, 60, random);
    for law in LAWS {
        assert_eq!(
            keys(&through_telephone(law, &samples)),
            [0; 0],
            "{law:?} {presses:?}"
        );
    }
}

fn all(change: impl Fn(&mut Press)) -> Vec<Press> {
    (0..16)
        .map(|key| {
            let mut press = Press::new(key);
            change(&mut press);
            press
        })
        .collect()
}

#[test]
fn each_key_begins_and_ends_where_its_tones_do() {
    let mut random = Random::new(23);
    for length in [40, 65, 100, 400] {
        let presses = all(|press| press.length = length);
        let (samples, begins) = signal(&presses, 60, &mut random);
        let events = hear(&samples);
        assert_eq!(events.len(), 32);
        for ((press, begin), pair) in presses.iter().zip(begins).zip(events.as_chunks::<2>().0) {
            let [
                DtmfEvent::Begin { key, at },
                DtmfEvent::End {
                    key: ended,
                    at: end,
                },
            ] = *pair
            else {
                panic!("{pair:?}");
            };
            assert_eq!((key, ended), (press.key, press.key));
            let late = at as i64 - begin as i64;
            let longer = end as i64 - (begin + length * MS) as i64;
            assert!(
                late.abs() <= 48 && longer.abs() <= 48,
                "{press:?}: {late} {longer}"
            );
        }
    }
}

#[test]
fn a_key_is_known_before_it_has_lasted_fifty_milliseconds() {
    let mut random = Random::new(35);
    let presses = all(|press| press.length = 200);
    let (samples, begins) = signal(&presses, 60, &mut random);
    let mut detector = DtmfDetector::default();
    let (mut now, mut latest) = (0, 0);
    let mut begins = begins.iter();
    for hop in samples.chunks(8) {
        now += hop.len();
        detector.push(hop, |event| {
            if let DtmfEvent::Begin { .. } = event {
                latest = latest.max(now - begins.next().unwrap());
            }
        });
    }
    println!("{} ms at the latest", latest / MS);
    assert!(latest <= 50 * MS, "{latest} samples");
}

#[test]
fn forty_milliseconds_of_tone_and_of_pause_suffice() {
    let mut random = Random::new(24);
    for _ in 0..20 {
        heard(&all(|press| press.length = 40), 40, &mut random);
    }
}

#[test]
fn twenty_three_milliseconds_are_no_key() {
    let mut random = Random::new(25);
    for length in [5, 10, 15, 20, 23] {
        for _ in 0..10 {
            not_heard(&all(|press| press.length = length), &mut random);
        }
    }
}

#[test]
fn the_same_key_twice_is_two_keys_after_a_pause_and_one_after_a_dropout() {
    let mut random = Random::new(26);
    for key in 0..16 {
        heard(&[Press::new(key); 3], 40, &mut random);
        let press = Press {
            length: 200,
            ..Press::new(key)
        };
        for dropout in [1, 5, 10] {
            let (mut samples, begins) = signal(&[press], 40, &mut random);
            samples[begins[0] + 90 * MS..][..dropout * MS].fill(0);
            assert_eq!(hear(&samples).len(), 2, "{key}: {dropout} ms");
        }
    }
}

#[test]
fn levels_from_minus_thirty_six_to_zero_dbm0_are_heard() {
    let mut random = Random::new(27);
    for level in [-36.0, -30.0, -24.0, -18.0, -12.0, -6.0, -3.0, 0.0] {
        heard(&all(|press| press.levels = [level; 2]), 50, &mut random);
    }
    not_heard(&all(|press| press.levels = [-45.0; 2]), &mut random);
}

#[test]
fn the_higher_tone_may_be_eight_decibels_below_and_four_above() {
    let mut random = Random::new(28);
    for twist in [-8.0, -6.0, -3.0, 2.0, 4.0] {
        for low in [-8.0, -20.0, -28.0] {
            heard(
                &all(|press| press.levels = [low, low + twist]),
                50,
                &mut random,
            );
        }
    }
    for twist in [-12.0, 8.0] {
        not_heard(
            &all(|press| press.levels = [-14.0, -14.0 + twist]),
            &mut random,
        );
    }
}

#[test]
fn frequencies_may_be_a_percent_and_a_half_off_and_not_three_and_a_half() {
    let mut random = Random::new(29);
    for deviations in [
        [1.5, 1.5],
        [-1.5, -1.5],
        [1.5, -1.5],
        [-1.5, 1.5],
        [1.5, 0.0],
        [0.0, -1.5],
    ] {
        for _ in 0..5 {
            let presses = all(|press| {
                press.length = 40;
                press.deviations = deviations;
            });
            heard(&presses, 40, &mut random);
        }
    }
    for deviations in [
        [3.5, 0.0],
        [-3.5, 0.0],
        [0.0, 3.5],
        [0.0, -3.5],
        [3.5, 3.5],
        [-3.5, -3.5],
    ] {
        let presses = all(|press| {
            press.length = 100;
            press.deviations = deviations;
        });
        not_heard(&presses, &mut random);
    }
}

#[test]
fn an_overtone_is_no_part_of_a_key() {
    let mut random = Random::new(30);
    for key in 0..16 {
        let press = Press::new(key);
        let (samples, begins) = signal(&[press], 50, &mut random);
        let [low, high] = Tone::key(key).unwrap().frequencies.map(f64::from);
        for frequency in [2.0 * low, 2.0 * high] {
            // Too near to the key's own tone to be told from it.
            if (frequency - high).abs() < 90.0 {
                continue;
            }
            let mut samples = samples.clone();
            for (n, sample) in samples[begins[0]..][..50 * MS].iter_mut().enumerate() {
                let turns = frequency * n as f64 / 8000.0;
                *sample += (3200.0 * (std::f64::consts::TAU * turns).sin()) as i16;
            }
            assert_eq!(keys(&samples), [0; 0], "{key} with {frequency} Hz");
        }
    }
}

#[test]
fn keys_are_heard_in_noise_fifteen_decibels_below_them() {
    let mut random = Random::new(31);
    let (mut right, mut total) = (0, 0);
    for _ in 0..50 {
        let presses = all(|press| press.levels = [-22.0; 2]);
        let (mut samples, begins) = signal(&presses, 50, &mut random);
        let tones = rms(&samples[begins[0]..][..50 * MS]);
        let noise = tones * 10f64.powf(-15.0 / 20.0) * 3f64.sqrt();
        for sample in &mut samples {
            *sample += (noise * random.noise()) as i16;
        }
        let heard = keys(&samples);
        assert!(heard.len() <= 16, "{heard:?}");
        right += heard.len();
        total += 16;
    }
    println!("{right} of {total} keys");
    assert!(right * 1000 >= total * 998, "{right} of {total}");
}

/// All at once, as the network may do it.
#[test]
fn random_presses_within_the_limits_are_all_heard() {
    let mut random = Random::new(32);
    for _ in 0..60 {
        let presses: Vec<Press> = (0..16)
            .map(|_| {
                let low = -18.0 + 10.0 * random.noise();
                Press {
                    key: (random.next() % 16) as u8,
                    length: 40 + random.next() as usize % 60,
                    levels: [low, low - 2.0 + 6.0 * random.noise()],
                    deviations: [1.5 * random.noise(), 1.5 * random.noise()],
                }
            })
            .collect();
        let pause = 40 + random.next() as usize % 40;
        heard(&presses, pause, &mut random);
    }
}

#[test]
fn a_reset_detector_is_as_new() {
    let mut random = Random::new(33);
    let (samples, _) = signal(&[Press::new(5)], 50, &mut random);
    let mut detector = DtmfDetector::default();
    detector.push(&samples[..296 * MS], |_| ());
    assert_eq!(detector.key(), Some(5));
    detector.reset();
    let mut events = Vec::new();
    detector.push(&samples, |event| events.push(event));
    assert_eq!(events, hear(&samples));
}

proptest! {
    #[test]
    fn the_size_of_blocks_does_not_matter(cuts in proptest::collection::vec(1usize..700, 1..20)) {
        let (samples, _) = signal(&all(|_| ()), 50, &mut Random::new(34));
        let mut detector = DtmfDetector::default();
        let mut events = Vec::new();
        let mut rest = &samples[..];
        for cut in cuts.iter().cycle() {
            let (block, after) = rest.split_at((*cut).min(rest.len()));
            detector.push(block, |event| events.push(event));
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(events, hear(&samples));
    }

    #[test]
    fn any_samples_are_listened_to(samples in proptest::collection::vec(any::<i16>(), 0..3000)) {
        DtmfDetector::default().push(&samples, |_| ());
    }
}
