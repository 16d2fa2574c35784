//! What of a graph is drawn: a box for each node, and the ways between them.

use std::collections::BTreeMap;

use callplane_flow::graph::{Edge, EdgeEvent, Global, Graph, Node, NodeKind, Step};

/// Characters of a line in a box, and of one on a way.
const BOX_WIDTH: usize = 34;
const WAY_WIDTH: usize = 26;
/// Lines of what a node says; the rest is in its tooltip.
const SAID_LINES: usize = 3;
/// A node as it is drawn.
pub(super) struct Box {
    pub(super) lines: Vec<String>,
    pub(super) classes: String,
    /// Everything that it says.
    pub(super) title: String,
}

/// A way from one box to another, or to itself.
pub(super) struct Way {
    pub(super) from: usize,
    pub(super) to: usize,
    /// When it is taken; nothing: always.
    pub(super) lines: Vec<String>,
}

/// What is drawn of a graph.
#[derive(Default)]
pub(super) struct Diagram {
    pub(super) boxes: Vec<Box>,
    /// No two with the same ends.
    pub(super) ways: Vec<Way>,
}

impl Diagram {
    pub(super) fn of(graph: &Graph) -> Self {
        let mut diagram = Self::default();
        let mut places = BTreeMap::new();
        // The start is drawn above what has no way to it either.
        let start = graph.nodes.get_key_value(&graph.start);
        let others = graph.nodes.iter().filter(|(name, _)| **name != graph.start);
        for (name, node) in start.into_iter().chain(others) {
            places.insert(name.as_str(), diagram.boxes.len());
            diagram.boxes.push(drawn(name, node, &graph.start));
        }
        for (from, node) in &graph.nodes {
            let mut ways = BTreeMap::<&str, Vec<String>>::new();
            for (when, to) in exits(node) {
                let lines = wrap(&when, WAY_WIDTH, usize::MAX);
                ways.entry(to).or_default().extend(lines);
            }
            for (to, lines) in ways {
                let boxes = &mut diagram.boxes;
                let to = *places.entry(to).or_insert_with(|| {
                    boxes.push(missing(to));
                    boxes.len() - 1
                });
                let from = places[from.as_str()];
                diagram.ways.push(Way { from, to, lines });
            }
        }
        diagram
    }
}

fn drawn(name: &str, node: &Node, start: &str) -> Box {
    let mut classes = vec![node.step().map_or("wrong", |step| class_of(step.kind()))];
    classes.extend((name == start).then_some("start"));
    classes.extend(node.global.is_some().then_some("global"));
    Box {
        lines: lines_of(name, node),
        classes: classes.join(" "),
        title: said_by(node).unwrap_or_default().to_owned(),
    }
}

/// A node that is not there is drawn, too: that is what whoever writes the graph has to see.
fn missing(name: &str) -> Box {
    Box {
        lines: vec![name.to_owned(), "is missing".to_owned()],
        classes: "wrong".to_owned(),
        title: "no node has this name".to_owned(),
    }
}

/// Its name, what it does, and how what it says begins.
fn lines_of(name: &str, node: &Node) -> Vec<String> {
    let mut lines = vec![name.to_owned()];
    match node.step() {
        Some(step) => lines.push(match step {
            Step::Collect(collect) => format!("collect {}", collect.variable),
            Step::Transfer(_) => "transfer".to_owned(),
            Step::Hangup(hangup) => match &hangup.outcome {
                Some(outcome) => format!("hangup: {outcome}"),
                None => "hangup".to_owned(),
            },
            other => other.kind().to_string(),
        }),
        None => lines.push("does not do exactly one thing".to_owned()),
    }
    if let Some(global) = &node.global {
        lines.extend(wrap(&from_everywhere(global), BOX_WIDTH, SAID_LINES));
    }
    if let Some(said) = said_by(node) {
        lines.extend(wrap(said, BOX_WIDTH, SAID_LINES));
    }
    lines
}

fn from_everywhere(global: &Global) -> String {
    let phrase = global
        .phrases
        .first()
        .map(|phrase| format!("\u{201c}{phrase}\u{201d}"));
    let digit = global.digit.as_ref().map(|digit| format!("key {digit}"));
    let condition = global.condition.clone();
    let ways: Vec<String> = [phrase, digit, condition].into_iter().flatten().collect();
    format!("from everywhere: {}", ways.join(" or "))
}

fn said_by(node: &Node) -> Option<&str> {
    Some(match node.step()? {
        Step::Say(say) => &say.text,
        Step::Collect(collect) => &collect.prompt,
        Step::Menu(menu) => &menu.prompt,
        Step::Converse(converse) => &converse.instructions,
        Step::Transfer(transfer) => transfer.text.as_deref()?,
        Step::Hangup(hangup) => hangup.text.as_deref()?,
        Step::Branch(_) | Step::Set(_) => return None,
    })
}

/// Where it goes on, and when.
fn exits(node: &Node) -> impl Iterator<Item = (String, &str)> {
    let options = node.menu.iter().flat_map(|menu| &menu.options);
    let options = options.map(|option| {
        let phrase = option
            .phrases
            .first()
            .map(|phrase| format!("\u{201c}{phrase}\u{201d}"));
        let digit = option.digit.as_ref().map(|digit| format!("key {digit}"));
        let ways: Vec<String> = [phrase, digit].into_iter().flatten().collect();
        (ways.join(" or "), option.to.as_str())
    });
    let is_choice = node.edges.len() > 1 || node.menu.is_some();
    let edges = node
        .edges
        .iter()
        .map(move |edge| (when(edge, is_choice), edge.to.as_str()));
    options.chain(edges)
}

fn when(edge: &Edge, is_choice: bool) -> String {
    if let Some(event) = edge.event {
        return match event {
            EdgeEvent::NoInput => "no input".to_owned(),
            EdgeEvent::NoMatch => "no match".to_owned(),
            EdgeEvent::Digit => format!("key {}", edge.digit.as_deref().unwrap_or_default()),
            EdgeEvent::NotReached => "not reached".to_owned(),
            EdgeEvent::ModelFailed => "model failed".to_owned(),
        };
    }
    match (&edge.prompt, &edge.condition) {
        (Some(prompt), _) => prompt.clone(),
        (None, Some(condition)) => format!("if {condition}"),
        (None, None) if is_choice => "else".to_owned(),
        (None, None) => String::new(),
    }
}

const fn class_of(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::Say => "say",
        NodeKind::Collect | NodeKind::Menu => "ask",
        NodeKind::Converse => "model",
        NodeKind::Branch | NodeKind::Set => "decide",
        NodeKind::Transfer => "transfer",
        NodeKind::Hangup => "end",
    }
}

/// Cut between words into lines of so many characters, the last of them with dots where there is more.
fn wrap(text: &str, width: usize, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let is_full = lines.len() == most;
        let fits = |line: &&mut String| line.chars().count() + 1 + word.chars().count() <= width;
        if let Some(line) = lines.last_mut().filter(fits) {
            line.push(' ');
            line.push_str(word);
        } else if is_full {
            if let Some(line) = lines.last_mut() {
                line.push_str(" \u{2026}");
            }
            break;
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::arrange::arrange;
    use super::super::svg;
    use super::*;

    fn draw(graph: &Graph) -> String {
        let diagram = Diagram::of(graph);
        svg::write("desk", &diagram, &arrange(&diagram))
    }

    fn graph(graph: serde_json::Value) -> Graph {
        serde_json::from_value(graph).unwrap()
    }

    #[test]
    fn every_node_and_every_way_out_of_it_is_drawn() {
        let drawn = draw(&graph(json!({
            "start": "topic",
            "nodes": {
                "topic": {
                    "menu": {"prompt": "Hours & more?", "options": [
                        {"phrases": ["opening hours"], "digit": "1", "to": "hours"},
                    ]},
                    "edges": [{"event": "noInput", "to": "nowhere"}, {"if": "1 < 2", "to": "topic"}, {"to": "hours"}],
                },
                "hours": {"hangup": {"text": "From nine to five.", "outcome": "informed"}},
                "person": {
                    "global": {"phrases": ["a person"], "digit": "0"},
                    "say": {"text": "word ".repeat(40)},
                    "edges": [{"to": "hours"}],
                },
            },
        })));
        for part in [
            "<title>desk</title>",
            ">topic</tspan>",
            ">Hours &amp; more?</tspan>",
            ">“opening hours” or key 1</tspan>",
            ">no input</tspan>",
            ">if 1 &lt; 2</tspan>",
            ">else</tspan>",
            ">is missing</tspan>",
            ">hangup: informed</tspan>",
            ">from everywhere: “a person” or key</tspan>",
            "…</tspan>",
        ] {
            assert!(drawn.contains(part), "{part} in {drawn}");
        }
        assert_eq!(
            drawn.matches("<rect").count(),
            4,
            "three nodes, and one that is missing"
        );
        assert_eq!(drawn.matches("class=\"node wrong\"").count(), 1);
        assert_eq!(drawn.matches("class=\"node ask start\"").count(), 1);
        assert_eq!(drawn.matches("class=\"node say global\"").count(), 1);
    }

    /// So many questions after each other, each with two ways out.
    fn chain(nodes: usize) -> Graph {
        let question = |number: usize| {
            let edges = json!([
                {"event": "noInput", "to": "sorry"},
                {"to": if number + 2 < nodes { format!("n{}", number + 1) } else { "sorry".to_owned() }},
            ]);
            let collect = json!({"variable": "x", "prompt": "How many?", "type": "number"});
            (
                format!("n{number}"),
                json!({"collect": collect, "edges": edges}),
            )
        };
        let mut nodes: serde_json::Map<_, _> = (0..nodes - 1).map(question).collect();
        nodes.insert("sorry".to_owned(), json!({"hangup": {"text": "Sorry."}}));
        graph(json!({"start": "n0", "nodes": nodes}))
    }

    #[test]
    fn a_graph_of_the_most_nodes_is_drawn() {
        let drawn = draw(&chain(200));
        assert_eq!(drawn.matches("<rect").count(), 200);
    }
}
