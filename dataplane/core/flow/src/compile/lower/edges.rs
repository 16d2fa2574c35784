//! The ways out of a node and the global ways into it.

use std::time::Duration;

use super::{Lower, shorten};
use crate::digits::is_key;
use crate::graph::{EdgeEvent, Global, Node, Step};
use crate::program::{Edges, ProgramGlobal, ProgramPrompt};

impl Lower<'_> {
    pub(super) fn edges(&mut self, node: &Node, step: Step<'_>) -> Edges {
        let mut edges = Edges::default();
        if node.edges.len() > 20 {
            self.problem(
                "the node has more than 20 edges",
                "use a branch node for some",
            );
            return edges;
        }
        if matches!(step, Step::Hangup(_)) && !node.edges.is_empty() {
            self.problem("nothing follows a hangup", "remove its edges");
        }
        let mut conditions = Vec::new();
        for edge in &node.edges {
            match (edge.event, &edge.prompt, &edge.condition) {
                (Some(event), None, None) => {
                    self.event_edge(step, event, edge.digit.as_deref(), &edge.to, &mut edges);
                }
                (None, Some(when), None) => {
                    self.prompt_edge(step, when, &edge.to, &mut edges);
                }
                (None, None, Some(source)) => {
                    if let Some(expression) = self.expression(source) {
                        conditions.push((edge.priority, expression, edge.to.clone()));
                    }
                }
                (None, None, None) => {
                    if edges.otherwise.replace(edge.to.clone()).is_some() {
                        self.problem(
                            "two edges have neither event nor if",
                            "keep one of them, or give the other an event or an if",
                        );
                    }
                }
                _ => self.problem(
                    "an edge has more than one of event, prompt and if",
                    "lead it to a branch node that asks the expression",
                ),
            }
            if edge.digit.is_some() && edge.event != Some(EdgeEvent::Digit) {
                self.problem(
                    "an edge has a digit but not event: digit",
                    "add event: digit or remove the digit",
                );
            }
        }
        // Stable: among equals the one written first stays first.
        conditions.sort_by_key(|(priority, ..)| std::cmp::Reverse(*priority));
        edges.conditions = conditions
            .into_iter()
            .map(|(_, expression, to)| (expression, to))
            .collect();
        edges
    }

    fn prompt_edge(&mut self, step: Step<'_>, when: &str, to: &str, edges: &mut Edges) {
        if !matches!(step, Step::Converse(_)) {
            self.problem(
                format!(
                    "there is no model at a {} node that could take an edge with a prompt",
                    step.kind()
                ),
                "use an if, or a converse node",
            );
        }
        self.prompt(when);
        edges.prompts.push(ProgramPrompt {
            when: when.to_owned(),
            to: to.to_owned(),
        });
    }

    fn event_edge(
        &mut self,
        step: Step<'_>,
        event: EdgeEvent,
        digit: Option<&str>,
        to: &str,
        edges: &mut Edges,
    ) {
        let asks = matches!(step, Step::Collect(_) | Step::Menu(_) | Step::Converse(_));
        let happens = match event {
            EdgeEvent::NoInput | EdgeEvent::NoMatch => asks,
            EdgeEvent::Digit => asks || matches!(step, Step::Say(_)),
            EdgeEvent::NotReached => matches!(step, Step::Transfer(_)),
            EdgeEvent::ModelFailed => matches!(step, Step::Converse(_)),
        };
        if !happens {
            let fix = match event {
                EdgeEvent::NotReached => "remove the edge or use a transfer node",
                EdgeEvent::ModelFailed => "remove the edge or use a converse node",
                _ => "remove the edge or use a collect or menu node",
            };
            self.problem(
                format!("this event never happens at a {} node", step.kind()),
                fix,
            );
        }
        let to = to.to_owned();
        let earlier = match event {
            EdgeEvent::NoInput => edges.no_input.replace(to),
            EdgeEvent::NoMatch => edges.no_match.replace(to),
            EdgeEvent::NotReached => edges.not_reached.replace(to),
            EdgeEvent::ModelFailed => edges.model_failed.replace(to),
            EdgeEvent::Digit => match self.key(digit) {
                Some(key) => edges.digits.insert(key, to),
                None => {
                    self.problem("event: digit has no digit", "say which key it is");
                    None
                }
            },
        };
        if earlier.is_some() {
            self.problem("two edges have the same event", "keep one of them");
        }
    }

    pub(super) fn key(&mut self, digit: Option<&str>) -> Option<char> {
        let digit = digit?;
        let mut chars = digit.chars();
        match (chars.next(), chars.next()) {
            (Some(key), None) if is_key(key) => Some(key),
            _ => {
                self.problem(
                    format!("`{}` is no key", shorten(digit)),
                    "use one of 0 to 9, * and #, in quotes",
                );
                None
            }
        }
    }

    pub(super) fn global(&mut self, global: &Global) -> Option<ProgramGlobal> {
        let phrases = self.phrases(&global.phrases);
        let digit = self.key(global.digit.as_deref());
        let condition = match &global.condition {
            Some(source) => Some(self.expression(source)?),
            None => None,
        };
        if phrases.is_empty() && digit.is_none() && condition.is_none() {
            self.problem(
                "nothing leads to the global node",
                "give it phrases, a digit or an if",
            );
        }
        if global.cooldown_seconds > 3600 {
            self.problem("the cooldown is above 3600 seconds", "use at most 3600");
        }
        Some(ProgramGlobal {
            phrases,
            digit,
            condition,
            cooldown: Duration::from_secs(u64::from(global.cooldown_seconds)),
            returns: global.returns,
        })
    }
}
