//! A PhoneNumber and what it refers to, as types that cannot be wrong.

use callplane_crds::{Agent, PhoneNumber, PhoneNumberSpec, Reason, Trunk, TrunkDirection};
use callplane_store::ObjectRef;
use callplane_types::E164;

use super::dereference::References;
use crate::controllers::projection::{Problem, TenantRef, object_ref, usable};

/// A PhoneNumber that can be written.
#[derive(Debug)]
pub(super) struct Valid {
    pub(super) object: ObjectRef,
    pub(super) number: E164,
    pub(super) label: Option<String>,
    pub(super) trunk: String,
    pub(super) agent: Option<String>,
    pub(super) outbound: bool,
}

/// Checks `number`: first itself, then what it refers to.
pub(super) fn validate(
    number: &PhoneNumber,
    tenant: Result<TenantRef, Problem>,
    references: References,
) -> Result<(TenantRef, Valid), Problem> {
    let PhoneNumberSpec {
        number: text,
        label,
        trunk_ref,
        inbound,
        outbound,
    } = &number.spec;
    let e164 = text
        .parse::<E164>()
        .map_err(|error| Problem::invalid("spec.number", error))?;
    if inbound.is_none() && !outbound.enabled {
        return Err(Problem::invalid(
            "spec",
            "the number does nothing: set inbound.agentRef, or outbound.enabled to true",
        ));
    }
    let object = object_ref(number)?;
    let tenant = tenant?;
    let References { trunk, agent } = references;
    let trunk =
        trunk.ok_or_else(|| Problem::missing(Reason::TrunkNotFound, "Trunk", &trunk_ref.name))?;
    carries(&trunk, &trunk_ref.name, inbound.is_some(), outbound.enabled)?;
    let agent_name = inbound
        .as_ref()
        .map(|inbound| inbound.agent_ref.name.clone());
    if let Some(name) = &agent_name {
        let agent = agent.ok_or_else(|| Problem::missing(Reason::AgentNotFound, "Agent", name))?;
        answers(&agent, name)?;
    }
    Ok((
        tenant,
        Valid {
            object,
            number: e164,
            label: label.clone(),
            trunk: trunk_ref.name.clone(),
            agent: agent_name,
            outbound: outbound.enabled,
        },
    ))
}

fn carries(trunk: &Trunk, name: &str, inbound: bool, outbound: bool) -> Result<(), Problem> {
    let wrong_way = match trunk.spec.direction {
        TrunkDirection::Both => None,
        TrunkDirection::Inbound => {
            outbound.then_some("no calls out, which outbound.enabled asks for")
        }
        TrunkDirection::Outbound => {
            inbound.then_some("no calls in, which inbound.agentRef asks for")
        }
    };
    if let Some(what) = wrong_way {
        return Err(Problem::unresolved(
            Reason::DependencyNotReady,
            format!("Trunk `{name}` carries {what}; change its direction or name another"),
        ));
    }
    let status = trunk.status.as_ref();
    usable(
        "Trunk",
        name,
        status.is_some_and(|status| status.trunk_id.is_some()),
        status.map(|status| status.conditions.as_slice()),
    )
}

fn answers(agent: &Agent, name: &str) -> Result<(), Problem> {
    let status = agent.status.as_ref();
    usable(
        "Agent",
        name,
        status.is_some_and(|status| status.version.is_some()),
        status.map(|status| status.conditions.as_slice()),
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::controllers::projection::fixture::{object, tenant};

    const NUMBER: &str = "
        spec:
          number: '+15551230001'
          trunkRef: {name: carrier}
          inbound: {agentRef: {name: front-desk}}";
    const TRUNK: &str = "
        spec: {addresses: ['sip.example:5060'], allowedCidrs: [192.0.2.0/24]}
        status: {trunkId: 019aa6d2-0000-7000-8000-000000000002}";
    const AGENT: &str = "
        spec: {flowRef: {name: f}}
        status: {agentId: 019aa6d2-0000-7000-8000-000000000003, version: 1}";

    fn check(number: &str, trunk: Option<&str>, agent: Option<&str>) -> Result<Valid, Problem> {
        let references = References {
            trunk: trunk.map(|yaml| Arc::new(object(yaml))),
            agent: agent.map(|yaml| Arc::new(object(yaml))),
        };
        validate(&object(number), tenant(), references).map(|(_, valid)| valid)
    }

    #[test]
    fn a_number_with_its_trunk_and_agent_is_valid() {
        let valid = check(NUMBER, Some(TRUNK), Some(AGENT)).unwrap();
        assert_eq!(valid.agent.as_deref(), Some("front-desk"));
        assert!(!valid.outbound);
    }

    #[test]
    fn each_mistake_has_its_reason_and_sentence() {
        let outbound_trunk = TRUNK.replace("spec: {", "spec: {direction: Outbound, ");
        let no_row = "spec: {flowRef: {name: f}}";
        let broken = "
            spec: {flowRef: {name: f}}
            status:
              conditions:
                - {type: Stalled, status: 'True', reason: FlowInvalid, message: bad first sentence,
                   lastTransitionTime: 2026-11-21T08:00:00Z}";
        let cases = [
            (
                NUMBER.replace("+15551230001", "5551"),
                Some(TRUNK),
                Some(AGENT),
                Reason::Invalid,
                "spec.number: not an E.164 number",
            ),
            (
                NUMBER.replace("inbound: {agentRef: {name: front-desk}}", "label: idle"),
                Some(TRUNK),
                None,
                Reason::Invalid,
                "the number does nothing",
            ),
            (
                NUMBER.to_owned(),
                None,
                Some(AGENT),
                Reason::TrunkNotFound,
                "Trunk `carrier` does not exist",
            ),
            (
                NUMBER.to_owned(),
                Some(TRUNK),
                None,
                Reason::AgentNotFound,
                "Agent `front-desk` does not exist",
            ),
            (
                NUMBER.to_owned(),
                Some(outbound_trunk.as_str()),
                Some(AGENT),
                Reason::DependencyNotReady,
                "carries no calls in",
            ),
            (
                NUMBER.to_owned(),
                Some(TRUNK),
                Some(no_row),
                Reason::WaitingForDependency,
                "Agent `front-desk` is not ready yet",
            ),
            (
                NUMBER.to_owned(),
                Some(TRUNK),
                Some(broken),
                Reason::DependencyNotReady,
                "cannot be used: bad first sentence",
            ),
        ];
        for (number, trunk, agent, reason, sentence) in cases {
            let problem = check(&number, trunk, agent).unwrap_err();
            assert_eq!(problem.reason, reason, "{problem}");
            assert!(problem.message.contains(sentence), "{problem}");
        }
    }
}
