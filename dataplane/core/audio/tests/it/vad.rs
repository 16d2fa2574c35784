//! Who is taken for a speaker, and who is not.

use callplane_audio::{Activity, Cadence, FRAME_SAMPLES, Law, Tone, ToneGenerator, Vad};

use crate::support::{Random, speech, through_telephone};

fn listen(vad: &mut Vad, signal: &[i16]) -> Vec<Activity> {
    signal
        .chunks_exact(FRAME_SAMPLES)
        .map(|frame| vad.push(frame.try_into().unwrap()))
        .collect()
}

fn onsets(activity: &[Activity]) -> usize {
    activity.iter().filter(|a| **a == Activity::Onset).count()
}

/// Noise of an office line, about -65 dBov.
fn line(random: &mut Random, frames: usize) -> Vec<i16> {
    (0..frames * FRAME_SAMPLES)
        .map(|_| (random.noise() * 30.0) as i16)
        .collect()
}

fn tone(tone: Tone, cadence: Cadence, seconds: usize) -> Vec<i16> {
    let mut signal = vec![0; seconds * 8000];
    ToneGenerator::new(tone, cadence, 8000).fill(&mut signal);
    through_telephone(Law::Mu, &signal)
}

#[test]
fn every_voice_is_heard_soon_and_until_it_ends() {
    for voice in ["slt", "rms", "kal16", "awb"] {
        for text in [
            "yes",
            "no",
            "seven",
            "I would like to book a table for two",
            "help me please",
        ] {
            let Some(words) = speech(voice, text) else {
                return;
            };
            for law in [Law::Mu, Law::A] {
                let mut random = Random::new(words.len() as u64);
                let mut signal = line(&mut random, 50);
                let loud = words.iter().position(|s| s.unsigned_abs() > 600).unwrap();
                let begins = signal.len() + loud;
                signal.extend(&words);
                let last = words.iter().rposition(|s| s.unsigned_abs() > 600).unwrap();
                let ends = 50 * FRAME_SAMPLES + last;
                signal.extend(line(&mut random, 50));
                let activity = listen(&mut Vad::default(), &through_telephone(law, &signal));

                let place = |wanted| activity.iter().position(|a| *a == wanted);
                let onset = place(Activity::Onset).expect("no onset") * 20;
                let begins = begins / 8;
                println!("{voice} `{text}`: begins {begins} ms, onset {onset} ms");
                assert!(
                    onset + 40 >= begins,
                    "{voice} {text}: {onset} before {begins}"
                );
                assert!(
                    onset <= begins + 200,
                    "{voice} {text}: {onset} after {begins}"
                );
                let offset = activity.iter().rposition(|a| *a == Activity::Offset);
                let (offset, ends) = (offset.expect("no offset") * 20, ends / 8);
                assert!(
                    offset + 100 >= ends,
                    "{voice} {text}: {offset} before {ends}"
                );
                assert!(
                    offset <= ends + 500,
                    "{voice} {text}: {offset} after {ends}"
                );
            }
        }
    }
}

#[test]
fn the_tones_of_the_network_are_no_speech() {
    let tones = [
        ("US ringback", Tone::RINGBACK_US, Cadence::RINGBACK_US),
        ("EU ringback", Tone::RINGBACK_EU, Cadence::RINGBACK_EU),
        (
            "UK ringback",
            Tone::dual(400.0, 450.0, -16.0),
            Cadence::RINGBACK_EU,
        ),
        ("US busy", Tone::BUSY_US, Cadence::BUSY),
        (
            "US dial tone",
            Tone::dual(350.0, 440.0, -16.0),
            Cadence::STEADY,
        ),
        ("beep", Tone::BEEP, Cadence::BUSY),
        ("fax calling", Tone::single(1100.0, -10.0), Cadence::BUSY),
    ];
    for (name, sound, cadence) in tones {
        let activity = listen(&mut Vad::default(), &tone(sound, cadence, 12));
        assert_eq!(onsets(&activity), 0, "{name}");
    }
    for key in 0..16 {
        let cadence = Cadence {
            on_ms: 120,
            off_ms: 80,
        };
        let activity = listen(
            &mut Vad::default(),
            &tone(Tone::key(key).unwrap(), cadence, 4),
        );
        assert_eq!(onsets(&activity), 0, "key {key}");
    }
}

#[test]
fn silence_and_the_noise_of_a_line_are_no_speech() {
    let mut random = Random::new(3);
    for amplitude in [0.0, 3.0, 30.0, 100.0, 300.0, 1000.0, 3000.0] {
        let noise: Vec<i16> = (0..10 * 8000)
            .map(|_| (random.noise() * amplitude) as i16)
            .collect();
        let noise = through_telephone(Law::A, &noise);
        let activity = listen(&mut Vad::default(), &noise);
        let onsets = onsets(&activity);
        assert_eq!(onsets, 0, "white noise of {amplitude}");
    }
}

#[test]
fn steady_pink_noise_is_not_taken_for_speech_once_it_is_known() {
    let mut random = Random::new(4);
    // Paul Kellet's economy filter.
    let (mut a, mut b, mut c) = (0.0, 0.0, 0.0);
    let pink: Vec<i16> = (0..20 * 8000)
        .map(|_| {
            let white = random.noise();
            a = 0.99765 * a + white * 0.099_046;
            b = 0.963 * b + white * 0.296_516_4;
            c = 0.57 * c + white * 1.052_691_3;
            ((a + b + c + white * 0.1848) * 2000.0) as i16
        })
        .collect();
    let activity = listen(&mut Vad::default(), &through_telephone(Law::Mu, &pink));
    let taken = activity[100..].iter().filter(|a| a.is_speech()).count();
    assert!(taken <= 20, "{taken} of {} frames", activity.len() - 100);
}

#[test]
fn a_voice_is_heard_over_noise_and_after_ringback() {
    let Some(words) = speech("rms", "hello, who is calling please") else {
        return;
    };
    let mut random = Random::new(5);
    let mut vad = Vad::default();
    let ringing = tone(Tone::RINGBACK_US, Cadence::RINGBACK_US, 3);
    assert_eq!(onsets(&listen(&mut vad, &ringing)), 0);
    let noisy: Vec<i16> = line(&mut random, 100)
        .iter()
        .chain(&words)
        .map(|sample| sample.saturating_add((random.noise() * 250.0) as i16))
        .collect();
    let activity = listen(&mut vad, &noisy);
    assert_eq!(onsets(&activity[..100]), 0);
    assert!(onsets(&activity[100..]) >= 1);
}

#[test]
fn a_click_is_no_onset() {
    let mut random = Random::new(6);
    let mut signal = line(&mut random, 300);
    for click in 1..10 {
        for sample in &mut signal[click * 4000..click * 4000 + 80] {
            *sample = (random.noise() * 20_000.0) as i16;
        }
    }
    assert_eq!(onsets(&listen(&mut Vad::default(), &signal)), 0);
}

#[test]
fn an_onset_knows_when_the_speech_began() {
    let Some(words) = speech("slt", "four") else {
        return;
    };
    let mut signal = line(&mut Random::new(8), 50);
    signal.extend(&words);
    let mut vad = Vad::default();
    for frame in signal.chunks_exact(FRAME_SAMPLES) {
        if vad.push(frame.try_into().unwrap()) == Activity::Onset {
            let age = vad.onset_age().as_millis();
            assert!((60..=120).contains(&age), "{age}");
            return;
        }
    }
    panic!("no onset");
}
