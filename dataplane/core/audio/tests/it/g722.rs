//! Against the vectors of ITU-T G.191, and what goes in comes out.

use callplane_audio::{G722Decoder, G722Encoder, G722Mode};
use proptest::prelude::*;

use crate::support::{amplitude, decibels, rms, sine, vector, voice_like, words};

/// Samples that a signal is late after both filters.
const DELAY: usize = 22;

fn encode(samples: &[i16]) -> Vec<u8> {
    let mut octets = vec![0; samples.len() / 2];
    G722Encoder::default().encode(samples, &mut octets);
    octets
}

fn decode(mode: G722Mode, octets: &[u8]) -> Vec<i16> {
    let mut samples = vec![0; octets.len() * 2];
    G722Decoder::new(mode).decode(octets, &mut samples);
    samples
}

fn round_trip(samples: &[i16]) -> Vec<i16> {
    decode(G722Mode::One, &encode(samples))
}

#[test]
fn the_vectors_of_the_itu_are_met_bit_by_bit() {
    let read = |name: &str| vector(&format!("g722/test_data/{name}")).map(|octets| words(&octets));
    let Some(speech) = read("inpsp.bin") else {
        return;
    };
    // An octet in each word; `codsp.cod` has them packed, each two swapped.
    let coded: Vec<u8> = read("codspw.cod")
        .unwrap()
        .iter()
        .map(|word| *word as u8)
        .collect();
    assert_eq!((speech.len(), coded.len()), (97_536, 48_768));
    assert_eq!(first_difference(&encode(&speech), &coded), None);
    for (mode, name) in [
        (G722Mode::One, "outsp1.bin"),
        (G722Mode::Two, "outsp2.bin"),
        (G722Mode::Three, "outsp3.bin"),
    ] {
        let expected = read(name).unwrap();
        assert_eq!(
            first_difference(&decode(mode, &coded), &expected),
            None,
            "{mode:?}"
        );
    }
}

/// Where they part, rather than pages of octets.
fn first_difference<T: PartialEq>(one: &[T], other: &[T]) -> Option<usize> {
    assert_eq!(one.len(), other.len());
    one.iter().zip(other).position(|(a, b)| a != b)
}

#[test]
fn tones_of_both_bands_keep_their_level() {
    for frequency in [300.0, 1000.0, 3900.0, 6000.0] {
        let signal = sine(frequency, 8000.0, 16_000, 16_000);
        let back = round_trip(&signal);
        let gain = decibels(amplitude(&back[800..], frequency, 16_000) / 8000.0);
        println!("{frequency} Hz: {gain:.2} dB");
        assert!(gain.abs() < 0.5, "{frequency} Hz: {gain} dB");
    }
}

#[test]
fn what_lies_in_one_band_does_not_appear_in_the_other() {
    for frequency in [1000.0, 2500.0, 6000.0] {
        let back = round_trip(&sine(frequency, 8000.0, 16_000, 16_000));
        let image = decibels(amplitude(&back[800..], 8000.0 - frequency, 16_000) / 8000.0);
        assert!(image < -40.0, "image of {frequency} Hz: {image} dB");
    }
}

#[test]
fn a_voice_comes_back_with_an_error_forty_decibels_below_it() {
    let voice = voice_like(32_000);
    let back = round_trip(&voice);
    let error: Vec<i16> = back[DELAY..]
        .iter()
        .zip(&voice)
        .map(|(a, b)| a.saturating_sub(*b))
        .collect();
    let ratio = decibels(rms(&voice) / rms(&error[1600..]));
    println!("{ratio:.1} dB");
    assert!(ratio > 40.0, "{ratio} dB");
}

#[test]
fn silence_stays_silent() {
    let back = round_trip(&[0; 3200]);
    assert!(back.iter().all(|sample| sample.abs() <= 4), "{back:?}");
}

#[test]
fn a_reset_codec_is_as_new() {
    let voice = voice_like(3200);
    let mut encoder = G722Encoder::default();
    let mut decoder = G722Decoder::default();
    let (mut octets, mut samples) = (vec![0; 1600], vec![0; 3200]);
    for _ in 0..2 {
        encoder.encode(&voice, &mut octets);
        decoder.decode(&octets, &mut samples);
        assert_eq!(octets, encode(&voice));
        assert_eq!(samples, round_trip(&voice));
        encoder.reset();
        decoder.reset();
    }
}

proptest! {
    #[test]
    fn any_octets_are_decoded_however_they_are_cut(
        octets in proptest::collection::vec(any::<u8>(), 0..1000),
        size in 1usize..200,
    ) {
        for mode in [G722Mode::One, G722Mode::Two, G722Mode::Three] {
            let mut decoder = G722Decoder::new(mode);
            let mut samples = Vec::new();
            for piece in octets.chunks(size) {
                let mut frame = vec![0; 2 * piece.len()];
                decoder.decode(piece, &mut frame);
                samples.extend(frame);
            }
            prop_assert_eq!(samples, decode(mode, &octets));
        }
    }

    #[test]
    fn any_samples_are_encoded(samples in proptest::collection::vec(any::<i16>(), 0..1000)) {
        prop_assert_eq!(round_trip(&samples).len(), samples.len() / 2 * 2);
    }
}
