//! The decision of an election, without a clock and without a client.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use tokio::time::Instant;

/// A Lease as this process sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// Identity of the holder; none when it was released.
    pub holder: Option<String>,
    /// How long the holder asked others to wait.
    pub duration: Duration,
    /// Changes of the holder so far.
    pub transitions: i32,
    /// Guards a write against those of others.
    pub resource_version: String,
    /// When the holder got it, by the clock of the holder.
    pub acquire_time: Option<MicroTime>,
    /// When **this process** first saw this version, by its own steady clock.
    pub seen: Instant,
}

impl Observed {
    /// What `lease` says, seen `now` unless `before` was the same version.
    #[must_use]
    pub fn new(lease: &Lease, before: Option<&Self>, now: Instant) -> Self {
        let spec = lease.spec.clone().unwrap_or_default();
        let resource_version = lease.metadata.resource_version.clone().unwrap_or_default();
        let seen = before
            .filter(|before| before.resource_version == resource_version)
            .map_or(now, |before| before.seen);
        let seconds = spec.lease_duration_seconds.unwrap_or(15).max(1);
        Self {
            holder: spec.holder_identity.filter(|holder| !holder.is_empty()),
            duration: Duration::from_secs(u64::from(seconds.unsigned_abs())),
            transitions: spec.lease_transitions.unwrap_or(0),
            resource_version,
            acquire_time: spec.acquire_time,
            seen,
        }
    }
}

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// There is no Lease: create it.
    Create,
    /// It is free or expired: take it, with one transition more than this.
    Take {
        /// Transitions before.
        transitions: i32,
    },
    /// It is ours: renew it.
    Renew {
        /// Transitions, unchanged.
        transitions: i32,
    },
    /// Another has it.
    Wait,
}

/// Decides for the process `identity`.
#[must_use]
pub fn evaluate(observed: Option<&Observed>, identity: &str, now: Instant) -> Verdict {
    let Some(lease) = observed else {
        return Verdict::Create;
    };
    let transitions = lease.transitions;
    match lease.holder.as_deref() {
        Some(holder) if holder == identity => Verdict::Renew { transitions },
        Some(_) if now < lease.seen + lease.duration => Verdict::Wait,
        Some(_) | None => Verdict::Take { transitions },
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::coordination::v1::LeaseSpec;
    use kube::api::ObjectMeta;

    use super::*;

    fn lease(holder: &str, version: &str) -> Lease {
        Lease {
            metadata: ObjectMeta {
                resource_version: Some(version.into()),
                ..ObjectMeta::default()
            },
            spec: Some(LeaseSpec {
                holder_identity: Some(holder.into()),
                lease_duration_seconds: Some(15),
                lease_transitions: Some(4),
                ..LeaseSpec::default()
            }),
        }
    }

    #[test]
    fn every_case_has_its_verdict() {
        let start = Instant::now();
        let (soon, late) = (
            start + Duration::from_secs(14),
            start + Duration::from_secs(15),
        );
        let seen = |holder: &str| Observed::new(&lease(holder, "1"), None, start);
        let (mine, theirs, free) = (seen("me"), seen("other"), seen(""));
        for (what, observed, now, verdict) in [
            ("no lease", None, start, Verdict::Create),
            ("mine", Some(&mine), soon, Verdict::Renew { transitions: 4 }),
            (
                "mine, late",
                Some(&mine),
                late,
                Verdict::Renew { transitions: 4 },
            ),
            ("another's", Some(&theirs), soon, Verdict::Wait),
            (
                "another's, expired",
                Some(&theirs),
                late,
                Verdict::Take { transitions: 4 },
            ),
            (
                "released",
                Some(&free),
                start,
                Verdict::Take { transitions: 4 },
            ),
        ] {
            assert_eq!(evaluate(observed, "me", now), verdict, "{what}");
        }
    }

    #[test]
    fn only_a_change_that_we_saw_ourselves_prolongs_it() {
        let start = Instant::now();
        let later = start + Duration::from_secs(9);
        let first = Observed::new(&lease("other", "1"), None, start);
        let same = Observed::new(&lease("other", "1"), Some(&first), later);
        assert_eq!(same.seen, start);
        let renewed = Observed::new(&lease("other", "2"), Some(&same), later);
        assert_eq!(renewed.seen, later);
    }
}
