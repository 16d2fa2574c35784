//! Two legs that are joined: packets passed on, or transcoded between G.711 and Opus.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use callplane_audio::{Law, OpusConfig, OpusEncoder};

use crate::agent_leg;
use crate::bench::Bench;
use crate::carrier::Carrier;
use crate::figure::Figure;
use crate::node::Node;
use crate::process::Process;
use crate::rtpengine::{Rtpengine, Second};
use crate::series::{least, median};

const RELAYED: usize = 300;
const TRANSCODED: usize = 20;
const WARM: Duration = Duration::from_secs(5);
const WINDOW: Duration = Duration::from_secs(10);
const REPEATS: usize = 3;
const SLOTS: usize = 8;
const SLOT: Duration = Duration::from_micros(2_500);

pub(crate) async fn run(bench: &Bench) -> Result<Vec<Figure>> {
    compare(bench, "relay", RELAYED, Second::Pcmu, 0.5).await
}

pub(crate) async fn transcode(bench: &Bench) -> Result<Vec<Figure>> {
    compare(bench, "transcode", TRANSCODED, Second::Opus, 0.8).await
}

/// The same calls through rtpengine and through the node, one after the other.
async fn compare(
    bench: &Bench,
    what: &str,
    calls: usize,
    second: Second,
    bar: f64,
) -> Result<Vec<Figure>> {
    let peer = peers(bench, calls, second).await?;
    let ours = ours(bench, calls, second).await?;
    let cpu = |costs: &[Cost]| costs.iter().map(|cost| cost.packet).collect::<Vec<_>>();
    let lost = |costs: &[Cost]| {
        let lost: Vec<f64> = costs.iter().map(|cost| 100.0 * cost.missing).collect();
        median(&lost)
    };
    let of = |whose: &str| format!("{what}: {calls} calls, {whose} for a packet in and out");
    let ratio = median(&cpu(&ours)) / median(&cpu(&peer));
    Ok(vec![
        Figure::shown(of("rtpengine"), median(&cpu(&peer)), "us"),
        Figure::shown(of("the node"), median(&cpu(&ours)), "us"),
        Figure::shown(
            format!("{what}: rtpengine, best of three"),
            least(&cpu(&peer)),
            "us",
        ),
        Figure::shown(
            format!("{what}: the node, best of three"),
            least(&cpu(&ours)),
            "us",
        ),
        Figure::at_most(format!("{what}: the node of rtpengine"), ratio, "", bar),
        Figure::shown(
            format!("{what}: packets that rtpengine did not pass on"),
            lost(&peer),
            "%",
        ),
        Figure::at_most(
            format!("{what}: packets that the node did not pass on"),
            lost(&ours),
            "%",
            0.1,
        ),
    ])
}

/// Calls that come to the node and are transferred; nothing is recorded, as rtpengine records nothing.
async fn ours(bench: &Bench, calls: usize, second: Second) -> Result<Vec<Cost>> {
    let node = Node::joining(bench).await?;
    let mut carrier = Carrier::start(node.world.carrier(), second).await?;
    let callers = agent_leg::begin(bench, &node, calls)?;
    let mut ends = Vec::new();
    for called in carrier.take(calls).await? {
        let mut said = match second {
            Second::Pcmu => Said::pcmu(&bench.voice),
            Second::Opus => Said::opus(&bench.voice)?,
        };
        said.payload_type = called.payload_type;
        ends.push(End::new(called.socket, called.to, said)?);
    }
    let load = Ends::start(ends);
    callers.until_up().await?;
    tokio::time::sleep(WARM).await;
    let received = || load.received() + callers.counts().received;
    let mut costs = Vec::new();
    for _ in 0..REPEATS {
        costs.push(measure(node.process(), received, 2 * calls).await?);
        callers.nothing_failed()?;
    }
    load.stop().await?;
    callers.stop().await?;
    Ok(costs)
}

/// CPU of one window.
struct Cost {
    /// Microseconds for a packet that came and went.
    packet: f64,
    missing: f64,
}

async fn peers(bench: &Bench, calls: usize, second: Second) -> Result<Vec<Cost>> {
    let mut peer = Rtpengine::start().await?;
    let spoken = match second {
        Second::Pcmu => Said::pcmu(&bench.voice),
        Second::Opus => Said::opus(&bench.voice)?,
    };
    let mut ends = Vec::new();
    for call in 0..calls {
        let (first, other) = (socket()?, socket()?);
        let ports = (first.local_addr()?.port(), other.local_addr()?.port());
        let (to_first, to_second) = peer.join(call, ports.0, ports.1, second).await?;
        ends.push(End::new(first, to_first, Said::pcmu(&bench.voice))?);
        ends.push(End::new(other, to_second, spoken.clone())?);
    }
    let ends_count = ends.len();
    let load = Ends::start(ends);
    tokio::time::sleep(WARM).await;
    let mut costs = Vec::new();
    for _ in 0..REPEATS {
        costs.push(measure(peer.process(), || load.received(), ends_count).await?);
    }
    load.stop().await?;
    Ok(costs)
}

/// What a window costs in which `ends` send and `received` counts what comes to them.
async fn measure(process: Process, received: impl Fn() -> u64, ends: usize) -> Result<Cost> {
    let (cpu, before, began) = (process.cpu()?, received(), Instant::now());
    tokio::time::sleep(WINDOW).await;
    let used = process.cpu()?.since(cpu).whole;
    let expected = began.elapsed().as_secs_f64() * 50.0 * ends as f64;
    let passed = (received() - before) as f64;
    let cost = Cost {
        packet: used.as_micros() as f64 / passed,
        missing: (1.0 - passed / expected).max(0.0),
    };
    eprintln!(
        "   {:.2} us a packet, {:.2} % missing",
        cost.packet,
        100.0 * cost.missing
    );
    Ok(cost)
}

fn socket() -> Result<UdpSocket> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// What one end says, packet by packet, over and over.
#[derive(Clone)]
pub(crate) struct Said {
    pub(crate) payloads: Arc<[Vec<u8>]>,
    payload_type: u8,
    /// Units of the RTP clock in 20 ms.
    step: u32,
}

impl Said {
    fn pcmu(voice: &[u8]) -> Self {
        Self {
            payloads: voice.chunks_exact(160).map(<[u8]>::to_vec).collect(),
            payload_type: 0,
            step: 160,
        }
    }

    pub(crate) fn opus(voice: &[u8]) -> Result<Self> {
        let mut encoder = OpusEncoder::new(OpusConfig::default());
        let mut payloads = Vec::new();
        for frame in voice.chunks_exact(160) {
            // Twice as many samples as in G.711: 16 kHz.
            let samples: Vec<i16> = frame
                .iter()
                .flat_map(|octet| [Law::Mu.decode_sample(*octet); 2])
                .collect();
            let mut packet = vec![0; 1_275];
            let length = encoder.encode(&samples, &mut packet)?;
            packet.truncate(length);
            payloads.push(packet);
        }
        Ok(Self {
            payloads: payloads.into(),
            payload_type: crate::load::sdp::OPUS,
            step: 960,
        })
    }
}

/// One end of a call.
struct End {
    socket: UdpSocket,
    said: Said,
    place: usize,
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
}

impl End {
    fn new(socket: UdpSocket, to: SocketAddr, said: Said) -> Result<Self> {
        socket.connect(to)?;
        Ok(Self {
            ssrc: u32::from(socket.local_addr()?.port()),
            socket,
            said,
            place: 0,
            sequence: 0,
            timestamp: 0,
        })
    }

    fn frame(&mut self, packet: &mut Vec<u8>, received: &AtomicU64) {
        packet.clear();
        packet.extend_from_slice(&[0x80, self.said.payload_type]);
        packet.extend_from_slice(&self.sequence.to_be_bytes());
        packet.extend_from_slice(&self.timestamp.to_be_bytes());
        packet.extend_from_slice(&self.ssrc.to_be_bytes());
        packet.extend_from_slice(&self.said.payloads[self.place]);
        self.place = (self.place + 1) % self.said.payloads.len();
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(self.said.step);
        // What is lost shows in what comes.
        let _ = self.socket.send(packet);
        let mut buffer = [0; 1_600];
        while self.socket.recv(&mut buffer).is_ok() {
            received.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// All ends, on a thread.
struct Ends {
    received: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: thread::JoinHandle<()>,
}

impl Ends {
    fn start(mut ends: Vec<End>) -> Self {
        let (received, stop) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let (counted, stopped) = (Arc::clone(&received), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            let (mut slot, mut due, mut packet) = (0, Instant::now(), Vec::with_capacity(1_600));
            while !stopped.load(Ordering::Relaxed) {
                for end in ends.iter_mut().skip(slot).step_by(SLOTS) {
                    end.frame(&mut packet, &counted);
                }
                slot = (slot + 1) % SLOTS;
                due += SLOT;
                thread::sleep(due.saturating_duration_since(Instant::now()));
            }
        });
        Self {
            received,
            stop,
            thread,
        }
    }

    fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    async fn stop(self) -> Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        tokio::task::spawn_blocking(move || self.thread.join())
            .await?
            .map_err(|_| anyhow!("the phones panicked"))
    }
}
