//! What a listener gets through all kinds of networks.

use std::time::Duration;

use callplane_rtp::{Arrival, Frame, Packet, Receiver, ReceiverConfig, ReceiverStats};
use proptest::prelude::*;

use crate::network::{Heard, Listener, Random, Sent, Stream, Weather, at, left_out, octet};

fn receiver() -> Receiver {
    Receiver::new(ReceiverConfig::new(vec![0, 8], Some(101)))
}

/// A minute of a stream.
fn minute(stream: Stream, weather: Weather, seed: u64) -> Listener {
    let mut random = Random::new(seed);
    let count = 60_000_000 / (stream.samples as u64 * 125);
    let sent = stream.send(1_000_000, 0, count, weather, &mut random);
    let mut listener = Listener::new(receiver());
    listener.listen(sent, 900_000, 62_000_000);
    listener
}

fn stats(listener: &Listener) -> ReceiverStats {
    listener.receiver.stats(at(61_000_000))
}

#[test]
fn a_perfect_network_is_heard_perfectly() {
    let listener = minute(Stream::default(), Weather::default(), 1);
    let frames = listener.frames();
    assert_eq!(frames.len(), 3000);
    assert_eq!(left_out(&frames), 0);
    let stats = stats(&listener);
    assert_eq!(stats.packets, 3000);
    assert_eq!(stats.octets, 480_000);
    assert_eq!((stats.lost, stats.late, stats.duplicates), (0, 0, 0));
    assert_eq!(stats.skipped_frames, 0);
    assert_eq!(stats.jitter, Duration::ZERO);
    // The only frames concealed are those before the sender counts as silent.
    assert_eq!(stats.concealed_frames, 5);
    assert_eq!(stats.played_frames, 3000);
    assert!((stats.concealed() - 5.0 / 3005.0).abs() < 1e-9);
    assert_eq!(stats.concealed_time(), Duration::from_millis(100));
}

#[test]
fn the_depth_of_the_buffer_is_told_as_it_was_and_not_as_it_is_at_the_end() {
    let calm = stats(&minute(Stream::default(), Weather::default(), 1));
    // It starts with 40 ms, up to a beat of ours on top, and a calm network gives no reason to skip.
    let started = Duration::from_millis(40)..=Duration::from_millis(60);
    assert!(started.contains(&calm.mean_delay), "{calm:?}");
    let weather = Weather {
        jitter_ms: 80,
        ..Weather::default()
    };
    let rough = stats(&minute(Stream::default(), weather, 1));
    let needed = Duration::from_millis(70)..=Duration::from_millis(160);
    assert!(needed.contains(&rough.mean_delay), "{rough:?}");
    assert!(rough.max_delay >= rough.mean_delay, "{rough:?}");
    assert_eq!(rough.delay, Duration::ZERO, "the sender is silent");
}

#[test]
fn the_first_frame_is_heard_within_the_start_delay() {
    let listener = minute(Stream::default(), Weather::default(), 1);
    let first = listener
        .heard
        .iter()
        .position(|heard| *heard == Heard::Frame(0));
    // Packets take 30 ms; listening began 100 ms before the first was sent.
    let waited = first.unwrap() as u64 * 20 + 7 - 130;
    assert!(waited <= 60, "{waited} ms");
}

#[test]
fn each_lost_packet_is_one_lost_frame_and_nothing_else() {
    for seed in 1..=5 {
        let weather = Weather {
            loss_permille: 50,
            ..Weather::default()
        };
        let listener = minute(Stream::default(), weather, seed);
        let stats = stats(&listener);
        let frames = listener.frames();
        assert!(stats.lost > 80, "{}", stats.lost);
        assert_eq!(left_out(&frames) as u64, stats.lost);
        assert_eq!(stats.packets + stats.lost, 3000);
        assert_eq!(frames.len() as u64, stats.packets);
        // Those in the middle of the stream, and those after its end.
        assert_eq!(listener.count(Heard::Lost) as u64, stats.lost + 5);
        assert!((stats.loss() - 0.05).abs() < 0.02);
    }
}

#[test]
fn jitter_is_waited_out_and_reordering_undone() {
    for seed in 1..=5 {
        let weather = Weather {
            jitter_ms: 80,
            ..Weather::default()
        };
        let listener = minute(Stream::default(), weather, seed);
        let stats = stats(&listener);
        let frames = listener.frames();
        left_out(&frames);
        assert!(stats.reordered > 100, "{}", stats.reordered);
        assert_eq!(stats.lost, 0);
        assert!(stats.late < 60, "{} late", stats.late);
        assert!(frames.len() >= 2900, "{} frames", frames.len());
        // Transits of packets that arrive one after the other differ by up to 80 ms.
        let jitter = stats.jitter.as_millis();
        assert!((20..60).contains(&jitter), "{jitter} ms");
        assert!(
            stats.delay <= Duration::from_millis(140),
            "{:?}",
            stats.delay
        );
    }
}

#[test]
fn the_delay_shrinks_again_when_the_network_calms_down() {
    let mut random = Random::new(9);
    let stream = Stream::default();
    let storm = Weather {
        jitter_ms: 150,
        ..Weather::default()
    };
    let mut sent = stream.send(0, 0, 1000, storm, &mut random);
    sent.extend(stream.send(20_000_000, 1000, 4000, Weather::default(), &mut random));
    let mut listener = Listener::new(receiver());
    let calm = sent.split_off(1000);
    listener.listen(sent, 0, 20_000_000);
    let before = listener.receiver.stats(at(20_000_000)).delay;
    listener.listen(calm, 20_000_000, 80_000_000);
    let after = listener.receiver.stats(at(80_000_000)).delay;
    assert!(before > Duration::from_millis(100), "{before:?}");
    assert!(after <= Duration::from_millis(60), "{after:?}");
}

#[test]
fn doubled_packets_are_played_once() {
    let weather = Weather {
        double_permille: 300,
        jitter_ms: 15,
        ..Weather::default()
    };
    let listener = minute(Stream::default(), weather, 3);
    let stats = stats(&listener);
    assert!(stats.duplicates > 700);
    assert_eq!(stats.packets, 3000);
    assert_eq!(listener.frames().len(), 3000);
    assert_eq!(left_out(&listener.frames()), 0);
}

#[test]
fn both_numbers_wrap_unnoticed() {
    let stream = Stream {
        first_sequence: u16::MAX - 100,
        first_timestamp: u32::MAX - 20_000,
        ..Stream::default()
    };
    let weather = Weather {
        jitter_ms: 30,
        ..Weather::default()
    };
    let listener = minute(stream, weather, 4);
    let stats = stats(&listener);
    assert_eq!((stats.lost, stats.packets), (0, 3000));
    assert!(listener.frames().len() >= 2960);
    // The first packets may come in any order, before the very first too.
    let stream = Stream {
        first_sequence: 0,
        first_timestamp: 0,
        ..Stream::default()
    };
    let listener = minute(stream, weather, 5);
    assert_eq!(self::stats(&listener).packets, 3000);
}

#[test]
fn a_sender_of_another_packet_time_is_played_in_our_frames() {
    for samples in [80, 240, 320, 480] {
        let stream = Stream {
            samples,
            ..Stream::default()
        };
        let listener = minute(stream, Weather::default(), 6);
        let frames = listener.frames();
        assert!(frames.len() >= 2995, "{samples}: {}", frames.len());
        left_out(&frames);
        let weather = Weather {
            loss_permille: 30,
            jitter_ms: 10,
            ..Weather::default()
        };
        let listener = minute(stream, weather, 7);
        assert!(listener.frames().len() > 2700, "{samples}");
    }
}

#[test]
fn clocks_may_drift_for_ten_minutes() {
    for drift_ppm in [-200, -50, 50, 200] {
        let mut random = Random::new(8);
        let weather = Weather {
            drift_ppm,
            jitter_ms: 10,
            ..Weather::default()
        };
        let sent = Stream::default().send(0, 0, 30_000, weather, &mut random);
        let mut listener = Listener::new(receiver());
        listener.listen(sent, 0, 599_000_000);
        let stats = listener.receiver.stats(at(599_000_000));
        // 200 ppm are 120 ms in ten minutes: six frames.
        let bends = stats.skipped_frames + stats.concealed_frames;
        assert!(bends <= 25, "{drift_ppm} ppm: {stats:?}");
        assert!(stats.late <= 5, "{drift_ppm} ppm: {stats:?}");
        assert!(
            stats.delay <= Duration::from_millis(90),
            "{drift_ppm}: {stats:?}"
        );
    }
}

#[test]
fn a_pause_is_idle_and_speech_goes_on_after_it() {
    let mut random = Random::new(10);
    let stream = Stream::default();
    let mut sent = stream.send(0, 0, 100, Weather::default(), &mut random);
    // Two seconds without packets, and without sequence numbers: silence suppression.
    let after = Stream {
        first_sequence: stream.first_sequence.wrapping_sub(100),
        ..stream
    };
    sent.extend(after.send(4_000_000, 200, 300, Weather::default(), &mut random));
    let mut listener = Listener::new(receiver());
    listener.listen(sent, 0, 7_000_000);
    assert_eq!(listener.frames().len(), 200);
    assert_eq!(left_out(&listener.frames()), 100);
    assert_eq!(listener.count(Heard::Lost), 10);
    assert_eq!(listener.receiver.stats(at(7_000_000)).lost, 0);
}

#[test]
fn a_new_ssrc_takes_over_and_a_stray_packet_does_not() {
    let mut random = Random::new(11);
    let weather = Weather::default();
    let (first, second) = (
        Stream::default(),
        Stream {
            ssrc: 7,
            first_sequence: 60_000,
            first_timestamp: 9,
            samples: 160,
        },
    );
    let mut sent = first.send(0, 0, 100, weather, &mut random);
    sent.push(Sent {
        arrives: 1_000_000,
        datagram: second.packet(0),
    });
    sent.extend(second.send(2_000_000, 50, 150, weather, &mut random));
    let mut listener = Listener::new(receiver());
    listener.listen(sent, 0, 5_000_000);
    let stats = listener.receiver.stats(at(5_000_000));
    assert_eq!(stats.source_changes, 1);
    assert_eq!(listener.receiver.ssrc(), Some(7));
    assert_eq!(
        listener
            .arrivals
            .iter()
            .filter(|a| **a == Arrival::Stray)
            .count(),
        2
    );
    assert_eq!(stats.packets, 199);
    assert_eq!(stats.lost, 0);
    assert!(listener.frames().len() >= 196);
}

#[test]
fn a_timestamp_that_jumps_is_a_new_clock() {
    for jump in [100_000_000u32, 0x8000_0000, 0u32.wrapping_sub(50_000)] {
        let mut random = Random::new(12);
        let stream = Stream::default();
        let mut sent = stream.send(0, 0, 100, Weather::default(), &mut random);
        let jumped = Stream {
            first_timestamp: stream.first_timestamp.wrapping_add(jump),
            ..stream
        };
        sent.extend(jumped.send(2_000_000, 100, 200, Weather::default(), &mut random));
        let mut listener = Listener::new(receiver());
        listener.listen(sent, 0, 5_000_000);
        assert!(
            listener.frames().len() >= 195,
            "{jump}: {}",
            listener.frames().len()
        );
        assert_eq!(left_out(&listener.frames()[..90]), 0);
    }
}

#[test]
fn a_sequence_that_restarts_is_believed_at_the_second_packet() {
    let mut random = Random::new(13);
    let stream = Stream::default();
    let mut sent = stream.send(0, 0, 100, Weather::default(), &mut random);
    let restarted = Stream {
        first_sequence: 31_000,
        ..stream
    };
    sent.extend(restarted.send(2_000_000, 100, 200, Weather::default(), &mut random));
    let mut listener = Listener::new(receiver());
    listener.listen(sent, 0, 5_000_000);
    let stats = listener.receiver.stats(at(5_000_000));
    assert_eq!(stats.packets, 199);
    assert_eq!(stats.lost, 0);
    assert!(listener.frames().len() >= 195);
}

#[test]
fn a_network_that_stands_still_and_catches_up_loses_no_word() {
    let mut random = Random::new(14);
    let mut sent = Stream::default().send(0, 0, 500, Weather::default(), &mut random);
    // For 250 ms nothing comes, then everything at once.
    for packet in &mut sent {
        if (4_000_000..4_250_000).contains(&packet.arrives) {
            packet.arrives = 4_250_000;
        }
    }
    let mut listener = Listener::new(receiver());
    listener.listen(sent, 0, 12_000_000);
    let stats = listener.receiver.stats(at(12_000_000));
    assert_eq!(stats.lost, 0);
    let missing = left_out(&listener.frames());
    // Frames skipped to catch up; this signal has no pauses to choose.
    assert!(
        missing as u64 <= stats.skipped_frames + stats.late,
        "{missing} {stats:?}"
    );
    assert!(missing <= 14, "{missing} {stats:?}");
}

#[test]
fn unknown_payload_types_are_counted_and_not_played() {
    let mut receiver = receiver();
    let mut datagram = Stream::default().packet(0);
    datagram[1] = 13;
    receiver.push(at(0), &Packet::parse(&Stream::default().packet(0)).unwrap());
    datagram[3] = datagram[3].wrapping_add(1);
    let packet = Packet::parse(&datagram).unwrap();
    assert_eq!(receiver.push(at(20_000), &packet), Arrival::Ignored);
    assert_eq!(receiver.stats(at(20_000)).ignored, 1);
    assert_eq!(receiver.stats(at(20_000)).lost, 0);
}

#[test]
fn a_sender_may_change_between_the_codecs_agreed_on() {
    let mut receiver = receiver();
    let mut types = Vec::new();
    for index in 0..40u64 {
        let mut datagram = Stream::default().packet(index);
        datagram[1] = if index < 20 { 0 } else { 8 };
        receiver.push(at(index * 20_000), &Packet::parse(&datagram).unwrap());
        if let Frame::Audio { payload_type, .. } = receiver.pop(at(index * 20_000 + 5000)) {
            types.push(payload_type);
        }
    }
    assert!(types.len() > 30);
    assert!(types.is_sorted());
    assert_eq!(types.iter().filter(|t| **t == 0).count(), 20);
}

#[test]
fn frames_skipped_to_catch_up_are_quiet_ones_where_there_are_any() {
    let mut config = ReceiverConfig::new(vec![0], None);
    config.quiet = |_, frame| frame[0] % 10 == 0;
    let mut random = Random::new(15);
    let mut sent = Stream::default().send(0, 0, 1000, Weather::default(), &mut random);
    for packet in &mut sent {
        if (4_000_000..4_200_000).contains(&packet.arrives) {
            packet.arrives = 4_200_000;
        }
    }
    let mut listener = Listener::new(Receiver::new(config));
    listener.listen(sent, 0, 21_000_000);
    let frames = listener.frames();
    let skipped: Vec<u8> = frames
        .windows(2)
        .flat_map(|pair| pair[0] + 1..pair[1].max(pair[0] + 1))
        .collect();
    assert!(!skipped.is_empty());
    assert!(skipped.iter().all(|octet| octet % 10 == 0), "{skipped:?}");
}

#[test]
fn the_last_packet_is_known_for_the_media_timeout() {
    let mut receiver = receiver();
    assert_eq!(receiver.last_packet(), None);
    receiver.push(
        at(55),
        &Packet::parse(&Stream::default().packet(0)).unwrap(),
    );
    assert_eq!(receiver.last_packet(), Some(at(55)));
    // Somebody who only presses keys, with an SSRC of its own.
    let mut event = Stream {
        ssrc: 3,
        ..Stream::default()
    }
    .packet(9);
    event[1] = 101;
    receiver.push(at(77), &Packet::parse(&event).unwrap());
    assert_eq!(receiver.last_packet(), Some(at(77)));
    assert_eq!(receiver.ssrc(), Some(Stream::default().ssrc));
}

proptest! {
    /// Whatever arrives whenever, nothing panics and every frame has its size.
    #[test]
    fn nonsense_is_survived(
        packets in proptest::collection::vec(
            (0u64..100_000, any::<u16>(), any::<u32>(), 0u32..3, 0u8..3, 0usize..2000), 0..300),
    ) {
        let mut receiver = receiver();
        let mut now = 0;
        for (wait, sequence, timestamp, ssrc, payload_type, length) in packets {
            now += wait;
            let payload = vec![octet(now); length];
            let packet = Packet {
                payload_type: [0, 8, 101][usize::from(payload_type)],
                sequence,
                timestamp,
                ssrc,
                payload: &payload,
                ..Packet::default()
            };
            receiver.push(at(now), &packet);
            let _ = receiver.pop(at(now));
            while receiver.poll_digit().is_some() {}
            let stats = receiver.stats(at(now));
            prop_assert!((0.0..=1.0).contains(&stats.loss()));
        }
    }

    /// In any weather each frame is played at most once and in order.
    #[test]
    fn order_holds_in_any_weather(
        seed: u64,
        loss_permille in 0u64..300,
        double_permille in 0u64..300,
        jitter_ms in 0u64..200,
        drift_ppm in -300i64..300,
        first_sequence: u16,
        first_timestamp: u32,
    ) {
        let stream = Stream { first_sequence, first_timestamp, ..Stream::default() };
        let weather = Weather { loss_permille, double_permille, jitter_ms, drift_ppm };
        let sent = stream.send(0, 0, 500, weather, &mut Random::new(seed));
        let mut listener = Listener::new(receiver());
        listener.listen(sent, 0, 12_000_000);
        left_out(&listener.frames());
        let stats = listener.receiver.stats(at(12_000_000));
        prop_assert!(stats.packets + stats.lost <= 500);
    }
}

#[test]
fn comfort_noise_is_heard_from_the_end_of_the_talk_until_it_goes_on_and_is_no_loss() {
    let mut receiver = Receiver::new(ReceiverConfig {
        comfort_noise: Some(13),
        ..ReceiverConfig::new(vec![0], None)
    });
    let mut heard = Vec::new();
    for tick in 0..100u64 {
        let (payload_type, payload): (u8, &[u8]) = match tick {
            0..20 | 60.. => (0, &[0x55; 160]),
            20 | 40 => (13, &[60, 1, 2]),
            _ => (0, &[]),
        };
        // The noise and each spurt go on in the numbering where the one before ended.
        let sequence = match tick {
            0..=20 => tick,
            40 => 21,
            _ => tick.saturating_sub(38),
        };
        if !payload.is_empty() {
            let packet = Packet {
                payload_type,
                sequence: sequence as u16,
                timestamp: tick as u32 * 160,
                ssrc: 1,
                payload,
                ..Packet::default()
            };
            let arrival = receiver.push(at(tick * 20_000), &packet);
            assert_eq!(arrival == Arrival::Noise, payload_type == 13);
        }
        heard.push(match receiver.pop(at(tick * 20_000)) {
            Frame::Audio { .. } => 'a',
            Frame::Noise(description) => {
                assert_eq!(description, [60, 1, 2]);
                'n'
            }
            Frame::Lost => 'l',
            _ => '-',
        });
    }
    let heard: String = heard.into_iter().collect();
    let talk = heard.trim_start_matches('-').trim_end_matches('a');
    assert_eq!(
        talk.trim_start_matches('a').trim_matches('n'),
        "",
        "{heard}"
    );
    assert_eq!(heard.matches('a').count(), 58, "{heard}");
    assert_eq!(receiver.stats(at(2_000_000)).lost, 0);
    assert_eq!(receiver.last_packet(), Some(at(99 * 20_000)));
}
