//! How deep a jitter buffer was.

/// How far behind the network playout ran, in ticks, over all frames.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Depth {
    frames: u64,
    ticks: i64,
    max: i64,
}

impl Depth {
    pub(crate) fn observe(&mut self, ticks: i64) {
        let ticks = ticks.max(0);
        self.frames += 1;
        self.ticks += ticks;
        self.max = self.max.max(ticks);
    }

    /// The mean of what was observed.
    pub(crate) fn mean(&self) -> i64 {
        self.ticks / i64::try_from(self.frames.max(1)).unwrap_or(i64::MAX)
    }

    /// The largest that was observed.
    pub(crate) const fn max(&self) -> i64 {
        self.max
    }
}
