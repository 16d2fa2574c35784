//! Where a tool is below the URL of its provider: `appointments/{id}`, of which arguments fill the braces.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Octets of a path.
const MAX_OCTETS: usize = 256;

/// A path with the names of arguments in braces. Serialized it is its text.
///
/// **An argument fills one segment and no more.** One with a slash, or of dots alone, is none: escaped, servers behind a
/// proxy would find it a way out of the path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PathTemplate {
    source: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Argument(String),
}

/// Why a text is no path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPath {
    /// Longer than 256 octets.
    #[error("it is longer than 256 characters")]
    TooLong,
    /// A brace that is not closed or not opened, or holds no name.
    #[error("a brace in it is not closed, or holds no name of an argument")]
    Brace,
    /// Something that no path has.
    #[error(
        "it has a segment that is `.` or `..`, or other characters than letters, digits and ._~/-"
    )]
    Characters,
}

impl PathTemplate {
    /// Reads a path; slashes at its ends do not count.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, InvalidPath> {
        if text.len() > MAX_OCTETS {
            return Err(InvalidPath::TooLong);
        }
        let mut parts = Vec::new();
        let mut rest = text.trim_matches('/');
        while let Some((before, after)) = rest.split_once('{') {
            let (name, behind) = after.split_once('}').ok_or(InvalidPath::Brace)?;
            let is_name = |one: char| one.is_ascii_alphanumeric() || one == '_' || one == '-';
            if name.is_empty() || !name.chars().all(is_name) {
                return Err(InvalidPath::Brace);
            }
            parts.push(Part::Text(plain(before)?));
            parts.push(Part::Argument(name.to_owned()));
            rest = behind;
        }
        parts.push(Part::Text(plain(rest)?));
        let is_relative = |segment: &str| matches!(segment, "." | "..");
        if text.split('/').any(is_relative) {
            return Err(InvalidPath::Characters);
        }
        Ok(Self {
            source: text.to_owned(),
            parts,
        })
    }

    /// Names of the arguments in braces.
    pub fn arguments(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Argument(name) => Some(name.as_str()),
        })
    }

    /// The path with `arguments`, of which those in braces are taken out; nothing when one of them is missing, or is no
    /// text of a segment, number or boolean.
    #[must_use]
    pub fn fill(&self, arguments: &mut Map<String, Value>) -> Option<String> {
        let mut path = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => path.push_str(text),
                Part::Argument(name) => escape(&mut path, &segment(arguments.get(name)?)?),
            }
        }
        for name in self.arguments() {
            arguments.remove(name);
        }
        Some(path)
    }
}

/// Text between braces, which needs no escaping.
fn plain(text: &str) -> Result<String, InvalidPath> {
    let is_of_path = |one: char| one.is_ascii_alphanumeric() || "._~/-".contains(one);
    match text.chars().all(is_of_path) {
        true => Ok(text.to_owned()),
        false if text.contains('}') => Err(InvalidPath::Brace),
        false => Err(InvalidPath::Characters),
    }
}

fn segment(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    let leads_elsewhere = text.contains(['/', '\\']) || text.chars().all(|one| one == '.');
    (!leads_elsewhere).then_some(text)
}

/// Percent-encodes all but unreserved characters (RFC 3986 section 2.3).
fn escape(path: &mut String, text: &str) {
    for octet in text.bytes() {
        match octet {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'~' | b'.' => {
                path.push(char::from(octet));
            }
            other => write!(path, "%{other:02X}").expect("a String takes what is written"),
        }
    }
}

impl TryFrom<String> for PathTemplate {
    type Error = InvalidPath;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<PathTemplate> for String {
    fn from(path: PathTemplate) -> Self {
        path.source
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn filled(path: &str, arguments: Value) -> Option<(String, Value)> {
        let Value::Object(mut arguments) = arguments else {
            panic!("arguments are an object");
        };
        let path = PathTemplate::parse(path).unwrap().fill(&mut arguments)?;
        Some((path, Value::Object(arguments)))
    }

    #[test]
    fn arguments_in_braces_are_in_the_path_and_no_longer_among_the_others() {
        let (path, rest) = filled(
            "/rooms/{room}/slots/{day}/",
            json!({"room": 7, "day": "2026-12-01", "guests": 2}),
        )
        .unwrap();
        assert_eq!(path, "rooms/7/slots/2026-12-01");
        assert_eq!(rest, json!({"guests": 2}));
        assert_eq!(filled("slots", json!({})).unwrap().0, "slots");
        assert_eq!(filled("", json!({})).unwrap().0, "");
    }

    #[test]
    fn no_argument_leads_out_of_its_segment() {
        for (argument, segment) in [
            ("..a", "..a"),
            ("b?c=d#e", "b%3Fc%3Dd%23e"),
            ("%2e%2e%2f", "%252e%252e%252f"),
            ("ü \r\n", "%C3%BC%20%0D%0A"),
        ] {
            let (path, _) = filled("a/{b}/c", json!({ "b": argument })).unwrap();
            assert_eq!(path, format!("a/{segment}/c"));
        }
        for none in ["", ".", "..", "...", "../../admin", "a/b", "a\\b"] {
            assert_eq!(filled("a/{b}", json!({ "b": none })), None, "{none}");
        }
        for none in [json!({}), json!({"b": null}), json!({"b": ["c"]})] {
            assert_eq!(filled("a/{b}", none), None);
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for (text, error) in [
            ("a/{b", InvalidPath::Brace),
            ("a/b}", InvalidPath::Brace),
            ("a/{}", InvalidPath::Brace),
            ("a/{b c}", InvalidPath::Brace),
            ("../a", InvalidPath::Characters),
            ("a?b=c", InvalidPath::Characters),
            ("a b", InvalidPath::Characters),
        ] {
            assert_eq!(PathTemplate::parse(text), Err(error), "{text}");
        }
        assert_eq!(
            PathTemplate::parse(&"a".repeat(257)),
            Err(InvalidPath::TooLong)
        );
    }
}
