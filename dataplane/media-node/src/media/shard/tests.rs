//! Counts what a media thread allocates for packets that come and go through real sockets. Time is turned by the
//! test: a machine that stands still for a moment makes chunks of recordings fall together, and those need buffers.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use callplane_call::sip::Event;
use callplane_call::{
    Clip, Codec, Guards, Identity, KeyExchange, KeySource, LocalMedia, MediaSecurity, Opening,
    Output, Secrecy, Setup,
};
use callplane_flow::{AgentSettings, Graph, compile};
use callplane_transport::rtp::PortPool;
use prometheus_client::registry::Registry;
use serde_json::json;
use tokio::sync::mpsc;

use super::super::wire::Wire;
use super::super::{COMMANDS, Key, NewCall, OUTPUTS, ToShard};
use super::*;
use crate::metrics::Metrics;

thread_local! {
    static COUNTING: Cell<bool> = const { Cell::new(false) };
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call is handed to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if COUNTING.with(Cell::get) {
            ALLOCATIONS.with(|count| count.set(count.get() + 1));
        }
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const CALLS: u64 = 3;

/// A caller who sends silence, and what the node wants of its call.
struct Caller {
    key: Key,
    socket: UdpSocket,
    outputs: mpsc::Receiver<Output>,
    sequence: u16,
    heard: u32,
}

impl Caller {
    /// 20 ms: sends a packet, takes those that came.
    fn frame(&mut self) {
        let mut packet = [0xFF; 172];
        packet[..2].copy_from_slice(&[0x80, 0]);
        packet[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        let timestamp = u32::from(self.sequence) * 160;
        packet[4..8].copy_from_slice(&timestamp.to_be_bytes());
        packet[8..12].copy_from_slice(&(self.key.0 as u32 + 1).to_be_bytes());
        self.sequence += 1;
        self.socket.send(&packet).unwrap();
        let mut buffer = [0; 1_600];
        while self.socket.recv(&mut buffer).is_ok() {
            self.heard += 1;
        }
    }
}

/// An agent with a sentence that outlasts the test.
fn setup(caller: &UdpSocket, port: u16) -> Setup {
    let graph = json!({
        "start": "pin",
        "nodes": {
            "pin": {
                "collect": {"variable": "pin", "prompt": "A long story.", "type": "digits", "input": "digits"},
                "edges": [{"to": "bye", "event": "noInput"}, {"to": "bye", "event": "noMatch"}, {"to": "bye"}],
            },
            "bye": {"hangup": {"outcome": "done"}},
        },
    });
    let graph: Graph = serde_json::from_value(graph).unwrap();
    let offer = format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {} RTP/AVP 0\r\n",
        caller.local_addr().unwrap().port()
    );
    Setup {
        opening: Opening::Inbound {
            offer: Some(offer.into()),
        },
        local: LocalMedia {
            address: Ipv4Addr::LOCALHOST.into(),
            port,
            codecs: vec![Codec::Pcmu],
            packet_time_ms: 20,
        },
        secrecy: Secrecy {
            security: MediaSecurity::Disabled,
            exchange: KeyExchange::Sdes,
            keys: KeySource::new([1; 32]),
            identity: Identity::generate(std::time::Instant::now()).unwrap(),
        },
        program: Arc::new(compile(&graph, &AgentSettings::default()).unwrap()),
        variables: Vec::new(),
        apology: Clip::sorry_tone(),
        seed: u64::from(port) << 32,
        guards: Guards::default(),
    }
}

/// A thread that is none: the test turns it.
struct Turned {
    shard: Shard,
    commands: mpsc::Sender<ToShard>,
    callers: Vec<Caller>,
    found: Found,
}

impl Turned {
    fn new() -> Self {
        let (commands, receiver) = mpsc::channel(COMMANDS);
        let metrics = Metrics::register("acme", &mut Registry::default());
        let shown = Arc::new(Shown::default());
        let shard = Shard::new(
            Clock::start().standing_at(callplane_types::Instant::ZERO),
            metrics.media.thread(0),
            receiver,
            Watch::new().unwrap(),
            shown,
            None,
        );
        let mut turned = Self {
            shard,
            commands,
            callers: Vec::new(),
            found: Found::new(),
        };
        let ports = PortPool::new(Ipv4Addr::LOCALHOST.into(), 19_000..=19_999, Duration::ZERO);
        for number in 0..CALLS {
            turned.call(Key(number), &ports);
        }
        turned
    }

    fn call(&mut self, key: Key, ports: &PortPool) {
        let sockets = ports.bind().unwrap();
        let port = sockets.lease.port();
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket
            .connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
            .unwrap();
        socket.set_nonblocking(true).unwrap();
        let (sender, outputs) = mpsc::channel(OUTPUTS);
        let new = NewCall {
            setup: setup(&socket, port),
            wire: Wire::rtp(sockets),
            outputs: sender,
        };
        self.tell(ToShard::Start(key, Box::new(new)));
        self.tell(ToShard::Input(
            key,
            Input::Sip(Event::Acknowledged { sdp: None }),
        ));
        self.callers.push(Caller {
            key,
            socket,
            outputs,
            sequence: 0,
            heard: 0,
        });
    }

    fn tell(&self, command: ToShard) {
        assert!(self.commands.try_send(command).is_ok(), "the thread obeys");
    }

    /// Frames of 20 ms, each slot exactly when it is due; what the thread allocates meanwhile.
    fn frames(&mut self, count: u32) -> u64 {
        let mut allocations = 0;
        for _ in 0..count {
            self.callers.iter_mut().for_each(Caller::frame);
            self.conduct();
            for _ in 0..SLOTS {
                self.shard.clock = self.shard.clock.standing_at(self.shard.wheel.due());
                let before = ALLOCATIONS.with(Cell::get);
                COUNTING.with(|counting| counting.set(true));
                self.shard.serve(&mut self.found);
                COUNTING.with(|counting| counting.set(false));
                allocations += ALLOCATIONS.with(Cell::get) - before;
            }
        }
        allocations
    }

    /// As a conductor does: a minute of speech for what is to be said, buffers back.
    fn conduct(&mut self) {
        let mut answers = Vec::new();
        for caller in &mut self.callers {
            while let Ok(output) = caller.outputs.try_recv() {
                match output {
                    Output::Synthesize { utterance, .. } => {
                        let clip = Ok(Clip::new(vec![1_000; 60 * 8_000]));
                        let input = Input::Speech { utterance, clip };
                        answers.push(ToShard::Input(caller.key, input));
                    }
                    Output::Recorded(buffer) => answers.push(ToShard::Recycle(buffer)),
                    _ => {}
                }
            }
        }
        answers.into_iter().for_each(|answer| self.tell(answer));
    }
}

#[test]
fn a_packet_costs_no_allocation_from_socket_to_socket() {
    let mut turned = Turned::new();
    // Buffers have their size, the first seconds are recorded.
    let first = turned.frames(150);
    assert!(first > 0, "what a call takes at its begin is counted");
    let heard: Vec<u32> = turned.callers.iter().map(|caller| caller.heard).collect();
    assert_eq!(turned.frames(100), 0, "in 100 frames of {CALLS} calls");
    for (caller, before) in turned.callers.iter().zip(heard) {
        assert!(
            caller.heard >= before + 90,
            "{} packets",
            caller.heard - before
        );
    }
}
