//! Opus: what comes through, what is made of losses, pauses and two channels, and what it costs.

use callplane_audio::{
    OPUS_MAX_OCTETS, OPUS_MAX_SAMPLES, OpusConfig, OpusDecoder, OpusEncoder, OpusError, OpusPacket,
};
use proptest::prelude::*;

use crate::allocation::{allocations, kept};
use crate::support::{Random, amplitude, likeness, rms, sine, voice_like};

const FRAME: usize = 320;
/// The encoder looks ahead, and both sides have filters.
const DELAYS: std::ops::Range<usize> = 0..400;

fn encode(config: OpusConfig, frame: usize, samples: &[i16]) -> Vec<Vec<u8>> {
    let mut encoder = OpusEncoder::new(config);
    samples
        .chunks_exact(frame)
        .map(|frame| {
            let mut packet = vec![0; 3 * OPUS_MAX_OCTETS];
            let length = encoder.encode(frame, &mut packet).unwrap();
            packet.truncate(length);
            packet
        })
        .collect()
}

fn decode(packets: &[Vec<u8>]) -> Vec<i16> {
    let mut decoder = OpusDecoder::default();
    let mut samples = Vec::new();
    for packet in packets {
        let mut frame = [0; OPUS_MAX_SAMPLES];
        let length = decoder.decode(packet, &mut frame).unwrap();
        samples.extend_from_slice(&frame[..length]);
    }
    samples
}

#[test]
fn a_voice_comes_through_in_frames_of_every_duration() {
    let voice = voice_like(48_000);
    for frame in [160, 320, 640, 960] {
        let packets = encode(OpusConfig::default(), frame, &voice);
        for packet in &packets {
            let read = OpusPacket::read(packet).unwrap();
            assert_eq!(read.duration().as_micros(), frame as u128 * 1000 / 16);
            assert!(!read.stereo && !read.fec);
        }
        let back = decode(&packets);
        assert_eq!(back.len(), voice.len());
        let likeness = likeness(&back, &voice, DELAYS);
        let octets: usize = packets.iter().map(Vec::len).sum();
        let rate = octets * 8 / 3;
        println!("{frame} samples: {rate} bit/s, {likeness:.4}");
        assert!(likeness > 0.8, "{frame}: {likeness}");
        assert!(rate < 27_000, "{frame}: {rate} bit/s");
    }
}

#[test]
fn the_bit_rate_and_the_complexity_can_be_chosen() {
    let voice = voice_like(48_000);
    for (bitrate, complexity) in [(12_000, 0), (32_000, 5), (64_000, 10)] {
        let config = OpusConfig {
            bitrate,
            complexity,
            ..OpusConfig::default()
        };
        let packets = encode(config, FRAME, &voice);
        let octets: usize = packets.iter().map(Vec::len).sum();
        let rate = octets as u32 * 8 / 3;
        let likeness = likeness(&decode(&packets), &voice, DELAYS);
        println!("{bitrate}: {rate} bit/s, {likeness:.4}");
        assert!(rate < bitrate * 6 / 5, "{bitrate}: {rate}");
        assert!(likeness > 0.8, "{bitrate}: {likeness}");
    }
}

#[test]
fn a_frame_of_another_length_is_an_error() {
    let mut encoder = OpusEncoder::new(OpusConfig::default());
    let mut packet = [0; OPUS_MAX_OCTETS];
    for length in [0, 1, 80, 319, 321, 1920] {
        let result = encoder.encode(&vec![0; length], &mut packet);
        assert_eq!(result, Err(OpusError::FrameLength(length)));
    }
    let result = encoder.encode(&[0; FRAME], &mut []);
    assert_eq!(result, Err(OpusError::OutputTooSmall));
}

#[test]
fn values_beyond_a_range_count_as_its_end() {
    let voice = voice_like(FRAME);
    for bitrate in [0, u32::MAX] {
        let config = OpusConfig {
            bitrate,
            complexity: u8::MAX,
            expected_loss_percent: u8::MAX,
            dtx: true,
        };
        assert_eq!(encode(config, FRAME, &voice).len(), 1);
    }
}

#[test]
fn a_pause_costs_next_to_nothing_with_dtx() {
    let mut signal = voice_like(32_000);
    signal.extend([0; 64_000]);
    let config = OpusConfig {
        dtx: true,
        ..OpusConfig::default()
    };
    let packets = encode(config, FRAME, &signal);
    let sent = |packets: &[Vec<u8>]| packets.iter().filter(|packet| !packet.is_empty()).count();
    println!(
        "{} and {} sent",
        sent(&packets[..100]),
        sent(&packets[150..])
    );
    assert!(sent(&packets[..100]) > 95);
    assert!(sent(&packets[150..]) < 20, "of 150");
    // Every few hundred milliseconds one is sent so that the noise stays that of the room.
    assert!(sent(&packets[150..]) > 2);
}

#[test]
fn a_lost_packet_comes_back_from_the_copy_in_the_next_one() {
    let voice = voice_like(64_000);
    let config = OpusConfig {
        expected_loss_percent: 20,
        ..OpusConfig::default()
    };
    let packets = encode(config, FRAME, &voice);
    let whole = decode(&packets);
    let (mut recovered, mut concealed) = (Vec::new(), Vec::new());
    let (mut with_copy, mut without) = (OpusDecoder::default(), OpusDecoder::default());
    let mut lost = Vec::new();
    for (index, packet) in packets.iter().enumerate() {
        let mut frame = [0; FRAME];
        if index % 5 == 4 && index + 1 < packets.len() {
            let next = &packets[index + 1];
            lost.extend_from_slice(&whole[index * FRAME..][..FRAME]);
            with_copy.recover(next, &mut frame).unwrap();
            recovered.extend_from_slice(&frame);
            without.conceal(&mut frame);
            concealed.extend_from_slice(&frame);
        } else {
            with_copy.decode(packet, &mut frame).unwrap();
            without.decode(packet, &mut frame).unwrap();
        }
    }
    let copies = packets
        .iter()
        .filter(|packet| OpusPacket::read(packet).unwrap().fec)
        .count();
    let (with, without) = (
        likeness(&recovered, &lost, 0..1),
        likeness(&concealed, &lost, 0..1),
    );
    println!(
        "{copies} of {} with a copy; {with:.3} recovered, {without:.3} concealed",
        packets.len()
    );
    // Not those that hardly anything is heard in.
    assert!(copies > packets.len() / 2, "{copies}");
    assert!(with > 0.9, "{with}");
    assert!(with > without + 0.1, "{with} {without}");
}

#[test]
fn a_loss_is_bridged_and_then_fades_out() {
    let voice = voice_like(32_000);
    let packets = encode(OpusConfig::default(), FRAME, &voice);
    let mut decoder = OpusDecoder::default();
    let mut frame = [0; FRAME];
    for packet in &packets[..30] {
        decoder.decode(packet, &mut frame).unwrap();
    }
    let before = rms(&frame);
    decoder.conceal(&mut frame);
    assert!(rms(&frame) > before / 5.0, "{before} {}", rms(&frame));
    for _ in 0..25 {
        decoder.conceal(&mut frame);
    }
    assert!(rms(&frame) < before / 10.0, "{before} {}", rms(&frame));
    decoder.decode(&packets[31], &mut frame).unwrap();
}

#[test]
fn a_loss_of_any_length_is_filled() {
    let packets = encode(OpusConfig::default(), FRAME, &voice_like(3200));
    let mut decoder = OpusDecoder::default();
    for length in [0, 1, 39, 40, 100, 160, 320, 960, 1920, 5000] {
        decoder.decode(&packets[0], &mut [0; FRAME]).unwrap();
        decoder.conceal(&mut vec![0; length]);
        decoder.recover(&packets[1], &mut vec![0; length]).unwrap();
    }
    assert_eq!(
        decoder.recover(&[], &mut [0; FRAME]),
        Err(OpusError::MalformedPacket)
    );
}

#[test]
fn two_channels_become_their_mean() {
    let mut encoder = ropus::OpusEncoder::new(48_000, 2, ropus::OPUS_APPLICATION_AUDIO).unwrap();
    encoder.set_bitrate(128_000);
    let (left, right) = (
        sine(500.0, 8000.0, 48_000, 48_000),
        sine(1500.0, 8000.0, 48_000, 48_000),
    );
    let both: Vec<i16> = left
        .iter()
        .zip(&right)
        .flat_map(|(l, r)| [*l, *r])
        .collect();
    let packets: Vec<Vec<u8>> = both
        .chunks_exact(2 * 960)
        .map(|frame| {
            let mut packet = vec![0; OPUS_MAX_OCTETS];
            let length = encoder.encode(frame, 960, &mut packet, 1275).unwrap();
            packet.truncate(length as usize);
            packet
        })
        .collect();
    assert!(
        packets
            .iter()
            .all(|packet| OpusPacket::read(packet).unwrap().stereo)
    );
    let mono = decode(&packets);
    assert_eq!(mono.len(), 16_000);
    for frequency in [500.0, 1500.0] {
        let level = amplitude(&mono[1600..], frequency, 16_000);
        assert!(
            (level / 4000.0 - 1.0).abs() < 0.1,
            "{frequency} Hz: {level}"
        );
    }
}

#[test]
fn a_reset_codec_is_as_new() {
    let voice = voice_like(16_000);
    let config = OpusConfig {
        expected_loss_percent: 10,
        ..OpusConfig::default()
    };
    let mut encoder = OpusEncoder::new(config);
    let mut decoder = OpusDecoder::default();
    let packets = encode(config, FRAME, &voice);
    let expected = decode(&packets);
    for _ in 0..2 {
        let mut samples = Vec::new();
        for (frame, packet) in voice.chunks_exact(FRAME).zip(&packets) {
            let mut octets = [0; OPUS_MAX_OCTETS];
            let length = encoder.encode(frame, &mut octets).unwrap();
            assert_eq!(&octets[..length], packet);
            let mut frame = [0; FRAME];
            decoder.decode(packet, &mut frame).unwrap();
            samples.extend(frame);
        }
        assert!(samples == expected);
        encoder.reset();
        decoder.reset();
    }
}

#[test]
fn a_codec_moves_between_threads() {
    fn is_send<T: Send>() {}
    is_send::<OpusEncoder>();
    is_send::<OpusDecoder>();
}

/// `ropus` takes scratch memory for each packet: it must give all of it back, and not take more.
#[test]
fn a_packet_keeps_no_memory() {
    let voice = voice_like(32_000);
    let nothing = kept();
    let mut encoder = OpusEncoder::new(OpusConfig::default());
    let with_encoder = kept();
    let mut decoder = OpusDecoder::default();
    println!(
        "encoder {} + {} octets, decoder {} + {}",
        size_of::<OpusEncoder>(),
        with_encoder - nothing,
        size_of::<OpusDecoder>(),
        kept() - with_encoder
    );
    let (mut packet, mut samples) = ([0; OPUS_MAX_OCTETS], [0; FRAME]);
    let (mut encoding, mut decoding, mut frames) = (0, 0, 0);
    let mut live = 0;
    for (index, frame) in voice.chunks_exact(FRAME).enumerate() {
        if index == 10 {
            (encoding, decoding, frames, live) = (0, 0, 0, kept());
        }
        let before = allocations();
        let length = encoder.encode(frame, &mut packet).unwrap();
        let between = allocations();
        decoder.decode(&packet[..length], &mut samples).unwrap();
        encoding += between - before;
        decoding += allocations() - between;
        frames += 1;
    }
    assert_eq!(kept(), live);
    let (encoding, decoding) = (encoding / frames, decoding / frames);
    println!("{encoding} allocations to encode a frame, {decoding} to decode it");
    assert!(encoding <= 80 && decoding <= 20, "{encoding} {decoding}");
}

#[test]
fn a_damaged_stream_does_not_panic() {
    let mut random = Random::new(6716);
    let voice = voice_like(32_000);
    let config = OpusConfig {
        expected_loss_percent: 30,
        ..OpusConfig::default()
    };
    let mut decoder = OpusDecoder::default();
    let mut samples = [0; OPUS_MAX_SAMPLES];
    for mut packet in encode(config, FRAME, &voice) {
        for _ in 0..random.next() % 4 {
            let place = random.next() as usize % packet.len();
            packet[place] = random.next() as u8;
        }
        packet.truncate(1 + random.next() as usize % packet.len());
        let _ = decoder.recover(&packet, &mut samples[..FRAME]);
        let _ = decoder.decode(&packet, &mut samples);
        decoder.conceal(&mut samples[..FRAME]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_samples_are_encoded_at_any_setting(
        samples in proptest::collection::vec(any::<i16>(), 960 * 4),
        (bitrate, complexity, expected_loss_percent, dtx) in (6000..200_000u32, 0..=10u8, 0..=60u8, any::<bool>()),
        frame in prop_oneof![Just(160usize), Just(320), Just(640), Just(960)],
    ) {
        let config = OpusConfig { bitrate, complexity, expected_loss_percent, dtx };
        let packets = encode(config, frame, &samples);
        prop_assert_eq!(packets.len(), samples.len() / frame);
        for packet in packets.iter().filter(|packet| !packet.is_empty()) {
            prop_assert!(OpusPacket::read(packet).is_some());
        }
    }

    #[test]
    fn any_octets_are_decoded_or_refused(
        packets in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 1..8),
    ) {
        let mut decoder = OpusDecoder::default();
        let mut samples = [0; OPUS_MAX_SAMPLES];
        for packet in &packets {
            let _ = decoder.recover(packet, &mut samples[..FRAME]);
            if let Ok(length) = decoder.decode(packet, &mut samples) {
                let read = OpusPacket::read(packet).unwrap();
                prop_assert_eq!(length as u128 * 125 / 2, read.duration().as_micros());
            }
        }
    }
}
