//! Every timer of a transaction, and the schedule that all timers of an agent share.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

use callplane_types::Instant;

/// The timers of RFC 3261 section 17 and RFC 6026.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// INVITE again (client, UDP): T1, doubling.
    A,
    /// No answer to INVITE: 64 T1.
    B,
    /// Repeated failures of INVITE are acknowledged: 64 T1 over UDP.
    D,
    /// Other requests again (client, UDP): T1, doubling up to T2.
    E,
    /// No answer to other requests: 64 T1.
    F,
    /// Failure of INVITE again (server, UDP): T1, doubling up to T2.
    G,
    /// No ACK for a failure: 64 T1.
    H,
    /// Repeated ACKs are absorbed: T4 over UDP.
    I,
    /// Repeated other requests are answered: 64 T1 over UDP.
    J,
    /// Repeated answers to other requests are absorbed: T4 over UDP.
    K,
    /// Repeated INVITEs are absorbed after a 2xx (server): 64 T1.
    L,
    /// Further 2xx are expected (client): 64 T1.
    M,
}

impl Timer {
    pub(crate) const ALL: [Self; 12] = [
        Self::A,
        Self::B,
        Self::D,
        Self::E,
        Self::F,
        Self::G,
        Self::H,
        Self::I,
        Self::J,
        Self::K,
        Self::L,
        Self::M,
    ];
}

/// What is due when. Ties go off in the order of their keys, so that replay is exact.
#[derive(Debug)]
pub(crate) struct Schedule<K> {
    by_time: BTreeSet<(Instant, K)>,
    by_key: HashMap<K, Instant>,
}

impl<K> Default for Schedule<K> {
    fn default() -> Self {
        Self {
            by_time: BTreeSet::new(),
            by_key: HashMap::new(),
        }
    }
}

impl<K: Copy + Ord + Hash> Schedule<K> {
    /// Sets or moves a timer.
    pub(crate) fn set(&mut self, key: K, at: Instant) {
        self.clear(key);
        self.by_key.insert(key, at);
        self.by_time.insert((at, key));
    }

    pub(crate) fn clear(&mut self, key: K) {
        if let Some(at) = self.by_key.remove(&key) {
            self.by_time.remove(&(at, key));
        }
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Takes one timer that is due.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<K> {
        let (at, key) = *self.by_time.first()?;
        if at > now {
            return None;
        }
        self.clear(key);
        Some(key)
    }
}
