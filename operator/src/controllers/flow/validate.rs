//! The graph of a Flow, converted and compiled.

use callplane_crds::{Document, Flow, Reason};
use callplane_flow::{AgentSettings, compile};
use callplane_store::ObjectRef;

use super::dereference::References;
use crate::controllers::projection::{Problem, TenantRef, object_ref};

/// Sentences of a message: the API server takes 32 KiB, a person reads a few.
const MAX_SENTENCES: usize = 5;

/// A Flow that can be written.
#[derive(Debug)]
pub(super) struct Valid {
    pub(super) object: ObjectRef,
    pub(super) document: Document,
}

/// Checks `flow`: its graph compiles for an agent without settings of its own.
pub(super) fn validate(
    flow: &Flow,
    tenant: Result<TenantRef, Problem>,
    references: References,
) -> Result<(TenantRef, Valid), Problem> {
    let References = references;
    let document = flow
        .spec
        .document()
        .map_err(|error| Problem::invalid(error.field(), error))?;
    compile(&document.graph, &AgentSettings::default())
        .map_err(|problems| Problem::not_accepted(Reason::FlowInvalid, sentences(&problems)))?;
    let object = object_ref(flow)?;
    Ok((tenant?, Valid { object, document }))
}

/// The first few mistakes of a graph as one message.
pub(crate) fn sentences(problems: &[callplane_flow::Problem]) -> String {
    let mut text = problems
        .iter()
        .take(MAX_SENTENCES)
        .map(|problem| format!("{problem}."))
        .collect::<Vec<_>>()
        .join(" ");
    if let Some(more) = problems
        .len()
        .checked_sub(MAX_SENTENCES)
        .filter(|more| *more > 0)
    {
        text.push_str(&format!(" And {more} more."));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controllers::projection::fixture::{object, tenant};

    fn check(flow: &str) -> Result<Valid, Problem> {
        let references = super::super::dereference::dereference();
        validate(&object(flow), tenant(), references).map(|(_, valid)| valid)
    }

    #[test]
    fn each_mistake_of_a_graph_is_a_sentence_with_the_node_and_the_remedy() {
        let cases = [
            (
                "{graph: {start: a, nodes: {a: {hangup: {}}, b: {hangup: {}}}}}",
                "`b`",
            ),
            (
                "{graph: {start: a, nodes: {a: {say: {text: Hello.}}}}}",
                "`a`",
            ),
            ("{graph: {start: x, nodes: {a: {hangup: {}}}}}", "`x`"),
            (
                "{graph: {start: a, nodes: {a: {hangup: {text: 'Bye {{ who }}'}}}}}",
                "`who`",
            ),
        ];
        for (spec, named) in cases {
            let problem = check(&format!("spec: {spec}")).unwrap_err();
            assert_eq!(problem.reason, Reason::FlowInvalid, "{problem}");
            assert!(problem.message.contains(named), "{problem}");
            assert!(problem.message.ends_with('.'), "{problem}");
        }
    }

    #[test]
    fn one_form_is_wanted() {
        for spec in ["{}", "{graph: {start: a, nodes: {}}, objectiveGraph: {}}"] {
            let problem = check(&format!("spec: {spec}")).unwrap_err();
            assert_eq!(problem.reason, Reason::Invalid, "{problem}");
        }
    }

    #[test]
    fn a_document_that_is_no_graph_is_named_by_its_field() {
        let problem = check("spec: {nodesAndEdges: {}}").unwrap_err();
        assert!(
            problem.message.starts_with("spec.nodesAndEdges: "),
            "{problem}"
        );
    }

    #[test]
    fn of_many_mistakes_the_first_are_told_and_the_rest_counted() {
        let one = callplane_flow::Problem {
            node: Some("n".to_owned()),
            message: "it is wrong".to_owned(),
            fix: "put it right".to_owned(),
        };
        let text = sentences(&vec![one; 7]);
        assert!(
            text.starts_with("node `n`: it is wrong; put it right. "),
            "{text}"
        );
        assert!(text.ends_with(" And 2 more."), "{text}");
    }
}
