//! The tenant's quota of calls at once, as an inbound call meets it.
//!
//! | the database | the call |
//! |---|---|
//! | answers within [`PATIENCE`] | is taken or refused as it says |
//! | is slow, or down | is taken within [`LastQuota::bound`]: what this node carried and what was free when the quota was last read |
//! | was slow or down, until the next good heartbeat | as if it still were |
//!
//! With that heartbeat the node takes holds for every call it carries, whatever the limit: for those
//! that nobody was asked about, and for those whose hold was given back because the node was silent.
//! Only then is the database asked again, and calls beyond the limit are refused until there is room.
//!
//! So a node alone never goes beyond the limit it knew of. Several nodes may each take what was free
//! at that moment, and the slots of a node bound it in any case; that is the price of answering
//! while the database is away. A soft limit refuses nobody. Whether the tenant is in service at all is not asked here: the
//! snapshot of the routes knows it. Calls that go out ask in the transaction that claims them, and
//! are not placed without an answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use callplane_store::quotas::{self, Acquired, Enforcement, QuotaUsage};

use super::meta::Meta;
use super::slots::Slot;
use crate::node::Node;

/// How long an answer waits for the tenant's quota, which takes a millisecond or two.
const PATIENCE: Duration = Duration::from_millis(250);

/// What is known of the quota when the database does not answer.
#[derive(Debug)]
pub(crate) struct LastQuota {
    bound: AtomicU32,
    /// Events since which the database may not know what the calls of this node hold.
    unsure: AtomicU32,
}

impl LastQuota {
    /// Nothing is known: only the slots of the node bound it.
    pub(crate) const fn new() -> Self {
        Self {
            bound: AtomicU32::new(u32::MAX),
            unsure: AtomicU32::new(0),
        }
    }

    /// The database told the use; `carried` of it are calls of this node.
    pub(crate) fn learn(&self, usage: &[QuotaUsage], carried: u32) {
        // A soft limit refuses nobody, with the database or without.
        let quota = usage.iter().find(|quota| {
            quota.resource == quotas::CONCURRENT_CALLS && quota.enforcement == Enforcement::Hard
        });
        let free = quota.and_then(|quota| Some(quota.limit? - quota.used));
        let bound = free.map_or(u32::MAX, |free| {
            carried.saturating_add(u32::try_from(free.max(0)).unwrap_or(u32::MAX))
        });
        self.bound.store(bound, Ordering::Relaxed);
    }

    /// Calls this node may carry at once by that knowledge.
    pub(crate) fn bound(&self) -> u32 {
        self.bound.load(Ordering::Relaxed)
    }

    /// From now on the database may not know what the calls of this node hold.
    pub(crate) fn doubt(&self) {
        self.unsure.fetch_add(1, Ordering::AcqRel);
    }

    /// How many doubts there are. To be read before the calls that are held again.
    pub(crate) fn doubts(&self) -> u32 {
        self.unsure.load(Ordering::Acquire)
    }

    /// Calls were held again after so many doubts; those that came meanwhile remain.
    pub(crate) fn settle(&self, doubts: u32) {
        self.unsure.fetch_sub(doubts, Ordering::AcqRel);
    }
}

/// Asks the tenant's quota for a call that has a slot; whether the call is taken.
pub(super) async fn allows(node: &Arc<Node>, meta: &Meta, slot: &Slot) -> bool {
    let answer = ask(node, meta).await;
    let taken = match answer {
        Some(Acquired::Held) => true,
        Some(Acquired::Refused) => false,
        // Older calls first: of many at once, as many as there is room for.
        None => node.slots.older(meta.id) < node.last_quota.bound(),
    };
    if taken {
        slot.admit();
        if answer.is_none() {
            // After it counts as admitted, so that whoever reads the doubt finds the call.
            node.last_quota.doubt();
        }
    }
    taken
}

/// The database's answer, if it comes in time.
async fn ask(node: &Arc<Node>, meta: &Meta) -> Option<Acquired> {
    let epoch = node.epoch()?;
    if !node.records.database_is_up() || node.last_quota.doubts() > 0 {
        return None;
    }
    let (database, call, over) = (node.database.clone(), meta.id, Arc::clone(&meta.over));
    // A task of its own: when the answer comes too late the quota is held all the same, and the
    // call's record gives it back; if that was written before, nothing else would.
    let asked = node.tasks.spawn(async move {
        let held = quotas::acquire(&database, quotas::CONCURRENT_CALLS, call, &epoch).await;
        if over.load(Ordering::Acquire)
            && let Err(error) = quotas::release(&database, call).await
        {
            tracing::warn!(%error, "failed to give a quota slot back");
        }
        held
    });
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(Ok(acquired))) => Some(acquired),
        Ok(Ok(Err(error))) => {
            tracing::warn!(%error, "failed to ask the quota; the last one known decides");
            None
        }
        Ok(Err(_panicked)) => None,
        Err(_elapsed) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(limit: Option<i64>, used: i64) -> [QuotaUsage; 2] {
        let quota = |resource: &str, limit, used| QuotaUsage {
            resource: resource.to_owned(),
            limit,
            enforcement: Enforcement::Hard,
            used,
        };
        [
            quota(quotas::PHONE_NUMBERS, Some(1), 1),
            quota(quotas::CONCURRENT_CALLS, limit, used),
        ]
    }

    #[test]
    fn the_bound_is_what_the_node_carried_and_what_was_free() {
        let quota = LastQuota::new();
        assert_eq!(quota.bound(), u32::MAX, "nothing known");
        for (limit, used, carried, bound) in [
            (Some(10), 0, 0, 10),
            (Some(10), 7, 4, 7),
            (Some(10), 10, 4, 4),
            // The limit was lowered below the use.
            (Some(2), 5, 5, 5),
            (Some(0), 0, 0, 0),
            (None, 7, 4, u32::MAX),
        ] {
            quota.learn(&usage(limit, used), carried);
            assert_eq!(quota.bound(), bound, "{limit:?} {used} {carried}");
        }
    }

    #[test]
    fn a_soft_limit_bounds_nothing() {
        let quota = LastQuota::new();
        let mut usage = usage(Some(10), 10);
        quota.learn(&usage, 4);
        assert_eq!(quota.bound(), 4);
        usage[1].enforcement = Enforcement::Soft;
        quota.learn(&usage, 4);
        assert_eq!(quota.bound(), u32::MAX);
    }
}
