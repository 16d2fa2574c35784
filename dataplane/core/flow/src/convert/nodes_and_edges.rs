//! Conversation paths as the editor react-flow stores them: `nodes` and `edges`.
//!
//! | document | graph |
//! |---|---|
//! | a node of type `start`, `input`, `trigger`, `entry`; else the node nothing leads to | the start |
//! | a node with words (`data.text`, `message`, `prompt`, `agentSpeech`, `label`) and one way out | say |
//! | a node with words and several labelled ways out, or `data.options` | menu: the labels are the phrases |
//! | `collect`, `question`, `gather`, `ask` with `data.variable` and a type | collect |
//! | `condition`, `branch`, `if`, `decision` | branch: `data.condition` of the edge or of the node |
//! | `set`, `variable`, `assign` with `data.variable` and `data.value` | set |
//! | `transfer`, `transferCall`, `forward`, `dial` with a number in E.164 | transfer: ways named `failed`, `busy`, `noAnswer` are taken when nobody is reached |
//! | `end`, `hangup`, `output`, `goodbye`, or no way out | hangup |
//! | anything else (tool, webhook ...) | its words are said; a note says what is missing |
//!
//! A condition is kept when it is an expression that flows have. Where several ways lead on
//! without a condition the first is taken, and a note says so.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::builder::{Builder, MAX_ELEMENTS, assign_keys, key};
use super::objectives::objective_graph;
use super::reader::{field, items, phrase, prompt, text, variable};
use super::{Conversion, ConvertError};
use crate::expression::Expression;
use crate::graph::{Assignment, Branch, Edge, Menu, MenuOption, Node, Retry, Set};

pub(super) const WORDS: &[&str] = &[
    "text",
    "message",
    "prompt",
    "agentSpeech",
    "speech",
    "content",
    "question",
    "label",
];
pub(super) const LABEL: &[&str] = &["label", "title", "name"];
const CONDITION: &[&str] = &["condition", "expression", "if"];

/// One way out of a node of the document.
pub(super) struct Way<'a> {
    pub(super) to: String,
    pub(super) json: &'a Json,
}

pub(super) struct Source<'a> {
    id: String,
    kind: String,
    pub(super) data: &'a Json,
    pub(super) name: String,
    pub(super) ways: Vec<Way<'a>>,
}

/// Converts the nodes and edges of a react-flow document.
///
/// # Errors
/// When the document has no nodes, or too many elements.
pub fn nodes_and_edges(document: &Json) -> Result<Conversion, ConvertError> {
    let nodes = items(document, &["nodes"]);
    let edges = items(document, &["edges"]);
    if nodes.is_empty() {
        return Err(ConvertError::Missing("nodes"));
    }
    if nodes.len() + edges.len() > MAX_ELEMENTS {
        return Err(ConvertError::TooLarge(MAX_ELEMENTS));
    }
    let mut builder = Builder::default();
    let mut sources: Vec<Source<'_>> = Vec::new();
    for (index, (key, json)) in nodes.into_iter().enumerate() {
        let id = key.map(str::to_owned).or_else(|| text(json, &["id"]));
        let id = id.unwrap_or_else(|| format!("node-{}", index + 1));
        let data = field(json, &["data"]).unwrap_or(json);
        let kind = text(json, &["type"]).or_else(|| text(data, &["type", "kind"]));
        sources.push(Source {
            name: builder.name(&id),
            id,
            kind: kind
                .unwrap_or_default()
                .to_ascii_lowercase()
                .replace(['-', '_', ' '], ""),
            data,
            ways: Vec::new(),
        });
    }
    let mut led_to = BTreeSet::new();
    let by_id: BTreeMap<String, usize> = sources
        .iter()
        .enumerate()
        .map(|(index, source)| (source.id.clone(), index))
        .collect();
    for (_, edge) in edges {
        let from = text(edge, &["source", "from"]).and_then(|id| by_id.get(&id).copied());
        let to = text(edge, &["target", "to"]).and_then(|id| by_id.get(&id).copied());
        let (Some(from), Some(to)) = (from, to) else {
            let id = text(edge, &["id"]).unwrap_or_else(|| "edge".to_owned());
            builder.note(&id, "it does not join two nodes, so it was left out");
            continue;
        };
        led_to.insert(to);
        let to = sources[to].name.clone();
        sources[from].ways.push(Way { to, json: edge });
    }
    let start = sources
        .iter()
        .position(|source| is_start(&source.kind))
        .or_else(|| (0..sources.len()).find(|index| !led_to.contains(index)))
        .unwrap_or(0);
    let start = sources[start].name.clone();
    for source in &sources {
        let node = Converter {
            builder: &mut builder,
            source,
        }
        .node();
        builder.nodes.insert(source.name.clone(), node);
    }
    Ok(builder.finish(start))
}

fn is_start(kind: &str) -> bool {
    matches!(
        kind,
        "start" | "input" | "trigger" | "entry" | "begin" | "startnode"
    )
}

pub(super) struct Converter<'a, 'd> {
    pub(super) builder: &'a mut Builder,
    pub(super) source: &'a Source<'d>,
}

impl Converter<'_, '_> {
    pub(super) fn note(&mut self, message: impl Into<String>) {
        self.builder.note(&self.source.id, message);
    }

    fn node(mut self) -> Node {
        match self.source.kind.as_str() {
            "end" | "hangup" | "output" | "goodbye" | "endcall" | "endnode" => self.hangup(),
            "condition" | "branch" | "if" | "decision" | "logic" | "switch" => self.branch(),
            "set" | "variable" | "assign" | "setvariable" => self.set(),
            "transfer" | "transfercall" | "calltransfer" | "forward" | "forwardcall"
            | "callforward" | "dial" => self.transfer(),
            "collect" | "question" | "gather" | "ask" | "input" if self.collects() => {
                self.collect()
            }
            "" | "default" | "say" | "message" | "speak" | "speech" | "text" | "play" | "menu"
            | "ivr" | "choice" | "options" | "question" | "ask" | "gather" | "collect"
            | "conversation" | "node" | "custom" | "group" => self.words(),
            kind if is_start(kind) => self.words(),
            kind => {
                let kind = kind.to_owned();
                self.note(format!(
                    "a node of type `{kind}` has no equal: its words are said and it goes on"
                ));
                self.words()
            }
        }
    }

    fn spoken(&self) -> Option<String> {
        // The label of a start or unknown node is a title in the editor, not something to say.
        let titled = is_start(&self.source.kind);
        let keys = if titled {
            &WORDS[..WORDS.len() - 1]
        } else {
            WORDS
        };
        text(self.source.data, keys).map(|words| prompt(&words))
    }

    fn hangup(&mut self) -> Node {
        if !self.source.ways.is_empty() {
            self.note("nothing follows the end of a call, so its edges were left out");
        }
        let keys = &WORDS[..WORDS.len() - 1];
        let words = text(self.source.data, keys).map(|words| prompt(&words));
        Node::hangup(words, Some("completed".to_owned()))
    }

    /// Say, menu or hangup, by the ways out.
    pub(super) fn words(&mut self) -> Node {
        let spoken = self.spoken();
        let labelled = self
            .source
            .ways
            .iter()
            .filter(|way| label(way.json).is_some());
        let options = !items(self.source.data, &["options", "choices", "buttons"]).is_empty();
        let asks = self.source.ways.len() > 1 && labelled.count() > 1 || options;
        match spoken {
            _ if self.source.ways.is_empty() => Node::hangup(spoken, Some("completed".to_owned())),
            Some(words) if asks => self.menu(words),
            Some(words) => {
                let edges = self.edges();
                Node {
                    edges,
                    ..Node::say(words, "")
                }
            }
            None => self.branch(),
        }
    }

    fn menu(&mut self, words: String) -> Node {
        let mut options: Vec<MenuOption> = Vec::new();
        let mut used = BTreeSet::new();
        let listed = items(self.source.data, &["options", "choices", "buttons"]);
        for way in &self.source.ways {
            let handle = text(way.json, &["sourceHandle"]);
            let option = listed.iter().find(|(key, option)| {
                let names = ["id", "value", "label", "text"].map(|key| text(option, &[key]));
                let own = super::reader::as_text(option);
                let mut names = names
                    .into_iter()
                    .chain([own, key.map(str::to_owned)])
                    .flatten();
                names.any(|name| Some(&name) == handle.as_ref() || Some(name) == label(way.json))
            });
            let option = option.map(|(_, option)| *option);
            let shown = option
                .and_then(|it| {
                    super::reader::as_text(it).or_else(|| text(it, &["label", "text", "value"]))
                })
                .or_else(|| label(way.json))
                .or(handle);
            let spoken = shown
                .as_deref()
                .and_then(phrase)
                .filter(|words| used.insert(words.clone()));
            let Some(spoken) = spoken else {
                self.note("a way out has no words of its own, so it was left out");
                continue;
            };
            options.push(MenuOption {
                phrases: vec![spoken],
                digit: option.and_then(|it| key(text(it, &["digit", "dtmf", "key"]))),
                value: shown.map(|text| text.chars().take(200).collect()),
                to: way.to.clone(),
            });
        }
        options.truncate(24);
        if options.is_empty() {
            let edges = self.edges();
            return Node {
                edges,
                ..Node::say(words, "")
            };
        }
        assign_keys(options.iter_mut().map(|option| &mut option.digit));
        Node {
            menu: Some(Menu {
                prompt: words,
                options,
                variable: text(self.source.data, &["variable"]).map(|name| variable(&name)),
                interruptible: true,
                timeout_seconds: 8,
                retry: Retry::default(),
            }),
            edges: self.builder.failure_edges(),
            ..Node::default()
        }
    }

    /// A question is read as an objective with one field is, its ways as the order.
    fn collect(&mut self) -> Node {
        let mut objective = self.source.data.clone();
        if let Some(fields) = objective.as_object_mut() {
            let words = self.spoken().unwrap_or_else(|| "Please answer.".to_owned());
            fields.insert("prompt".to_owned(), words.into());
            if let Some(kind) = text(self.source.data, &["inputType", "dataType", "answerType"]) {
                fields.insert("type".to_owned(), kind.into());
            }
            fields.insert("id".to_owned(), self.source.id.clone().into());
            fields.remove("next");
        }
        let document = serde_json::json!({ "objectives": [objective] });
        let converted = objective_graph(&document).ok();
        let node = converted.and_then(|it| it.graph.nodes.get(&it.graph.start).cloned());
        let Some(mut node) = node.filter(|node| node.collect.is_some()) else {
            self.note("its answer is free text, which has no grammar, so it is only said");
            return self.words();
        };
        node.edges = self.builder.failure_edges();
        let ways = self.edges();
        node.edges.extend(ways);
        node
    }

    fn collects(&self) -> bool {
        field(self.source.data, &["variable", "field", "data_key"]).is_some()
    }

    fn branch(&mut self) -> Node {
        if self.source.ways.is_empty() {
            self.note("it leads nowhere, so the call ends here");
            return Node::hangup(None, Some("completed".to_owned()));
        }
        Node {
            branch: Some(Branch {}),
            edges: self.edges(),
            ..Node::default()
        }
    }

    fn set(&mut self) -> Node {
        let name = text(self.source.data, &["variable", "name", "key"]);
        let Some(name) = name else {
            self.note("it names no variable, so it does nothing");
            return self.branch();
        };
        if self.source.ways.is_empty() {
            return self.branch();
        }
        let value = text(self.source.data, &["value", "text"]).unwrap_or_default();
        Node {
            set: Some(Set {
                variables: vec![Assignment {
                    variable: variable(&name),
                    text: Some(prompt(&value)),
                    expression: None,
                }],
            }),
            edges: self.edges(),
            ..Node::default()
        }
    }

    /// Ways out by condition, then one without.
    fn edges(&mut self) -> Vec<Edge> {
        self.edges_of(&self.source.ways.iter().collect::<Vec<_>>())
    }

    pub(super) fn edges_of(&mut self, ways: &[&Way<'_>]) -> Vec<Edge> {
        let own = text(self.source.data, CONDITION);
        let mut edges = Vec::new();
        let mut otherwise: Option<String> = None;
        for way in ways {
            let handle = text(way.json, &["sourceHandle"]).or_else(|| label(way.json));
            let handle = handle.unwrap_or_default().to_ascii_lowercase();
            let data = field(way.json, &["data"]).unwrap_or(way.json);
            let condition = text(data, CONDITION).or_else(|| match handle.as_str() {
                "true" | "yes" => own.clone(),
                "false" | "no" | "else" | "default" => None,
                _ => label(way.json).filter(|label| is_condition(label)),
            });
            match condition.map(Expression::parse) {
                Some(Ok(expression)) => edges.push(Edge::when(expression.source(), way.to.clone())),
                Some(Err(error)) => {
                    self.builder.note(
                        &self.source.id,
                        format!("a condition was left out: {error}"),
                    );
                    otherwise.get_or_insert_with(|| way.to.clone());
                }
                None if otherwise.is_none() => otherwise = Some(way.to.clone()),
                None => self.builder.note(
                    &self.source.id,
                    "several ways lead on without a condition, so only the first is taken",
                ),
            }
        }
        edges.truncate(16);
        match otherwise {
            Some(to) => edges.push(Edge::to(to)),
            // The last condition stands for all the rest.
            None => {
                if let Some(last) = edges.last_mut() {
                    last.condition = None;
                    self.note(
                        "no way is without a condition, so the last one is taken when none is true",
                    );
                }
            }
        }
        edges
    }
}

/// Whether a label is an expression, and not just a word that could be a variable.
fn is_condition(label: &str) -> bool {
    label.contains(['=', '<', '>', '!', '&', '|', '(']) && Expression::parse(label).is_ok()
}

pub(super) fn label(edge: &Json) -> Option<String> {
    let data = field(edge, &["data"]).unwrap_or(edge);
    text(edge, LABEL).or_else(|| text(data, LABEL))
}
