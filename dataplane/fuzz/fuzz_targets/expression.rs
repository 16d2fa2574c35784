//! An expression. What is one is compiled in a flow that gives its variables a value of each
//! type, and evaluated twice: as the value of a variable and as a condition.

#![no_main]

use std::sync::Arc;

use callplane_flow::graph::{Assignment, Branch, Edge, Hangup, Input, Node, Set};
use callplane_flow::{Action, AgentSettings, EndReason, Event, Expression, Graph, Run, compile};
use callplane_types::Instant;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|source: &str| {
    let Ok(expression) = Expression::parse(source) else {
        return;
    };
    assert_eq!(expression.source(), source);
    for node in [as_value(source), as_condition(source)] {
        let Ok(program) = compile(&graph(node), &AgentSettings::default()) else {
            continue;
        };
        let mut run = Run::new(Arc::new(program), []);
        run.handle(Instant::ZERO, Event::Started);
        while let Some(action) = run.poll() {
            if let Action::Failed { message, .. } = action {
                // What the compiler passed can fail by the values alone.
                assert!(!message.contains("types"), "{message}");
            }
        }
        let ending = run.ending().expect("nothing is asked");
        assert_ne!(ending.reason, EndReason::Fault);
    }
});

fn graph(node: Node) -> Graph {
    let variables = [
        ("age", "36"),
        ("least", "-9223372036854775808"),
        ("score", "2.5"),
        ("member", "true"),
    ];
    let set = Set {
        variables: variables
            .map(|(name, value)| assignment(name, value))
            .into(),
    };
    let first = Node {
        set: Some(set),
        edges: vec![Edge::to("second")],
        ..Node::default()
    };
    let last = Node {
        hangup: Some(Hangup::default()),
        ..Node::default()
    };
    let nodes = [("first", first), ("second", node), ("third", last)];
    let name = Input {
        default: "Ada".to_owned(),
        description: None,
    };
    Graph {
        start: "first".to_owned(),
        nodes: nodes.map(|(name, node)| (name.to_owned(), node)).into(),
        inputs: [("name".to_owned(), name)].into(),
    }
}

fn as_value(source: &str) -> Node {
    Node {
        set: Some(Set {
            variables: vec![assignment("result", source)],
        }),
        edges: vec![Edge::to("third")],
        ..Node::default()
    }
}

fn as_condition(source: &str) -> Node {
    Node {
        branch: Some(Branch {}),
        edges: vec![Edge::when(source, "third"), Edge::to("third")],
        ..Node::default()
    }
}

fn assignment(variable: &str, expression: &str) -> Assignment {
    Assignment {
        variable: variable.to_owned(),
        text: None,
        expression: Some(expression.to_owned()),
    }
}
