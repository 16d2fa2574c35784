//! A network that loses, delays, doubles and reorders, the same way for the same seed.

use std::time::Duration;

use callplane_rtp::{Arrival, Frame, Packet, Receiver};
use callplane_types::Instant;

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

    /// Whether something happens that happens so often in a thousand.
    pub(crate) fn chance(&mut self, permille: u64) -> bool {
        (self.next() >> 8) % 1000 < permille
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        match limit {
            0 => 0,
            limit => (self.next() >> 8) % limit,
        }
    }
}

pub(crate) fn at(micros: u64) -> Instant {
    Instant::from_origin(Duration::from_micros(micros))
}

/// What the network does to packets.
#[derive(Clone, Copy, Default)]
pub(crate) struct Weather {
    pub(crate) loss_permille: u64,
    pub(crate) double_permille: u64,
    /// Each packet is late by up to this; more than the packet time reorders.
    pub(crate) jitter_ms: u64,
    /// The sender's clock is slow (positive) or fast by this.
    pub(crate) drift_ppm: i64,
}

/// A packet on its way.
#[derive(Clone)]
pub(crate) struct Sent {
    pub(crate) arrives: u64,
    pub(crate) datagram: Vec<u8>,
}

/// How a stream numbers its packets.
#[derive(Clone, Copy)]
pub(crate) struct Stream {
    pub(crate) ssrc: u32,
    pub(crate) first_sequence: u16,
    pub(crate) first_timestamp: u32,
    pub(crate) samples: usize,
}

impl Default for Stream {
    fn default() -> Self {
        Self {
            ssrc: 0x1234_5678,
            first_sequence: 1000,
            first_timestamp: 5000,
            samples: 160,
        }
    }
}

/// The octet at a place of the media: changes every 20 ms, so that frames can be told apart.
pub(crate) fn octet(place: u64) -> u8 {
    (place / 160 % 251) as u8
}

impl Stream {
    pub(crate) fn packet(&self, index: u64) -> Vec<u8> {
        let place = index * self.samples as u64;
        let payload: Vec<u8> = (place..place + self.samples as u64).map(octet).collect();
        let mut datagram = Vec::new();
        Packet {
            marker: index == 0,
            payload_type: 0,
            sequence: self.first_sequence.wrapping_add(index as u16),
            timestamp: self.first_timestamp.wrapping_add(place as u32),
            ssrc: self.ssrc,
            payload: &payload,
            ..Packet::default()
        }
        .write(&mut datagram);
        datagram
    }

    /// Sends packets `from..to`, the first of them at `start` microseconds.
    pub(crate) fn send(
        &self,
        start: u64,
        from: u64,
        to: u64,
        weather: Weather,
        random: &mut Random,
    ) -> Vec<Sent> {
        let mut sent = Vec::new();
        let interval = self.samples as u64 * 125;
        for index in from..to {
            let nominal = (index - from) * interval;
            let drift = nominal as i64 * weather.drift_ppm / 1_000_000;
            let leaves = start + nominal.saturating_add_signed(drift);
            // The loss of the first and the last packet is nothing a receiver can see.
            let visible = index != from && index + 1 != to;
            if random.chance(weather.loss_permille) && visible {
                continue;
            }
            let copies = 1 + usize::from(random.chance(weather.double_permille));
            for _ in 0..copies {
                sent.push(Sent {
                    arrives: leaves + 30_000 + random.below(weather.jitter_ms * 1000),
                    datagram: self.packet(index),
                });
            }
        }
        sent
    }
}

/// What a listener got in a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// All of the frame has this octet, or the octet of its middle.
    Frame(u8),
    Lost,
    Idle,
}

pub(crate) struct Listener {
    pub(crate) receiver: Receiver,
    pub(crate) heard: Vec<Heard>,
    pub(crate) arrivals: Vec<Arrival>,
}

impl Listener {
    pub(crate) fn new(receiver: Receiver) -> Self {
        Self {
            receiver,
            heard: Vec::new(),
            arrivals: Vec::new(),
        }
    }

    /// Lets packets arrive and pops a frame every 20 ms until `end` microseconds.
    pub(crate) fn listen(&mut self, mut sent: Vec<Sent>, start: u64, end: u64) {
        sent.sort_by_key(|packet| packet.arrives);
        let mut sent = sent.into_iter().peekable();
        // The beat of our clock has nothing to do with that of the sender.
        for tick in (start + 7_000..end).step_by(20_000) {
            while let Some(packet) = sent.next_if(|packet| packet.arrives <= tick) {
                let parsed = Packet::parse(&packet.datagram).unwrap();
                let arrival = self.receiver.push(at(packet.arrives), &parsed);
                self.arrivals.push(arrival);
            }
            self.heard.push(match self.receiver.pop(at(tick)) {
                Frame::Audio { payload, .. } => Heard::Frame(payload[80]),
                Frame::Lost => Heard::Lost,
                Frame::Idle => Heard::Idle,
                Frame::Packet { .. } | Frame::LostBefore { .. } | Frame::Noise(_) => {
                    panic!("nothing here is decoded whole or says that it is silent")
                }
            });
        }
    }

    pub(crate) fn count(&self, what: Heard) -> usize {
        self.heard.iter().filter(|heard| **heard == what).count()
    }

    /// The octets of the frames that were played.
    pub(crate) fn frames(&self) -> Vec<u8> {
        self.heard
            .iter()
            .filter_map(|heard| match heard {
                Heard::Frame(octet) => Some(*octet),
                Heard::Lost | Heard::Idle => None,
            })
            .collect()
    }
}

/// Whether frames come in their order and none comes twice. Says how many are left out.
pub(crate) fn left_out(frames: &[u8]) -> usize {
    let mut missing = 0;
    for pair in frames.windows(2) {
        let step = (i32::from(pair[1]) - i32::from(pair[0])).rem_euclid(251);
        assert!((1..125).contains(&step), "{pair:?} in {frames:?}");
        missing += step as usize - 1;
    }
    missing
}
