//! One call on a media thread: its state machine, its wire, its way out.

use std::collections::VecDeque;
use std::io;

use callplane_call::{Call, Input, Left, Output, PartyId, PartyLine, Quality, RecordingAction};
use callplane_types::{Instant, WallTime};
use callplane_webrtc::TransportAddress;
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::sync::oneshot;

use super::browser::{Browser, BrowserPort};
use super::caller::BrowserCaller;
use super::observer::Observer;
use super::port::PortSocket;
use super::watch::Watch;
use super::wire::{RtpWire, Wire};
use super::{Key, NewObserver, ObserveAnswer, RecordingAnswer, ToPeer};
use crate::trace::Tap;

/// Outputs that may wait while the other side of the channel is slow. Seconds of the recording are lost beyond;
/// nothing else comes in such numbers, unless nobody takes it any more.
const MAX_WAITING: usize = 512;

/// A call on a thread.
pub(super) struct Seat {
    call: Call,
    line: Line,
    /// The ports of another party.
    party: Option<(PartyId, RtpWire)>,
    /// Supervisors who joined it.
    observers: Vec<Observer>,
    outputs: mpsc::Sender<Output>,
    waiting: VecDeque<Output>,
    abandoned: bool,
}

/// A socket of a seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Socket {
    Rtp(PortSocket),
    Rtcp,
    PartyRtp(PortSocket),
    PartyRtcp,
}

/// What the call is carried by.
enum Line {
    Rtp(RtpWire),
    Browser(BrowserCaller),
}

impl Seat {
    pub(super) fn new(key: Key, call: Call, wire: Wire, outputs: mpsc::Sender<Output>) -> Self {
        Self {
            call,
            line: match wire {
                Wire::Rtp(wire) => Line::Rtp(wire),
                Wire::Browser(peer) => Line::Browser(BrowserCaller::new(Browser::new(key, peer))),
            },
            party: None,
            observers: Vec::new(),
            outputs,
            waiting: VecDeque::with_capacity(16),
            abandoned: false,
        }
    }

    /// Watches the sockets of its own under two tokens.
    pub(super) fn watch(&self, watch: &Watch, rtp: u64, rtcp: u64) -> io::Result<()> {
        match &self.line {
            Line::Rtp(wire) => wire.watch(watch, rtp, rtcp),
            Line::Browser(_) => Ok(()),
        }
    }

    /// Gives far ends sockets of their own, watched under two tokens, where media goes there all the time.
    pub(super) fn settle(&mut self, watch: &Watch, caller: u64, party: u64) {
        if let Line::Rtp(wire) = &mut self.line {
            wire.settle(watch, caller);
        }
        if let Some((_, wire)) = &mut self.party {
            wire.settle(watch, party);
        }
    }

    /// Gives another party its ports, watched under two tokens.
    pub(super) fn attach(
        &mut self,
        now: Instant,
        party: PartyId,
        (line, wire): (PartyLine, RtpWire),
        watch: &Watch,
        (rtp, rtcp): (u64, u64),
    ) {
        if let Err(error) = wire.watch(watch, rtp, rtcp) {
            tracing::error!(%error, "failed to watch the media sockets of another party");
            return self.handle(now, Input::PartyUnreachable { party });
        }
        self.party = Some((party, wire));
        self.handle(now, Input::PartyReady { party, line });
    }

    /// Takes the ports away from a party that is gone.
    pub(super) fn detach_if_gone(&mut self) {
        let call = &self.call;
        self.party.take_if(|(party, _)| call.rung() != Some(*party));
    }

    /// What names the way to a browser.
    pub(super) fn ufrag(&self) -> Option<&str> {
        match &self.line {
            Line::Rtp(_) => None,
            Line::Browser(browser) => Some(browser.ufrag()),
        }
    }

    pub(super) fn handle(&mut self, now: Instant, input: Input) {
        self.call.handle(now, input);
        self.flush();
    }

    /// A change to the way to one of its browsers.
    pub(super) fn change(
        &mut self,
        now: Instant,
        key: Key,
        change: ToPeer,
        port: &mut BrowserPort,
    ) {
        let Self {
            call,
            line,
            observers,
            ..
        } = self;
        match (observer_of(observers, key), line) {
            (Some(observer), _) => observer.change(now, change, call, port),
            (None, Line::Browser(caller)) => caller.change(now, change, call, port),
            (None, Line::Rtp(_)) => {}
        }
    }

    /// Lets a supervisor in. What it gives resolves when they are out again.
    pub(super) fn observe(&mut self, now: Instant, key: Key, new: NewObserver) -> ObserveAnswer {
        let NewObserver { observer, peer } = new;
        self.call.observe(now, observer)?;
        let (over, is_over) = oneshot::channel();
        let browser = Browser::new(key, peer);
        self.observers
            .push(Observer::new(observer.leg, browser, over));
        Ok(is_over)
    }

    /// Whoever is at the end of a browser's leg hangs up.
    pub(super) fn leave(&mut self, now: Instant, key: Key) {
        match (observer_of(&mut self.observers, key), &self.line) {
            (Some(observer), _) => observer.leave(now, &mut self.call),
            (None, Line::Browser(_)) => self.call.handle(now, Input::Left(Left::HungUp)),
            (None, Line::Rtp(_)) => {}
        }
        self.flush();
    }

    /// Takes out a supervisor whom the call has no place for any more, and tells the browser. Gives what named it.
    pub(super) fn part(&mut self, now: Instant, port: &mut BrowserPort) -> Option<Key> {
        let (call, abandoned) = (&self.call, self.abandoned);
        let mut observers = self.observers.iter();
        let place = observers.position(|observer| abandoned || !observer.is_in(call))?;
        let mut observer = self.observers.swap_remove(place);
        observer.close(now, port);
        Some(observer.key())
    }

    /// Nothing if the call is over.
    pub(super) fn record(
        &mut self,
        now: Instant,
        action: RecordingAction,
    ) -> Option<RecordingAnswer> {
        if self.call.is_over() {
            return None;
        }
        let answer = self.call.record(now, action);
        self.flush();
        Some(answer)
    }

    /// How the call has sounded so far.
    pub(super) fn quality(&self, now: Instant) -> Option<Quality> {
        self.call.quality(now)
    }

    /// Copies packets into a capture from now on; a browser's never come here.
    pub(super) fn capture(&mut self, tap: Box<Tap>) {
        if let Line::Rtp(wire) = &mut self.line {
            wire.capture(tap);
        }
    }

    /// Reads what came on a socket, so many datagrams `at_most`. Audio that is passed on leaves at once.
    pub(super) fn read(
        &mut self,
        (now, wall): (Instant, WallTime),
        (socket, at_most): (Socket, usize),
        buffer: &mut [u8],
    ) {
        let Self {
            call, line, party, ..
        } = self;
        let caller = match line {
            Line::Rtp(wire) => Some(wire),
            Line::Browser(_) => None,
        };
        let party = party.as_mut().map(|(_, wire)| wire);
        match (socket, caller, party) {
            (Socket::Rtp(socket), Some(wire), mut party) => {
                wire.read_rtp(now, (socket, at_most), buffer, |from, datagram| {
                    let passed = call.rtp(now, wall, from, datagram);
                    if let Some(((to, packet), party)) = passed.zip(party.as_mut()) {
                        party.send_rtp(now, to, packet);
                    }
                });
            }
            (Socket::Rtcp, Some(wire), _) => {
                wire.read_rtcp(now, at_most, buffer, |from, datagram| {
                    call.rtcp(now, wall, from, datagram);
                });
            }
            (Socket::PartyRtp(socket), mut caller, Some(wire)) => {
                wire.read_rtp(now, (socket, at_most), buffer, |from, datagram| {
                    let passed = call.party_rtp(now, wall, from, datagram);
                    if let Some(((to, packet), caller)) = passed.zip(caller.as_mut()) {
                        caller.send_rtp(now, to, packet);
                    }
                });
            }
            (Socket::PartyRtcp, _, Some(wire)) => {
                wire.read_rtcp(now, at_most, buffer, |from, datagram| {
                    call.party_rtcp(now, wall, from, datagram);
                });
            }
            // Of a party that is gone.
            (Socket::Rtp(_) | Socket::Rtcp, None, _)
            | (Socket::PartyRtp(_) | Socket::PartyRtcp, _, None) => {}
        }
        self.send_outgoing(now);
    }

    /// Sends answers to checks, and handshakes.
    fn send_outgoing(&mut self, now: Instant) {
        let Self {
            call, line, party, ..
        } = self;
        if let Line::Rtp(wire) = line {
            while let Some(outgoing) = call.poll_outgoing() {
                wire.send_outgoing(now, &outgoing);
            }
        }
        if let Some((_, wire)) = party {
            while let Some(outgoing) = call.poll_party_outgoing() {
                wire.send_outgoing(now, &outgoing);
            }
        }
    }

    /// A datagram of one of its browsers.
    pub(super) fn receive(
        &mut self,
        now: Instant,
        key: Key,
        from: TransportAddress,
        datagram: &[u8],
        port: &mut BrowserPort,
    ) {
        let Self {
            call,
            line,
            observers,
            ..
        } = self;
        match (observer_of(observers, key), line) {
            (Some(observer), _) => observer.receive(now, from, datagram, call, port),
            (None, Line::Browser(caller)) => caller.receive(now, from, datagram, call, port),
            (None, Line::Rtp(_)) => {}
        }
    }

    /// 20 ms: sends what is due. What is recorded goes out in one of the `spare` buffers, if there is one.
    pub(super) fn tick(
        &mut self,
        now: Instant,
        wall: WallTime,
        mut port: Option<&mut BrowserPort>,
        spare: &mut Vec<Vec<u8>>,
    ) {
        if self.call.wants_buffer(now)
            && let Some(buffer) = spare.pop()
        {
            self.call.recycle(buffer);
        }
        for observer in &mut self.observers {
            observer.hear(now, &mut self.call);
        }
        match (&mut self.line, port.as_deref_mut()) {
            (Line::Rtp(wire), _) => wire.send(now, self.call.tick(now, wall)),
            (Line::Browser(caller), Some(port)) => {
                caller.tick(now, wall, &mut self.call, port);
                caller.close_if_over(now, &self.call, port);
            }
            // A thread without the port gets no browsers.
            (Line::Browser(_), None) => {}
        }
        if let Some((_, wire)) = &mut self.party {
            wire.send(now, self.call.tick_party(now, wall));
        }
        self.send_outgoing(now);
        if let Some(port) = port {
            for observer in &mut self.observers {
                observer.say(now, &mut self.call, port);
            }
        }
        self.flush();
    }

    /// Whether nothing is left to do: the call is over and all was handed out, or nobody is there
    /// to take it.
    pub(super) fn is_done(&self) -> bool {
        self.abandoned || (self.call.is_over() && self.waiting.is_empty())
    }

    /// Hands out what the call wants. Never waits: what the channel does not take now is offered
    /// again with the next frame.
    pub(super) fn flush(&mut self) {
        while let Some(output) = self.call.poll() {
            if self.waiting.len() < MAX_WAITING {
                self.waiting.push_back(output);
            } else if !matches!(output, Output::Recorded(_)) {
                self.abandoned = true;
                return;
            }
        }
        while let Some(output) = self.waiting.pop_front() {
            match self.outputs.try_send(output) {
                Ok(()) => {}
                Err(TrySendError::Full(output)) => {
                    self.waiting.push_front(output);
                    return;
                }
                Err(TrySendError::Closed(_)) => {
                    self.abandoned = true;
                    return;
                }
            }
        }
    }
}

fn observer_of(observers: &mut [Observer], key: Key) -> Option<&mut Observer> {
    observers.iter_mut().find(|observer| observer.key() == key)
}
