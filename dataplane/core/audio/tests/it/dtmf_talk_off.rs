//! What is no key: voices, music, noise and the other tones of a network.

use callplane_audio::{Cadence, DtmfDetector, Law, Tone, ToneGenerator};

use crate::support::{Random, sine, speech, through_telephone};

/// How many keys are heard in a signal of 8 kHz that comes through the telephone.
fn false_keys(samples: &[i16]) -> usize {
    let mut count = 0;
    for law in [Law::Mu, Law::A] {
        DtmfDetector::default().push(&through_telephone(law, samples), |_| count += 1);
    }
    count
}

/// Numbers, names and vowels held long: what is nearest to a tone.
const TEXTS: [&str; 4] = [
    "Please call zero eight hundred, seven seven two, nine nine four one. Yes, one, two, three, four, \
     five, six, seven, eight, nine, ten, eleven and twelve. Your appointment is on Wednesday, the \
     seventeenth of February, at a quarter to eleven in the morning.",
    "Aaaaah. Ooooooh. Eeeeeee. Uuuuuuh. Hmmmmm. Yeaaaah, nooooo, wooooow. Oh really? Why would you \
     say that? Hello? Hello! Is anybody there? I would like to speak to somebody, please, now.",
    "We were away a year ago while a lawyer in Illinois allowed our loyal lawyer a royal allowance. \
     Many young men mourn in the morning, and nine nannies nap at noon near Memphis, Tennessee.",
    "The quick brown fox jumps over the lazy dog, whereas she sells sea shells by the sea shore and \
     Peter Piper picked a peck of pickled peppers. How much wood would a woodchuck chuck, then?",
];

#[test]
fn no_voice_presses_a_key() {
    let (mut seconds, mut count) = (0.0, 0);
    for voice in ["slt", "rms", "awb", "kal", "kal16"] {
        for text in TEXTS {
            let Some(samples) = speech(voice, text) else {
                return;
            };
            // Slower and faster: other pitches, another formant at each frequency.
            for step in [0.85, 1.0, 1.2] {
                let spoken = at_speed(&samples, step);
                seconds += spoken.len() as f64 / 8000.0;
                count += false_keys(&spoken);
            }
        }
    }
    println!("{count} keys in {:.0} minutes of speech", seconds / 60.0);
    assert_eq!(count, 0);
}

fn at_speed(samples: &[i16], step: f64) -> Vec<i16> {
    let length = (samples.len() as f64 / step) as usize - 1;
    (0..length)
        .map(|n| {
            let place = n as f64 * step;
            let (whole, part) = (place as usize, place.fract());
            let (a, b) = (f64::from(samples[whole]), f64::from(samples[whole + 1]));
            (a + part * (b - a)) as i16
        })
        .collect()
}

/// Chords of instruments: two to four notes of the twelve, each with overtones that fade.
#[test]
fn no_music_presses_a_key() {
    let mut random = Random::new(440);
    let mut signal = Vec::new();
    for _ in 0..1000 {
        let notes: Vec<f64> = (0..2 + random.next() % 3)
            .map(|_| 220.0 * 2f64.powf((random.next() % 36) as f64 / 12.0))
            .collect();
        let brightness = 0.25 + 0.5 * random.noise().abs();
        signal.extend((0..1600).map(|n| {
            let time = n as f64 / 8000.0;
            let sum: f64 = notes
                .iter()
                .flat_map(|note| (1..=5).map(move |k| (note * f64::from(k), k)))
                .filter(|(frequency, _)| *frequency < 3600.0)
                .map(|(frequency, k)| {
                    brightness.powi(k) * (std::f64::consts::TAU * frequency * time).sin()
                })
                .sum();
            (6000.0 * sum * (-4.0 * time).exp()) as i16
        }));
    }
    let count = false_keys(&signal);
    println!("{count} keys in {} seconds of music", signal.len() / 8000);
    assert_eq!(count, 0);
}

#[test]
fn no_noise_presses_a_key() {
    let mut random = Random::new(0);
    let mut state = 0.0;
    let white: Vec<i16> = (0..60 * 8000)
        .map(|_| (9000.0 * random.noise()) as i16)
        .collect();
    let pink: Vec<i16> = (0..60 * 8000)
        .map(|_| {
            state = 0.95 * state + 2500.0 * random.noise();
            state as i16
        })
        .collect();
    assert_eq!(false_keys(&white), 0);
    assert_eq!(false_keys(&pink), 0);
}

#[test]
fn no_other_tone_presses_a_key() {
    let tones = [
        Tone::RINGBACK_US,
        Tone::RINGBACK_EU,
        Tone::BUSY_US,
        Tone::BEEP,
        // Dial tone, fax calling and answering, and the pairs of R1 and R2 signalling.
        Tone::dual(350.0, 440.0, -13.0),
        Tone::single(1100.0, -10.0),
        Tone::single(2100.0, -10.0),
        Tone::dual(700.0, 900.0, -10.0),
        Tone::dual(700.0, 1300.0, -10.0),
        Tone::dual(900.0, 1500.0, -10.0),
        Tone::dual(1380.0, 1500.0, -10.0),
        Tone::dual(660.0, 1140.0, -10.0),
    ];
    for tone in tones {
        let mut samples = vec![0; 16_000];
        ToneGenerator::new(tone, Cadence::BUSY, 8000).fill(&mut samples);
        assert_eq!(false_keys(&samples), 0, "{tone:?}");
    }
    for key in 0..16 {
        for frequency in Tone::key(key).unwrap().frequencies {
            let single = sine(f64::from(frequency), 8000.0, 8000, 8000);
            assert_eq!(false_keys(&single), 0, "{frequency} Hz alone");
        }
    }
}

/// Sirens pass every frequency, with overtones.
#[test]
fn no_siren_presses_a_key() {
    for octaves_a_second in [0.1, 0.3, 1.0, 3.0] {
        let mut turns = 0.0;
        let signal: Vec<i16> = (0..30 * 8000)
            .map(|n| {
                let octave = (f64::from(n) / 8000.0 * octaves_a_second) % 3.5;
                turns += 300.0 * 2f64.powf(octave) / 8000.0;
                let overtones = (1..=3).map(|k| {
                    let k = f64::from(k);
                    0.5f64.powf(k) * (std::f64::consts::TAU * turns * k).sin()
                });
                (12_000.0 * overtones.sum::<f64>()) as i16
            })
            .collect();
        assert_eq!(
            false_keys(&signal),
            0,
            "{octaves_a_second} octaves a second"
        );
    }
}
