//! Text with places for variables: `Hello {{ name }}, your code is {{ code | digits }}.`

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::graph::MAX_NAME;
use crate::value::Value;

/// A parsed template. Serialized it is its source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Template {
    source: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Text(String),
    Variable { name: String, spelled: bool },
}

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidTemplate {
    #[error("`{{{{` without `}}}}`")]
    Open,
    #[error("`{0}` between `{{{{` and `}}}}` is no name of a variable")]
    Name(String),
    #[error("`{0}` is no filter: there is only `digits`, which spells")]
    Filter(String),
}

impl Template {
    pub(crate) fn parse(source: impl Into<String>) -> Result<Self, InvalidTemplate> {
        let source = source.into();
        let mut parts = Vec::new();
        let mut rest = source.as_str();
        while let Some(open) = rest.find("{{") {
            let (text, tail) = (&rest[..open], &rest[open + 2..]);
            let close = tail.find("}}").ok_or(InvalidTemplate::Open)?;
            if !text.is_empty() {
                parts.push(Part::Text(text.to_owned()));
            }
            parts.push(variable(&tail[..close])?);
            rest = &tail[close + 2..];
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self { source, parts })
    }

    /// The variables it names.
    pub(crate) fn variables(&self) -> BTreeSet<&str> {
        self.parts
            .iter()
            .filter_map(|part| match part {
                Part::Text(_) => None,
                Part::Variable { name, .. } => Some(name.as_str()),
            })
            .collect()
    }

    /// The text with the values of variables; nothing for one without a value.
    pub(crate) fn render(&self, variables: &BTreeMap<String, Value>) -> String {
        let mut text = String::with_capacity(self.source.len());
        for part in &self.parts {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Variable { name, spelled } => {
                    let value = variables.get(name).map(ToString::to_string);
                    let value = value.unwrap_or_default();
                    text.push_str(&if *spelled { spell(&value) } else { value });
                }
            }
        }
        text
    }
}

fn variable(inner: &str) -> Result<Part, InvalidTemplate> {
    let (name, filter) = match inner.split_once('|') {
        Some((name, filter)) => (name.trim(), Some(filter.trim())),
        None => (inner.trim(), None),
    };
    if !is_variable(name) {
        return Err(InvalidTemplate::Name(name.chars().take(MAX_NAME).collect()));
    }
    let spelled = match filter {
        None => false,
        Some("digits") => true,
        Some(other) => {
            return Err(InvalidTemplate::Filter(
                other.chars().take(MAX_NAME).collect(),
            ));
        }
    };
    Ok(Part::Variable {
        name: name.to_owned(),
        spelled,
    })
}

/// Characters with spaces between them, so that digits are spoken one by one.
pub(crate) fn spell(text: &str) -> String {
    let mut spelled = String::with_capacity(text.len() * 2);
    for c in text.chars().filter(|c| !c.is_whitespace()) {
        if !spelled.is_empty() {
            spelled.push(' ');
        }
        spelled.push(c);
    }
    spelled
}

/// Whether a variable can be called this.
pub(crate) fn is_variable(name: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    name.len() <= MAX_NAME
        && name.bytes().all(inner)
        && name.starts_with(|c: char| c.is_ascii_lowercase())
}

impl TryFrom<String> for Template {
    type Error = InvalidTemplate;

    fn try_from(source: String) -> Result<Self, Self::Error> {
        Self::parse(source)
    }
}

impl From<Template> for String {
    fn from(template: Template) -> Self {
        template.source
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_take_their_places() {
        let variables = BTreeMap::from([
            ("name".to_owned(), Value::text("Ada {{ code }}")),
            ("code".to_owned(), Value::text("407")),
        ]);
        for (source, text) in [
            ("Hello {{ name }}!", "Hello Ada {{ code }}!"),
            ("{{code|digits}}", "4 0 7"),
            ("{{ missing }}.", "."),
            ("a } b }} c", "a } b }} c"),
            ("", ""),
        ] {
            assert_eq!(Template::parse(source).unwrap().render(&variables), text);
        }
    }

    #[test]
    fn a_broken_place_is_refused() {
        for source in [
            "{{ name",
            "{{ }}",
            "{{ Name }}",
            "{{ a.b }}",
            "{{ a | up }}",
        ] {
            assert!(Template::parse(source).is_err(), "{source}");
        }
    }
}
