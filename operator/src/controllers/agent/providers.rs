//! What an Agent asks: Providers that exist, speak what they are asked for, and are in the database.
//!
//! **Whether their endpoints answer is not asked here**: calls go on, and the Flow says what becomes of them
//! (`event: modelFailed`).

use callplane_crds::{Agent, LocalReference, Protocol, Provider, Reason};
use callplane_flow::Program;
use callplane_flow::graph::NodeKind;

use super::dereference::Asked;
use crate::controllers::projection::{Problem, usable};

/// Checks that the Providers which `agent` names can be used, and that it names those which its Flow needs.
pub(super) fn validate(
    agent: &Agent,
    flow: &str,
    program: &Program,
    asked: &Asked,
) -> Result<(), Problem> {
    let spec = &agent.spec;
    let talking = program
        .nodes()
        .find(|(_, kind)| *kind == NodeKind::Converse);
    if let Some((node, _)) = talking {
        if spec.model.is_none() {
            return Err(Problem::invalid(
                "spec.model",
                format_args!(
                    "node `{node}` of Flow `{flow}` lets a model talk; name a Provider with openaiChat in \
                     spec.model.providerRef"
                ),
            ));
        }
        if spec.transcription.is_none() {
            return Err(Problem::invalid(
                "spec.transcription",
                format_args!(
                    "at node `{node}` of Flow `{flow}` callers may say anything, and the built-in recogniser knows \
                     phrases only; name a Provider with openaiTranscription in spec.transcription.providerRef"
                ),
            ));
        }
    }
    if let Some(named) = &spec.model {
        let is_chat = |protocol: Protocol<'_>| matches!(protocol, Protocol::OpenaiChat(_));
        let found = std::iter::once(&asked.model).chain(&asked.fallbacks);
        let own = ("spec.model.providerRef".to_owned(), &named.provider_ref);
        let fallbacks = named.fallbacks.iter().enumerate().map(|(index, one)| {
            let field = format!("spec.model.fallbacks[{index}].providerRef");
            (field, &one.provider_ref)
        });
        for ((field, named), found) in std::iter::once(own).chain(fallbacks).zip(found) {
            check(&field, named, found.as_deref(), "openaiChat", is_chat)?;
        }
    }
    if let Some(named) = &spec.transcription {
        check(
            "spec.transcription.providerRef",
            &named.provider_ref,
            asked.transcription.as_deref(),
            "openaiTranscription",
            |protocol| matches!(protocol, Protocol::OpenaiTranscription(_)),
        )?;
    }
    if let Some(named) = &spec.speech {
        check(
            "spec.speech.providerRef",
            &named.provider_ref,
            asked.speech.as_deref(),
            "openaiSpeech",
            |protocol| matches!(protocol, Protocol::OpenaiSpeech(_)),
        )?;
    }
    Ok(())
}

/// `wanted` is the field of a Provider that speaks what is wanted.
pub(in crate::controllers) fn check(
    field: &str,
    named: &LocalReference,
    found: Option<&Provider>,
    wanted: &str,
    speaks: impl Fn(Protocol<'_>) -> bool,
) -> Result<(), Problem> {
    let name = &named.name;
    let provider = found.ok_or_else(|| {
        Problem::unresolved(
            Reason::ProviderNotFound,
            format!(
                "{field}: Provider `{name}` does not exist in this namespace; create it with {wanted}, or name another"
            ),
        )
    })?;
    if !provider.spec.protocol().is_some_and(speaks) {
        return Err(Problem::unresolved(
            Reason::DependencyNotReady,
            format!("{field}: Provider `{name}` has no {wanted}; name one that has"),
        ));
    }
    let status = provider.status.as_ref();
    let has_row = status.is_some_and(|status| status.provider_id.is_some());
    usable(
        "Provider",
        name,
        has_row,
        status.map(|status| status.conditions.as_slice()),
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use callplane_flow::compile;

    use super::*;
    use crate::controllers::projection::fixture::object;

    const AGENT: &str = "
        spec:
          flowRef: {name: f}
          model: {providerRef: {name: llm}}
          transcription: {providerRef: {name: ear}}";
    const MODEL: &str = "
        spec: {openaiChat: {baseUrl: 'https://x/v1', model: m}}
        status: {providerId: 019aa6d2-0000-7000-8000-000000000004}";
    const EAR: &str = "
        spec: {openaiTranscription: {baseUrl: 'https://x/v1', model: m}}
        status: {providerId: 019aa6d2-0000-7000-8000-000000000005}";
    const TALKS: &str = "
        start: talk
        nodes:
          talk: {converse: {instructions: Talk.}, edges: [{to: end}]}
          end: {hangup: {text: Goodbye.}}";
    const SAYS: &str = "
        start: end
        nodes: {end: {hangup: {text: Goodbye.}}}";

    fn checked(
        agent: &str,
        graph: &str,
        model: Option<&str>,
        ear: Option<&str>,
    ) -> Result<(), Problem> {
        let agent: Agent = object(agent);
        let graph = serde_yaml_ng::from_str(graph).unwrap();
        let program = compile(&graph, &agent.settings().unwrap()).unwrap();
        let provider = |yaml: &str| Arc::new(object::<Provider>(yaml));
        let fallbacks = agent.spec.model.iter().flat_map(|model| &model.fallbacks);
        let asked = Asked {
            model: model.map(provider),
            fallbacks: fallbacks.map(|_| None).collect(),
            transcription: ear.map(provider),
            speech: None,
        };
        validate(&agent, "f", &program, &asked)
    }

    #[test]
    fn a_model_and_an_ear_let_an_agent_talk_whether_or_not_their_endpoints_answer() {
        checked(AGENT, TALKS, Some(MODEL), Some(EAR)).unwrap();
        let refused = MODEL.replace(
            "status: {",
            "status: {conditions: [{type: Stalled, status: 'True', reason: AuthFailed, message: no,
               lastTransitionTime: '2026-01-01T00:00:00Z'}], ",
        );
        checked(AGENT, TALKS, Some(&refused), Some(EAR)).unwrap();
        checked("spec: {flowRef: {name: f}}", SAYS, None, None).unwrap();
    }

    #[test]
    fn each_lack_names_the_field_and_what_to_do() {
        let deaf = "spec: {flowRef: {name: f}, model: {providerRef: {name: llm}}}";
        let mute = "spec: {flowRef: {name: f}}";
        let no_row = MODEL.split("status:").next().unwrap();
        let cases = [
            (
                mute,
                TALKS,
                None,
                None,
                Reason::Invalid,
                "spec.model: node `talk` of Flow `f`",
            ),
            (
                deaf,
                TALKS,
                Some(MODEL),
                None,
                Reason::Invalid,
                "spec.transcription: at node `talk`",
            ),
            (
                AGENT,
                TALKS,
                None,
                Some(EAR),
                Reason::ProviderNotFound,
                "spec.model.providerRef: Provider `llm` does not exist",
            ),
            // What a Flow without such nodes does not need must still be right.
            (
                deaf,
                SAYS,
                None,
                None,
                Reason::ProviderNotFound,
                "create it with openaiChat",
            ),
            (
                "spec: {flowRef: {name: f}, model: {providerRef: {name: llm}, fallbacks: [{providerRef: {name: b}}]}}",
                SAYS,
                Some(MODEL),
                None,
                Reason::ProviderNotFound,
                "spec.model.fallbacks[0].providerRef: Provider `b` does not exist",
            ),
            (
                "spec: {flowRef: {name: f}, speech: {providerRef: {name: tts}, voice: alloy}}",
                SAYS,
                None,
                None,
                Reason::ProviderNotFound,
                "create it with openaiSpeech",
            ),
            (
                AGENT,
                TALKS,
                Some(EAR),
                Some(EAR),
                Reason::DependencyNotReady,
                "Provider `llm` has no openaiChat",
            ),
            (
                AGENT,
                TALKS,
                Some(no_row),
                Some(EAR),
                Reason::WaitingForDependency,
                "Provider `llm` is not ready yet",
            ),
        ];
        for (agent, graph, model, ear, reason, sentence) in cases {
            let problem = checked(agent, graph, model, ear).unwrap_err();
            assert_eq!(problem.reason, reason, "{problem}");
            assert!(problem.message.contains(sentence), "{problem}");
        }
    }
}
