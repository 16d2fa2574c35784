//! How often one address may be wrong.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use callplane_types::Instant;

/// The time that is counted over.
pub(super) const WINDOW: Duration = Duration::from_secs(10);
/// Wrong requests of one address in it: what a guessing stranger does not get far with.
const MOST: u32 = 100;
/// Addresses that are remembered; who comes when it is full, finds it emptied.
const MAX_ADDRESSES: usize = 10_000;

/// Counts requests by address.
#[derive(Debug, Default)]
pub(super) struct Limits {
    counts: Mutex<HashMap<IpAddr, (Instant, u32)>>,
}

impl Limits {
    /// Counts one more request; whether it may be served.
    pub(super) fn allows(&self, from: IpAddr, now: Instant) -> bool {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= MAX_ADDRESSES && !counts.contains_key(&from) {
            counts.clear();
        }
        let (since, count) = counts.entry(from).or_insert((now, 0));
        if now - *since >= WINDOW {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        *count <= MOST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_too_often_waits_and_others_do_not() {
        let limits = Limits::default();
        let (one, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let served = (0..200)
            .filter(|_| limits.allows(one, Instant::ZERO))
            .count();
        assert_eq!(served, MOST as usize);
        assert!(limits.allows(other, Instant::ZERO));
        assert!(limits.allows(one, Instant::ZERO + WINDOW));
    }
}
