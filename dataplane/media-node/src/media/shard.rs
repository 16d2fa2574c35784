//! A media thread: owns the calls given to it, alone and without locks.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::{io, thread};

use callplane_call::{Call, Input, PartyId, PartyLine};
use callplane_transport::rtp::MediaSockets;
use callplane_webrtc::TransportAddress;
use tokio::sync::mpsc::{Receiver, error::TryRecvError};

use super::browser::BrowserPort;
use super::load::{Meter, Shown, ThreadLoad};
use super::port::PortSocket;
use super::seat::{Seat, Socket};
use super::watch::{Found, Watch};
use super::wheel::{SLOTS, Wheel};
use super::wire::RtpWire;
use super::{Key, NewCall, NewObserver, ObserveAnswer, ToPeer, ToShard};
use crate::clock::Clock;
use crate::metrics::ThreadMetrics;

/// Largest datagram that can be media: an Ethernet frame.
const MAX_DATAGRAM: usize = 1_600;
/// Looks at the sockets in a slot, and datagrams read from one after a look, but the first: hardly ever is there a second
/// one. A flood on one port does not stop the others, and 200,000 in a second do not fill its socket, where they would
/// take the room of the phone's own packets.
const MAX_LOOKS: usize = 32;
const MANY: usize = 16;

/// Buffers for recordings that are kept while no call wants one: a megabyte.
const MAX_SPARE: usize = 64;

/// The state of one thread.
pub(super) struct Shard {
    clock: Clock,
    metrics: ThreadMetrics,
    commands: Receiver<ToShard>,
    meter: Meter,
    shown: Arc<Shown>,
    /// Tells of the sockets of calls.
    watch: Watch,
    browsers: Option<BrowserPort>,
    wheel: Wheel,
    /// Each in a box: a map has room for more than it holds.
    seats: HashMap<Key, Box<Seat>>,
    /// The calls that supervisors joined, by the supervisor.
    observed: HashMap<Key, Key>,
    slots: [Vec<Key>; SLOTS],
    buffer: [u8; MAX_DATAGRAM],
    /// For what calls record. A call needs one for the moment in which a part of it goes out: as many calls share
    /// them as the disk takes time.
    spare: Vec<Vec<u8>>,
}

impl Shard {
    pub(super) fn new(
        clock: Clock,
        metrics: ThreadMetrics,
        commands: Receiver<ToShard>,
        watch: Watch,
        shown: Arc<Shown>,
        browsers: Option<BrowserPort>,
    ) -> Self {
        Self {
            wheel: Wheel::new(clock.now()),
            clock,
            metrics,
            commands,
            watch,
            meter: Meter::new(clock.now()),
            shown,
            browsers,
            seats: HashMap::new(),
            observed: HashMap::new(),
            slots: Default::default(),
            buffer: [0; MAX_DATAGRAM],
            spare: Vec::with_capacity(MAX_SPARE),
        }
    }

    /// Runs until nobody can send commands any more and the last call is over.
    pub(super) fn run(mut self) {
        let mut found = Found::new();
        loop {
            if self.seats.is_empty() {
                if let Some(port) = self.browsers.as_mut() {
                    port.rest();
                }
                // Nothing to pace: wait for work instead of turning the wheel.
                self.show(ThreadLoad::default());
                let Some(command) = self.commands.blocking_recv() else {
                    return;
                };
                self.wheel.restart(self.clock.now());
                self.meter = Meter::new(self.clock.now());
                self.obey(command);
            }
            self.sleep_until_due();
            self.serve(&mut found);
        }
    }

    /// What is due: commands, what came, slots.
    fn serve(&mut self, found: &mut Found) {
        let woken = self.clock.now();
        self.obey_all();
        self.read(found);
        self.read_browsers();
        while let Some(turn) = self.wheel.turn(self.clock.now()) {
            self.metrics.media.tick_late.observe(turn.late);
            self.meter.turned(turn.late);
            self.tick(turn.slot, turn.due);
        }
        let done = self.clock.now();
        self.meter.worked(done - woken);
        if let Some(load) = self.meter.measure(done, self.seats.len()) {
            self.show(load);
        }
    }

    fn show(&self, load: ThreadLoad) {
        self.metrics.busy.set(load.busy);
        self.shown.show(load);
    }

    fn sleep_until_due(&self) {
        let wait = self.wheel.due() - self.clock.now();
        if wait > Duration::ZERO {
            thread::sleep(wait);
        }
    }

    fn obey_all(&mut self) {
        loop {
            match self.commands.try_recv() {
                Ok(command) => self.obey(command),
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => return,
            }
        }
    }

    fn obey(&mut self, command: ToShard) {
        match command {
            ToShard::Start(key, call) => self.start(key, *call),
            ToShard::Input(key, input) => {
                let now = self.clock.now();
                if let Some(seat) = self.seats.get_mut(&key) {
                    seat.handle(now, input);
                }
            }
            ToShard::Peer(key, change) => self.change(key, change),
            ToShard::Observe(call, key, observer, answer) => {
                // Who asked may be gone: then nobody comes to the place, and it is free again.
                if let Some(observed) = self.observe(call, key, *observer) {
                    let _ = answer.send(observed);
                }
            }
            ToShard::Leave(key) => {
                let (now, call) = (self.clock.now(), self.call_of(key));
                if let Some(seat) = self.seats.get_mut(&call) {
                    seat.leave(now, key);
                }
            }
            ToShard::Party(key, party, line) => self.attach(key, party, *line),
            ToShard::Record(key, action, answer) => {
                let now = self.clock.now();
                let seat = self.seats.get_mut(&key);
                if let Some(done) = seat.and_then(|seat| seat.record(now, action)) {
                    // Who asked may be gone.
                    let _ = answer.send(done);
                }
            }
            ToShard::Recycle(buffer) => {
                if self.spare.len() < MAX_SPARE {
                    self.spare.push(buffer);
                }
            }
            ToShard::Quality(key, answer) => {
                let now = self.clock.now();
                let quality = self.seats.get(&key).and_then(|seat| seat.quality(now));
                // Who asked may be gone.
                let _ = answer.send(quality);
            }
            ToShard::Capture(key, tap) => {
                if let Some(seat) = self.seats.get_mut(&key) {
                    seat.capture(tap);
                }
            }
        }
    }

    /// Seats a call in the emptiest slot.
    fn start(&mut self, key: Key, new: NewCall) {
        let NewCall {
            setup,
            wire,
            outputs,
        } = new;
        let (now, wall) = (self.clock.now(), self.clock.wall());
        let seat = Seat::new(key, Call::new(now, wall, setup), wire, outputs);
        let mut seat = Box::new(seat);
        let (rtp, rtcp) = (
            token(key, Socket::Rtp(PortSocket::Open)),
            token(key, Socket::Rtcp),
        );
        if let Err(error) = seat.watch(&self.watch, rtp, rtcp) {
            tracing::error!(%error, "failed to watch the media sockets of a call");
            seat.handle(
                now,
                Input::HangUp(callplane_call::HangupCause::NetworkOutOfOrder),
            );
        }
        if let Some((port, ufrag)) = self.browsers.as_mut().zip(seat.ufrag()) {
            port.enter(key, ufrag);
        }
        let slot = (0..SLOTS).min_by_key(|slot| self.slots[*slot].len());
        self.slots[slot.unwrap_or(0)].push(key);
        self.seats.insert(key, seat);
        // What the call wanted when it was made goes out at once, not with its first frame.
        if let Some(seat) = self.seats.get_mut(&key) {
            seat.flush();
        }
    }

    /// Reads the sockets that have something, with the time it is seen at: the jitter that RTCP
    /// reports is off by a slot at most.
    fn read(&mut self, found: &mut Found) {
        let (now, wall) = (self.clock.now(), self.clock.wall());
        for look in 0..MAX_LOOKS {
            let at_most = if look == 0 { 1 } else { MANY };
            if let Err(error) = self.watch.look(found) {
                if error.kind() != io::ErrorKind::Interrupted {
                    tracing::error!(%error, "failed to look at the media sockets");
                }
                return;
            }
            if found.is_empty() {
                return;
            }
            for token in found.tokens() {
                let (key, socket) = socket_of(token);
                if let Some(seat) = self.seats.get_mut(&key) {
                    seat.read((now, wall), (socket, at_most), &mut self.buffer);
                }
            }
        }
    }

    /// Reads the ports of the browsers, for their seats. That of UDP is looked at in every slot: one call of the
    /// system costs less than to be woken.
    fn read_browsers(&mut self) {
        let Some(port) = self.browsers.as_mut() else {
            return;
        };
        let (now, mut burst) = (self.clock.now(), 0);
        while let Some((owners, length, from)) =
            port.receive(&mut self.buffer, &mut burst, &self.metrics.media)
        {
            for key in owners {
                let call = self.observed.get(&key).unwrap_or(&key);
                if let Some(seat) = self.seats.get_mut(call) {
                    let from = TransportAddress::udp(from);
                    seat.receive(now, key, from, &self.buffer[..length], port);
                }
            }
        }
        port.accept(now);
        let mut burst = 0;
        while let Some((key, length, from)) =
            port.receive_framed(&mut self.buffer, &mut burst, &self.metrics.media)
        {
            let call = self.observed.get(&key).unwrap_or(&key);
            if let Some(seat) = self.seats.get_mut(call) {
                let from = TransportAddress::tcp(from);
                seat.receive(now, key, from, &self.buffer[..length], port);
            }
        }
    }

    fn change(&mut self, key: Key, change: ToPeer) {
        let (now, call) = (self.clock.now(), self.call_of(key));
        if let Some((seat, port)) = self.seats.get_mut(&call).zip(self.browsers.as_mut()) {
            seat.change(now, key, change, port);
        }
    }

    /// The call that a browser is in, as its caller or as a supervisor.
    fn call_of(&self, key: Key) -> Key {
        self.observed.get(&key).copied().unwrap_or(key)
    }

    /// Lets a supervisor into a call; nothing if there is no such call.
    fn observe(&mut self, call: Key, key: Key, observer: NewObserver) -> Option<ObserveAnswer> {
        let (seat, port) = self.seats.get_mut(&call).zip(self.browsers.as_mut())?;
        let ufrag = observer.peer.ufrag().to_owned();
        let observed = seat.observe(self.clock.now(), key, observer);
        if observed.is_ok() {
            port.enter(key, &ufrag);
            self.observed.insert(key, call);
        }
        Some(observed)
    }

    fn attach(&mut self, key: Key, party: PartyId, (line, sockets): (PartyLine, MediaSockets)) {
        let tokens = (
            token(key, Socket::PartyRtp(PortSocket::Open)),
            token(key, Socket::PartyRtcp),
        );
        // A call that is over needs no party; its sockets close here.
        if let Some(seat) = self.seats.get_mut(&key) {
            let line = (line, RtpWire::new(sockets));
            seat.attach(self.clock.now(), party, line, &self.watch, tokens);
        }
    }

    fn tick(&mut self, slot: usize, due: callplane_types::Instant) {
        let wall = self.clock.wall();
        let mut index = 0;
        while index < self.slots[slot].len() {
            let key = self.slots[slot][index];
            let done = match self.seats.get_mut(&key) {
                None => true,
                Some(seat) => {
                    seat.tick(due, wall, self.browsers.as_mut(), &mut self.spare);
                    if let Some(port) = self.browsers.as_mut() {
                        while let Some(observer) = seat.part(due, port) {
                            port.leave(observer);
                            self.observed.remove(&observer);
                        }
                    }
                    seat.detach_if_gone();
                    let direct = [
                        Socket::Rtp(PortSocket::Direct),
                        Socket::PartyRtp(PortSocket::Direct),
                    ];
                    let [caller, party] = direct.map(|socket| token(key, socket));
                    seat.settle(&self.watch, caller, party);
                    seat.is_done()
                }
            };
            if done {
                self.slots[slot].swap_remove(index);
                self.leave(key);
            } else {
                index += 1;
            }
        }
    }

    fn leave(&mut self, key: Key) {
        if self.seats.remove(&key).is_some() {
            self.shown.calls.fetch_sub(1, Ordering::Relaxed);
        }
        if let Some(port) = self.browsers.as_mut() {
            port.leave(key);
        }
    }
}

/// Sockets of a seat, in the order of their tokens.
const SOCKETS: [Socket; 6] = [
    Socket::Rtp(PortSocket::Open),
    Socket::Rtp(PortSocket::Direct),
    Socket::Rtcp,
    Socket::PartyRtp(PortSocket::Open),
    Socket::PartyRtp(PortSocket::Direct),
    Socket::PartyRtcp,
];

/// As many tokens a call, and back.
fn token(key: Key, socket: Socket) -> u64 {
    let place = SOCKETS.iter().position(|one| *one == socket);
    let place = place.expect("every socket is in the list");
    key.0 * SOCKETS.len() as u64 + place as u64
}

fn socket_of(token: u64) -> (Key, Socket) {
    let sockets = SOCKETS.len() as u64;
    (Key(token / sockets), SOCKETS[(token % sockets) as usize])
}
