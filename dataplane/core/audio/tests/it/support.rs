//! Signals to test with.

use std::path::PathBuf;
use std::process::Command;

use callplane_audio::Law;

/// Numbers that look random and are the same in each run.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        println!("seed {seed}");
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Between -1 and 1.
    pub(crate) fn noise(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }
}

pub(crate) fn sine(frequency: f64, amplitude: f64, rate: u32, samples: usize) -> Vec<i16> {
    (0..samples)
        .map(|n| {
            let phase = std::f64::consts::TAU * frequency * n as f64 / f64::from(rate);
            (amplitude * phase.sin()).round() as i16
        })
        .collect()
}

/// Root of the mean square.
pub(crate) fn rms(samples: &[i16]) -> f64 {
    let energy: f64 = samples.iter().map(|s| f64::from(*s).powi(2)).sum();
    (energy / samples.len() as f64).sqrt()
}

/// The amplitude of one frequency in a signal, by correlation.
pub(crate) fn amplitude(samples: &[i16], frequency: f64, rate: u32) -> f64 {
    let (mut re, mut im) = (0.0, 0.0);
    for (n, sample) in samples.iter().enumerate() {
        let phase = std::f64::consts::TAU * frequency * n as f64 / f64::from(rate);
        re += f64::from(*sample) * phase.cos();
        im += f64::from(*sample) * phase.sin();
    }
    2.0 * re.hypot(im) / samples.len() as f64
}

pub(crate) fn decibels(ratio: f64) -> f64 {
    20.0 * ratio.log10()
}

/// Coded and decoded, as it comes through the network.
pub(crate) fn through_telephone(law: Law, samples: &[i16]) -> Vec<i16> {
    samples
        .iter()
        .map(|sample| law.decode_sample(law.encode_sample(*sample)))
        .collect()
}

/// Syllables at 16 kHz: harmonics of a gliding pitch under a spectrum that falls, with breath.
pub(crate) fn voice_like(samples: usize) -> Vec<i16> {
    let mut random = Random::new(722);
    let mut phase = 0.0;
    (0..samples)
        .map(|n| {
            let time = n as f64 / 16_000.0;
            phase += (180.0 + 20.0 * (2.0 * time).sin()) / 16_000.0;
            let harmonics: f64 = (1..=40)
                .map(|k| (std::f64::consts::TAU * phase * f64::from(k)).sin() / f64::from(k * k))
                .sum();
            let syllable = 0.6 - 0.4 * (std::f64::consts::TAU * 3.0 * time).cos();
            (syllable * (6000.0 * harmonics + 100.0 * random.noise())) as i16
        })
        .collect()
}

/// Speech at 8 kHz from flite; nothing, and a word about it, where flite is not installed.
pub(crate) fn speech(voice: &str, text: &str) -> Option<Vec<i16>> {
    let file: PathBuf = std::env::temp_dir().join(format!(
        "callplane-audio-{}-{voice}-{}.wav",
        std::process::id(),
        text.len()
    ));
    let made = Command::new("flite")
        .args(["-voice", voice, "-t", text, "-o"])
        .arg(&file)
        .status();
    if !made.is_ok_and(|status| status.success()) {
        println!("SKIPPED: flite is not installed");
        return None;
    }
    let octets = std::fs::read(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    let rate = u32::from_le_bytes(octets[24..28].try_into().unwrap());
    let samples: Vec<i16> = octets[44..]
        .chunks_exact(2)
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
        .collect();
    match rate {
        8000 => Some(samples),
        16_000 => {
            let mut narrow = Vec::new();
            callplane_audio::Downsampler::default().process(&samples, &mut narrow);
            Some(narrow)
        }
        rate => panic!("flite speaks at {rate} Hz"),
    }
}

/// A file of the ITU's archive of codecs, by its path below `src`; nothing, and a word about it, where
/// there is no archive.
pub(crate) fn vector(path: &str) -> Option<Vec<u8>> {
    let Some(folder) = std::env::var_os("CONFORMANCE_DATA") else {
        println!("SKIPPED: CONFORMANCE_DATA is not set");
        return None;
    };
    let archive = PathBuf::from(folder).join("codec-itu/openitu-STL-g711-g722-testdata.tar.xz");
    let output = Command::new("tar")
        .arg("-xJOf")
        .arg(archive)
        .arg(format!("src/{path}"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    Some(output.stdout)
}

/// Words of 16 bits, the low octet first.
pub(crate) fn words(octets: &[u8]) -> Vec<i16> {
    octets
        .as_chunks()
        .0
        .iter()
        .map(|pair| i16::from_le_bytes(*pair))
        .collect()
}

/// How alike two signals are, at the best of the delays of `late`: 1 is the same but for its volume.
pub(crate) fn likeness(late: &[i16], early: &[i16], delays: std::ops::Range<usize>) -> f64 {
    let product = |a: &[i16], b: &[i16]| -> f64 {
        a.iter()
            .zip(b)
            .map(|(a, b)| f64::from(*a) * f64::from(*b))
            .sum()
    };
    delays
        .map(|delay| {
            let late = &late[delay..];
            let length = late.len().min(early.len());
            let (late, early) = (&late[..length], &early[..length]);
            product(late, early)
                / (product(late, late) * product(early, early))
                    .sqrt()
                    .max(1.0)
        })
        .fold(-1.0, f64::max)
}
