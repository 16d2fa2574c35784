//! Variables: each has one type, and a value wherever it is used.

use std::collections::{BTreeMap, BTreeSet};

use super::Problem;
use super::lower::VALUE;
use crate::expression::{Expression, Type};
use crate::graph::NotedKind;
use crate::program::{Assigned, Cause, ProgramNode, ProgramStep, Wanted};
use crate::template::Template;
use crate::value::Kind;

type Nodes = BTreeMap<String, ProgramNode>;
/// Names of the variables that surely have a value.
type Bound<'a> = BTreeSet<&'a str>;

pub(super) fn check(
    start: &str,
    inputs: &BTreeMap<String, String>,
    nodes: &Nodes,
    problems: &mut Vec<Problem>,
) {
    let kinds = kinds(inputs, nodes, problems);
    let bound = bound_at_entry(start, inputs, nodes);
    for (name, node) in nodes {
        let Some(entry) = bound.get(name.as_str()) else {
            continue;
        };
        let mut check = Check {
            node: name,
            kinds: &kinds,
            problems,
        };
        check.node(node, entry);
    }
}

// --- types ---

fn kinds(
    inputs: &BTreeMap<String, String>,
    nodes: &Nodes,
    problems: &mut Vec<Problem>,
) -> BTreeMap<String, Kind> {
    let mut kinds: BTreeMap<String, Kind> = inputs
        .keys()
        .map(|name| (name.clone(), Kind::Text))
        .collect();
    let mut learn = |node: &str, name: &str, kind: Kind, kinds: &mut BTreeMap<String, Kind>| {
        let known = *kinds.entry(name.to_owned()).or_insert(kind);
        if known != kind {
            problems.push(Problem::at(
                node,
                format!(
                    "`{name}` is {} here and {} elsewhere",
                    kind.as_str(),
                    known.as_str()
                ),
                "use another name here, or convert with int(), double() or string()",
            ));
        }
    };
    let mut open: Vec<(&str, &str, &Expression)> = Vec::new();
    for (node_name, node) in nodes {
        if let (Some(variable), Some(ask)) = (node.answered_variable(), node.ask()) {
            let kind = match ask.wanted {
                Wanted::Option { .. } | Wanted::Choice { .. } | Wanted::Digits { .. } => Kind::Text,
                Wanted::YesNo { .. } => Kind::Boolean,
                Wanted::Number { .. } => Kind::Integer,
            };
            learn(node_name, variable, kind, &mut kinds);
        }
        for noted in node.converse().map_or(&[][..], |it| &it.variables) {
            let kind = match noted.kind {
                NotedKind::Text => Kind::Text,
                NotedKind::Number => Kind::Integer,
                NotedKind::YesNo => Kind::Boolean,
            };
            learn(node_name, &noted.name, kind, &mut kinds);
        }
        if let ProgramStep::Set(assignments) = &node.step {
            for (variable, assigned) in assignments {
                match assigned {
                    Assigned::Text(_) => learn(node_name, variable, Kind::Text, &mut kinds),
                    Assigned::Expression(expression) => {
                        open.push((node_name, variable, expression));
                    }
                }
            }
        }
    }
    // An expression has a type when its variables have: as many rounds as there are expressions.
    loop {
        let before = open.len();
        open.retain(|(node, variable, expression)| {
            let known = expression
                .variables()
                .iter()
                .all(|name| kinds.contains_key(name));
            if known && let Ok(Type::One(kind)) = expression.type_of(&kinds) {
                learn(node, variable, kind, &mut kinds);
            }
            !known
        });
        if open.len() == before {
            return kinds;
        }
    }
}

// --- bindings ---

/// What surely has a value when a node is entered: the intersection over all ways to it.
fn bound_at_entry<'a>(
    start: &'a str,
    inputs: &'a BTreeMap<String, String>,
    nodes: &'a Nodes,
) -> BTreeMap<&'a str, Bound<'a>> {
    let mut entry: BTreeMap<&str, Bound<'a>> = BTreeMap::new();
    entry.insert(start, inputs.keys().map(String::as_str).collect());
    let mut open = vec![start];
    while let Some(name) = open.pop() {
        let (Some(node), Some(before)) = (nodes.get(name), entry.get(name).cloned()) else {
            continue;
        };
        let mut ways: Vec<(&str, Bound<'a>)> = Vec::new();
        for cause in node.causes() {
            let after = bound_after(node, *cause, &before);
            ways.extend(
                node.targets(*cause)
                    .into_iter()
                    .map(|to| (to, after.clone())),
            );
        }
        ways.extend(
            node.edges
                .digits
                .values()
                .map(|to| (to.as_str(), before.clone())),
        );
        ways.extend(
            node.edges
                .prompts
                .iter()
                .map(|prompt| (prompt.to.as_str(), noted(node, &before))),
        );
        if node.listens() {
            let globals = nodes.iter().filter(|(_, node)| node.global.is_some());
            ways.extend(globals.map(|(name, _)| (name.as_str(), before.clone())));
        }
        for (to, bound) in ways {
            let merged = match entry.get(to) {
                Some(known) => known.intersection(&bound).copied().collect(),
                None => bound,
            };
            if entry.get(to) != Some(&merged) {
                entry.insert(to, merged);
                open.push(to);
            }
        }
    }
    entry
}

fn bound_after<'a>(node: &'a ProgramNode, cause: Cause, before: &Bound<'a>) -> Bound<'a> {
    let mut after = noted(node, before);
    if cause == Cause::Done {
        after.extend(node.answered_variable());
        if let ProgramStep::Set(assignments) = &node.step {
            after.extend(assignments.iter().map(|(name, _)| name.as_str()));
        }
    }
    after
}

/// What a model may have noted has a value from the beginning.
fn noted<'a>(node: &'a ProgramNode, before: &Bound<'a>) -> Bound<'a> {
    let mut bound = before.clone();
    let variables = node
        .converse()
        .map_or(&[][..], |converse| &converse.variables);
    bound.extend(variables.iter().map(|one| one.name.as_str()));
    bound
}

struct Check<'a> {
    node: &'a str,
    kinds: &'a BTreeMap<String, Kind>,
    problems: &'a mut Vec<Problem>,
}

impl Check<'_> {
    fn node(&mut self, node: &ProgramNode, entry: &Bound<'_>) {
        match &node.step {
            ProgramStep::Say { text, .. } => self.template(text, entry),
            ProgramStep::Ask(ask) => {
                let texts = [
                    Some(&ask.prompt),
                    ask.no_input.as_ref(),
                    ask.no_match.as_ref(),
                ];
                for text in texts.into_iter().flatten() {
                    self.template(text, entry);
                }
                if let Some(confirm) = &ask.confirm {
                    let mut with_value = entry.clone();
                    with_value.insert(VALUE);
                    self.template(confirm, &with_value);
                }
            }
            ProgramStep::Converse(converse) => {
                let texts = [
                    Some(&converse.instructions),
                    converse.opening.as_ref(),
                    Some(&converse.no_input),
                    Some(&converse.no_match),
                ];
                let bound = noted(node, entry);
                for text in texts.into_iter().flatten() {
                    self.template(text, &bound);
                }
            }
            ProgramStep::Set(assignments) => self.assignments(assignments, entry),
            ProgramStep::Transfer { text, to } => {
                for text in [text, &to.whisper].into_iter().flatten() {
                    self.template(text, entry);
                }
            }
            ProgramStep::Hangup { text, .. } => {
                if let Some(text) = text {
                    self.template(text, entry);
                }
            }
            ProgramStep::Branch => {}
        }
        for (expression, _) in &node.edges.conditions {
            let asked = node
                .causes()
                .iter()
                .filter(|cause| node.settled(**cause).is_none());
            for cause in asked {
                self.bound(expression, &bound_after(node, *cause, entry));
            }
            self.is_boolean(expression);
        }
        if let Some(condition) = node.global.as_ref().and_then(|g| g.condition.as_ref()) {
            self.bound(condition, entry);
            self.is_boolean(condition);
        }
    }

    fn assignments(&mut self, assignments: &[(String, Assigned)], entry: &Bound<'_>) {
        let mut bound = entry.clone();
        for (variable, assigned) in assignments {
            match assigned {
                Assigned::Text(text) => self.template(text, &bound),
                Assigned::Expression(expression) => {
                    self.bound(expression, &bound);
                    match expression.type_of(self.kinds) {
                        Ok(Type::One(_)) => {}
                        Ok(other) => self.type_problem(
                            expression,
                            &format!("is {}, which no variable holds", other.as_str()),
                        ),
                        Err(error) => self.type_problem(expression, &format!("is wrong: {error}")),
                    }
                }
            }
            bound.insert(variable);
        }
    }

    fn template(&mut self, template: &Template, bound: &Bound<'_>) {
        for name in template.variables() {
            self.name(name, bound);
        }
    }

    fn bound(&mut self, expression: &Expression, bound: &Bound<'_>) {
        for name in expression.variables() {
            self.name(name, bound);
        }
    }

    fn name(&mut self, name: &str, bound: &Bound<'_>) {
        if bound.contains(name) {
            return;
        }
        let problem = if self.kinds.contains_key(name) {
            Problem::at(
                self.node,
                format!("`{name}` has no value on every way that leads here"),
                "bind it on all of them: lead event: noInput and event: noMatch elsewhere, or set it before",
            )
        } else {
            Problem::at(
                self.node,
                format!("nothing gives `{name}` a value"),
                "correct the name, declare it under inputs, or collect or set it before",
            )
        };
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    fn is_boolean(&mut self, expression: &Expression) {
        match expression.type_of(self.kinds) {
            Ok(Type::One(Kind::Boolean)) => {}
            Ok(other) => self.type_problem(
                expression,
                &format!("is {}, not true or false", other.as_str()),
            ),
            Err(error) => self.type_problem(expression, &format!("is wrong: {error}")),
        }
    }

    fn type_problem(&mut self, expression: &Expression, what: &str) {
        // An unknown variable has no type; that it is unknown was said already.
        let known = |name: &String| self.kinds.contains_key(name);
        if expression.variables().iter().all(known) {
            self.problems.push(Problem::at(
                self.node,
                format!(
                    "the expression `{}` {what}",
                    super::lower::shorten(expression.source())
                ),
                "correct the expression, or convert with int(), double() or string()",
            ));
        }
    }
}
