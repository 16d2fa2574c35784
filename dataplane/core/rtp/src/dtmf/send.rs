//! Digits into telephone events.

use std::collections::VecDeque;
use std::time::Duration;

use crate::Clock;
use crate::dtmf::{Digit, Event};

/// Digits that may wait.
const QUEUE: usize = 32;
/// How often the end is sent (RFC 4733 section 2.5.1.4).
const END_PACKETS: u8 = 3;
/// Frames between two digits, beyond those the end takes: together 80 ms.
const PAUSE_FRAMES: u8 = 2;
/// The shortest press every receiver detects, and the longest that fits one segment, in 8000ths of a
/// second.
const SHORTEST: u16 = 400;
const LONGEST: u16 = 48_000;
/// Power of our tones in -dBm0.
const VOLUME: u8 = 10;

/// More digits wait than can be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many digits waiting to be sent")]
pub struct QueueFull;

/// Sends telephone events, one packet for each of the stream.
#[derive(Debug, Clone)]
pub struct DigitSender {
    waiting: VecDeque<(Digit, u16)>,
    state: State,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Quiet,
    Pressing {
        digit: Digit,
        started: u32,
        elapsed: u16,
        length: u16,
    },
    Ending {
        digit: Digit,
        started: u32,
        length: u16,
        left: u8,
    },
    Pausing(u8),
}

/// What to put into the packet of this frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventPacket {
    /// The first packet of the event.
    pub marker: bool,
    /// When the event began, in media time: the same in all its packets.
    pub timestamp: u32,
    /// The event.
    pub payload: [u8; 4],
}

impl Default for DigitSender {
    fn default() -> Self {
        Self {
            waiting: VecDeque::with_capacity(QUEUE),
            state: State::Quiet,
        }
    }
}

impl DigitSender {
    /// Queues a digit; its duration is brought between 50 ms and 6 s. With a clock of 48000 no more
    /// than 1.3 s of it are said.
    ///
    /// # Errors
    /// More than 32 are waiting.
    pub fn press(&mut self, digit: Digit, duration: Duration) -> Result<(), QueueFull> {
        if self.waiting.len() >= QUEUE {
            return Err(QueueFull);
        }
        let ticks = crate::ticks(duration).clamp(i64::from(SHORTEST), i64::from(LONGEST));
        self.waiting.push_back((digit, ticks as u16));
        Ok(())
    }

    /// Whether a digit is being sent or waits.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        !matches!(self.state, State::Quiet) || !self.waiting.is_empty()
    }

    /// The packet of the `time` that begins at `now` by the clock of the stream, if a digit is being
    /// sent.
    pub fn next(&mut self, now: u32, clock: Clock, time: Duration) -> Option<EventPacket> {
        if let State::Pausing(left) = self.state {
            self.state = match left {
                0 | 1 => State::Quiet,
                left => State::Pausing(left - 1),
            };
            return None;
        }
        if matches!(self.state, State::Quiet) {
            let (digit, length) = self.waiting.pop_front()?;
            self.state = State::Pressing {
                digit,
                started: now,
                elapsed: 0,
                length,
            };
        }
        self.advance(clock, crate::ticks(time) as u16)
    }

    fn advance(&mut self, clock: Clock, step: u16) -> Option<EventPacket> {
        match self.state {
            State::Pressing {
                digit,
                started,
                elapsed,
                length,
            } => {
                let marker = elapsed == 0;
                let elapsed = elapsed.saturating_add(step);
                if elapsed >= length && !marker {
                    self.state = State::Ending {
                        digit,
                        started,
                        length,
                        left: END_PACKETS,
                    };
                    return self.advance(clock, step);
                }
                self.state = State::Pressing {
                    digit,
                    started,
                    elapsed,
                    length,
                };
                Some(packet(digit, marker, started, clock, elapsed, false))
            }
            State::Ending {
                digit,
                started,
                length,
                left,
            } => {
                self.state = match left {
                    0 | 1 => State::Pausing(PAUSE_FRAMES),
                    left => State::Ending {
                        digit,
                        started,
                        length,
                        left: left - 1,
                    },
                };
                Some(packet(digit, false, started, clock, length, true))
            }
            State::Quiet | State::Pausing(_) => None,
        }
    }
}

fn packet(
    digit: Digit,
    marker: bool,
    timestamp: u32,
    clock: Clock,
    duration: u16,
    end: bool,
) -> EventPacket {
    let duration = u32::from(duration) * (clock.rate() / crate::CLOCK_RATE);
    let event = Event {
        code: digit.event(),
        end,
        volume: VOLUME,
        duration: duration.min(u32::from(u16::MAX)) as u16,
    };
    EventPacket {
        marker,
        timestamp,
        payload: event.to_bytes(),
    }
}
