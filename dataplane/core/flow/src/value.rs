//! What a variable holds.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::graph::MAX_TEXT;

/// The value of a variable. In JSON it is the plain value: `"abc"`, `12`, `1.5`, `true`, `null`.
///
/// It may be personal data: [`fmt::Debug`] shows only the kind.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// No value: an expression that failed.
    #[default]
    Null,
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number; never NaN or infinite.
    Number(f64),
    /// Text of at most [`MAX_TEXT`] characters.
    Text(String),
}

/// The type of a value, which a variable keeps over the whole flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Boolean,
    Integer,
    Number,
    Text,
}

impl Value {
    /// Text, cut to [`MAX_TEXT`] characters: variables that grow in a loop stay small.
    pub fn text(text: impl Into<String>) -> Self {
        let mut text = text.into();
        if let Some((end, _)) = text.char_indices().nth(MAX_TEXT) {
            text.truncate(end);
        }
        Self::Text(text)
    }

    pub(crate) fn to_cel(&self) -> cel::Value {
        match self {
            Self::Null => cel::Value::Null,
            Self::Boolean(truth) => cel::Value::Bool(*truth),
            Self::Integer(number) => cel::Value::Int(*number),
            Self::Number(number) => cel::Value::Float(*number),
            Self::Text(text) => cel::Value::String(Arc::new(text.clone())),
        }
    }
}

impl Kind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Boolean => "true or false",
            Self::Integer => "a whole number",
            Self::Number => "a number",
            Self::Text => "text",
        }
    }
}

impl fmt::Display for Value {
    /// As it is spoken: `yes` and `no` for true and false, nothing for no value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => Ok(()),
            Self::Boolean(true) => f.write_str("yes"),
            Self::Boolean(false) => f.write_str("no"),
            Self::Integer(number) => number.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "Null",
            Self::Boolean(_) => "Boolean(..)",
            Self::Integer(_) => "Integer(..)",
            Self::Number(_) => "Number(..)",
            Self::Text(_) => "Text(..)",
        })
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Boolean(truth)
    }
}
