//! A media thread: owns the calls given to it, alone and without locks.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use std::{io, thread};

use callplane_call::{Call, Input};
use mio::{Events, Poll, Token};
use tokio::sync::mpsc::{Receiver, error::TryRecvError};

use super::seat::Seat;
use super::wheel::{SLOTS, Wheel};
use super::{Key, NewCall, ToShard};
use crate::clock::Clock;
use crate::metrics::MediaMetrics;

/// Largest datagram that can be media: an Ethernet frame.
const MAX_DATAGRAM: usize = 1_600;
/// Sockets looked at in one go.
const MAX_EVENTS: usize = 1_024;

/// The state of one thread.
pub(super) struct Shard {
    clock: Clock,
    metrics: Arc<MediaMetrics>,
    commands: Receiver<ToShard>,
    load: Arc<AtomicUsize>,
    poll: Poll,
    wheel: Wheel,
    seats: HashMap<Key, Seat>,
    slots: [Vec<Key>; SLOTS],
    buffer: [u8; MAX_DATAGRAM],
}

impl Shard {
    pub(super) fn new(
        clock: Clock,
        metrics: Arc<MediaMetrics>,
        commands: Receiver<ToShard>,
        load: Arc<AtomicUsize>,
    ) -> io::Result<Self> {
        Ok(Self {
            wheel: Wheel::new(clock.now()),
            clock,
            metrics,
            commands,
            load,
            poll: Poll::new()?,
            seats: HashMap::new(),
            slots: Default::default(),
            buffer: [0; MAX_DATAGRAM],
        })
    }

    /// Runs until nobody can send commands any more and the last call is over.
    pub(super) fn run(mut self) {
        let mut events = Events::with_capacity(MAX_EVENTS);
        loop {
            if self.seats.is_empty() {
                // Nothing to pace: wait for work instead of turning the wheel.
                let Some(command) = self.commands.blocking_recv() else {
                    return;
                };
                self.wheel.restart(self.clock.now());
                self.obey(command);
            }
            self.sleep_until_due();
            self.obey_all();
            self.read(&mut events);
            while let Some(turn) = self.wheel.turn(self.clock.now()) {
                self.metrics.tick_late.observe(turn.late);
                self.tick(turn.slot, turn.due);
            }
        }
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
            ToShard::Recycle(key, buffer) => {
                if let Some(seat) = self.seats.get_mut(&key) {
                    seat.recycle(buffer);
                }
            }
        }
    }

    /// Seats a call in the emptiest slot.
    fn start(&mut self, key: Key, new: NewCall) {
        let NewCall {
            setup,
            sockets,
            outputs,
        } = new;
        let (now, wall) = (self.clock.now(), self.clock.wall());
        let mut seat = Seat::new(Call::new(now, wall, setup), sockets, outputs);
        let (rtp, rtcp) = tokens(key);
        if let Err(error) = seat.watch(self.poll.registry(), rtp, rtcp) {
            tracing::error!(%error, "failed to watch the media sockets of a call");
            seat.handle(
                now,
                Input::HangUp(callplane_call::HangupCause::NetworkOutOfOrder),
            );
        }
        let slot = (0..SLOTS).min_by_key(|slot| self.slots[*slot].len());
        self.slots[slot.unwrap_or(0)].push(key);
        self.seats.insert(key, seat);
        self.load.store(self.seats.len(), Ordering::Relaxed);
        // What the call wanted when it was made goes out at once, not with its first frame.
        if let Some(seat) = self.seats.get_mut(&key) {
            seat.flush();
        }
    }

    /// Reads the sockets that have something, with the time it is seen at: the jitter that RTCP
    /// reports is off by a slot at most.
    fn read(&mut self, events: &mut Events) {
        if let Err(error) = self.poll.poll(events, Some(Duration::ZERO)) {
            if error.kind() != io::ErrorKind::Interrupted {
                tracing::error!(%error, "failed to look at the media sockets");
            }
            return;
        }
        let (now, wall) = (self.clock.now(), self.clock.wall());
        for event in events.iter() {
            let (key, is_rtcp) = key_of(event.token());
            if let Some(seat) = self.seats.get_mut(&key) {
                match is_rtcp {
                    false => seat.read_rtp(now, &mut self.buffer),
                    true => seat.read_rtcp(now, wall, &mut self.buffer),
                }
            }
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
                    seat.tick(due, wall);
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
        if let Some(mut seat) = self.seats.remove(&key) {
            seat.unwatch(self.poll.registry());
        }
        self.load.store(self.seats.len(), Ordering::Relaxed);
    }
}

/// Two tokens a call, and back.
fn tokens(key: Key) -> (Token, Token) {
    let base = key.0 as usize * 2;
    (Token(base), Token(base + 1))
}

fn key_of(token: Token) -> (Key, bool) {
    (Key(token.0 as u64 / 2), token.0 % 2 == 1)
}
