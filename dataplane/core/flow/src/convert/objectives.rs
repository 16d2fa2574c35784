//! Objective graphs: what an agent has to find out, in which order.
//!
//! The mapping, with the accepted names of each field:
//!
//! | document | graph |
//! |---|---|
//! | `greeting`, `first_message`, `introduction` | a say node at the start |
//! | `objectives`, `nodes`, `steps`: a list, or a map by id | one or more nodes each, below |
//! | `start`, `entry`, `initial_objective` | the objective that comes first |
//! | `closing`, `farewell`, `goodbye` | words of the hangup node, outcome `completed` |
//! | `fields`, `captured_data`, `data_schema` by field name | defaults for the fields below |
//!
//! An objective (`id`, `key`, `name`) has a `prompt` (`question`, `text`, `message`,
//! `instruction`), and captures `required_data` (`fields`, `captures`: a list of names or of
//! objects) or one `field` (`variable`, `data_key`). Without a field it is said. A field has a
//! `type` (`kind`, `data_type`): `choice`, `enum`; `digits`, `phone`, `zip`, `date`; `number`,
//! `integer`; `boolean`, `yes_no`; with `options` (`choices`, `enum`, `values`) it is a choice.
//! Free text has no grammar: the variable is set to nothing, which a note says. `confirm`,
//! `max_attempts` (`retries`) and `min`/`max` or `min_length`/`max_length` are kept.
//!
//! Order: `next` (an id, or a map from an answer to an id; options may carry their own `next`),
//! else `depends_on`, else `order`, else as written. A required objective (`required`, true unless
//! given) that is not answered ends the call; an optional one is passed over.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::builder::{Builder, MAX_ELEMENTS, assign_keys};
use super::question::{Field, ID, OPTIONS, PROMPT, choice, fields};
use super::reader::{as_text, field, items, prompt, text, truth, variable, whole};
use super::{Conversion, ConvertError};
use crate::graph::{Answer, Assignment, Choice, Collect, Edge, EdgeEvent, Node, Retry, Set};

const NEXT: &[&str] = &["next", "then", "next_objective"];

/// One objective, and the node at which it begins.
struct Objective<'a> {
    id: String,
    json: &'a Json,
    node: String,
}

/// Converts an objective graph.
///
/// # Errors
/// When the document has no objectives, or too many.
pub fn objective_graph(document: &Json) -> Result<Conversion, ConvertError> {
    let mut builder = Builder::default();
    let mut objectives = read(document, &mut builder)?;
    sort(&mut objectives, &mut builder);
    let by_id: BTreeMap<String, String> = objectives
        .iter()
        .map(|objective| (objective.id.clone(), objective.node.clone()))
        .collect();
    let schema = field(document, &["fields", "captured_data", "data_schema"]);

    let end = builder.name("end");
    let closing = text(document, &["closing", "farewell", "goodbye"]);
    let closing = closing.map(|text| prompt(&text));
    let hangup = Node::hangup(closing, Some("completed".to_owned()));
    builder.nodes.insert(end.clone(), hangup);

    for (index, objective) in objectives.iter().enumerate() {
        let following = objectives.get(index + 1).map_or(&end, |next| &next.node);
        Objectives {
            builder: &mut builder,
            by_id: &by_id,
            schema,
        }
        .add(objective, following);
    }

    let entry = text(document, &["start", "entry", "initial_objective"]);
    let mut start = entry
        .and_then(|id| by_id.get(&id).cloned())
        .or_else(|| objectives.first().map(|first| first.node.clone()))
        .ok_or(ConvertError::Missing("objectives"))?;
    if let Some(greeting) = text(document, &["greeting", "first_message", "introduction"]) {
        let name = builder.name("greeting");
        let node = Node::say(prompt(&greeting), start);
        builder.nodes.insert(name.clone(), node);
        start = name;
    }
    Ok(builder.finish(start))
}

fn read<'a>(document: &'a Json, builder: &mut Builder) -> Result<Vec<Objective<'a>>, ConvertError> {
    let listed = items(document, &["objectives", "nodes", "steps"]);
    if listed.is_empty() {
        return Err(ConvertError::Missing("objectives"));
    }
    if listed.len() > MAX_ELEMENTS {
        return Err(ConvertError::TooLarge(MAX_ELEMENTS));
    }
    let objectives = listed.into_iter().enumerate().map(|(index, (key, json))| {
        let id = key.map(str::to_owned).or_else(|| text(json, ID));
        let id = id.unwrap_or_else(|| format!("objective-{}", index + 1));
        Objective {
            node: builder.name(&id),
            id,
            json,
        }
    });
    Ok(objectives.collect())
}

/// By `order`, then so that each comes after those it depends on.
fn sort(objectives: &mut Vec<Objective<'_>>, builder: &mut Builder) {
    objectives.sort_by_key(|objective| whole(objective.json, &["order"]).unwrap_or(u32::MAX));
    let known: BTreeSet<String> = objectives.iter().map(|it| it.id.clone()).collect();
    let mut waiting: Vec<(BTreeSet<String>, Objective<'_>)> = std::mem::take(objectives)
        .into_iter()
        .map(|objective| {
            let needs = items(objective.json, &["depends_on", "dependencies", "requires"]);
            let needs = needs.into_iter().filter_map(|(_, id)| as_text(id));
            let needs = needs.filter(|id| known.contains(id) && *id != objective.id);
            (needs.collect(), objective)
        })
        .collect();
    let mut done = BTreeSet::new();
    while !waiting.is_empty() {
        let ready = waiting.iter().position(|(needs, _)| needs.is_subset(&done));
        let (_, next) = waiting.remove(ready.unwrap_or(0));
        if ready.is_none() {
            builder.note(
                &next.id,
                "it depends on itself in a circle, so it keeps its place",
            );
        }
        done.insert(next.id.clone());
        objectives.push(next);
    }
}

struct Objectives<'a, 'd> {
    builder: &'a mut Builder,
    by_id: &'a BTreeMap<String, String>,
    schema: Option<&'d Json>,
}

impl Objectives<'_, '_> {
    fn add(&mut self, objective: &Objective<'_>, following: &str) {
        let json = objective.json;
        let following = match field(json, NEXT).and_then(as_text) {
            Some(id) => self.target(&objective.id, &id, following),
            None => following.to_owned(),
        };
        let question = text(json, PROMPT);
        let fields = fields(&objective.id, json);
        if fields.is_empty() {
            let node = match question {
                Some(words) => Node::say(prompt(&words), following),
                None => {
                    self.builder.note(
                        &objective.id,
                        "it has neither prompt nor field, so it does nothing",
                    );
                    branch(following)
                }
            };
            self.builder.nodes.insert(objective.node.clone(), node);
            return;
        }
        let mut name = objective.node.clone();
        let count = fields.len();
        for (index, (field_name, own)) in fields.into_iter().enumerate() {
            let next = if index + 1 == count {
                following.clone()
            } else {
                self.builder.name(&objective.node)
            };
            let sources = [
                own,
                self.schema.and_then(|schema| schema.get(&field_name)),
                Some(json),
            ];
            let question = Field {
                objective: &objective.id,
                name: &field_name,
                // The objective's own words ask for its first field only.
                prompt: question.clone().filter(|_| index == 0),
                sources: sources.into_iter().flatten().collect(),
            };
            let node = self.question(&question, &next);
            self.builder.nodes.insert(name, node);
            name = next;
        }
    }

    fn target(&mut self, element: &str, id: &str, otherwise: &str) -> String {
        if let Some(node) = self.by_id.get(id) {
            return node.clone();
        }
        self.builder.note(
            element,
            format!("`{id}` is no objective, so the order is followed instead"),
        );
        otherwise.to_owned()
    }

    fn question(&mut self, field: &Field<'_>, following: &str) -> Node {
        let name = variable(field.name);
        let answer = field.answer();
        let Some(answer) = answer else {
            self.builder.note(
                field.objective,
                format!(
                    "`{}` is free text, which has no grammar, so it is left empty",
                    field.name
                ),
            );
            return Node {
                set: Some(Set {
                    variables: vec![Assignment {
                        variable: name,
                        text: Some(String::new()),
                        expression: None,
                    }],
                }),
                edges: vec![Edge::to(following)],
                ..Node::default()
            };
        };
        let (choices, mut edges) = self.choices(field, answer, &name, following);
        let required = field
            .find(|json| truth(json, &["required"]))
            .unwrap_or(true);
        edges.extend(if required {
            self.builder.failure_edges()
        } else {
            vec![
                Edge::on(EdgeEvent::NoInput, following),
                Edge::on(EdgeEvent::NoMatch, following),
            ]
        });
        edges.truncate(19);
        edges.push(Edge::to(following));
        let attempts = field.find(|json| whole(json, &["max_attempts", "attempts", "retries"]));
        Node {
            collect: Some(Collect {
                variable: name,
                prompt: field.words(),
                answer,
                choices,
                digits: (answer == Answer::Digits).then(|| field.digit_rules()),
                number: (answer == Answer::Number).then(|| field.number_range()),
                confirm: field.confirmation(),
                interruptible: true,
                timeout_seconds: 8,
                retry: Retry {
                    attempts: attempts.unwrap_or(3).clamp(1, 10),
                    ..Retry::default()
                },
                ..Collect::default()
            }),
            edges,
            ..Node::default()
        }
    }

    /// The choices, and the edges of those that lead somewhere of their own.
    fn choices(
        &mut self,
        field: &Field<'_>,
        answer: Answer,
        variable: &str,
        following: &str,
    ) -> (Vec<Choice>, Vec<Edge>) {
        let by_answer = field
            .sources
            .iter()
            .find_map(|json| NEXT.iter().find_map(|key| json.get(*key)?.as_object()));
        let mut choices = Vec::new();
        let mut ways: Vec<(String, String)> = Vec::new();
        if answer == Answer::Choice {
            let options = field.sources.iter().map(|json| items(json, OPTIONS));
            let options = options.into_iter().find(|options| !options.is_empty());
            for (id, option) in options.unwrap_or_default().into_iter().take(100) {
                let Some(choice) = choice(id, option) else {
                    self.builder.note(
                        field.objective,
                        "an option has no words, so it was left out",
                    );
                    continue;
                };
                if let Some(next) = super::reader::field(option, NEXT).and_then(as_text) {
                    ways.push((choice.value.clone(), next));
                }
                choices.push(choice);
            }
            assign_keys(choices.iter_mut().map(|choice| &mut choice.digit));
        }
        for (value, next) in by_answer.into_iter().flatten() {
            ways.extend(as_text(next).map(|next| (value.clone(), next)));
        }
        let edges = ways.into_iter().filter_map(|(value, next)| {
            let to = self.target(field.objective, &next, following);
            let condition = match answer {
                Answer::Choice | Answer::Digits => {
                    let quoted = value.replace('\\', "\\\\").replace('\'', "\\'");
                    format!("{variable} == '{quoted}'")
                }
                Answer::YesNo => match value.to_ascii_lowercase().as_str() {
                    "true" | "yes" => variable.to_owned(),
                    "false" | "no" => format!("!{variable}"),
                    _ => return None,
                },
                Answer::Number => format!("{variable} == {}", value.parse::<u32>().ok()?),
            };
            Some(Edge::when(condition, to))
        });
        (choices, edges.take(16).collect())
    }
}

fn branch(to: impl Into<String>) -> Node {
    Node {
        branch: Some(crate::graph::Branch {}),
        edges: vec![Edge::to(to)],
        ..Node::default()
    }
}
