//! How long the network may keep a packet: a histogram with a memory of some seconds.

/// Width of a bucket: 5 ms.
const BUCKET_TICKS: i64 = 40;
const BUCKETS: usize = 80;
/// Each packet counts for a 256th, so the memory's half-life is about 180 packets, 3.5 seconds.
const FORGET_SHIFT: u32 = 8;
const UNIT: u32 = 1 << 24;
/// The part of packets that should arrive in time, in 256ths: 97 %.
const QUANTILE: u64 = 248;
/// Packets before the histogram is believed.
const WARM_UP: u32 = 25;
/// The base creeps up one tick in this many packets, so that a sender whose clock is slow by up to
/// 0.1 % is followed; a faster route is seen at once.
const CREEP_PACKETS: u32 = 6;

/// **The target covers 97 % of recent packets, measured from the fastest recent one.**
#[derive(Debug, Clone)]
pub(crate) struct DelayEstimator {
    buckets: [u32; BUCKETS],
    /// Transit of the fastest recent packet: arrival minus timestamp, in ticks.
    base: Option<i64>,
    packets: u32,
    start: i64,
    shortest: i64,
    longest: i64,
    target: i64,
}

impl DelayEstimator {
    pub(crate) fn new(start: i64, shortest: i64, longest: i64) -> Self {
        Self {
            buckets: [0; BUCKETS],
            base: None,
            packets: 0,
            start,
            shortest,
            longest,
            target: start,
        }
    }

    /// Forgets where the sender's clock stands, but not how the network behaves.
    pub(crate) fn rebase(&mut self) {
        self.base = None;
    }

    /// Counts a packet that needed `transit`.
    pub(crate) fn observe(&mut self, transit: i64) {
        self.packets = self.packets.saturating_add(1);
        let creep = i64::from(self.packets.is_multiple_of(CREEP_PACKETS));
        let base = self
            .base
            .map_or(transit, |base| transit.min(base.saturating_add(creep)));
        self.base = Some(base);
        let bucket = (transit.saturating_sub(base) / BUCKET_TICKS).clamp(0, BUCKETS as i64 - 1);
        for weight in &mut self.buckets {
            *weight -= *weight >> FORGET_SHIFT;
        }
        self.buckets[bucket as usize] += UNIT >> FORGET_SHIFT;
        self.target = match self.packets {
            0..WARM_UP => self.start.max(self.quantile()),
            _ => self.quantile(),
        }
        .clamp(self.shortest, self.longest);
    }

    fn quantile(&self) -> i64 {
        let total: u64 = self.buckets.iter().map(|weight| u64::from(*weight)).sum();
        let mut below = 0;
        for (index, weight) in self.buckets.iter().enumerate() {
            below += u64::from(*weight);
            if below * 256 >= total * QUANTILE {
                return (index as i64 + 1) * BUCKET_TICKS;
            }
        }
        self.longest
    }

    /// How long after the fastest packets playout should run, in ticks.
    pub(crate) fn target(&self) -> i64 {
        self.target
    }

    pub(crate) fn base(&self) -> Option<i64> {
        self.base
    }
}
