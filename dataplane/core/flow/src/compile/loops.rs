//! No conversation may go round without the caller moving it on.

use std::collections::BTreeMap;

use super::Problem;
use crate::program::{Cause, ProgramNode};

type Nodes = BTreeMap<String, ProgramNode>;

/// Finds a circle of nodes that never ask, then one that a silent or misunderstood caller goes
/// round. Circles in which the caller answers are what menus are for; a run limits their number.
pub(super) fn check(nodes: &Nodes, problems: &mut Vec<Problem>) {
    if let Some(circle) = circle(nodes, without_questions) {
        problems.push(Problem::at(
            circle[0],
            format!(
                "the conversation goes round without asking anything: {}",
                show(&circle)
            ),
            "lead one of them out of the circle or to a question",
        ));
    } else if let Some(circle) = circle(nodes, without_answers) {
        problems.push(Problem::at(
            circle[0],
            format!(
                "a caller who is silent or not understood goes round for ever: {}",
                show(&circle)
            ),
            "ask again with retry.attempts, then lead event: noInput and event: noMatch to a hangup",
        ));
    }
}

fn without_questions<'a>(_: &'a Nodes, node: &'a ProgramNode) -> Vec<&'a str> {
    match node.listens() {
        false => all(node),
        true => Vec::new(),
    }
}

fn without_answers<'a>(nodes: &'a Nodes, node: &'a ProgramNode) -> Vec<&'a str> {
    if !node.listens() {
        return all(node);
    }
    let mut next = node.targets(Cause::NoInput);
    next.extend(node.targets(Cause::NoMatch));
    if node.converse().is_some() {
        next.extend(node.targets(Cause::ModelFailed));
    }
    // A global node with only an expression may be entered after any question.
    next.extend(nodes.iter().filter_map(|(name, node)| {
        let global = node.global.as_ref()?;
        global.is_conditional().then_some(name.as_str())
    }));
    next
}

/// Where a node that asks nothing may lead. A person who is rung is no question: one who is
/// never there, or hangs up at once, would be rung for ever.
fn all(node: &ProgramNode) -> Vec<&str> {
    let causes = node.causes().iter();
    causes.flat_map(|cause| node.targets(*cause)).collect()
}

/// A circle in the graph that `next` spans: depth first, with the path so far as a stack.
fn circle<'a>(
    nodes: &'a Nodes,
    next: impl Fn(&'a Nodes, &'a ProgramNode) -> Vec<&'a str>,
) -> Option<Vec<&'a str>> {
    let mut done: BTreeMap<&str, bool> = BTreeMap::new();
    for root in nodes.keys() {
        let mut path: Vec<(&str, Vec<&str>)> = Vec::new();
        let mut enter = Some(root.as_str());
        loop {
            if let Some(name) = enter.take()
                && !done.contains_key(name)
                && let Some(node) = nodes.get(name)
            {
                done.insert(name, false);
                path.push((name, next(nodes, node)));
            }
            let Some((name, rest)) = path.last_mut() else {
                break;
            };
            match rest.pop() {
                None => {
                    done.insert(name, true);
                    path.pop();
                }
                Some(to) if done.get(to) == Some(&false) => {
                    let names = path.iter().map(|(name, _)| *name);
                    return Some(names.skip_while(|name| *name != to).collect());
                }
                Some(to) => enter = Some(to),
            }
        }
    }
    None
}

fn show(circle: &[&str]) -> String {
    let mut text = circle.join(" -> ");
    if let Some(first) = circle.first() {
        text.push_str(" -> ");
        text.push_str(first);
    }
    text
}
