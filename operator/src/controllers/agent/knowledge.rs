//! The knowledge bases of an Agent: its Flow names those that it has, and each is in the database.

use std::sync::Arc;

use callplane_crds::{Agent, KnowledgeBase, Reason};
use callplane_flow::Program;

use crate::controllers::projection::{Problem, usable};

/// Checks that `agent` has every knowledge base that its Flow names, and that each exists, whether or not its documents
/// were read. `bases` are those of the Agent, in their order.
pub(super) fn validate(
    agent: &Agent,
    flow: &str,
    program: &Program,
    bases: &[Option<Arc<KnowledgeBase>>],
) -> Result<(), Problem> {
    if let Some(missing) = program.missing_bases().next() {
        let message = format_args!("Flow `{flow}`: {missing}");
        return Err(Problem::invalid("spec.knowledgeBases", message));
    }
    for (index, named) in agent.spec.knowledge_bases.iter().enumerate() {
        let name = &named.name;
        let base = bases.get(index).and_then(Option::as_deref);
        let base = base.ok_or_else(|| {
            Problem::missing(Reason::KnowledgeBaseNotFound, "KnowledgeBase", name)
        })?;
        let status = base.status.as_ref();
        let has_row = status.is_some_and(|status| status.knowledge_base_id.is_some());
        let conditions = status.map(|status| status.conditions.as_slice());
        usable("KnowledgeBase", name, has_row, conditions)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use callplane_flow::compile;

    use super::*;
    use crate::controllers::projection::fixture::object;

    const AGENT: &str = "spec: {flowRef: {name: f}, knowledgeBases: [{name: faq}]}";
    const BASE: &str = "
        spec: {documents: [{name: hours, text: From nine to five.}]}
        status: {knowledgeBaseId: 019aa6d2-0000-7000-8000-000000000004}";

    fn checked(names: &str, base: Option<&str>) -> Result<(), Problem> {
        let agent: Agent = object(AGENT);
        let graph = format!(
            "
            start: talk
            nodes:
              talk: {{converse: {{instructions: Talk., knowledgeBases: {names}}}, edges: [{{to: end}}]}}
              end: {{hangup: {{text: Goodbye.}}}}"
        );
        let graph = serde_yaml_ng::from_str(&graph).unwrap();
        let program = compile(&graph, &agent.settings().unwrap()).unwrap();
        let base = base.map(|yaml| Arc::new(object::<KnowledgeBase>(yaml)));
        validate(&agent, "f", &program, &[base])
    }

    #[test]
    fn a_base_that_has_its_row_can_be_used_whether_or_not_it_was_read() {
        checked("[faq]", Some(BASE)).unwrap();
        checked("[]", Some(BASE)).unwrap();
    }

    #[test]
    fn each_lack_names_the_field_and_what_to_do() {
        let no_row = BASE.split("status:").next();
        for (names, base, reason, sentence) in [
            (
                "[faq, prices]",
                Some(BASE),
                Reason::Invalid,
                "spec.knowledgeBases: Flow `f`: node `talk` looks things up in `prices`",
            ),
            (
                "[faq]",
                None,
                Reason::KnowledgeBaseNotFound,
                "KnowledgeBase `faq` does not exist in this namespace; create it",
            ),
            (
                "[faq]",
                no_row,
                Reason::WaitingForDependency,
                "KnowledgeBase `faq` is not ready yet",
            ),
        ] {
            let problem = checked(names, base).unwrap_err();
            assert_eq!(problem.reason, reason, "{problem}");
            assert!(problem.message.contains(sentence), "{problem}");
        }
    }
}
