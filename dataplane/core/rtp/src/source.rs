//! One sender's sequence numbers and arrival times: RFC 3550 appendices A.1, A.3 and A.8.

use std::time::Duration;

use callplane_types::Instant;

use crate::Clock;

/// A jump forward that is still taken for loss.
const MAX_DROPOUT: u16 = 3000;
/// How far back a packet may be and still be taken for reordered: what the window remembers.
const MAX_MISORDER: u16 = 128;

/// What a sequence number means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// The newest so far.
    Newest,
    /// An older one that was missing.
    Reordered,
    /// Seen before.
    Duplicate,
    /// Far off. A second one that follows it makes the sender's new numbering.
    Stray,
    /// The sender numbers from elsewhere since this packet.
    Restarted,
}

/// The state RFC 3550 keeps for each sender.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) ssrc: u32,
    /// Highest sequence number, with its cycles above 16 bits.
    highest: u64,
    first: u64,
    /// Which of the last 128 arrived; bit 0 is `highest`.
    window: u128,
    /// Where a new numbering would go on.
    expected_restart: Option<u16>,
    received: u64,
    received_before_restart: u64,
    lost_before_restart: u64,
    pub(crate) duplicates: u64,
    pub(crate) reordered: u64,
    clock: Clock,
    transit: Option<i64>,
    last_timestamp: u32,
    /// Sixteen times the jitter in ticks of `clock`.
    jitter: u32,
    expected_at_report: u64,
    received_at_report: u64,
}

impl Source {
    pub(crate) fn new(ssrc: u32, sequence: u16) -> Self {
        // One cycle ahead, so that a packet from before the first one has a number.
        let first = 0x1_0000 | u64::from(sequence);
        Self {
            ssrc,
            highest: first,
            first,
            window: 0,
            expected_restart: None,
            received: 0,
            received_before_restart: 0,
            lost_before_restart: 0,
            duplicates: 0,
            reordered: 0,
            clock: Clock::default(),
            transit: None,
            last_timestamp: 0,
            jitter: 0,
            expected_at_report: 0,
            received_at_report: 0,
        }
    }

    /// Counts a packet.
    pub(crate) fn count(&mut self, sequence: u16) -> Order {
        let ahead = sequence.wrapping_sub(self.highest as u16);
        let behind = (self.highest as u16).wrapping_sub(sequence);
        let order = if ahead == 0 {
            self.mark(0)
        } else if ahead < MAX_DROPOUT {
            self.highest += u64::from(ahead);
            self.window = self.window.checked_shl(u32::from(ahead)).unwrap_or(0);
            self.mark(0);
            Order::Newest
        } else if behind < MAX_MISORDER {
            self.mark(behind)
        } else if self.expected_restart == Some(sequence) {
            self.restart(sequence);
            return Order::Restarted;
        } else {
            self.expected_restart = Some(sequence.wrapping_add(1));
            return Order::Stray;
        };
        self.expected_restart = None;
        match order {
            Order::Duplicate => self.duplicates += 1,
            Order::Reordered => {
                self.reordered += 1;
                self.received += 1;
                self.first = self.first.min(self.highest - u64::from(behind));
            }
            Order::Newest | Order::Stray | Order::Restarted => self.received += 1,
        }
        order
    }

    fn mark(&mut self, back: u16) -> Order {
        let bit = 1u128 << back;
        let known = self.window & bit != 0;
        self.window |= bit;
        match (known, back) {
            (true, _) => Order::Duplicate,
            (false, 0) => Order::Newest,
            (false, _) => Order::Reordered,
        }
    }

    fn restart(&mut self, sequence: u16) {
        self.lost_before_restart = self.lost();
        self.received_before_restart += self.received;
        // The packet before this one was set aside as a stray and is not counted.
        self.highest = 0x1_0000 | u64::from(sequence);
        self.first = self.highest;
        self.window = 1;
        self.received = 1;
        self.expected_restart = None;
        self.transit = None;
        self.expected_at_report = 0;
        self.received_at_report = 0;
    }

    /// Takes the arrival time of a packet into the jitter (A.8), in the order of arrival. Packets
    /// that share a timestamp, as those of an event do, say nothing.
    pub(crate) fn arrive(&mut self, now: Instant, timestamp: u32, clock: Clock) {
        if clock != self.clock {
            // Ticks of two clocks cannot be told apart (RFC 7160 section 3): the jitter keeps its time.
            self.jitter = (u64::from(self.jitter) * u64::from(clock.rate())
                / u64::from(self.clock.rate())) as u32;
            self.clock = clock;
            self.transit = None;
        }
        let arrival = clock.ticks(now.since_origin());
        // Differences of 32-bit clocks, so that a wrap does not matter.
        let transit = i64::from((arrival as u32).wrapping_sub(timestamp));
        if let Some(before) = self.transit
            && self.last_timestamp != timestamp
        {
            let difference = (transit as u32).wrapping_sub(before as u32).cast_signed();
            let difference = difference.unsigned_abs().min(clock.rate() * 10);
            self.jitter = (self.jitter + difference).saturating_sub((self.jitter + 8) >> 4);
        }
        self.transit = Some(transit);
        self.last_timestamp = timestamp;
    }

    /// Packets that came, without duplicates.
    pub(crate) fn received(&self) -> u64 {
        self.received_before_restart + self.received
    }

    /// Packets that should have come since the numbering began.
    pub(crate) fn expected(&self) -> u64 {
        self.highest - self.first + 1
    }

    /// Packets missing so far.
    pub(crate) fn lost(&self) -> u64 {
        let missing = match self.received {
            0 => 0,
            received => self.expected().saturating_sub(received),
        };
        self.lost_before_restart + missing
    }

    pub(crate) fn jitter(&self) -> Duration {
        self.clock.duration(i64::from(self.jitter >> 4))
    }

    pub(crate) fn jitter_ticks(&self) -> u32 {
        self.jitter >> 4
    }

    /// The extended highest sequence number as RFC 3550 section 6.4.1 reports it.
    pub(crate) fn highest_sequence(&self) -> u32 {
        (self.highest - 0x1_0000) as u32
    }

    /// The part lost since the last report, in 256ths; starts the next interval.
    pub(crate) fn fraction_lost(&mut self) -> u8 {
        let expected = self.expected() - self.expected_at_report.min(self.expected());
        let received = self.received - self.received_at_report.min(self.received);
        self.expected_at_report = self.expected();
        self.received_at_report = self.received;
        let lost = expected.saturating_sub(received);
        match expected {
            0 => 0,
            expected => (lost * 256 / expected).min(255) as u8,
        }
    }
}
