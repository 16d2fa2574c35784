//! Nodes of an editor that bring a person into the call.

use callplane_types::E164;
use serde_json::Value as Json;

use super::nodes_and_edges::{Converter, LABEL, WORDS, Way, label};
use super::reader::{field, prompt, text, whole};
use crate::graph::{Edge, EdgeEvent, Node, Transfer, Waiting};

const NUMBER: &[&str] = &[
    "number",
    "phoneNumber",
    "phone_number",
    "phone",
    "transferTo",
    "transferNumber",
    "forwardTo",
    "to",
];
/// Objects that hold the number, or the number itself.
const DESTINATION: &[&str] = &["destination", "target", "transfer"];
const WHISPER: &[&str] = &["whisper", "whisperMessage", "whisper_message"];
const RING: &[&str] = &[
    "ringSeconds",
    "ring_seconds",
    "timeoutSeconds",
    "timeout_seconds",
];

impl Converter<'_, '_> {
    pub(super) fn transfer(&mut self) -> Node {
        // Numbers do not belong into notes.
        let Some(to) = number(self.source.data) else {
            self.note("it has no number of + and 7 to 15 digits to ring, so its words are said and it goes on");
            return self.words();
        };
        // The label of such a node is a title in the editor.
        let words = WORDS.iter().copied().filter(|key| !LABEL.contains(key));
        let words: Vec<&str> = words.collect();
        let said = |keys: &[&str]| text(self.source.data, keys).map(|words| prompt(&words));
        let (text, whisper) = (said(&words), said(WHISPER));
        let ring_seconds = whole(self.source.data, RING).unwrap_or(30).clamp(5, 120);
        Node {
            transfer: Some(Transfer {
                to: to.to_string(),
                text,
                whisper,
                waiting: Waiting::default(),
                ring_seconds,
            }),
            edges: self.transfer_edges(),
            ..Node::default()
        }
    }

    /// Both edges of a transfer: a way that is named so when nobody is reached, the others after
    /// the talk.
    fn transfer_edges(&mut self) -> Vec<Edge> {
        let source = self.source;
        let (failed, left): (Vec<&Way<'_>>, Vec<&Way<'_>>) =
            source.ways.iter().partition(|way| is_failure(way.json));
        let mut edges = self.edges_of(&left);
        if edges.is_empty() {
            let name = self.builder.name(&format!("{}-over", source.name));
            let end = Node::hangup(None, Some("completed".to_owned()));
            self.builder.nodes.insert(name.clone(), end);
            edges.push(Edge::to(name));
        }
        let not_reached = if let Some(way) = failed.first() {
            way.to.clone()
        } else {
            self.note("it does not say where to go when nobody is reached, so the caller is told and the call ends");
            self.nobody()
        };
        edges.insert(0, Edge::on(EdgeEvent::NotReached, not_reached));
        edges
    }

    /// The node of a caller for whom nobody was reached.
    fn nobody(&mut self) -> String {
        let name = self.builder.name(&format!("{}-nobody", self.source.name));
        let node = Node::hangup(
            Some("I am sorry, nobody can take your call right now. Goodbye.".to_owned()),
            Some("not_reached".to_owned()),
        );
        self.builder.nodes.insert(name.clone(), node);
        name
    }
}

/// The number as people write it, with spaces, hyphens, dots, brackets, or as a `tel` URI (RFC
/// 3966); it must have its country code.
fn number(data: &Json) -> Option<E164> {
    let written = text(data, NUMBER).or_else(|| {
        let inner = field(data, DESTINATION)?;
        text(inner, NUMBER).or_else(|| super::reader::as_text(inner))
    })?;
    let written = written.strip_prefix("tel:").unwrap_or(&written);
    let separator = |c: char| c.is_whitespace() || "-.()/".contains(c);
    let digits: String = written.chars().filter(|c| !separator(*c)).collect();
    digits.parse().ok()
}

/// Whether a way out is named for a call that was not answered.
fn is_failure(edge: &Json) -> bool {
    let names = [text(edge, &["sourceHandle"]), label(edge)];
    names.into_iter().flatten().any(|name| {
        let letters = name.chars().filter(char::is_ascii_alphabetic);
        let name: String = letters.map(|c| c.to_ascii_lowercase()).collect();
        [
            "fail",
            "noanswer",
            "notanswered",
            "unanswered",
            "notreached",
            "unreachable",
            "busy",
            "timeout",
            "error",
        ]
        .iter()
        .any(|word| name.contains(word))
    })
}
