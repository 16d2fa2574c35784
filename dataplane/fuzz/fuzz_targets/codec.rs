//! A stream of payloads: each is preceded by its length and by what happened before it came.

#![no_main]

use callplane_audio::{
    ComfortNoise, G722Decoder, G722Mode, NoiseDescription, OPUS_MAX_SAMPLES, OpusDecoder,
    OpusPacket, Wav, last_ogg_page,
};
use libfuzzer_sys::fuzz_target;

/// Samples of Opus that got lost, some of them no multiple of what it conceals.
const LOST: [usize; 8] = [0, 1, 40, 160, 320, 333, 960, OPUS_MAX_SAMPLES];

fuzz_target!(|octets: &[u8]| {
    let mut opus = OpusDecoder::default();
    let mut g722 = [G722Mode::One, G722Mode::Two, G722Mode::Three].map(G722Decoder::new);
    let mut noise = ComfortNoise::new(1);
    let mut samples = [0; OPUS_MAX_SAMPLES];
    if let Some(end) = last_ogg_page(octets) {
        assert!(end <= octets.len());
    }
    if let Ok(wav) = Wav::read(octets) {
        assert!(wav.samples.len() <= octets.len() / 2);
    }
    let mut rest = octets;
    while let [length, before, after @ ..] = rest {
        let (payload, after) = after.split_at(after.len().min(usize::from(*length)));
        rest = after;
        let lost = LOST[usize::from(before >> 2 & 7)];
        match before & 3 {
            0 => {}
            1 => opus.conceal(&mut samples[..lost]),
            2 => {
                let _ = opus.recover(payload, &mut samples[..lost]);
            }
            _ => opus.reset(),
        }
        let read = OpusPacket::read(payload);
        if let Ok(length) = opus.decode(payload, &mut samples) {
            let read = read.expect("what can be decoded can be read");
            assert_eq!(length as u128 * 125 / 2, read.duration().as_micros());
        }
        for decoder in &mut g722 {
            decoder.decode(payload, &mut samples);
        }
        if let Some(description) = NoiseDescription::read(payload) {
            let mut again = [0; 11];
            let length = description.write(&mut again);
            assert_eq!(NoiseDescription::read(&again[..length]), Some(description));
            noise.describe(&description);
            noise.fill(&mut samples[..320]);
        }
    }
});
