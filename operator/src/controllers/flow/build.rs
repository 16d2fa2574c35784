//! The rows of a Flow: the document, and its nodes and edges for those who query them.

use callplane_crds::{Document, FlowForm};
use callplane_flow::graph::{Edge, Node};
use callplane_store::flows::{FlowEdge, FlowKind, FlowNode, FlowSpec};
use serde_json::{Value, json};

use super::validate::Valid;
use crate::controllers::projection::fingerprint;

/// Version of our own form of a graph.
const SCHEMA_VERSION: &str = "1";

/// What should be in the database.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) flow: FlowSpec,
    /// What could not be converted, for the status.
    pub(super) notes: Vec<String>,
}

/// Makes the rows. The same graph, as written, is the same version.
pub(super) fn build(valid: Valid) -> Prepared {
    let Valid { object, document } = valid;
    let Document {
        form,
        written,
        graph,
        notes,
    } = document;
    let nodes = graph.nodes.iter().map(|(name, node)| row(name, node));
    let edges = graph
        .nodes
        .iter()
        .flat_map(|(name, node)| edges(name, node));
    Prepared {
        flow: FlowSpec {
            object,
            spec_hash: fingerprint(&(form.field(), &written)),
            kind: kind(form),
            schema_version: SCHEMA_VERSION.to_owned(),
            nodes: nodes.collect(),
            edges: edges.collect(),
            graph: written,
        },
        notes,
    }
}

const fn kind(form: FlowForm) -> FlowKind {
    match form {
        FlowForm::Graph => FlowKind::Ivr,
        FlowForm::ObjectiveGraph => FlowKind::Objective,
        FlowForm::NodesAndEdges => FlowKind::Conversation,
    }
}

fn row(name: &str, node: &Node) -> FlowNode {
    let kind = node.step().map(|step| step.kind().as_str());
    FlowNode {
        key: name.to_owned(),
        // The compiler has refused a node without a step.
        kind: kind.unwrap_or_default().to_owned(),
        label: node.description.clone(),
        config: to_json(node),
    }
}

/// The options of a menu are edges as well: they lead somewhere.
fn edges(name: &str, node: &Node) -> Vec<FlowEdge> {
    let options = node.menu.iter().flat_map(|menu| &menu.options);
    let options = options.enumerate().map(|(position, option)| FlowEdge {
        key: format!("{name}/option/{position}"),
        source: name.to_owned(),
        target: option.to.clone(),
        condition: Some(json!({ "phrases": option.phrases, "digit": option.digit })),
        priority: 0,
    });
    let written = node
        .edges
        .iter()
        .enumerate()
        .map(|(position, edge)| FlowEdge {
            key: format!("{name}/edge/{position}"),
            source: name.to_owned(),
            target: edge.to.clone(),
            condition: condition(edge),
            // In the table lower is tried first, in a graph higher.
            priority: -edge.priority,
        });
    options.chain(written).collect()
}

fn condition(edge: &Edge) -> Option<Value> {
    let Edge {
        to: _,
        event,
        digit,
        prompt,
        condition,
        priority: _,
    } = edge;
    match (prompt, event, condition) {
        (None, None, None) => None,
        (Some(prompt), ..) => Some(json!({ "prompt": prompt })),
        _ => Some(json!({ "event": event, "digit": digit, "if": condition })),
    }
}

fn to_json(node: &Node) -> Value {
    serde_json::to_value(node).expect("a node is maps with texts as keys")
}

#[cfg(test)]
mod tests {
    use super::super::{dereference, validate};
    use super::*;
    use crate::controllers::projection::fixture::{object, tenant};

    fn built(yaml: &str) -> FlowSpec {
        let references = dereference::dereference();
        let (_, valid) = validate::validate(&object(yaml), tenant(), references).unwrap();
        build(valid).flow
    }

    const MENU: &str = "
        spec:
          graph:
            start: topic
            nodes:
              topic:
                menu:
                  prompt: Press one.
                  options: [{phrases: [opening hours], digit: '1', to: end}]
                edges:
                  - {event: noInput, to: end}
                  - {to: end}
              end: {hangup: {outcome: informed}}";

    #[test]
    fn a_graph_becomes_its_nodes_and_every_way_between_them() {
        let flow = built(MENU);
        let nodes: Vec<_> = flow
            .nodes
            .iter()
            .map(|n| (n.key.as_str(), n.kind.as_str()))
            .collect();
        assert_eq!(nodes, [("end", "hangup"), ("topic", "menu")]);
        let edges: Vec<_> = flow
            .edges
            .iter()
            .map(|edge| {
                (
                    edge.key.as_str(),
                    edge.target.as_str(),
                    edge.condition.is_some(),
                )
            })
            .collect();
        assert_eq!(
            edges,
            [
                ("topic/option/0", "end", true),
                ("topic/edge/0", "end", true),
                ("topic/edge/1", "end", false),
            ]
        );
    }

    #[test]
    fn the_same_graph_is_the_same_version() {
        assert_eq!(built(MENU).spec_hash, built(MENU).spec_hash);
        let other = MENU.replace("Press one.", "Press the one.");
        assert_ne!(built(MENU).spec_hash, built(&other).spec_hash);
    }
}
