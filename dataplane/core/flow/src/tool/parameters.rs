//! What the arguments of a tool have to be: JSON Schema, read and checked by the `jsonschema` crate.

use std::fmt;
use std::sync::Arc;

use jsonschema::{PatternOptions, Validator};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Octets of a schema.
const MAX_OCTETS: usize = 16 * 1024;
/// Levels of a schema; its reader is recursive.
const MAX_DEPTH: usize = 24;
/// Patterns of a schema, and octets that one may take compiled.
const MAX_PATTERNS: usize = 20;
const MAX_PATTERN: usize = 64 * 1024;
/// Keywords that lead elsewhere: to other documents, or round and round at great cost.
const REFERENCES: [&str; 3] = ["$ref", "$dynamicRef", "$recursiveRef"];
/// Keywords that models' servers do not take at the top of a schema.
const NOT_AT_THE_TOP: [&str; 5] = ["oneOf", "anyOf", "allOf", "enum", "not"];
/// Characters of a sentence about arguments.
const MAX_MISTAKE: usize = 300;

/// The schema of a JSON object (JSON Schema 2020-12 unless it says another draft). Serialized it is the schema.
///
/// **Arguments that it does not name are not allowed**, unless it says `additionalProperties` itself. It comes from a
/// tenant and is checked on the media node: it refers to nothing, and patterns are those of the `regex` crate, which
/// takes linear time.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub struct Parameters {
    schema: Value,
    validator: Arc<Validator>,
}

/// Why a value is no schema of arguments.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidParameters {
    /// Arguments are an object.
    #[error("it has no `type: object`, which arguments always are")]
    NoObject,
    /// Too large.
    #[error("it is larger than 16 KiB, deeper than 24 levels, or has more than 20 patterns")]
    TooLarge,
    /// It refers to something.
    #[error("it has `{0}`: write what it refers to in its place")]
    Reference(&'static str),
    /// It says at its top what belongs below.
    #[error("it has `{0}` at its top, which models do not take there: put it into a property")]
    Top(&'static str),
    /// Not a schema.
    #[error("it is no JSON Schema: {0}")]
    Schema(String),
}

impl Parameters {
    /// Reads a schema.
    ///
    /// # Errors
    /// When it is none, is not of an object, refers to something or is too large.
    pub fn new(mut schema: Value) -> Result<Self, InvalidParameters> {
        if schema.get("type").and_then(Value::as_str) != Some("object") {
            return Err(InvalidParameters::NoObject);
        }
        let patterns = count(&schema, &|key, value| match (key, value) {
            ("pattern", _) => 1,
            ("patternProperties", Value::Object(patterns)) => patterns.len(),
            _ => 0,
        });
        let is_large = schema.to_string().len() > MAX_OCTETS || depth(&schema) > MAX_DEPTH;
        if is_large || patterns > MAX_PATTERNS {
            return Err(InvalidParameters::TooLarge);
        }
        for reference in REFERENCES {
            if count(&schema, &|key, _| usize::from(key == reference)) > 0 {
                return Err(InvalidParameters::Reference(reference));
            }
        }
        if let Some(word) = NOT_AT_THE_TOP
            .into_iter()
            .find(|word| schema.get(word).is_some())
        {
            return Err(InvalidParameters::Top(word));
        }
        if let Some(fields) = schema.as_object_mut() {
            // Some servers refuse an object without.
            fields
                .entry("properties")
                .or_insert_with(|| Value::Object(Map::new()));
            fields
                .entry("additionalProperties")
                .or_insert(Value::Bool(false));
        }
        let validator = jsonschema::options()
            .with_pattern_options(PatternOptions::regex().size_limit(MAX_PATTERN))
            .build(&schema)
            .map_err(|error| InvalidParameters::Schema(shorten(&error.to_string())))?;
        Ok(Self {
            schema,
            validator: Arc::new(validator),
        })
    }

    /// The schema, for a model.
    #[must_use]
    pub const fn schema(&self) -> &Value {
        &self.schema
    }

    /// Whether these may be arguments.
    ///
    /// # Errors
    /// What is wrong with them, for the model. It repeats them: not for logs.
    pub(crate) fn check(&self, arguments: &Map<String, Value>) -> Result<(), String> {
        let arguments = Value::Object(arguments.clone());
        self.validator.validate(&arguments).map_err(|error| {
            let place = error.instance_path().to_string();
            match place.is_empty() {
                true => shorten(&error.to_string()),
                false => shorten(&format!("{place}: {error}")),
            }
        })
    }
}

impl PartialEq for Parameters {
    fn eq(&self, other: &Self) -> bool {
        self.schema == other.schema
    }
}

impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Parameters").field(&self.schema).finish()
    }
}

impl TryFrom<Value> for Parameters {
    type Error = InvalidParameters;

    fn try_from(schema: Value) -> Result<Self, Self::Error> {
        Self::new(schema)
    }
}

impl From<Parameters> for Value {
    fn from(parameters: Parameters) -> Self {
        parameters.schema
    }
}

fn depth(value: &Value) -> usize {
    // `serde_json` reads 128 levels at most.
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// The sum of `of` over the fields of a schema and of all below.
fn count(value: &Value, of: &impl Fn(&str, &Value) -> usize) -> usize {
    match value {
        Value::Array(items) => items.iter().map(|item| count(item, of)).sum(),
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| of(key, value) + count(value, of))
            .sum(),
        _ => 0,
    }
}

fn shorten(text: &str) -> String {
    text.chars().take(MAX_MISTAKE).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn checked(schema: Value, arguments: Value) -> Result<(), String> {
        let Value::Object(arguments) = arguments else {
            panic!("arguments are an object");
        };
        Parameters::new(schema).unwrap().check(&arguments)
    }

    fn day() -> Value {
        json!({
            "type": "object", "required": ["day"], "additionalProperties": false,
            "properties": {
                "day": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
                "guests": {"type": "integer", "minimum": 1, "maximum": 8},
            },
        })
    }

    #[test]
    fn arguments_that_are_not_as_the_schema_says_are_told_with_their_place() {
        checked(day(), json!({"day": "2026-12-01", "guests": 8})).unwrap();
        for (arguments, sentence) in [
            (json!({}), "day"),
            (json!({"day": "soon"}), "/day"),
            (json!({"day": "2026-12-01", "guests": 9}), "/guests"),
            (json!({"day": "2026-12-01", "to": "+15559990000"}), "to"),
        ] {
            let mistake = checked(day(), arguments.clone()).unwrap_err();
            assert!(mistake.contains(sentence), "{arguments}: {mistake}");
        }
        // Who says nothing of others wants none.
        let nothing = json!({"type": "object"});
        checked(nothing.clone(), json!({})).unwrap();
        checked(nothing, json!({"to": "+15559990000"})).unwrap_err();
        let open = json!({"type": "object", "additionalProperties": true});
        checked(open, json!({"to": "+15559990000"})).unwrap();
        let long = checked(day(), json!({"day": "x".repeat(10_000)})).unwrap_err();
        assert!(long.chars().count() <= MAX_MISTAKE);
    }

    #[test]
    fn what_is_no_schema_of_arguments_is_refused() {
        for (schema, sentence) in [
            (json!(true), "type: object"),
            (json!({"type": "string"}), "type: object"),
            (json!({"type": "object", "properties": 3}), "no JSON Schema"),
            (
                json!({"type": "object", "properties": {"a": {"pattern": "("}}}),
                "no JSON Schema",
            ),
            (
                json!({"type": "object", "$ref": "https://schemas.example/all.json"}),
                "`$ref`",
            ),
            (
                json!({"type": "object", "properties": {"a": {"$ref": "file:///etc/passwd"}}}),
                "`$ref`",
            ),
            (
                json!({"type": "object", "anyOf": [{}]}),
                "`anyOf` at its top",
            ),
            (
                json!({"type": "object", "properties": {"a": {"pattern": r"\pL{2000}"}}}),
                "no JSON Schema",
            ),
            (
                json!({"type": "object", "patternProperties": (0..21).map(|n| (format!("a{n}"), json!({}))).collect::<Map<_, _>>()}),
                "20 patterns",
            ),
            (
                json!({"type": "object", "description": "x".repeat(MAX_OCTETS)}),
                "16 KiB",
            ),
        ] {
            let error = Parameters::new(schema.clone()).unwrap_err().to_string();
            assert!(error.contains(sentence), "{schema}: {error}");
        }
        let mut deep = json!({"type": "object"});
        for _ in 0..MAX_DEPTH {
            deep = json!({"type": "object", "properties": {"a": deep}});
        }
        assert_eq!(
            Parameters::new(deep).unwrap_err(),
            InvalidParameters::TooLarge
        );
    }

    #[test]
    fn a_pattern_that_takes_for_ever_elsewhere_comes_to_an_end() {
        let schema = json!({"type": "object", "properties": {"a": {"pattern": "^(a+)+$"}}});
        // One that goes back and forth would not come to an end.
        checked(schema, json!({"a": format!("{}!", "a".repeat(5_000))})).unwrap_err();
    }
}
