//! When a password is made, replaced and closed: a decision without a clock and without a client.

use std::time::Duration;

use callplane_store::Slot;
use callplane_store::roles::LogIn;
use callplane_types::TenantId;
use k8s_openapi::jiff::{SignedDuration, Timestamp};

/// What the Secret says about the login in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Published {
    /// Which of the two logins.
    pub(super) slot: Slot,
    /// Whose.
    pub(super) tenant: Option<TenantId>,
    /// On which server.
    pub(super) server: String,
    /// When the password was made.
    pub(super) issued_at: Timestamp,
    /// The former login, open until the overlap is over.
    pub(super) retiring: Option<Slot>,
    /// What the server says to it.
    pub(super) log_in: LogIn,
}

/// What it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted<'a> {
    /// Whose.
    pub(super) tenant: TenantId,
    /// On which server.
    pub(super) server: &'a str,
    /// Age at which a password is replaced.
    pub(super) every: Duration,
    /// How long the former password works on.
    pub(super) overlap: Duration,
    /// The login that the status told last; for a Secret that somebody deleted.
    pub(super) last_slot: Option<Slot>,
}

/// What to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plan {
    /// Nothing before that much time has passed.
    Keep(Duration),
    /// Make a password for `slot` and publish it; `retiring` stays open for the overlap.
    Issue { slot: Slot, retiring: Option<Slot> },
    /// The overlap is over: close `slot`.
    Retire { slot: Slot },
}

/// Decides.
///
/// Making a password anew for the login that open connections use would break their next
/// reconnect, so a new password is always for the **other** login. A process that dies between
/// making and publishing does it again: nobody has seen the lost password.
pub(super) fn decide(published: Option<&Published>, wanted: &Wanted<'_>, now: Timestamp) -> Plan {
    let Some(published) = published else {
        return Plan::Issue {
            slot: wanted.last_slot.map_or(Slot::A, Slot::other),
            retiring: wanted.last_slot,
        };
    };
    let replace = Plan::Issue {
        slot: published.slot.other(),
        retiring: Some(published.slot),
    };
    if published.tenant != Some(wanted.tenant) {
        return Plan::Issue {
            slot: Slot::A,
            retiring: None,
        };
    }
    if published.server != wanted.server || published.log_in == LogIn::WrongPassword {
        return replace;
    }
    let left = |after: Duration| {
        let due = published
            .issued_at
            .saturating_add(SignedDuration::try_from(after).unwrap_or(SignedDuration::MAX))
            .unwrap_or(Timestamp::MAX);
        Duration::try_from(due.duration_since(now)).unwrap_or(Duration::ZERO)
    };
    if published.log_in == LogIn::Refused {
        // Perhaps it is only we who are not let in from here. A new password at each look would be
        // newer than any that the nodes could have read.
        return match left(wanted.overlap) {
            Duration::ZERO => replace,
            time => Plan::Keep(time),
        };
    }
    match published.retiring {
        Some(slot) if left(wanted.overlap).is_zero() => Plan::Retire { slot },
        Some(_) => Plan::Keep(left(wanted.overlap)),
        None if left(wanted.every).is_zero() => replace,
        None => Plan::Keep(left(wanted.every)),
    }
}

#[cfg(test)]
mod tests {
    use callplane_types::TenantId;
    use uuid::Uuid;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn tenant() -> TenantId {
        TenantId::new(Uuid::from_u128(1))
    }

    fn wanted(last_slot: Option<Slot>) -> Wanted<'static> {
        Wanted {
            tenant: tenant(),
            server: "db-1",
            every: 10 * HOUR,
            overlap: HOUR,
            last_slot,
        }
    }

    fn published() -> Published {
        Published {
            slot: Slot::A,
            tenant: Some(tenant()),
            server: "db-1".to_owned(),
            issued_at: Timestamp::UNIX_EPOCH,
            retiring: None,
            log_in: LogIn::Works,
        }
    }

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_second(hours * 3600).unwrap()
    }

    #[test]
    fn a_password_lives_its_time_and_the_former_login_for_the_overlap() {
        let issue = |slot: Slot, retiring| Plan::Issue { slot, retiring };
        let retiring = Published {
            retiring: Some(Slot::B),
            ..published()
        };
        let elsewhere = Published {
            server: "db-0".to_owned(),
            ..published()
        };
        let broken = Published {
            log_in: LogIn::WrongPassword,
            slot: Slot::B,
            ..published()
        };
        let refused = Published {
            log_in: LogIn::Refused,
            ..published()
        };
        let other = Published {
            tenant: None,
            ..published()
        };
        for (what, published, now, plan) in [
            ("young", published(), at(4), Plan::Keep(6 * HOUR)),
            ("old", published(), at(10), issue(Slot::B, Some(Slot::A))),
            ("overlapping", retiring.clone(), at(0), Plan::Keep(HOUR)),
            (
                "overlap over",
                retiring.clone(),
                at(1),
                Plan::Retire { slot: Slot::B },
            ),
            (
                "overlap over and old",
                retiring,
                at(11),
                Plan::Retire { slot: Slot::B },
            ),
            (
                "server moved",
                elsewhere,
                at(1),
                issue(Slot::B, Some(Slot::A)),
            ),
            (
                "changed by hand",
                broken,
                at(1),
                issue(Slot::A, Some(Slot::B)),
            ),
            ("not let in, new", refused.clone(), at(0), Plan::Keep(HOUR)),
            (
                "not let in for long",
                refused,
                at(1),
                issue(Slot::B, Some(Slot::A)),
            ),
            ("of a former tenant", other, at(1), issue(Slot::A, None)),
        ] {
            assert_eq!(decide(Some(&published), &wanted(None), now), plan, "{what}");
        }
    }

    #[test]
    fn a_deleted_secret_is_made_anew_without_closing_the_login_in_use() {
        assert_eq!(
            decide(None, &wanted(None), at(0)),
            Plan::Issue {
                slot: Slot::A,
                retiring: None
            }
        );
        assert_eq!(
            decide(None, &wanted(Some(Slot::A)), at(0)),
            Plan::Issue {
                slot: Slot::B,
                retiring: Some(Slot::A)
            }
        );
    }
}
