//! The queries of each family, through the login that will use them.

mod around_calls;
mod billing;
mod deliveries;
mod documents;
mod families;
mod figures;
mod knowledge;
mod organisation;
pub(crate) mod people;
mod people_outside;

use std::time::{SystemTime, UNIX_EPOCH};

use callplane_types::WallTime;

pub(super) fn now() -> WallTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    WallTime::from_unix_micros(i64::try_from(since.as_micros()).unwrap())
}

/// So many hours from now.
pub(super) fn hours(hours: i64) -> WallTime {
    WallTime::from_unix_micros(now().unix_micros() + hours * 3_600_000_000)
}
