//! Telephones on one thread that say something without a pause and count what they hear.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::hand::Hand;
use crate::world::{World, free_port};

/// The phones of a slot send together; there are eight slots in 20 ms.
const SLOTS: usize = 8;
const SLOT: Duration = Duration::from_micros(2_500);
const FRAME: usize = 160;

/// Calls that go on.
pub(crate) struct Phones {
    hand: Hand,
    /// Call-IDs and answers.
    calls: Vec<(String, String)>,
    seen: Arc<Seen>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Seen {
    packets: AtomicU64,
    missing: AtomicU64,
}

/// What all of them have heard.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heard {
    /// RTP packets.
    pub(crate) packets: u64,
    /// Numbers that were left out.
    pub(crate) missing: u64,
}

impl Heard {
    /// What came after `before`.
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            packets: self.packets - before.packets,
            missing: self.missing - before.missing,
        }
    }
}

impl Phones {
    /// Calls from as many phones, each of which is answered.
    pub(crate) async fn call(world: &World, count: usize) -> Self {
        let hand = Hand::new(world).await;
        let (mut calls, mut lines) = (Vec::new(), Vec::new());
        for number in 0..count {
            let port = free_port();
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
            socket.set_nonblocking(true).unwrap();
            let call_id = format!("phone-{number}");
            let answer = hand.call_from(&call_id, port).await;
            assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
            socket
                .connect((Ipv4Addr::LOCALHOST, media_port(&answer)))
                .unwrap();
            lines.push(Line::new(socket, number as u32));
            calls.push((call_id, answer));
        }
        let (seen, stop) = (Arc::<Seen>::default(), Arc::<AtomicBool>::default());
        let (counts, stopped) = (Arc::clone(&seen), Arc::clone(&stop));
        let thread = thread::spawn(move || run(lines, &counts, &stopped));
        Self {
            hand,
            calls,
            seen,
            stop,
            thread: Some(thread),
        }
    }

    /// The RTP ports of the node, by call.
    pub(crate) fn media(&self) -> Vec<u16> {
        let answers = self.calls.iter();
        answers.map(|(_, answer)| media_port(answer)).collect()
    }

    pub(crate) fn heard(&self) -> Heard {
        Heard {
            packets: self.seen.packets.load(Ordering::Relaxed),
            missing: self.seen.missing.load(Ordering::Relaxed),
        }
    }

    /// Hangs up everywhere.
    pub(crate) async fn hang_up(self) {
        for (call_id, answer) in &self.calls {
            self.hand.hang_up(answer, call_id).await;
        }
    }
}

impl Drop for Phones {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Where media goes by an answer.
fn media_port(answer: &str) -> u16 {
    let line = answer
        .lines()
        .find_map(|line| line.strip_prefix("m=audio "));
    line.unwrap().split(' ').next().unwrap().parse().unwrap()
}

fn run(mut lines: Vec<Line>, seen: &Seen, stopped: &AtomicBool) {
    let (mut slot, mut due) = (0, Instant::now());
    while !stopped.load(Ordering::Relaxed) {
        for line in lines.iter_mut().skip(slot).step_by(SLOTS) {
            line.frame(seen);
        }
        slot = (slot + 1) % SLOTS;
        due += SLOT;
        thread::sleep(due.saturating_duration_since(Instant::now()));
    }
}

/// RTP of one phone.
struct Line {
    socket: UdpSocket,
    ssrc: u32,
    sequence: u16,
    heard: Option<u16>,
}

impl Line {
    fn new(socket: UdpSocket, ssrc: u32) -> Self {
        Self {
            socket,
            ssrc,
            sequence: 0,
            heard: None,
        }
    }

    /// Says 20 ms and takes what came.
    fn frame(&mut self, seen: &Seen) {
        let mut packet = [0x80; 12 + FRAME];
        packet[1] = 0;
        packet[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        let timestamp = u32::from(self.sequence) * FRAME as u32;
        packet[4..8].copy_from_slice(&timestamp.to_be_bytes());
        packet[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
        self.sequence += 1;
        // What the network does not take is lost, and shows in the record of the call.
        let _ = self.socket.send(&packet);
        let mut buffer = [0; 512];
        while let Ok(length) = self.socket.recv(&mut buffer) {
            if length < 12 {
                continue;
            }
            let sequence = u16::from_be_bytes([buffer[2], buffer[3]]);
            let last = self.heard.replace(sequence);
            let step = last.map_or(1, |last| sequence.wrapping_sub(last));
            seen.packets.fetch_add(1, Ordering::Relaxed);
            seen.missing
                .fetch_add(u64::from(step.wrapping_sub(1)), Ordering::Relaxed);
        }
    }
}
