//! Telephone events into digits, each exactly once.

use std::collections::VecDeque;
use std::time::Duration;

use callplane_types::Instant;

use crate::dtmf::{Digit, Event};
use crate::{Clock, packet::Packet};

/// Events that are remembered to recognise their stragglers.
const REMEMBERED: usize = 8;
/// Events nobody took; more are dropped.
const QUEUE: usize = 64;
/// An event without packets for this long is over, although its end was lost.
const LOST_END: Duration = Duration::from_millis(250);
/// A packet of a known event this long after the last one is a new press: the sender replays a
/// recording and uses the same timestamp again.
const REPLAY: Duration = Duration::from_millis(500);
/// The same, when the packet says that it is the first of its event.
const REPLAY_MARKED: Duration = Duration::from_millis(120);
/// A segment of a long event (RFC 4733 section 2.5.1.3) is at least this long.
const LONG_SEGMENT: u16 = 0xF000;

/// What a finger did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DigitEvent {
    /// A key went down. This is the digit: act on it, and on it alone.
    Began(Digit),
    /// The key went up.
    Ended {
        /// Which.
        digit: Digit,
        /// How long it was down, as far as packets tell.
        duration: Duration,
    },
}

/// Receives telephone events.
///
/// An event is known by its SSRC, timestamp and code. All of its packets say the same, so that any
/// one of them is enough, and all others, the retransmitted end included, add nothing.
#[derive(Debug, Clone)]
pub struct DigitReceiver {
    recent: VecDeque<Seen>,
    events: VecDeque<DigitEvent>,
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    ssrc: u32,
    timestamp: u32,
    clock: Clock,
    digit: Digit,
    /// Ticks of the segments before this one.
    before: i64,
    /// Ticks of this segment.
    duration: u16,
    ended: bool,
    last_packet: Instant,
}

impl Default for DigitReceiver {
    fn default() -> Self {
        Self {
            recent: VecDeque::with_capacity(REMEMBERED),
            events: VecDeque::with_capacity(QUEUE),
        }
    }
}

impl Seen {
    fn held(&self) -> Duration {
        self.clock.duration(self.before + i64::from(self.duration))
    }
}

impl DigitReceiver {
    /// Takes a packet with the payload type of telephone events; anything but a key is ignored.
    pub fn push(&mut self, now: Instant, packet: &Packet<'_>) {
        self.push_counted(now, Clock::Khz8, packet);
    }

    /// The same of events whose durations count another clock.
    pub fn push_counted(&mut self, now: Instant, clock: Clock, packet: &Packet<'_>) {
        let Some((event, digit)) = Event::parse(packet.payload)
            .and_then(|event| Some((event, Digit::from_event(event.code)?)))
        else {
            return;
        };
        let known = self.recent.iter().rposition(|seen| {
            seen.ssrc == packet.ssrc && seen.timestamp == packet.timestamp && seen.digit == digit
        });
        match known {
            Some(index) if !self.is_replay(now, index, packet.marker, event) => {
                self.update(now, index, event);
            }
            _ => self.add(now, clock, packet, event, digit),
        }
    }

    fn is_replay(&self, now: Instant, index: usize, marker: bool, event: Event) -> bool {
        let seen = &self.recent[index];
        let quiet = now.saturating_since(seen.last_packet);
        let first = marker && !event.end && quiet >= REPLAY_MARKED;
        seen.ended && (first || quiet >= REPLAY)
    }

    fn update(&mut self, now: Instant, index: usize, event: Event) {
        let seen = &mut self.recent[index];
        seen.last_packet = seen.last_packet.max(now);
        seen.duration = seen.duration.max(event.duration);
        if event.end && !seen.ended {
            seen.ended = true;
            let ended = DigitEvent::Ended {
                digit: seen.digit,
                duration: seen.held(),
            };
            self.report(ended);
        }
    }

    fn add(&mut self, now: Instant, clock: Clock, packet: &Packet<'_>, event: Event, digit: Digit) {
        let mut before = 0;
        let mut continues = false;
        if let Some(last) = self.recent.back_mut()
            && !last.ended
        {
            // A long event goes on under a new timestamp, with the code it had.
            let passed = packet.timestamp.wrapping_sub(last.timestamp);
            let whole = last.duration >= LONG_SEGMENT && passed == u32::from(last.duration);
            continues = last.digit == digit
                && last.ssrc == packet.ssrc
                && !packet.marker
                && (whole || passed == u32::from(u16::MAX));
            last.ended = true;
            if continues {
                before = last.before + i64::from(passed);
            } else {
                // A new event says that the one before is over, whose end was lost.
                let ended = DigitEvent::Ended {
                    digit: last.digit,
                    duration: last.held(),
                };
                self.report(ended);
            }
        }
        if self.recent.len() == REMEMBERED {
            self.recent.pop_front();
        }
        let seen = Seen {
            ssrc: packet.ssrc,
            timestamp: packet.timestamp,
            clock,
            digit,
            before,
            duration: event.duration,
            ended: event.end,
            last_packet: now,
        };
        self.recent.push_back(seen);
        if !continues {
            self.report(DigitEvent::Began(digit));
        }
        if event.end {
            self.report(DigitEvent::Ended {
                digit,
                duration: seen.held(),
            });
        }
    }

    /// Lets time pass: ends the event whose end was lost.
    pub fn tick(&mut self, now: Instant) {
        let Some(last) = self.recent.back_mut() else {
            return;
        };
        if !last.ended && now.saturating_since(last.last_packet) >= LOST_END {
            last.ended = true;
            let ended = DigitEvent::Ended {
                digit: last.digit,
                duration: last.held(),
            };
            self.report(ended);
        }
    }

    /// The next event.
    pub fn poll(&mut self) -> Option<DigitEvent> {
        self.events.pop_front()
    }

    fn report(&mut self, event: DigitEvent) {
        if self.events.len() < QUEUE {
            self.events.push_back(event);
        }
    }
}
