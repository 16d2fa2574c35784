//! [`WallTime`] to and from `timestamptz`.

use callplane_types::WallTime;
use chrono::{DateTime, Utc};

/// For a query parameter. Times that no `timestamptz` can hold become the epoch; none of our
/// clocks shows them.
pub(crate) fn sql(time: WallTime) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(time.unix_micros()).unwrap_or(DateTime::UNIX_EPOCH)
}

/// [`sql`] of what may be absent.
pub(crate) fn sql_opt(time: Option<WallTime>) -> Option<DateTime<Utc>> {
    time.map(sql)
}

/// From a column.
pub(crate) fn wall(time: DateTime<Utc>) -> WallTime {
    WallTime::from_unix_micros(time.timestamp_micros())
}

/// [`wall`] of a nullable column.
pub(crate) fn wall_opt(time: Option<DateTime<Utc>>) -> Option<WallTime> {
    time.map(wall)
}
