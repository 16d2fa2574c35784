//! The WAV file of a call.

use std::time::Duration;

use callplane_audio::{Recording, Side, wav_header};

const FRAME: [i16; 160] = [100; 160];

fn recording() -> Recording {
    Recording::with_room(ms(4_000))
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn pairs(octets: &[u8]) -> Vec<[i16; 2]> {
    octets
        .chunks_exact(4)
        .map(|o| {
            [
                i16::from_le_bytes([o[0], o[1]]),
                i16::from_le_bytes([o[2], o[3]]),
            ]
        })
        .collect()
}

#[test]
fn the_header_is_what_players_expect() {
    let header = wav_header(2, 8000, 32_000);
    assert_eq!(&header[..4], b"RIFF");
    assert_eq!(header[4..8], 32_036u32.to_le_bytes());
    assert_eq!(&header[8..16], b"WAVEfmt ");
    assert_eq!(header[16..20], 16u32.to_le_bytes());
    assert_eq!(header[20..22], 1u16.to_le_bytes());
    assert_eq!(header[22..24], 2u16.to_le_bytes());
    assert_eq!(header[24..28], 8000u32.to_le_bytes());
    assert_eq!(header[28..32], 32_000u32.to_le_bytes());
    assert_eq!(header[32..34], 4u16.to_le_bytes());
    assert_eq!(header[34..36], 16u16.to_le_bytes());
    assert_eq!(&header[36..40], b"data");
    assert_eq!(header[40..44], 32_000u32.to_le_bytes());
    assert_eq!(
        wav_header(2, 8000, u64::MAX)[40..44],
        u32::MAX.to_le_bytes()
    );
}

#[test]
fn the_caller_is_left_and_the_agent_right() {
    let (mut recording, mut file) = (recording(), Vec::new());
    recording.write(Side::Caller, ms(0), &[1, 2, 3]);
    recording.write(Side::Agent, ms(0), &[-1, -2, -3]);
    recording.finish(ms(0), &mut file);
    assert_eq!(pairs(&file), [[1, -1], [2, -2], [3, -3]]);
}

#[test]
fn gaps_are_silence_and_sides_keep_their_time() {
    let (mut recording, mut file) = (recording(), Vec::new());
    recording.write(Side::Caller, ms(0), &FRAME);
    recording.write(Side::Agent, ms(500), &FRAME);
    recording.write(Side::Caller, ms(1000), &FRAME);
    recording.finish(ms(1500), &mut file);
    let pairs = pairs(&file);
    assert_eq!(pairs.len(), 12_000);
    for (index, [caller, agent]) in pairs.iter().enumerate() {
        let caller_speaks = index < 160 || (8000..8160).contains(&index);
        let agent_speaks = (4000..4160).contains(&index);
        assert_eq!(*caller != 0, caller_speaks, "caller at {index}");
        assert_eq!(*agent != 0, agent_speaks, "agent at {index}");
    }
}

#[test]
fn a_timer_that_trembles_leaves_no_gap() {
    let (mut recording, mut file) = (recording(), Vec::new());
    for frame in 0..100u64 {
        let tremble = [0, 7, 3, 18, 0, 11][frame as usize % 6];
        recording.write(Side::Caller, ms(frame * 20 + tremble), &FRAME);
    }
    recording.finish(ms(2000), &mut file);
    let pairs = pairs(&file);
    assert_eq!(pairs.len(), 16_000);
    assert!(pairs.iter().all(|pair| pair[0] == 100));
}

#[test]
fn a_side_faster_than_time_does_not_run_away() {
    let mut recording = recording();
    let mut file = Vec::new();
    // Five per cent too many samples for ten seconds.
    for frame in 0..525u64 {
        recording.write(Side::Caller, ms(frame * 10_000 / 525), &FRAME);
        if frame % 50 == 0 {
            recording.drain(ms((frame * 10_000 / 525).saturating_sub(500)), &mut file);
        }
    }
    recording.finish(ms(10_000), &mut file);
    let length = file.len() / 4;
    assert!((80_000..80_400).contains(&length), "{length}");
    assert_eq!(recording.dropped(), 0);
}

#[test]
fn the_header_is_right_at_every_moment() {
    let mut recording = recording();
    let mut file = recording.header().to_vec();
    for frame in 0..500u64 {
        recording.write(Side::Agent, ms(frame * 20), &FRAME);
        recording.drain(ms((frame * 20).saturating_sub(500)), &mut file);
        let header = recording.header();
        file[..44].copy_from_slice(&header);
        let data = u32::from_le_bytes(header[40..44].try_into().unwrap()) as usize;
        assert_eq!(file.len(), 44 + data);
    }
}

#[test]
fn samples_nobody_fetched_are_counted_and_the_rest_stays_in_place() {
    let (mut recording, mut file) = (recording(), Vec::new());
    recording.write(Side::Caller, ms(10_000), &FRAME);
    assert_eq!(recording.dropped(), 160);
    recording.drain(ms(9000), &mut file);
    recording.write(Side::Caller, ms(11_000), &FRAME);
    recording.finish(ms(11_020), &mut file);
    let pairs = pairs(&file);
    assert_eq!(pairs.len(), 88_160);
    assert!(pairs[..88_000].iter().all(|pair| *pair == [0, 0]));
    assert!(pairs[88_000..].iter().all(|pair| *pair == [100, 0]));
}
