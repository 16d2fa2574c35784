//! The tools of an Agent: its Flow names those that it has, and each has a Provider with an HTTP API.

use std::sync::Arc;

use callplane_crds::{Agent, Protocol, Provider};
use callplane_flow::Program;

use super::providers::check;
use crate::controllers::projection::Problem;

/// Checks that `agent` has every tool that its Flow names, and that each can be called. `providers` are those of its
/// tools, in their order.
pub(super) fn validate(
    agent: &Agent,
    flow: &str,
    program: &Program,
    providers: &[Option<Arc<Provider>>],
) -> Result<(), Problem> {
    if let Some(missing) = program.missing_tools().next() {
        let message = format_args!("Flow `{flow}`: {missing}");
        return Err(Problem::invalid("spec.tools", message));
    }
    for (index, tool) in agent.spec.tools.iter().enumerate() {
        let provider = providers.get(index).and_then(Option::as_deref);
        check(
            &format!("spec.tools[{index}].http.providerRef"),
            &tool.http.provider_ref,
            provider,
            "http",
            |protocol| matches!(protocol, Protocol::Http(_)),
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use callplane_crds::Reason;
    use callplane_flow::compile;

    use super::*;
    use crate::controllers::projection::fixture::object;

    const AGENT: &str = "
        spec:
          flowRef: {name: f}
          tools:
          - name: slots
            description: Looks up free hours.
            http: {providerRef: {name: booking}, method: GET, path: slots}";
    const BOOKING: &str = "
        spec: {http: {baseUrl: 'https://x/v1'}}
        status: {providerId: 019aa6d2-0000-7000-8000-000000000004}";
    const MODEL: &str = "
        spec: {openaiChat: {baseUrl: 'https://x/v1', model: m}}
        status: {providerId: 019aa6d2-0000-7000-8000-000000000004}";
    const TALKS: &str = "
        start: talk
        nodes:
          talk: {converse: {instructions: Talk., tools: [slots]}, edges: [{to: end}]}
          end: {hangup: {text: Goodbye.}}";

    fn checked(agent: &str, provider: Option<&str>) -> Result<(), Problem> {
        let agent: Agent = object(agent);
        let graph = serde_yaml_ng::from_str(TALKS).unwrap();
        let program = compile(&graph, &agent.settings().unwrap()).unwrap();
        let provider = provider.map(|yaml| Arc::new(object(yaml)));
        validate(&agent, "f", &program, &[provider])
    }

    #[test]
    fn a_tool_that_the_agent_has_is_called_where_its_provider_is() {
        checked(AGENT, Some(BOOKING)).unwrap();
    }

    #[test]
    fn each_lack_names_the_field_and_what_to_do() {
        let without = AGENT.replace("name: slots\n", "name: hours\n");
        for (agent, provider, reason, sentence) in [
            (
                without.as_str(),
                Some(BOOKING),
                Reason::Invalid,
                "spec.tools: Flow `f`: node `talk` uses the tool `slots`",
            ),
            (
                AGENT,
                None,
                Reason::ProviderNotFound,
                "spec.tools[0].http.providerRef: Provider `booking` does not exist",
            ),
            (
                AGENT,
                Some(MODEL),
                Reason::DependencyNotReady,
                "Provider `booking` has no http",
            ),
        ] {
            let problem = checked(agent, provider).unwrap_err();
            assert_eq!(problem.reason, reason, "{problem}");
            assert!(problem.message.contains(sentence), "{problem}");
        }
    }
}
