//! Reading documents whose fields have several usual names.

use serde_json::Value as Json;

use crate::grammar::normalize;
use crate::graph::{MAX_NAME, MAX_PHRASE, MAX_TEXT};
use crate::template::{Template, is_variable};

/// The first of `keys` that `json` has, unless it is null.
pub(super) fn field<'a>(json: &'a Json, keys: &[&str]) -> Option<&'a Json> {
    keys.iter()
        .filter_map(|key| json.get(*key))
        .find(|value| !value.is_null())
}

/// A text that is not empty; numbers count as their digits.
pub(super) fn text(json: &Json, keys: &[&str]) -> Option<String> {
    as_text(field(json, keys)?)
}

pub(super) fn as_text(json: &Json) -> Option<String> {
    let text = match json {
        Json::String(text) => text.trim().to_owned(),
        Json::Number(number) => number.to_string(),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

pub(super) fn whole(json: &Json, keys: &[&str]) -> Option<u32> {
    let value = field(json, keys)?;
    let number = value
        .as_u64()
        .or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()))?;
    u32::try_from(number).ok()
}

pub(super) fn truth(json: &Json, keys: &[&str]) -> Option<bool> {
    match field(json, keys)? {
        Json::Bool(truth) => Some(*truth),
        Json::String(text) => match text.to_ascii_lowercase().as_str() {
            "true" | "yes" => Some(true),
            "false" | "no" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// The items of a list, or of a map with their keys as ids.
pub(super) fn items<'a>(json: &'a Json, keys: &[&str]) -> Vec<(Option<&'a str>, &'a Json)> {
    match field(json, keys) {
        Some(Json::Array(items)) => items.iter().map(|item| (None, item)).collect(),
        Some(Json::Object(items)) => items
            .iter()
            .map(|(key, item)| (Some(key.as_str()), item))
            .collect(),
        _ => Vec::new(),
    }
}

/// A prompt: cut to its length, and as plain text when its places for variables cannot be read.
pub(super) fn prompt(text: &str) -> String {
    let text: String = text.chars().take(MAX_TEXT).collect();
    match Template::parse(text.as_str()) {
        Ok(_) => text,
        Err(_) => text.replace("{{", "").replace("}}", ""),
    }
}

/// A name for a variable: `Phone number` and `phoneNumber` become `phone_number`.
pub(super) fn variable(text: &str) -> String {
    let mut name = String::new();
    let mut after_small = false;
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            if c.is_ascii_uppercase() && after_small {
                name.push('_');
            }
            name.push(c.to_ascii_lowercase());
            after_small = !c.is_ascii_uppercase();
        } else if !name.is_empty() && !name.ends_with('_') {
            name.push('_');
            after_small = false;
        }
        if name.len() >= MAX_NAME - 4 {
            break;
        }
    }
    let mut name = name.trim_end_matches('_').to_owned();
    if !is_variable(&name) || name == "value" {
        name.insert_str(0, "v_");
    }
    name
}

/// A name for a node.
pub(super) fn node(text: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let name: String = text
        .chars()
        .map(|c| if allowed(c) { c } else { '_' })
        .take(MAX_NAME - 8)
        .collect();
    if name.trim_matches('_').is_empty() {
        "node".to_owned()
    } else {
        name
    }
}

/// A phrase: digits are written as words. Nothing if no word is left.
pub(super) fn phrase(text: &str) -> Option<String> {
    const DIGITS: [&str; 10] = [
        "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
    ];
    let mut spelled = String::new();
    for c in text.chars().take(MAX_PHRASE) {
        match c.to_digit(10) {
            Some(digit) => {
                spelled.push(' ');
                spelled.push_str(DIGITS[digit as usize]);
                spelled.push(' ');
            }
            None => spelled.push(c),
        }
    }
    let words = normalize(&spelled);
    let fits = !words.is_empty() && words.chars().count() <= MAX_PHRASE;
    fits.then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_names() {
        for (text, name) in [
            ("Phone number", "phone_number"),
            ("phoneNumber", "phone_number"),
            ("URL", "url"),
            ("1st", "v_1st"),
            ("value", "v_value"),
            ("", "v_"),
            ("größe", "gr_e"),
        ] {
            assert_eq!(variable(text), name);
            assert!(is_variable(name), "{name}");
        }
        assert_eq!(node("a b/c"), "a_b_c");
        assert_eq!(node("!"), "node");
        assert_eq!(phrase("Option 1").as_deref(), Some("option one"));
        assert_eq!(phrase("?"), None);
    }
}
