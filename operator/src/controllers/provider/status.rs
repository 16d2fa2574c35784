//! The status of a Provider: its row, and what its endpoint said.

use callplane_crds::{ConditionType, Provider, ProviderStatus, Reason};
use callplane_kit::conditions::{Conditions, Summary};

use super::apply::Applied;
use super::check::Trouble;
use crate::controllers::projection::{Common, RowStatus};

impl RowStatus for ProviderStatus {
    fn common(&mut self) -> Common<'_> {
        Common {
            observed_generation: &mut self.observed_generation,
            tenant_id: &mut self.tenant_id,
            row_id: &mut self.provider_id,
            conditions: &mut self.conditions,
        }
    }
}

/// Says which row it is, and when the endpoint was asked.
pub(super) fn tell(status: &mut ProviderStatus, applied: &Applied) {
    let ProviderStatus {
        observed_generation: _,
        tenant_id: _,
        provider_id,
        check,
        conditions: _,
    } = status;
    *provider_id = Some(applied.id.to_string());
    *check = Some(applied.checked.check.clone());
}

/// Says whether the endpoint is of use. A Provider whose endpoint is not is not Ready.
pub(super) fn judge(conditions: &mut Conditions, _: &Provider, applied: Option<&Applied>) {
    let reachable = ConditionType::Reachable.as_str();
    match applied.and_then(|applied| applied.checked.news.as_ref()) {
        None => conditions.keep(
            reachable,
            Reason::Progressing.as_str(),
            "Asked when everything else is right.",
        ),
        Some(Ok(())) => conditions.set(
            reachable,
            true,
            Reason::Reachable.as_str(),
            "The endpoint answers.",
        ),
        Some(Err(Trouble { reason, message })) => {
            conditions.set(reachable, false, reason.as_str(), message);
        }
    }
    let is_ready = conditions.is_true(ConditionType::Ready.as_str());
    let Some(unmet) = conditions.first_unmet(&[reachable]).filter(|_| is_ready) else {
        return;
    };
    let (reason, message) = (unmet.reason.clone(), unmet.message.clone());
    // Another key comes from somebody; an endpoint may come back by itself.
    let summary = match reason == Reason::AuthFailed.as_str() {
        true => Summary::Stalled { reason, message },
        false => Summary::Progressing { reason, message },
    };
    conditions.summarize(&summary);
}

#[cfg(test)]
mod tests {
    use callplane_crds::ProviderCheck;
    use callplane_types::ProviderId;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
    use k8s_openapi::jiff::Timestamp;

    use super::super::check::Checked;
    use super::*;
    use crate::controllers::projection::fixture::object;

    fn judged(before: &[Condition], news: Option<Result<(), Trouble>>) -> Vec<Condition> {
        let provider = object("spec: {openaiChat: {baseUrl: 'https://x/v1', model: m}}");
        let applied = Applied {
            id: ProviderId::new(uuid::Uuid::nil()),
            checked: Checked {
                check: ProviderCheck {
                    at: Time(Timestamp::UNIX_EPOCH),
                    generation: None,
                    secret_version: None,
                    error: None,
                },
                news,
            },
        };
        let mut conditions = Conditions::new(before, Some(1), Timestamp::UNIX_EPOCH);
        conditions.summarize(&Summary::Ready);
        judge(&mut conditions, &provider, Some(&applied));
        conditions.into_vec()
    }

    fn of<'a>(conditions: &'a [Condition], kind: &str) -> Option<(&'a str, &'a str)> {
        let found = conditions.iter().find(|one| one.type_ == kind)?;
        Some((found.status.as_str(), found.reason.as_str()))
    }

    fn trouble(reason: Reason) -> Option<Result<(), Trouble>> {
        let message = "why".to_owned();
        Some(Err(Trouble { reason, message }))
    }

    #[test]
    fn a_provider_is_ready_while_its_endpoint_is_of_use() {
        let well = judged(&[], Some(Ok(())));
        assert_eq!(of(&well, "Reachable"), Some(("True", "Reachable")));
        assert_eq!(of(&well, "Ready"), Some(("True", "Ready")));
        let refused = judged(&well, trouble(Reason::AuthFailed));
        assert_eq!(of(&refused, "Reachable"), Some(("False", "AuthFailed")));
        assert_eq!(of(&refused, "Ready"), Some(("False", "AuthFailed")));
        assert_eq!(of(&refused, "Stalled"), Some(("True", "AuthFailed")));
        let away = judged(&well, trouble(Reason::Unreachable));
        assert_eq!(of(&away, "Reconciling"), Some(("True", "Unreachable")));
        // Not asked again yet.
        let kept = judged(&away, None);
        assert_eq!(of(&kept, "Ready"), Some(("False", "Unreachable")));
        assert_eq!(of(&judged(&well, None), "Ready"), Some(("True", "Ready")));
    }
}
