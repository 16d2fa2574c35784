//! Codecs whose packets are decoded whole, as Opus: the first octet says the milliseconds, the second
//! numbers the packet, and a third that nobody talks.

use std::time::Duration;

use callplane_rtp::{
    Arrival, Clock, ControlSession, Format, Frame, Packet, PacketInfo, Receiver, ReceiverConfig,
    Sender, SenderConfig,
};
use callplane_types::{Instant, WallTime};

use crate::network::{Random, at};

const AUDIO: u8 = 111;
const EVENTS: u8 = 110;

fn receiver() -> Receiver {
    Receiver::new(ReceiverConfig {
        audio: vec![Format::khz48(AUDIO), Format::khz8(0)],
        telephone_events: vec![Format::khz48(EVENTS), Format::khz8(101)],
        inspect: |payload| {
            let time = Duration::from_millis(u64::from(*payload.first()?));
            (!time.is_zero()).then_some(PacketInfo {
                time,
                quiet: payload.len() > 2,
            })
        },
        ..ReceiverConfig::new(Vec::new(), None)
    })
}

/// What was played: numbers of packets, and what stood for those that were missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Played {
    Packet(u8),
    /// So many milliseconds, before the packet of this number.
    Before(u8, u64),
    Lost,
    Idle,
}

/// A leg that has a frame of 20 ms to play each tick.
struct Leg {
    receiver: Receiver,
    /// Milliseconds that wait to be played.
    ready: u64,
    played: Vec<Played>,
    tick: u64,
}

impl Leg {
    fn new() -> Self {
        Self {
            receiver: receiver(),
            ready: 0,
            played: Vec::new(),
            tick: 0,
        }
    }

    fn push(&mut self, packet: &Packet<'_>) -> Arrival {
        self.receiver.push(self.now(), packet)
    }

    fn now(&self) -> Instant {
        at(self.tick * 20_000)
    }

    fn tick(&mut self) {
        let now = self.now();
        while self.ready < 20 {
            let (played, time) = match self.receiver.pop(now) {
                Frame::Packet { payload, .. } => (Played::Packet(payload[1]), payload[0].into()),
                Frame::LostBefore { next, time, .. } => {
                    let time = time.as_millis() as u64;
                    (Played::Before(next[1], time), time)
                }
                Frame::Lost => (Played::Lost, 20),
                Frame::Idle => (Played::Idle, 20),
                Frame::Audio { .. } | Frame::Noise(_) => {
                    panic!("no codec here has an octet a tick")
                }
            };
            self.played.push(played);
            self.ready += time;
        }
        self.ready -= 20;
        self.tick += 1;
    }

    fn heard(&self) -> Vec<Played> {
        let silent = |played: &&Played| **played == Played::Idle;
        let start = self.played.iter().take_while(silent).count();
        self.played[start..].to_vec()
    }
}

fn packet(number: u8, time: u8) -> ([u8; 2], u32) {
    ([time, number], u32::from(number) * u32::from(time) * 48)
}

/// Each packet in its time, but for those that are lost; the first in the middle of a wrap.
fn run(time: u8, count: u8, lost: &[u8]) -> Leg {
    let mut leg = Leg::new();
    for number in 0..count {
        let (payload, timestamp) = packet(number, time);
        if !lost.contains(&number) {
            leg.push(&Packet {
                payload_type: AUDIO,
                sequence: u16::MAX.wrapping_add(u16::from(number)),
                timestamp: timestamp.wrapping_sub(1_000),
                ssrc: 1,
                payload: &payload,
                ..Packet::default()
            });
        }
        // With 10 ms, two packets a tick.
        let before = u32::from(number) * u32::from(time);
        for _ in before / 20..(before + u32::from(time)) / 20 {
            leg.tick();
        }
    }
    leg
}

#[test]
fn packets_of_any_time_are_played_in_order_without_a_gap() {
    for time in [10, 20, 40, 60, 120] {
        let leg = run(time, 30, &[]);
        let heard = leg.heard();
        let expected: Vec<Played> = (0..heard.len() as u8).map(Played::Packet).collect();
        assert_eq!(heard, expected, "{time} ms");
        assert!(heard.len() >= 24, "{time} ms: {}", heard.len());
    }
}

#[test]
fn what_is_lost_is_taken_from_the_packet_behind_it_where_that_is_there() {
    let heard = run(20, 40, &[10, 20, 21]).heard();
    let around = |number| {
        let place = heard
            .iter()
            .position(|played| *played == Played::Packet(number));
        heard[place.unwrap() + 1..][..4].to_vec()
    };
    let after = |number| [number, number + 1, number + 2].map(Played::Packet);
    assert_eq!(around(9)[0], Played::Before(11, 20));
    assert_eq!(around(9)[1..], after(11));
    // Of two only the second can be in it.
    assert_eq!(around(19)[..2], [Played::Lost, Played::Before(22, 20)]);
    // The buffer holds no 60 ms of a network that does not delay: what was waited for is over.
    let sixty = run(60, 20, &[8]).heard();
    assert_eq!(
        sixty[8..12],
        [Played::Lost, Played::Lost, Played::Lost, Played::Packet(9)]
    );
}

#[test]
fn a_network_that_delays_and_reorders_costs_waiting_and_no_packet() {
    let mut random = Random::new(5);
    let mut sent: Vec<(u64, u8)> = (0..200)
        .map(|number| (u64::from(number) * 20 + random.below(70), number))
        .collect();
    sent.sort_unstable();
    let mut leg = Leg::new();
    let mut sent = sent.into_iter().peekable();
    for tick in 0..220 {
        while let Some((_, number)) = sent.next_if(|(arrives, _)| *arrives <= tick * 20) {
            let (payload, timestamp) = packet(number, 20);
            leg.push(&Packet {
                payload_type: AUDIO,
                sequence: number.into(),
                timestamp,
                ssrc: 1,
                payload: &payload,
                ..Packet::default()
            });
        }
        leg.tick();
    }
    let numbers: Vec<u8> = leg.played.iter().filter_map(number).collect();
    assert!(numbers.is_sorted(), "{numbers:?}");
    let stats = leg.receiver.stats(leg.now());
    assert!(stats.late <= 6, "{stats:?}");
    assert_eq!(
        numbers.len() as u64 + stats.late + stats.skipped_frames,
        200,
        "{stats:?}"
    );
    assert!(stats.jitter > Duration::from_millis(5) && stats.jitter < Duration::from_millis(50));
}

fn number(played: &Played) -> Option<u8> {
    match played {
        Played::Packet(number) => Some(*number),
        _ => None,
    }
}

#[test]
fn a_pause_in_which_nothing_is_sent_is_silence_and_no_loss() {
    let mut leg = Leg::new();
    for tick in 0..200u32 {
        // Half a second of talk, half of silence.
        if tick % 50 < 25 {
            let sequence = tick / 50 * 25 + tick % 50;
            leg.push(&Packet {
                payload_type: AUDIO,
                sequence: sequence as u16,
                timestamp: tick * 960,
                ssrc: 1,
                payload: &[20, sequence as u8],
                ..Packet::default()
            });
        }
        leg.tick();
    }
    let heard: Vec<u8> = leg.played.iter().filter_map(number).collect();
    assert_eq!(heard, (0..100).collect::<Vec<u8>>());
    let stats = leg.receiver.stats(leg.now());
    assert_eq!((stats.lost, stats.late), (0, 0));
    assert!(
        leg.played
            .iter()
            .filter(|played| **played == Played::Idle)
            .count()
            > 60
    );
}

#[test]
fn a_burst_after_a_stall_does_not_delay_the_rest_of_the_call() {
    let mut leg = run(20, 50, &[]);
    for _ in 0..40 {
        leg.tick();
    }
    // What waited somewhere comes at once, and then as before.
    for number in 50..600u16 {
        let payload = [20, number as u8, 0];
        leg.push(&Packet {
            payload_type: AUDIO,
            sequence: u16::MAX.wrapping_add(number),
            timestamp: (u32::from(number) * 960).wrapping_sub(1_000),
            ssrc: 1,
            payload: &payload,
            ..Packet::default()
        });
        if number > 90 {
            leg.tick();
        }
    }
    let stats = leg.receiver.stats(leg.now());
    assert!(stats.skipped_frames > 10, "{stats:?}");
    assert!(stats.delay < Duration::from_millis(100), "{stats:?}");
}

#[test]
fn a_sender_may_change_to_a_codec_with_another_clock_and_back() {
    let mut leg = Leg::new();
    let mut frames = 0;
    for tick in 0..90u32 {
        let opus = !(30..60).contains(&tick);
        let (payload_type, clock, payload): (_, _, &[u8]) = match opus {
            true => (AUDIO, 960, &[20, 7]),
            false => (0, 160, &[0xFF; 160]),
        };
        leg.push(&Packet {
            payload_type,
            sequence: tick as u16,
            timestamp: tick * clock,
            ssrc: 1,
            payload,
            ..Packet::default()
        });
        let now = leg.now();
        let heard = matches!(
            leg.receiver.pop(now),
            Frame::Packet { .. } | Frame::Audio { .. }
        );
        frames += u32::from(heard);
        leg.tick += 1;
    }
    assert!(frames > 75, "{frames}");
    let stats = leg.receiver.stats(leg.now());
    assert!(stats.jitter < Duration::from_millis(1), "{stats:?}");
}

#[test]
fn octets_that_are_no_packet_are_not_played() {
    let mut leg = Leg::new();
    let malformed = Packet {
        payload_type: AUDIO,
        ssrc: 1,
        payload: &[0, 0],
        ..Packet::default()
    };
    assert_eq!(leg.push(&malformed), Arrival::Ignored);
    leg.tick();
    assert_eq!(leg.played, [Played::Idle]);
}

/// The timestamps of the sender, and the jitter in its reports, count the clock of the codec.
#[test]
fn reports_count_the_clock_of_the_codec() {
    let mut sender = Sender::new(SenderConfig {
        ssrc: 1,
        first_sequence: 0,
        first_timestamp: 0,
        payload_type: AUDIO,
        clock: Clock::Khz48,
        telephone_event: None,
    });
    let mut receiver = receiver();
    let mut datagram = Vec::new();
    // Every second packet is 10 ms late: a jitter of nearly as much.
    for number in 0..600u64 {
        sender.frame(Some(&[20, number as u8]), &mut datagram);
        let packet = Packet::parse(&datagram).unwrap();
        assert_eq!(u64::from(packet.timestamp), number * 960);
        receiver.push(at(number * 20_000 + number % 2 * 10_000), &packet);
    }
    let now = at(600 * 20_000);
    let jitter = receiver.stats(now).jitter;
    assert!(
        jitter.abs_diff(Duration::from_millis(10)) < Duration::from_millis(1),
        "{jitter:?}"
    );
    let mut control = ControlSession::new("name".to_owned(), 1);
    let wall = WallTime::from_unix_micros(1_700_000_000_000_000);
    control.goodbye(now, wall, &sender, &mut receiver, &mut datagram);
    let packets = callplane_rtp::rtcp::parse(&datagram).unwrap();
    let callplane_rtp::rtcp::ControlPacket::SenderReport { info, reports, .. } = &packets[0] else {
        panic!("{packets:?}");
    };
    assert_eq!(info.timestamp, 600 * 960);
    assert!(
        (430..=480).contains(&reports[0].jitter),
        "{}",
        reports[0].jitter
    );
}

#[test]
fn keys_last_as_long_by_either_clock() {
    use callplane_rtp::dtmf::{Digit, DigitEvent};
    for (clock, audio, events) in [(Clock::Khz48, AUDIO, EVENTS), (Clock::Khz8, 0, 101)] {
        let mut sender = Sender::new(SenderConfig {
            ssrc: 1,
            first_sequence: 0,
            first_timestamp: 0,
            payload_type: audio,
            clock,
            telephone_event: Some(events),
        });
        let digit = Digit::try_from('5').unwrap();
        sender.press(digit, Duration::from_millis(100)).unwrap();
        let mut receiver = receiver();
        let (mut datagram, mut heard) = (Vec::new(), Vec::new());
        for number in 0..20 {
            if sender.frame(Some(&[20, 0]), &mut datagram) {
                receiver.push(at(number * 20_000), &Packet::parse(&datagram).unwrap());
            }
            while let Some(event) = receiver.poll_digit() {
                heard.push(event);
            }
        }
        let duration = Duration::from_millis(100);
        assert_eq!(
            heard,
            [
                DigitEvent::Began(digit),
                DigitEvent::Ended { digit, duration }
            ]
        );
    }
}
