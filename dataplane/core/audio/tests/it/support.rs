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
