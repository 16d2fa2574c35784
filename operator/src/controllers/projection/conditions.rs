//! The conditions of an object that becomes a row.

use callplane_crds::{ConditionType, Reason};
use callplane_kit::conditions::{Conditions, Summary};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use k8s_openapi::jiff::Timestamp;
use kube::Resource;

use super::{Error, Problem};

/// How an object stood before, and what is looked at now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing<'a> {
    /// The conditions it has.
    before: &'a [Condition],
    /// `metadata.generation`.
    generation: Option<i64>,
    /// `status.observedGeneration`.
    observed: Option<i64>,
    /// Whether an earlier version of it is in the database.
    has_row: bool,
    /// The time of this pass.
    now: Timestamp,
}

impl<'a> Standing<'a> {
    /// How `object` stood, from the parts of its status that every kind has. `has_row` says whether
    /// the status names a row that is still there.
    pub(crate) fn new<K: Resource>(
        object: &K,
        before: &'a [Condition],
        observed: Option<i64>,
        has_row: bool,
        now: Timestamp,
    ) -> Self {
        Self {
            before,
            generation: object.meta().generation,
            observed,
            has_row,
            now,
        }
    }
}

/// What the outcome of a pass means. `None`: the object was Ready, its spec is the same, and only
/// the database or the API server did not answer, so that it still is what its status says.
pub(crate) fn conditions(
    standing: Standing<'_>,
    outcome: Result<(), &Error>,
) -> Option<Conditions> {
    let mut now = Conditions::new(standing.before, standing.generation, standing.now);
    match outcome {
        Ok(()) => programmed(&mut now),
        Err(Error::Problem(problem)) => hindered(&mut now, problem, standing.has_row),
        Err(error) => {
            if is_ready(standing) {
                return None;
            }
            let (reason, message) = error.told();
            delayed(&mut now, reason, message);
        }
    }
    Some(now)
}

fn programmed(now: &mut Conditions) {
    set(
        now,
        ConditionType::Accepted,
        true,
        Reason::Accepted,
        "The spec is valid.",
    );
    set(
        now,
        ConditionType::ResolvedRefs,
        true,
        Reason::ResolvedRefs,
        "Everything that the spec names was found.",
    );
    set(
        now,
        ConditionType::Programmed,
        true,
        Reason::Programmed,
        "The media nodes have it.",
    );
    now.summarize(&Summary::Ready);
}

fn hindered(now: &mut Conditions, problem: &Problem, has_row: bool) {
    let Problem {
        condition,
        reason,
        message,
    } = problem;
    match condition {
        ConditionType::Accepted => {
            set(now, ConditionType::Accepted, false, *reason, message);
            now.keep(
                ConditionType::ResolvedRefs.as_str(),
                Reason::Progressing.as_str(),
                "Looked at when the spec is accepted.",
            );
        }
        _ => {
            set(
                now,
                ConditionType::Accepted,
                true,
                Reason::Accepted,
                "The spec is valid.",
            );
            set(now, ConditionType::ResolvedRefs, false, *reason, message);
        }
    }
    let rest = if has_row {
        "What was applied before stays as it is."
    } else {
        "Nothing of it was applied."
    };
    set(now, ConditionType::Programmed, false, *reason, rest);
    let (reason, message) = (reason.as_str().to_owned(), message.clone());
    now.summarize(&if *condition == ConditionType::Accepted {
        Summary::Stalled { reason, message }
    } else {
        Summary::Progressing { reason, message }
    });
}

fn delayed(now: &mut Conditions, reason: Reason, message: &str) {
    for kept in [ConditionType::Accepted, ConditionType::ResolvedRefs] {
        now.keep(kept.as_str(), reason.as_str(), message);
    }
    set(now, ConditionType::Programmed, false, reason, message);
    now.summarize(&Summary::Progressing {
        reason: reason.as_str().to_owned(),
        message: message.to_owned(),
    });
}

fn set(now: &mut Conditions, kind: ConditionType, holds: bool, reason: Reason, message: &str) {
    now.set(kind.as_str(), holds, reason.as_str(), message);
}

fn is_ready(standing: Standing<'_>) -> bool {
    standing.observed == standing.generation
        && standing.before.iter().any(|condition| {
            condition.type_ == ConditionType::Ready.as_str() && condition.status == "True"
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::FenceError;

    fn standing(before: &[Condition]) -> Standing<'_> {
        Standing {
            before,
            generation: Some(1),
            observed: Some(1),
            has_row: true,
            now: Timestamp::UNIX_EPOCH,
        }
    }

    fn of<'a>(conditions: &'a [Condition], kind: &str) -> Option<(&'a str, &'a str)> {
        conditions
            .iter()
            .find(|condition| condition.type_ == kind)
            .map(|condition| (condition.status.as_str(), condition.reason.as_str()))
    }

    fn down() -> Error {
        Error::Fence(FenceError::NotLeader)
    }

    #[test]
    fn what_is_in_the_database_is_ready() {
        let now = conditions(standing(&[]), Ok(())).unwrap().into_vec();
        for kind in ["Accepted", "ResolvedRefs", "Programmed", "Ready"] {
            assert_eq!(of(&now, kind).unwrap().0, "True", "{kind}");
        }
        assert!(of(&now, "Reconciling").is_none() && of(&now, "Stalled").is_none());
    }

    #[test]
    fn a_wrong_spec_is_stalled_and_says_that_the_old_one_stays() {
        let error = Error::from(Problem::invalid("spec.number", "not a number"));
        let now = conditions(standing(&[]), Err(&error)).unwrap().into_vec();
        assert_eq!(of(&now, "Accepted"), Some(("False", "Invalid")));
        assert_eq!(of(&now, "ResolvedRefs"), Some(("Unknown", "Progressing")));
        assert_eq!(of(&now, "Stalled"), Some(("True", "Invalid")));
        let programmed = now.iter().find(|one| one.type_ == "Programmed").unwrap();
        assert_eq!(
            programmed.message,
            "What was applied before stays as it is."
        );
    }

    #[test]
    fn a_missing_reference_is_waited_for() {
        let error = Error::from(Problem::missing(Reason::AgentNotFound, "Agent", "a"));
        let now = conditions(standing(&[]), Err(&error)).unwrap().into_vec();
        assert_eq!(of(&now, "Accepted"), Some(("True", "Accepted")));
        assert_eq!(of(&now, "ResolvedRefs"), Some(("False", "AgentNotFound")));
        assert_eq!(of(&now, "Ready"), Some(("False", "AgentNotFound")));
        assert_eq!(of(&now, "Reconciling"), Some(("True", "AgentNotFound")));
    }

    #[test]
    fn an_outage_does_not_take_readiness_from_what_is_in_force() {
        let ready = conditions(standing(&[]), Ok(())).unwrap().into_vec();
        assert!(conditions(standing(&ready), Err(&down())).is_none());

        let changed = Standing {
            generation: Some(2),
            ..standing(&ready)
        };
        let now = conditions(changed, Err(&down())).unwrap().into_vec();
        assert_eq!(of(&now, "Ready"), Some(("False", "Progressing")));
        assert_eq!(of(&now, "Accepted"), Some(("True", "Accepted")));
    }
}
