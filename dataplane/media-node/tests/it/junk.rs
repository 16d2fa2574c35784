//! Packets of nobody, in numbers, at the ports of calls.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use callplane_e2e::{apart, until};
use callplane_media_node::Running;
use callplane_store::test_util::PostgresServer;
use serde_json::Value;

use crate::phones::{Heard, Phones};
use crate::world::{World, digits_flow, json_of, keys, metrics};

const CALLS: usize = 20;
/// Of junk, in a second.
const WANTED: f64 = 50_000.0;
/// A little more, so that what is held up meanwhile can be made up for.
const RATE: f64 = 60_000.0;
/// What is held up longer is left out: sent all at once it would be another test.
const LEFT_OUT: Duration = Duration::from_millis(5);
const PATIENCE: Duration = Duration::from_secs(30);
/// Each part of the test, and how many there are of one at most.
const PART: Duration = Duration::from_secs(5);
const MAX_PARTS: usize = 5;

/// What sends it.
struct Junk {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<(u64, Duration)>,
}

impl Junk {
    /// To these ports in turn: what may be RTP, RTCP, STUN, DTLS or nothing.
    fn start(ports: Vec<u16>) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || send(&ports, &stopped));
        Self { stop, thread }
    }

    /// How many there were in a second.
    fn stop(self) -> (u64, f64) {
        self.stop.store(true, Ordering::Relaxed);
        let (sent, time) = self.thread.join().unwrap();
        (sent, sent as f64 / time.as_secs_f64())
    }
}

fn send(ports: &[u16], stopped: &AtomicBool) -> (u64, Duration) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let firsts = [0x80, 0x80, 0x80, 0x81, 0, 1, 20, 22, 23, 63, 255];
    let (began, mut due, mut sent) = (Instant::now(), Instant::now(), 0_u64);
    while !stopped.load(Ordering::Relaxed) {
        let late = due.elapsed();
        if late.is_zero() {
            thread::sleep(Duration::from_millis(1));
            continue;
        }
        if late > LEFT_OUT {
            due = Instant::now() - LEFT_OUT;
        }
        let number = sent as usize;
        let mut packet = [number as u8; 172];
        packet[0] = firsts[number % firsts.len()];
        packet[1] = if number.is_multiple_of(3) { 200 } else { 0 };
        packet[8..12].copy_from_slice(b"junk");
        let port = ports[number % ports.len()];
        // A port that nobody listens on says so with the next packet.
        let _ = socket.send_to(&packet, (Ipv4Addr::LOCALHOST, port));
        sent += 1;
        due += Duration::from_secs_f64(1.0 / RATE);
    }
    (sent, began.elapsed())
}

/// Turns of the media thread so far, and those that were more than 5 ms late.
async fn turns(node: &Running) -> (f64, f64) {
    let metrics = metrics(node).await;
    let count = |label: &str| metrics.sum("callplane_media_tick_late_seconds_bucket", &[label]);
    let (all, in_time) = (count("le=\"+Inf\""), count("le=\"0.005\""));
    (all, all - in_time)
}

/// Datagrams that programs of this network have taken, and those that found no room (RFC 4113, and Linux).
fn datagrams() -> [u64; 2] {
    let text = std::fs::read_to_string("/proc/thread-self/net/snmp").unwrap();
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("Udp: "));
    let (names, values) = (lines.next().unwrap(), lines.next().unwrap());
    ["InDatagrams", "RcvbufErrors"].map(|wanted| {
        let place = names.split(' ').position(|name| name == wanted).unwrap();
        values.split(' ').nth(place).unwrap().parse().unwrap()
    })
}

/// What happened in a part.
#[derive(Debug)]
struct Part {
    /// Packets of junk.
    junk: u64,
    heard: Heard,
    /// Share of the turns of the media thread that were late.
    late: f64,
    /// Datagrams that were taken, and those that found no room.
    taken: u64,
    no_room: u64,
}

impl Part {
    /// One in which junk came at its rate. Where whoever sends it gets too little of the machine for that, nothing is shown:
    /// then there is another one.
    async fn at_its_rate(node: &Running, phones: &Phones, ports: &[u16]) -> Self {
        let mut no_room = 0;
        for _ in 0..MAX_PARTS {
            let (mut part, rate) = Self::measure(node, phones, ports).await;
            no_room += part.no_room;
            if ports.is_empty() || rate >= WANTED {
                part.no_room = no_room;
                return part;
            }
            println!("{rate:.0} in a second are too few");
        }
        panic!("the machine is too busy to send {WANTED} packets in a second");
    }

    async fn measure(node: &Running, phones: &Phones, ports: &[u16]) -> (Self, f64) {
        let (turns_before, heard, [taken, no_room]) =
            (turns(node).await, phones.heard(), datagrams());
        let junk = (!ports.is_empty()).then(|| Junk::start(ports.to_vec()));
        tokio::time::sleep(PART).await;
        let (junk, rate) = junk.map(Junk::stop).unwrap_or_default();
        let (turns, [taken_after, no_room_after]) = (turns(node).await, datagrams());
        let part = Self {
            junk,
            heard: phones.heard().since(heard),
            late: (turns.1 - turns_before.1) / (turns.0 - turns_before.0),
            taken: taken_after - taken,
            no_room: no_room_after - no_room,
        };
        (part, rate)
    }
}

#[test]
fn fifty_thousand_packets_of_nobody_in_a_second_are_heard_in_none_of_twenty_calls() {
    apart(async || {
        let server = Box::leak(Box::new(PostgresServer::start().unwrap()));
        let mut flow = digits_flow();
        flow["nodes"]["pin"]["collect"]["timeoutSeconds"] = 60.into();
        let world = World::on(server, flow).await;
        world.write_keys(&keys());
        let node = world
            .node(&["--whip", "127.0.0.1:0", "--webrtc-udp", "9500"])
            .await;
        let phones = Phones::call(&world, CALLS).await;
        let media = phones.media();
        let all: Vec<u16> = media
            .iter()
            .flat_map(|port| [*port, port + 1])
            .chain([9_500])
            .collect();

        let (mut usual, mut crowded) = (None, 0);
        for (what, ports) in [
            ("none", Vec::new()),
            ("every port", all),
            ("the port of one call", vec![media[CALLS / 2]]),
        ] {
            let part = Part::at_its_rate(&node, &phones, &ports).await;
            println!("junk at {what}: {part:?}");
            crowded += part.no_room;
            // The node has looked at it, and not left it to the kernel.
            assert!(part.taken >= part.junk / 100 * 99, "{what}: {part:?}");
            let expected = PART.as_millis() as u64 / 20 * CALLS as u64;
            assert_eq!(part.heard.missing, 0, "{what}");
            assert!(
                part.heard.packets + 2 * CALLS as u64 >= expected,
                "{what}: {part:?} of {expected}"
            );
            // What else the machine does makes turns late with and without.
            let without = *usual.get_or_insert(part.late);
            assert!(
                part.late <= without + 0.25,
                "{what}: {part:?}, {without} late without"
            );
        }
        phones.hang_up().await;
        let calls = until_recorded(&node).await;
        let lost = calls
            .iter()
            .map(|call| call["quality"]["packetsLost"].as_f64());
        let lost: f64 = lost.map(Option::unwrap).sum();
        let worst = |name: &str| {
            let values = calls
                .iter()
                .map(|call| call["quality"][name].as_f64().unwrap());
            values.fold(0.0, f64::max)
        };
        println!(
            "{lost} lost; at worst {} ms concealed",
            worst("concealedMs")
        );
        // A machine that keeps the thread waiting loses a packet of the phone with hundreds of junk.
        assert!(
            lost <= crowded as f64 / 100.0,
            "{lost} lost, no room for {crowded}"
        );
        assert_eq!(worst("packetsDuplicate"), 0.0);
        // And a phone that it keeps waiting leaves a gap.
        assert!(worst("concealedMs") <= 100.0, "{}", worst("concealedMs"));
        node.drain().await;
    });
}

/// The records of all calls.
async fn until_recorded(node: &Running) -> Vec<Value> {
    let control = node.control_address();
    let calls = until("all calls are recorded", PATIENCE, async || {
        let calls = json_of(control, "/v1/calls?limit=100").await?;
        let calls = calls["calls"].as_array().cloned().unwrap_or_default();
        let completed = calls.iter().filter(|call| call["status"] == "completed");
        Ok((completed.count() == CALLS).then_some(calls))
    })
    .await
    .unwrap();
    let mut records = Vec::new();
    for call in calls {
        let path = format!("/v1/calls/{}", call["id"].as_str().unwrap());
        records.push(json_of(control, &path).await.unwrap());
    }
    records
}
