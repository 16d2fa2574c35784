//! The one place where this daemon reads clocks.

use std::time::{Duration, Instant as StdInstant, SystemTime, UNIX_EPOCH};

use callplane_types::{Instant, WallTime};

/// Steady time since the daemon began, and wall time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    origin: StdInstant,
    #[cfg(test)]
    standing: Option<Instant>,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self {
            origin: StdInstant::now(),
            #[cfg(test)]
            standing: None,
        }
    }

    /// Steady time stands still at `now`, for a test that turns it itself.
    #[cfg(test)]
    pub(crate) fn standing_at(self, now: Instant) -> Self {
        Self {
            standing: Some(now),
            ..self
        }
    }

    /// The moment that [`Instant::ZERO`] stands for.
    pub(crate) fn origin(self) -> StdInstant {
        self.origin
    }

    pub(crate) fn now(self) -> Instant {
        #[cfg(test)]
        if let Some(now) = self.standing {
            return now;
        }
        Instant::from_origin(self.origin.elapsed())
    }

    pub(crate) fn wall(self) -> WallTime {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or(Duration::ZERO);
        WallTime::from_unix_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}
