//! What one window holds.

use std::f64::consts::{PI, TAU};
use std::sync::LazyLock;

use super::goertzel::{coefficient, powers};
use crate::SAMPLE_RATE;

/// Samples of a window: 30 ms.
pub(super) const WINDOW: usize = 240;
/// Distance of two independent frequencies in hertz, a bin.
const BIN: f64 = SAMPLE_RATE as f64 / WINDOW as f64;

/// Of rows, then of columns (ITU-T Q.23).
const FREQUENCIES: [f64; 8] = [697.0, 770.0, 852.0, 941.0, 1209.0, 1336.0, 1477.0, 1633.0];
/// Keys by row and column, as event codes (RFC 4733 section 3.2).
const KEYS: [[u8; 4]; 4] = [[1, 2, 3, 12], [4, 5, 6, 13], [7, 8, 9, 14], [10, 0, 11, 15]];

/// Amplitude of the weaker tone: -40 dBm0, where a full-scale sine is +3.17. Q.24 table A-1 wants keys
/// heard down to -24 (NTT) and -25 dBm (AT&T); calls over several networks arrive weaker.
const QUIETEST: f32 = 227.0;
/// Energy ratio by which the lower tone may exceed the higher one: 8 dB (Q.24 table A-1, AT&T), and
/// half a decibel for what noise does to the measure.
const FORWARD_TWIST: f32 = 7.08;
/// By which the higher tone may exceed the lower one: 4 dB (the same), and half a decibel.
const REVERSE_TWIST: f32 = 2.82;
/// How far off a tone may be, as part of its frequency: 1.5 % must do (Q.24 table A-1, 1.8 % with
/// NTT), 3.5 % must not (AT&T).
const DEVIATION: f64 = 0.025;
/// Energy of an overtone in its tone's, at most: -12 dB. Those of voices are louder.
const OVERTONE: f32 = 0.063;
/// Parts of the energy that both tones need before anything is measured: both are as far off as they
/// may be.
const WORTH_MEASURING: f32 = 0.25;

/// Nearer than this, in hertz, a tone of the column hides the overtone of a row.
const HIDDEN: f64 = 2.5 * BIN;
/// Nearer than this it is the overtone: 17 Hz is the least for tones that are 1.5 % off.
const OCTAVE: f64 = 9.0;
/// Bins from the nominal frequency up to which a power can be measured.
const FARTHEST: f64 = 1.25;

/// The two tones of a key.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Found {
    /// Event code, 0 to 15.
    pub(super) key: u8,
    /// The part of the energy that both tones make up, 0 to 1. Where a tone fills half of the window,
    /// it is a half; where three quarters, 0.86.
    pub(super) purity: f32,
    /// Levels and frequencies are as they must be, and there are no overtones.
    pub(super) proper: bool,
}

/// One of the tones, as it is.
struct Heard {
    /// As if the window had been made for its frequency.
    power: f32,
    /// In hertz.
    frequency: f64,
    near_nominal: bool,
}

struct Tables {
    /// Hann.
    window: [f32; WINDOW],
    tones: [f32; 8],
    /// One bin below and above each tone.
    around: [[f32; 2]; 8],
}

static TABLES: LazyLock<Tables> = LazyLock::new(|| Tables {
    window: std::array::from_fn(|place| {
        (0.5 - 0.5 * (TAU * (place as f64 + 0.5) / WINDOW as f64).cos()) as f32
    }),
    tones: FREQUENCIES.map(coefficient),
    around: FREQUENCIES.map(|tone| [tone - BIN, tone + BIN].map(coefficient)),
});

/// Two tones of a key in `samples`, if they make up something of it.
pub(super) fn look(samples: &[i16; WINDOW]) -> Option<Found> {
    let tables = &*TABLES;
    let windowed: [f32; WINDOW] =
        std::array::from_fn(|place| f32::from(samples[place]) * tables.window[place]);
    let energy: f32 = windowed.iter().map(|sample| sample * sample).sum();
    // Half a window of the quietest key.
    if energy < energy_of(power_of(QUIETEST)) {
        return None;
    }
    let tones = powers(&windowed, &tables.tones);
    let (row, column) = (loudest(&tones[..4]), loudest(&tones[4..]));
    if energy_of(tones[row] + tones[4 + column]) < WORTH_MEASURING * energy {
        return None;
    }
    let low = measure(&windowed, row, tones[row]);
    let high = measure(&windowed, 4 + column, tones[4 + column]);
    Some(Found {
        key: KEYS[row][column],
        purity: energy_of(low.power + high.power) / energy,
        proper: low.near_nominal
            && high.near_nominal
            && audible_and_balanced(low.power, high.power)
            && !has_overtones(&windowed, &low, &high),
    })
}

/// The tone at its true frequency.
fn measure(windowed: &[f32; WINDOW], tone: usize, power: f32) -> Heard {
    let [below, above] = powers(windowed, &TABLES.around[tone]);
    let ratio = f64::from((below.max(above) / power).sqrt());
    // Exact for a sine under a Hann window (Grandke 1983): the place between two bins.
    let bins = ((2.0 * ratio - 1.0) / (ratio + 1.0)).max(0.0);
    let away = if above > below { bins } else { -bins } * BIN;
    Heard {
        power: power / response(bins.min(FARTHEST)).powi(2) as f32,
        frequency: FREQUENCIES[tone] + away,
        near_nominal: away.abs() <= DEVIATION * FREQUENCIES[tone],
    }
}

fn audible_and_balanced(low: f32, high: f32) -> bool {
    low.min(high) >= power_of(QUIETEST)
        && low <= high * FORWARD_TWIST
        && high <= low * REVERSE_TWIST
}

/// Those of a row may lie next to the tone of a column: then they are not looked at, unless they are
/// that tone.
fn has_overtones(windowed: &[f32; WINDOW], low: &Heard, high: &Heard) -> bool {
    let overtones = [low, high].map(|tone| coefficient(2.0 * tone.frequency));
    let [of_low, of_high] = powers(windowed, &overtones);
    let apart = (2.0 * low.frequency - high.frequency).abs();
    apart < OCTAVE
        || apart > HIDDEN && of_low > OVERTONE * low.power
        || of_high > OVERTONE * high.power
}

/// Magnitude of a Hann window's spectrum, `bins` from its middle.
fn response(bins: f64) -> f64 {
    let x = PI * bins;
    let sinc = if x.abs() < 1e-6 { 1.0 } else { x.sin() / x };
    match 1.0 - bins * bins {
        // Between 1 and -1 both vanish.
        zero if zero.abs() < 1e-6 => 0.5,
        rest => sinc / rest,
    }
}

fn loudest(powers: &[f32]) -> usize {
    (1..powers.len()).fold(0, |loudest, place| {
        if powers[place] > powers[loudest] {
            place
        } else {
            loudest
        }
    })
}

/// The energy of a windowed sine, from its power.
fn energy_of(power: f32) -> f32 {
    3.0 * power / WINDOW as f32
}

/// The power of a windowed sine, from its amplitude.
fn power_of(amplitude: f32) -> f32 {
    let magnitude = amplitude * WINDOW as f32 / 4.0;
    magnitude * magnitude
}
