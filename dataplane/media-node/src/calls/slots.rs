//! The calls this node may carry at once, and those of each trunk.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use callplane_types::{CallId, TrunkId};
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::watch;

/// Counts slots. **A slot is given back exactly once, when its guard is dropped.**
#[derive(Clone)]
pub(crate) struct Slots {
    shared: Arc<Shared>,
}

struct Shared {
    limit: u32,
    used: Mutex<Used>,
    active: Gauge,
    count: watch::Sender<u32>,
}

#[derive(Default)]
struct Used {
    calls: HashSet<CallId>,
    /// Those of them that the quota let in, or what was known of it.
    admitted: HashSet<CallId>,
    trunks: HashMap<TrunkId, u32>,
}

/// A slot in use.
pub(crate) struct Slot {
    shared: Arc<Shared>,
    call: CallId,
    /// Nothing for calls that come over none.
    trunk: Option<TrunkId>,
}

/// A line of a trunk in use by somebody who needs no slot: another party of a call.
pub(crate) struct TrunkLine {
    shared: Arc<Shared>,
    trunk: TrunkId,
}

/// Which limit is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// The node's.
    Node,
    /// The trunk's.
    Trunk,
}

impl Slots {
    pub(crate) fn new(limit: u32, active: Gauge) -> Self {
        Self {
            shared: Arc::new(Shared {
                limit,
                used: Mutex::default(),
                active,
                count: watch::Sender::new(0),
            }),
        }
    }

    /// Takes a slot for a call over `trunk`, which carries at most `trunk_limit`.
    pub(crate) fn take(
        &self,
        call: CallId,
        trunk: TrunkId,
        trunk_limit: Option<u32>,
    ) -> Result<Slot, Full> {
        let mut used = self.shared.used();
        if used.calls.len() >= self.shared.limit as usize {
            return Err(Full::Node);
        }
        let of_trunk = used.trunks.get(&trunk).copied().unwrap_or(0);
        if trunk_limit.is_some_and(|limit| of_trunk >= limit) {
            return Err(Full::Trunk);
        }
        Ok(self.enter(&mut used, call, Some(trunk)))
    }

    /// Takes a line of `trunk` alone; nothing if it carries as many calls as it may.
    pub(crate) fn take_line(&self, trunk: TrunkId, trunk_limit: Option<u32>) -> Option<TrunkLine> {
        let mut used = self.shared.used();
        let of_trunk = used.trunks.entry(trunk).or_default();
        if trunk_limit.is_some_and(|limit| *of_trunk >= limit) {
            return None;
        }
        *of_trunk += 1;
        Some(TrunkLine {
            shared: Arc::clone(&self.shared),
            trunk,
        })
    }

    /// Takes a slot for a call that comes over no trunk; nothing if none is free.
    pub(crate) fn take_without_trunk(&self, call: CallId) -> Option<Slot> {
        let mut used = self.shared.used();
        let free = used.calls.len() < self.shared.limit as usize;
        free.then(|| self.enter(&mut used, call, None))
    }

    /// Takes a slot for a call that is committed already, although others may have taken the last
    /// one meanwhile: what can go over the limit is what one claim may hold.
    pub(crate) fn take_over(&self, call: CallId, trunk: TrunkId) -> Slot {
        let slot = self.enter(&mut self.shared.used(), call, Some(trunk));
        slot.admit();
        slot
    }

    fn enter(&self, used: &mut Used, call: CallId, trunk: Option<TrunkId>) -> Slot {
        if let Some(trunk) = trunk {
            *used.trunks.entry(trunk).or_default() += 1;
        }
        used.calls.insert(call);
        self.shared.tell(used);
        Slot {
            shared: Arc::clone(&self.shared),
            call,
            trunk,
        }
    }

    /// Slots that are free for calls over `trunk`.
    pub(crate) fn free(&self, trunk: TrunkId, trunk_limit: Option<u32>) -> u32 {
        let used = self.shared.used();
        let of_trunk = used.trunks.get(&trunk).copied().unwrap_or(0);
        let free = self.shared.limit.saturating_sub(count(&used.calls));
        trunk_limit.map_or(free, |limit| free.min(limit.saturating_sub(of_trunk)))
    }

    /// Slots in use.
    pub(crate) fn used(&self) -> u32 {
        count(&self.shared.used().calls)
    }

    /// How many of the calls that hold a slot began before `call`: identifiers begin with their
    /// time.
    pub(crate) fn older(&self, call: CallId) -> u32 {
        let used = self.shared.used();
        let older = used.calls.iter().filter(|held| **held < call).count();
        u32::try_from(older).unwrap_or(u32::MAX)
    }

    /// The calls that hold a slot.
    pub(crate) fn calls(&self) -> Vec<CallId> {
        self.shared.used().calls.iter().copied().collect()
    }

    /// The calls that hold a slot and a part of the tenant's quota, or should.
    pub(crate) fn admitted(&self) -> Vec<CallId> {
        self.shared.used().admitted.iter().copied().collect()
    }

    /// Waits until no slot is in use.
    pub(crate) async fn idle(&self) {
        let mut count = self.shared.count.subscribe();
        // The sender lives as long as this handle.
        let _ = count.wait_for(|count| *count == 0).await;
    }
}

impl Shared {
    fn used(&self) -> MutexGuard<'_, Used> {
        // The counts are whole at every step, so a panic elsewhere is no harm.
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, used: &Used) {
        let total = count(&used.calls);
        self.active.set(i64::from(total));
        self.count.send_replace(total);
    }
}

impl Slot {
    /// Nothing keeps the call out any more. One that has to be refused yet must not be among
    /// [`Slots::admitted`].
    pub(crate) fn admit(&self) {
        self.shared.used().admitted.insert(self.call);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut used = self.shared.used();
        used.calls.remove(&self.call);
        used.admitted.remove(&self.call);
        if let Some(count) = self.trunk.and_then(|trunk| used.trunks.get_mut(&trunk)) {
            *count -= 1;
        }
        self.shared.tell(&used);
    }
}

impl Drop for TrunkLine {
    fn drop(&mut self) {
        if let Some(count) = self.shared.used().trunks.get_mut(&self.trunk) {
            *count -= 1;
        }
    }
}

fn count(calls: &HashSet<CallId>) -> u32 {
    u32::try_from(calls.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn call(number: u128) -> CallId {
        CallId::new(Uuid::from_u128(number))
    }

    #[test]
    fn a_slot_returns_when_its_call_is_dropped() {
        let slots = Slots::new(2, Gauge::default());
        let (one, other) = (
            TrunkId::new(Uuid::from_u128(1)),
            TrunkId::new(Uuid::from_u128(2)),
        );
        let first = slots.take(call(1), one, Some(1)).ok().unwrap();
        assert_eq!(slots.take(call(2), one, Some(1)).err(), Some(Full::Trunk));
        assert_eq!((slots.free(one, Some(1)), slots.free(other, None)), (0, 1));
        let _second = slots.take(call(2), other, None).ok().unwrap();
        assert_eq!(slots.take(call(3), other, None).err(), Some(Full::Node));
        drop(first);
        assert!(slots.take(call(3), one, Some(1)).is_ok());
        assert_eq!(slots.calls(), [call(2)]);
    }

    #[test]
    fn a_call_over_no_trunk_counts_for_the_node_alone() {
        let slots = Slots::new(1, Gauge::default());
        let trunk = TrunkId::new(Uuid::from_u128(1));
        let first = slots.take_without_trunk(call(1)).unwrap();
        assert!(slots.take_without_trunk(call(2)).is_none());
        assert_eq!(slots.free(trunk, None), 0);
        drop(first);
        assert_eq!((slots.used(), slots.free(trunk, Some(1))), (0, 1));
    }

    #[test]
    fn a_line_counts_for_its_trunk_alone() {
        let slots = Slots::new(1, Gauge::default());
        let trunk = TrunkId::new(Uuid::from_u128(1));
        let _call = slots.take(call(1), trunk, Some(2)).ok().unwrap();
        let line = slots.take_line(trunk, Some(2)).unwrap();
        assert!(slots.take_line(trunk, Some(2)).is_none());
        assert_eq!(slots.used(), 1);
        drop(line);
        assert!(slots.take_line(trunk, Some(2)).is_some());
    }

    #[test]
    fn a_committed_call_goes_over_the_limit() {
        let slots = Slots::new(1, Gauge::default());
        let trunk = TrunkId::new(Uuid::from_u128(1));
        let _first = slots.take(call(1), trunk, None).ok().unwrap();
        let _over = slots.take_over(call(2), trunk);
        assert_eq!((slots.used(), slots.free(trunk, None)), (2, 0));
    }

    #[test]
    fn a_call_counts_as_admitted_from_then_until_it_is_dropped() {
        let slots = Slots::new(3, Gauge::default());
        let trunk = TrunkId::new(Uuid::from_u128(1));
        let first = slots.take(call(1), trunk, None).ok().unwrap();
        assert_eq!(slots.admitted(), []);
        first.admit();
        assert_eq!(slots.admitted(), [call(1)]);
        drop(first);
        let _committed = slots.take_over(call(2), trunk);
        assert_eq!(slots.admitted(), [call(2)]);
    }
}
