//! How the nodes hang together: start, targets, dead ends, reachability, phrases of global nodes.

use std::collections::{BTreeMap, BTreeSet};

use super::Problem;
use super::lower::shorten;
use crate::graph::Graph;
use crate::program::{Cause, ProgramChoice, ProgramNode, Wanted};

type Nodes = BTreeMap<String, ProgramNode>;

pub(super) fn check(graph: &Graph, nodes: &Nodes, problems: &mut Vec<Problem>) {
    if !graph.nodes.contains_key(&graph.start) {
        problems.push(Problem::general(
            format!("the start `{}` is no node", shorten(&graph.start)),
            "name one of the nodes as start",
        ));
        return;
    }
    for (name, node) in nodes {
        targets_exist(graph, name, node, problems);
        no_dead_end(name, node, problems);
        can_return(name, node, graph, nodes, problems);
    }
    phrases_are_distinct(nodes, problems);
    // A node that could not be read hides what it leads to.
    if nodes.len() == graph.nodes.len() && problems.is_empty() {
        all_reachable(&graph.start, nodes, problems);
    }
}

/// Every target, those of keys and of a model included.
pub(super) fn all_targets(node: &ProgramNode) -> impl Iterator<Item = &str> {
    let causes = node.causes().iter().flat_map(|cause| node.targets(*cause));
    let prompts = node.edges.prompts.iter().map(|prompt| prompt.to.as_str());
    causes
        .chain(node.edges.digits.values().map(String::as_str))
        .chain(prompts)
}

fn targets_exist(graph: &Graph, name: &str, node: &ProgramNode, problems: &mut Vec<Problem>) {
    let targets: BTreeSet<&str> = all_targets(node).collect();
    for to in targets {
        if !graph.nodes.contains_key(to) {
            problems.push(Problem::at(
                name,
                format!("it leads to `{}`, which does not exist", shorten(to)),
                "correct the name or add the node",
            ));
        }
    }
}

fn no_dead_end(name: &str, node: &ProgramNode, problems: &mut Vec<Problem>) {
    if node.transfer().is_some() && node.edges.not_reached.is_none() {
        problems.push(Problem::at(
            name,
            "a caller for whom nobody answers has nowhere to go",
            "add an edge with event: notReached",
        ));
    }
    if node.edges.otherwise.is_some() || node.returns() {
        return;
    }
    let open: Vec<Cause> = node
        .causes()
        .iter()
        .copied()
        .filter(|cause| *cause != Cause::NotReached && node.settled(*cause).is_none())
        .collect();
    if open.is_empty() {
        return;
    }
    let (message, fix) = if open.contains(&Cause::Done) {
        (
            "the conversation has nowhere to go from here",
            "add an edge with neither event nor if",
        )
    } else if open.len() == 2 {
        (
            "a caller who says nothing, or nothing that fits, has nowhere to go",
            "add edges with event: noInput and event: noMatch, or one edge with neither event nor if",
        )
    } else if open.contains(&Cause::NoInput) {
        (
            "a caller who says nothing has nowhere to go",
            "add an edge with event: noInput, or one with neither event nor if",
        )
    } else {
        (
            "a caller who is not understood has nowhere to go",
            "add an edge with event: noMatch, or one with neither event nor if",
        )
    };
    problems.push(Problem::at(name, message, fix));
}

/// A node that returns must be entered from where it can return to.
fn can_return(
    name: &str,
    node: &ProgramNode,
    graph: &Graph,
    nodes: &Nodes,
    problems: &mut Vec<Problem>,
) {
    if !node.returns() || node.edges.otherwise.is_some() {
        return;
    }
    let by_edge = nodes
        .iter()
        .find(|(_, other)| all_targets(other).any(|to| to == name))
        .map(|(other, _)| format!("node `{other}` leads here"));
    let by_start = (graph.start == name).then(|| "the call starts here".to_owned());
    if let Some(how) = by_edge.or(by_start) {
        problems.push(Problem::at(
            name,
            format!("it returns to where the conversation was, but {how}, and then there is no such place"),
            "add an edge with neither event nor if, or lead to another node",
        ));
    }
}

/// No phrase of a global node may also be an answer of a question, nor of another global node.
fn phrases_are_distinct(nodes: &Nodes, problems: &mut Vec<Problem>) {
    let mut phrases: BTreeMap<&str, &str> = BTreeMap::new();
    let mut keys: BTreeMap<char, &str> = BTreeMap::new();
    for (name, node) in nodes {
        let Some(global) = &node.global else { continue };
        for phrase in &global.phrases {
            if let Some(other) = phrases.insert(phrase, name) {
                problems.push(phrase_problem(name, phrase, other));
            }
        }
        if let Some(key) = global.digit
            && let Some(other) = keys.insert(key, name)
        {
            problems.push(Problem::at(
                name,
                format!("node `{other}` is reached by the same key {key}"),
                "give each global node a key of its own",
            ));
        }
    }
    for (name, node) in nodes {
        let choices: Vec<&ProgramChoice> = match node.ask().map(|ask| &ask.wanted) {
            Some(Wanted::Option { options, .. }) => {
                options.iter().map(|option| &option.choice).collect()
            }
            Some(Wanted::Choice { choices, .. }) => choices.iter().collect(),
            _ => continue,
        };
        for phrase in choices.iter().flat_map(|choice| &choice.phrases) {
            if let Some(global) = phrases.get(phrase.as_str()) {
                problems.push(phrase_problem(name, phrase, global));
            }
        }
    }
}

fn phrase_problem(node: &str, phrase: &str, other: &str) -> Problem {
    Problem::at(
        node,
        format!("its phrase `{phrase}` means something else at the global node `{other}`"),
        "use another phrase at one of them",
    )
}

fn all_reachable(start: &str, nodes: &Nodes, problems: &mut Vec<Problem>) {
    let mut reached = BTreeSet::from([start]);
    let mut open = vec![start];
    while let Some(name) = open.pop() {
        let Some(node) = nodes.get(name) else {
            continue;
        };
        let mut next: Vec<&str> = all_targets(node).collect();
        if node.listens() {
            let globals = nodes.iter().filter(|(_, node)| node.global.is_some());
            next.extend(globals.map(|(name, _)| name.as_str()));
        }
        open.extend(next.into_iter().filter(|to| reached.insert(to)));
    }
    for name in nodes.keys().filter(|name| !reached.contains(name.as_str())) {
        problems.push(Problem::at(
            name,
            "no way leads here",
            "lead an edge here or remove the node",
        ));
    }
}
