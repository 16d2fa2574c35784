//! One thing that an objective wants to know.

use serde_json::Value as Json;

use super::builder::key;
use super::reader::{as_text, field, items, phrase, prompt, text, variable, whole};
use crate::graph::{Answer, Choice, DigitRules, NumberRange};

pub(super) const ID: &[&str] = &["id", "key", "name"];
pub(super) const PROMPT: &[&str] = &["prompt", "question", "text", "message", "instruction"];
pub(super) const OPTIONS: &[&str] = &["options", "choices", "enum", "values"];
const LABEL: &[&str] = &["label", "title", "description"];

/// One thing to find out, and where to look up how.
pub(super) struct Field<'a> {
    pub(super) objective: &'a str,
    pub(super) name: &'a str,
    pub(super) prompt: Option<String>,
    /// The field itself, its entry in the schema, its objective.
    pub(super) sources: Vec<&'a Json>,
}

impl Field<'_> {
    pub(super) fn find<T>(&self, look: impl FnMut(&Json) -> Option<T>) -> Option<T> {
        self.sources.iter().copied().find_map(look)
    }

    pub(super) fn words(&self) -> String {
        let own = self.sources.split_last().map_or(&[][..], |(_, own)| own);
        let words = own.iter().find_map(|json| text(json, PROMPT));
        let words = words.or_else(|| self.prompt.clone()).unwrap_or_else(|| {
            let label = own.iter().find_map(|json| text(json, LABEL));
            let label = label.unwrap_or_else(|| variable(self.name).replace('_', " "));
            format!("What is your {label}?")
        });
        prompt(&words)
    }

    /// The kind of answer; nothing for free text.
    pub(super) fn answer(&self) -> Option<Answer> {
        if self
            .find(|json| (!items(json, OPTIONS).is_empty()).then_some(()))
            .is_some()
        {
            return Some(Answer::Choice);
        }
        let kind = self.find(|json| text(json, &["type", "kind", "data_type"]))?;
        match kind.to_ascii_lowercase().replace([' ', '-'], "_").as_str() {
            "digits" | "digit" | "phone" | "phone_number" | "zip" | "zip_code" | "postal_code"
            | "postcode" | "pin" | "code" | "date" | "account_number" => Some(Answer::Digits),
            "number" | "integer" | "int" | "count" | "quantity" | "age" => Some(Answer::Number),
            "boolean" | "bool" | "yes_no" | "yesno" | "confirm" | "confirmation" | "consent" => {
                Some(Answer::YesNo)
            }
            _ => None,
        }
    }

    pub(super) fn digit_rules(&self) -> DigitRules {
        let min = self.find(|json| whole(json, &["min_length", "minLength", "min_digits"]));
        let max = self.find(|json| whole(json, &["max_length", "maxLength", "max_digits"]));
        let max = max.unwrap_or(16).clamp(1, 32);
        DigitRules {
            min: min.unwrap_or(1).clamp(1, max),
            max,
            ..DigitRules::default()
        }
    }

    pub(super) fn number_range(&self) -> NumberRange {
        let min = self.find(|json| whole(json, &["min", "minimum"]));
        let max = self.find(|json| whole(json, &["max", "maximum"]));
        let max = max.unwrap_or(999_999).min(999_999);
        NumberRange {
            min: min.unwrap_or(0).min(max),
            max,
        }
    }

    pub(super) fn confirmation(&self) -> Option<String> {
        let confirm = self.find(|json| field(json, &["confirm", "confirmation"]).cloned())?;
        match confirm {
            Json::Bool(true) => Some("I heard {{ value }}. Is that right?".to_owned()),
            other => as_text(&other).map(|words| prompt(&words)),
        }
    }
}

/// The fields of an objective, with what is said about each. One that is typed but names no field
/// captures itself.
pub(super) fn fields<'a>(id: &str, json: &'a Json) -> Vec<(String, Option<&'a Json>)> {
    let listed = items(
        json,
        &["required_data", "fields", "captures", "captured_data"],
    );
    let fields: Vec<_> = listed
        .into_iter()
        .take(20)
        .filter_map(|(key, item)| {
            let named = match item {
                Json::Object(_) => text(item, &["id", "key", "name", "field"]),
                Json::String(_) if key.is_none() => as_text(item),
                _ => None,
            };
            let name = key.map(str::to_owned).or(named)?;
            Some((name, item.is_object().then_some(item)))
        })
        .collect();
    if !fields.is_empty() {
        return fields;
    }
    let one = text(json, &["field", "variable", "data_key", "captures"]);
    let typed =
        field(json, &["type", "kind", "data_type"]).is_some() || !items(json, OPTIONS).is_empty();
    let one = one.or_else(|| typed.then(|| id.to_owned()));
    one.map(|name| (name, None)).into_iter().collect()
}

pub(super) fn choice(id: Option<&str>, option: &Json) -> Option<Choice> {
    let own = as_text(option).or_else(|| text(option, &["value", "id", "key", "label", "name"]));
    let value = id.map(str::to_owned).or(own)?;
    let value: String = value.chars().take(200).collect();
    let label = as_text(option).or_else(|| text(option, &["label", "name", "text"]));
    let mut phrases: Vec<String> = Vec::new();
    let spoken = items(option, &["phrases", "synonyms", "aliases"]);
    let spoken = spoken.into_iter().filter_map(|(_, words)| as_text(words));
    for words in label.into_iter().chain(spoken).chain([value.clone()]) {
        if let Some(words) = phrase(&words)
            && !phrases.contains(&words)
            && phrases.len() < 20
        {
            phrases.push(words);
        }
    }
    (!phrases.is_empty()).then(|| Choice {
        value,
        phrases,
        digit: key(text(option, &["digit", "dtmf"])),
    })
}
