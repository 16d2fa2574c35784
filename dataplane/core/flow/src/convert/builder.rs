//! A graph in the making: unique names, and where failed questions lead.

use std::collections::{BTreeMap, BTreeSet};

use super::{Conversion, Note, reader};
use crate::graph::{Edge, EdgeEvent, Graph, Node};

/// More elements than this are refused before they are read one by one.
pub(super) const MAX_ELEMENTS: usize = 1000;
/// Keys that options without one are given, in order.
const KEYS: &str = "1234567890";

#[derive(Debug, Default)]
pub(super) struct Builder {
    pub(super) nodes: BTreeMap<String, Node>,
    notes: Vec<Note>,
    names: BTreeSet<String>,
}

impl Builder {
    pub(super) fn note(&mut self, element: &str, message: impl Into<String>) {
        self.notes.push(Note {
            element: element.chars().take(80).collect(),
            message: message.into(),
        });
    }

    /// A name for a node that no other has.
    pub(super) fn name(&mut self, wish: &str) -> String {
        let base = reader::node(wish);
        let mut name = base.clone();
        let mut count = 1_u32;
        while !self.names.insert(name.clone()) {
            count += 1;
            name = format!("{base}-{count}");
        }
        name
    }

    /// The node to which a question leads that was asked in vain.
    pub(super) fn give_up(&mut self) -> String {
        const NAME: &str = "no-answer";
        if !self.nodes.contains_key(NAME) {
            self.names.insert(NAME.to_owned());
            let node = Node::hangup(
                Some("I am sorry, I did not understand. Goodbye.".to_owned()),
                Some("no_answer".to_owned()),
            );
            self.nodes.insert(NAME.to_owned(), node);
        }
        NAME.to_owned()
    }

    /// Edges of a question that failed.
    pub(super) fn failure_edges(&mut self) -> Vec<Edge> {
        let to = self.give_up();
        vec![
            Edge::on(EdgeEvent::NoInput, to.clone()),
            Edge::on(EdgeEvent::NoMatch, to),
        ]
    }

    pub(super) fn finish(mut self, start: String) -> Conversion {
        self.drop_unreachable(&start);
        Conversion {
            graph: Graph {
                start,
                nodes: self.nodes,
                inputs: BTreeMap::new(),
            },
            notes: self.notes,
        }
    }

    /// Editors keep nodes that nothing leads to; the compiler refuses them.
    fn drop_unreachable(&mut self, start: &str) {
        let mut reached = BTreeSet::new();
        let mut open = vec![start.to_owned()];
        while let Some(name) = open.pop() {
            if let Some(node) = self.nodes.get(&name)
                && reached.insert(name)
            {
                open.extend(node.edges.iter().map(|edge| edge.to.clone()));
                let options = node.menu.iter().flat_map(|menu| &menu.options);
                open.extend(options.map(|option| option.to.clone()));
            }
        }
        let unreached: Vec<String> = self
            .nodes
            .keys()
            .filter(|name| !reached.contains(*name))
            .cloned()
            .collect();
        for name in unreached {
            self.nodes.remove(&name);
            self.note(&name, "nothing leads to it, so it was left out");
        }
    }
}

/// Gives keys to choices that have none, unless any has one of its own.
pub(super) fn assign_keys<'a>(digits: impl Iterator<Item = &'a mut Option<String>>) {
    let mut digits: Vec<_> = digits.collect();
    if digits.len() <= KEYS.len() && digits.iter().all(|digit| digit.is_none()) {
        for (digit, key) in digits.iter_mut().zip(KEYS.chars()) {
            **digit = Some(key.to_string());
        }
    }
}

/// A key as an editor may have written it.
pub(super) fn key(text: Option<String>) -> Option<String> {
    text.filter(|text| text.len() == 1 && text.chars().all(crate::digits::is_key))
}
