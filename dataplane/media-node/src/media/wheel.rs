//! The slot wheel: 20 ms in eight slots, each call in one of them.
//!
//! One wake-up serves all calls of a slot, and the eight slots spread the work of a thread over the
//! frame. The wheel is arithmetic on time; the thread sleeps.

use std::time::Duration;

use callplane_types::Instant;

/// Slots of a frame.
pub(super) const SLOTS: usize = 8;
/// Time between two slots.
const SLOT_TIME: Duration = Duration::from_micros(2_500);
/// Further behind than this the missed slots are left out: after a stall of the machine callers
/// shall not hear what was to be said in it all at once.
const GIVE_UP: Duration = Duration::from_millis(200);

/// Which slot is due when. **Slots follow each other without a gap in their numbering, and the due
/// times of one slot are exactly 20 ms apart unless the wheel was stalled.**
#[derive(Debug)]
pub(super) struct Wheel {
    due: Instant,
    slot: usize,
}

/// A slot whose time has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) slot: usize,
    /// When it was due: the time of its frames.
    pub(super) due: Instant,
    /// How much later it is.
    pub(super) late: Duration,
}

impl Wheel {
    pub(super) fn new(now: Instant) -> Self {
        Self { due: now, slot: 0 }
    }

    /// When the next slot is due.
    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// The next slot, if it is due.
    pub(super) fn turn(&mut self, now: Instant) -> Option<Turn> {
        if now < self.due {
            return None;
        }
        let late = now - self.due;
        if late > GIVE_UP {
            self.due = now;
        }
        let turn = Turn {
            slot: self.slot,
            due: self.due,
            late,
        };
        self.slot = (self.slot + 1) % SLOTS;
        self.due += SLOT_TIME;
        Some(turn)
    }

    /// Begins anew after a time without calls.
    pub(super) fn restart(&mut self, now: Instant) {
        self.due = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: u64) -> Instant {
        Instant::from_origin(Duration::from_micros(micros))
    }

    #[test]
    fn each_slot_comes_every_20_ms_however_late_the_thread_wakes() {
        let mut wheel = Wheel::new(at(0));
        let mut first = Vec::new();
        for wake in (0..200_000).step_by(7_000) {
            while let Some(turn) = wheel.turn(at(wake)) {
                if turn.slot == 0 {
                    first.push(turn.due);
                }
            }
        }
        assert_eq!(first.len(), 10);
        for pair in first.windows(2) {
            assert_eq!(pair[1] - pair[0], Duration::from_millis(20));
        }
    }

    #[test]
    fn after_a_stall_the_wheel_goes_on_from_now() {
        let mut wheel = Wheel::new(at(0));
        let turn = wheel.turn(at(5_000_000)).unwrap();
        assert_eq!(turn.due, at(5_000_000));
        assert_eq!(turn.late, Duration::from_secs(5));
        assert_eq!(wheel.turn(at(5_000_000)), None);
    }
}
