//! An Agent and its Flow, compiled, and the Providers that it asks.

use callplane_crds::{Agent, AgentSpec, Flow, Reason};
use callplane_flow::{AgentSettings, Program, compile};
use callplane_store::ObjectRef;
use kube::ResourceExt as _;

use super::dereference::References;
use super::{knowledge, providers, tools};
use crate::controllers::flow::sentences;
use crate::controllers::projection::{Problem, TenantRef, object_ref};

/// An Agent that can be written.
#[derive(Debug)]
pub(super) struct Valid {
    pub(super) object: ObjectRef,
    pub(super) spec: AgentSpec,
    pub(super) flow: String,
    pub(super) program: Program,
}

/// Checks `agent`: its Flow exists, is right, and compiles with the settings of the Agent.
pub(super) fn validate(
    agent: &Agent,
    tenant: Result<TenantRef, Problem>,
    references: References,
) -> Result<(TenantRef, Valid), Problem> {
    let References {
        flow,
        asked,
        tools,
        bases,
    } = references;
    let object = object_ref(agent)?;
    let tenant = tenant?;
    let name = &agent.spec.flow_ref.name;
    let flow = flow.ok_or_else(|| Problem::missing(Reason::FlowNotFound, "Flow", name))?;
    let program = program(agent, &flow)?;
    if flow
        .status
        .as_ref()
        .is_none_or(|status| status.flow_id.is_none())
    {
        return Err(Problem::waits_for("Flow", name));
    }
    providers::validate(agent, name, &program, &asked)?;
    tools::validate(agent, name, &program, &tools)?;
    knowledge::validate(agent, name, &program, &bases)?;
    Ok((
        tenant,
        Valid {
            object,
            spec: agent.spec.clone(),
            flow: name.clone(),
            program,
        },
    ))
}

/// Whose mistake it is when the two do not compile: the Flow's when it does not compile alone.
fn program(agent: &Agent, flow: &Flow) -> Result<Program, Problem> {
    let of_flow = |message: &str| {
        Problem::unresolved(
            Reason::DependencyNotReady,
            format!("Flow `{}` cannot be used: {message}", flow.name_any()),
        )
    };
    let document = flow
        .spec
        .document()
        .map_err(|error| of_flow(&error.to_string()))?;
    compile(&document.graph, &AgentSettings::default())
        .map_err(|problems| of_flow(&sentences(&problems)))?;
    let settings = agent
        .settings()
        .map_err(|error| Problem::invalid(&error.field, error.message))?;
    compile(&document.graph, &settings)
        .map_err(|problems| Problem::not_accepted(Reason::FlowInvalid, sentences(&problems)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use callplane_flow::{AudioCodec, Recording, RecordingFormat};

    use super::*;
    use crate::controllers::agent::dereference::Asked;
    use crate::controllers::projection::fixture::{object, tenant};

    const AGENT: &str = "
        spec:
          flowRef: {name: f}
          voice: rms
          limits: {maxCallSeconds: 60, silenceSeconds: 9}
          recording: {mode: Stereo, format: Opus}
          codecs: [PCMA, Opus]";
    const FLOW: &str = "
        spec:
          graph:
            start: end
            nodes: {end: {hangup: {text: Goodbye.}}}
        status: {flowId: 019aa6d2-0000-7000-8000-000000000004}";

    fn check(agent: &str, flow: Option<&str>) -> Result<Valid, Problem> {
        let references = References {
            flow: flow.map(|yaml| Arc::new(object(yaml))),
            asked: Asked::default(),
            tools: Vec::new(),
            bases: Vec::new(),
        };
        validate(&object(agent), tenant(), references).map(|(_, valid)| valid)
    }

    #[test]
    fn every_setting_is_in_the_program() {
        let valid = check(AGENT, Some(FLOW)).unwrap();
        let settings = &valid.program.agent;
        assert_eq!(settings.name, "subject");
        assert_eq!(settings.voice.name.as_deref(), Some("rms"));
        assert_eq!(settings.limits.max_call.as_secs(), 60);
        assert_eq!(settings.limits.silence.as_secs(), 9);
        assert_eq!(settings.recording, Recording::On);
        assert_eq!(settings.recording_format, RecordingFormat::Opus);
        assert_eq!(settings.codecs, [AudioCodec::Pcma, AudioCodec::Opus]);
        let silent = AGENT.replace("Stereo", "None");
        let valid = check(&silent, Some(FLOW)).unwrap();
        assert_eq!(valid.program.agent.recording, Recording::Off);
    }

    #[test]
    fn each_mistake_is_told_where_it_is() {
        let broken = FLOW.replace("start: end", "start: nowhere");
        let no_row = FLOW.split("status:").next().unwrap();
        let first = AGENT.replace("voice: rms", "firstSentence: 'Hello {{ nobody }}'");
        let cases = [
            (AGENT, None, Reason::FlowNotFound, "Flow `f` does not exist"),
            (
                AGENT,
                Some(broken.as_str()),
                Reason::DependencyNotReady,
                "`nowhere`",
            ),
            (
                AGENT,
                Some(no_row),
                Reason::WaitingForDependency,
                "Flow `f` is not ready yet",
            ),
            (first.as_str(), Some(FLOW), Reason::FlowInvalid, "`nobody`"),
        ];
        for (agent, flow, reason, sentence) in cases {
            let problem = check(agent, flow).unwrap_err();
            assert_eq!(problem.reason, reason, "{problem}");
            assert!(problem.message.contains(sentence), "{problem}");
        }
    }
}
