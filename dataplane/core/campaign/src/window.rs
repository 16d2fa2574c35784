//! The hours and days at which people may be rung.

use callplane_types::WallTime;
use jiff::civil::{DateTime, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan as _};

use crate::zones::Zones;

/// How far ahead an opening is looked for. A week holds every weekday; a second one covers a
/// window that a change of the clock swallows.
const HORIZON_DAYS: i32 = 15;
/// Minutes of a day.
const DAY: u16 = 1440;

/// Hours of the day and days of the week, read on a clock on the wall: what the clock shows is what
/// counts, also on the days it is changed. An hour that the clock leaves out is no hour of the
/// window; one that it shows twice counts twice.
///
/// A window whose end is not after its beginning runs over midnight; it belongs to the day on which
/// it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallingWindow {
    from: u16,
    to: u16,
    /// Bit `n` for ISO day `n + 1`, Monday first.
    days: u8,
}

/// Why something is no calling window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWindow {
    /// An end of the window is outside of the day.
    #[error("a calling window begins at 00:00 to 23:59 and ends at 00:01 to 24:00")]
    Time,
    /// The window has no hours.
    #[error(
        "a calling window must not end at the time at which it begins: 00:00 to 24:00 is the whole day"
    )]
    Empty,
    /// The window has no days, or days that do not exist.
    #[error("a calling window has at least one day of 1 (Monday) to 7 (Sunday)")]
    Days,
}

/// When a window is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// Now.
    Now,
    /// Not now; from this time on.
    At(WallTime),
    /// Not in the next two weeks: the zones have no hour of the window in common.
    Never,
}

impl CallingWindow {
    /// From the minute of the day `from` until before the minute `to` (1440 is midnight), on ISO
    /// days 1 to 7.
    ///
    /// # Errors
    /// When there is no such time, hour or day.
    pub fn new(
        from: u16,
        to: u16,
        days: impl IntoIterator<Item = u8>,
    ) -> Result<Self, InvalidWindow> {
        if from >= DAY || to > DAY || to == 0 {
            return Err(InvalidWindow::Time);
        }
        if from == to {
            return Err(InvalidWindow::Empty);
        }
        let mut bits = 0;
        for day in days {
            if !(1..=7).contains(&day) {
                return Err(InvalidWindow::Days);
            }
            bits |= 1 << (day - 1);
        }
        if bits == 0 {
            return Err(InvalidWindow::Days);
        }
        Ok(Self {
            from,
            to,
            days: bits,
        })
    }

    /// When the window is open on all clocks of `zones`, at `now` or next.
    #[must_use]
    pub fn opening(&self, zones: &Zones, now: WallTime) -> Opening {
        let Ok(start) = Timestamp::from_microsecond(now.unix_micros()) else {
            return Opening::Never;
        };
        if self.is_open_everywhere(zones, start) {
            return Opening::Now;
        }
        // Open or shut changes only at these times, so the first that is open is the answer.
        let mut times: Vec<Timestamp> = zones
            .iter()
            .flat_map(|zone| self.beginnings(zone, start))
            .filter(|time| *time > start)
            .collect();
        times.sort_unstable();
        times.dedup();
        let opening = times
            .into_iter()
            .find(|time| self.is_open_everywhere(zones, *time));
        opening.map_or(Opening::Never, |time| {
            Opening::At(WallTime::from_unix_micros(time.as_microsecond()))
        })
    }

    fn is_open_everywhere(&self, zones: &Zones, time: Timestamp) -> bool {
        zones
            .iter()
            .all(|zone| self.contains(zone.to_datetime(time)))
    }

    /// Whether the window is open when a clock shows `local`.
    fn contains(&self, local: DateTime) -> bool {
        let [hour, minute] = [local.hour(), local.minute()].map(|n| u16::from(n.unsigned_abs()));
        let minute = hour * 60 + minute;
        let today = self.has(local.weekday());
        if self.from < self.to {
            return today && (self.from..self.to).contains(&minute);
        }
        let began_yesterday = self.has(local.weekday().previous()) && minute < self.to;
        (today && minute >= self.from) || began_yesterday
    }

    fn has(&self, day: Weekday) -> bool {
        self.days & (1 << day.to_monday_zero_offset()) != 0
    }

    /// Every time at which the window may begin on one clock: when the clock shows its beginning,
    /// and when the clock is changed.
    fn beginnings(&self, zone: &TimeZone, start: Timestamp) -> Vec<Timestamp> {
        let mut times = Vec::new();
        let today = zone.to_datetime(start).date();
        let (hour, minute) = (self.from / 60, self.from % 60);
        for day in 0..=HORIZON_DAYS {
            let Ok(date) = today.checked_add(day.days()) else {
                continue;
            };
            let (Ok(hour), Ok(minute)) = (i8::try_from(hour), i8::try_from(minute)) else {
                continue;
            };
            let local = date.at(hour, minute, 0, 0);
            let shown = match zone.to_ambiguous_timestamp(local).offset() {
                AmbiguousOffset::Unambiguous { offset } => [Some(offset), None],
                // Skipped: the change of the clock itself is the beginning, see below.
                AmbiguousOffset::Gap { .. } => [None, None],
                AmbiguousOffset::Fold { before, after } => [Some(before), Some(after)],
            };
            let shown = shown.into_iter().flatten();
            times.extend(shown.filter_map(|offset| offset.to_timestamp(local).ok()));
        }
        let last = times.last().copied().unwrap_or(start);
        let changes = zone.following(start).map(|change| change.timestamp());
        times.extend(changes.take_while(|time| *time <= last).take(64));
        times
    }
}
