//! As much of bencode as the ng protocol of rtpengine needs: dictionaries of strings and of lists of strings.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context as _, Result, ensure};

/// A value that is sent.
pub(crate) enum Value {
    Text(String),
    List(Vec<&'static str>),
    Dictionary(Vec<(&'static str, Value)>),
}

impl Value {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// Keys have to be in order.
    pub(crate) fn write(&self, out: &mut String) {
        match self {
            Self::Text(text) => string(text, out),
            Self::List(items) => {
                out.push('l');
                items.iter().for_each(|item| string(item, out));
                out.push('e');
            }
            Self::Dictionary(entries) => {
                out.push('d');
                for (key, value) in entries {
                    string(key, out);
                    value.write(out);
                }
                out.push('e');
            }
        }
    }
}

fn string(text: &str, out: &mut String) {
    let _ = write!(out, "{}:{text}", text.len());
}

/// The strings of a dictionary; anything else in it is an error.
pub(crate) fn read(text: &str) -> Result<BTreeMap<String, String>> {
    let mut rest = text.strip_prefix('d').context("no dictionary")?;
    let mut entries = BTreeMap::new();
    while !rest.starts_with('e') {
        let key = take(&mut rest)?;
        let value = take(&mut rest)?;
        entries.insert(key, value);
    }
    Ok(entries)
}

fn take(rest: &mut &str) -> Result<String> {
    let (length, text) = rest.split_once(':').context("no string")?;
    let length: usize = length.parse()?;
    ensure!(text.len() >= length, "a string is cut off");
    let (value, after) = text.split_at(length);
    *rest = after;
    Ok(value.to_owned())
}
