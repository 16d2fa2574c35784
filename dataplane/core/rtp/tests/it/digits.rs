//! Digits through all kinds of networks, and from a real sender.

use std::time::Duration;

use callplane_rtp::dtmf::{Digit, DigitEvent, DigitReceiver};
use callplane_rtp::{Clock, Packet, Receiver, ReceiverConfig, Sender, SenderConfig};
use proptest::prelude::*;

use crate::network::{Random, Sent, at};

const EVENT: u8 = 101;

fn sender() -> Sender {
    Sender::new(SenderConfig {
        ssrc: 99,
        first_sequence: 65_530,
        first_timestamp: u32::MAX - 3000,
        payload_type: 0,
        clock: Clock::Khz8,
        telephone_event: Some(EVENT),
    })
}

fn digit(sign: char) -> Digit {
    Digit::try_from(sign).unwrap()
}

/// Presses keys and gives the packets, one a frame.
fn press(keys: &str, duration_ms: u64) -> Vec<Vec<u8>> {
    let mut sender = sender();
    for key in keys.chars() {
        sender
            .press(digit(key), Duration::from_millis(duration_ms))
            .unwrap();
    }
    let mut packets = Vec::new();
    let mut out = Vec::new();
    while sender.is_pressing() {
        assert!(sender.frame(Some(&[0xFF; 160]), &mut out));
        packets.push(out.clone());
    }
    packets
}

fn receive(mut sent: Vec<Sent>) -> Vec<DigitEvent> {
    sent.sort_by_key(|packet| packet.arrives);
    let mut receiver = Receiver::new(ReceiverConfig::new(vec![0], Some(EVENT)));
    let mut events = Vec::new();
    let mut now = 0;
    for packet in sent {
        while now + 20_000 <= packet.arrives {
            now += 20_000;
            let _ = receiver.pop(at(now));
        }
        receiver.push(
            at(packet.arrives),
            &Packet::parse(&packet.datagram).unwrap(),
        );
        events.extend(std::iter::from_fn(|| receiver.poll_digit()));
    }
    for _ in 0..100 {
        now += 20_000;
        let _ = receiver.pop(at(now));
        events.extend(std::iter::from_fn(|| receiver.poll_digit()));
    }
    events
}

fn began(events: &[DigitEvent]) -> String {
    events
        .iter()
        .filter_map(|event| match event {
            DigitEvent::Began(digit) => Some(digit.as_char()),
            DigitEvent::Ended { .. } => None,
        })
        .collect()
}

fn in_time(packets: Vec<Vec<u8>>) -> Vec<Sent> {
    (0..)
        .zip(packets)
        .map(|(index, datagram)| Sent {
            arrives: index * 20_000,
            datagram,
        })
        .collect()
}

#[test]
fn what_is_pressed_arrives_with_its_duration() {
    let events = receive(in_time(press("1590*#ABCD", 120)));
    assert_eq!(began(&events), "1590*#ABCD");
    for pair in events.chunks(2) {
        let [
            DigitEvent::Began(down),
            DigitEvent::Ended { digit, duration },
        ] = pair
        else {
            panic!("{events:?}");
        };
        assert_eq!(down, digit);
        assert_eq!(*duration, Duration::from_millis(120));
    }
}

#[test]
fn the_end_is_sent_three_times_and_the_first_packet_is_marked() {
    let packets = press("5", 100);
    let events: Vec<Packet<'_>> = packets
        .iter()
        .map(|datagram| Packet::parse(datagram).unwrap())
        .filter(|packet| packet.payload_type == EVENT)
        .collect();
    let ends: Vec<bool> = events
        .iter()
        .map(|packet| packet.payload[1] & 0x80 != 0)
        .collect();
    assert_eq!(ends.iter().filter(|end| **end).count(), 3);
    assert!(ends.is_sorted());
    assert!(events[0].marker);
    assert!(events[1..].iter().all(|packet| !packet.marker));
    assert!(
        events
            .iter()
            .all(|packet| packet.timestamp == events[0].timestamp)
    );
    let sequences: Vec<u16> = events.iter().map(|packet| packet.sequence).collect();
    assert!(
        sequences
            .windows(2)
            .all(|pair| pair[1] == pair[0].wrapping_add(1))
    );
    // Only the last durations are equal.
    let durations: Vec<u16> = events
        .iter()
        .map(|packet| u16::from_be_bytes([packet.payload[2], packet.payload[3]]))
        .collect();
    assert_eq!(durations, [160, 320, 480, 640, 800, 800, 800]);
}

#[test]
fn audio_goes_on_in_the_clock_it_had() {
    let mut sender = sender();
    let mut out = Vec::new();
    sender.frame(Some(&[1; 160]), &mut out);
    let before = Packet::parse(&out).unwrap().timestamp;
    sender
        .press(digit('7'), Duration::from_millis(100))
        .unwrap();
    let mut frames = 1u32;
    while sender.is_pressing() {
        sender.frame(Some(&[1; 160]), &mut out);
        frames += 1;
    }
    sender.frame(Some(&[1; 160]), &mut out);
    let packet = Packet::parse(&out).unwrap();
    assert_eq!(packet.payload_type, 0);
    assert_eq!(packet.timestamp, before.wrapping_add(frames * 160));
}

#[test]
fn every_single_packet_of_an_event_is_enough() {
    let packets = press("8", 100);
    for (only, datagram) in packets.into_iter().take(7).enumerate() {
        let events = receive(vec![Sent {
            arrives: 0,
            datagram,
        }]);
        assert_eq!(began(&events), "8", "packet {only}");
        assert_eq!(events.len(), 2, "packet {only}: {events:?}");
    }
}

#[test]
fn a_long_press_goes_on_under_new_timestamps() {
    let mut receiver = DigitReceiver::default();
    let mut sequence = 0u16;
    let mut push = |now: u64, timestamp: u32, duration: u16, end: bool, marker: bool| {
        sequence += 1;
        let [high, low] = duration.to_be_bytes();
        let payload = [3, u8::from(end) << 7 | 10, high, low];
        let packet = Packet {
            marker,
            payload_type: EVENT,
            sequence,
            timestamp,
            ssrc: 1,
            payload: &payload,
            ..Packet::default()
        };
        receiver.push(at(now), &packet);
        std::iter::from_fn(|| receiver.poll()).collect::<Vec<_>>()
    };
    // 20 seconds: two whole segments of 65535 ticks and a rest (RFC 4733 section 2.5.1.3).
    let mut events = Vec::new();
    for tick in 1..=1000u64 {
        let elapsed = tick as u32 * 160;
        let segment = (elapsed - 1) / 65_535;
        let duration = (elapsed - segment * 65_535) as u16;
        let timestamp = 1000 + segment * 65_535;
        // Some packets are lost, the ones around a change of segment among them.
        if tick % 10 == 3 || (409..=411).contains(&tick) {
            continue;
        }
        events.extend(push(
            tick * 20_000,
            timestamp,
            duration,
            tick == 1000,
            tick == 1,
        ));
        if tick == 825 {
            // A straggler of the segment before.
            events.extend(push(tick * 20_000, 66_535, 60_000, false, false));
        }
    }
    assert_eq!(began(&events), "3");
    assert_eq!(events.len(), 2);
    let [_, DigitEvent::Ended { duration, .. }] = events[..] else {
        panic!("{events:?}");
    };
    assert_eq!(duration, Duration::from_secs(20));
}

#[test]
fn an_event_whose_end_is_lost_ends_by_the_next_one_or_by_time() {
    let mut sent = in_time(press("12", 100));
    // All three ends of the first key, and of the second.
    sent.retain(|packet| {
        let packet = Packet::parse(&packet.datagram).unwrap();
        packet.payload_type != EVENT || packet.payload[1] & 0x80 == 0
    });
    let events = receive(sent);
    assert_eq!(began(&events), "12");
    assert_eq!(events.len(), 4);
    assert!(matches!(events[1], DigitEvent::Ended { .. }));
}

#[test]
fn a_recording_played_twice_is_two_presses() {
    let packets: Vec<Vec<u8>> = press("4", 140).into_iter().take(9).collect();
    for pause in [150_000, 400_000, 1_000_000] {
        let mut sent = in_time(packets.clone());
        let again = 180_000 + pause;
        sent.extend((0..).zip(&packets).map(|(index, datagram)| Sent {
            arrives: again + index * 20_000,
            datagram: datagram.clone(),
        }));
        assert_eq!(began(&receive(sent)), "44", "pause {pause}");
    }
}

#[test]
fn what_is_no_key_is_ignored() {
    for payload in [&[16, 0x8A, 0, 160][..], &[255, 0, 0, 0], &[1, 2, 3], &[]] {
        let mut receiver = DigitReceiver::default();
        receiver.push(
            at(0),
            &Packet {
                payload,
                ..Packet::default()
            },
        );
        assert_eq!(receiver.poll(), None);
    }
}

#[test]
fn more_digits_than_fit_are_refused() {
    let mut sender = sender();
    let results: Vec<bool> = (0..40)
        .map(|_| sender.press(digit('1'), Duration::from_millis(100)).is_ok())
        .collect();
    assert_eq!(results.iter().filter(|fits| **fits).count(), 32);
}

#[test]
fn keys_have_signs() {
    for sign in "0123456789*#ABCD".chars() {
        assert_eq!(digit(sign).as_char(), sign);
        assert_eq!(Digit::from_event(digit(sign).event()), Some(digit(sign)));
    }
    assert_eq!(digit('a'), digit('A'));
    assert!(Digit::try_from('E').is_err());
    assert_eq!(Digit::from_event(16), None);
}

/// The recordings that SIPp's Debian package plays: one event each, an SSRC of their own, and the
/// same numbers whenever they are played.
#[test]
fn the_recordings_of_sipp_are_heard_as_often_as_they_are_played() {
    let read = |key: &str| std::fs::read(format!("/usr/share/sip-tester/dtmf_2833_{key}.pcap"));
    let Ok(first) = read("1") else {
        println!("SKIPPED: sip-tester is not installed");
        return;
    };
    let mut sent = Vec::new();
    let files = [
        first.clone(),
        read("2").unwrap(),
        first.clone(),
        first,
        read("pound").unwrap(),
    ];
    for (place, file) in (0..).zip(files) {
        sent.extend(datagrams(&file).into_iter().map(|(time, datagram)| Sent {
            arrives: place * 500_000 + time,
            datagram,
        }));
    }
    assert_eq!(began(&receive(sent)), "1211#");
}

/// The UDP payloads of a capture of Ethernet frames with their times in microseconds.
fn datagrams(file: &[u8]) -> Vec<(u64, Vec<u8>)> {
    let word = |place: usize| {
        u64::from(u32::from_le_bytes(
            file[place..place + 4].try_into().unwrap(),
        ))
    };
    let mut place = 24;
    let mut found: Vec<(u64, Vec<u8>)> = Vec::new();
    while place + 16 <= file.len() {
        let length = word(place + 8) as usize;
        let time = word(place) * 1_000_000 + word(place + 4);
        // Ethernet, IPv4 and UDP headers.
        found.push((time, file[place + 16 + 42..place + 16 + length].to_vec()));
        place += 16 + length;
    }
    let start = found.first().map_or(0, |(time, _)| *time);
    found
        .into_iter()
        .map(|(time, octets)| (time - start, octets))
        .collect()
}

proptest! {
    /// A third of the packets lost, a third doubled, jitter up to 50 ms: as long as one packet of
    /// an event arrives, the digit is heard once and in its place.
    #[test]
    fn each_digit_is_heard_exactly_once(seed: u64, keys in "[0-9*#A-D]{1,12}", length in 60u64..200) {
        let mut random = Random::new(seed);
        let mut sent = Vec::new();
        let mut alive = String::new();
        let mut last = None;
        for (index, datagram) in (0..).zip(press(&keys, length)) {
            let packet = Packet::parse(&datagram).unwrap();
            let is_event = packet.payload_type == EVENT;
            if random.chance(330) {
                continue;
            }
            if is_event && last != Some(packet.timestamp) {
                last = Some(packet.timestamp);
                alive.push(Digit::from_event(packet.payload[0]).unwrap().as_char());
            }
            for _ in 0..1 + u64::from(random.chance(330)) {
                let arrives = index * 20_000 + random.below(50_000);
                sent.push(Sent { arrives, datagram: datagram.clone() });
            }
        }
        prop_assert_eq!(began(&receive(sent)), alive);
    }
}
