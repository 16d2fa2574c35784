//! Server-side apply and merge patches on JSON.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// Lists whose items have a key, by the name of the field; every other list is one value.
const KEYED: [(&str, &str); 8] = [
    ("conditions", "type"),
    ("ownerReferences", "uid"),
    ("containers", "name"),
    ("initContainers", "name"),
    ("volumes", "name"),
    ("env", "name"),
    ("volumeMounts", "mountPath"),
    ("topologySpreadConstraints", "topologyKey"),
];

fn key_of(field: &str) -> Option<&'static str> {
    KEYED
        .iter()
        .find(|(name, _)| *name == field)
        .map(|(_, key)| *key)
}

/// A place in a document: fields, and keys of list items as `[value]`.
pub(super) type Path = Vec<String>;

/// The places of all values in `document`.
pub(super) fn leaves(document: &Value) -> BTreeSet<Path> {
    let mut found = BTreeSet::new();
    collect(document, &mut Vec::new(), &mut found);
    found
}

fn collect(value: &Value, path: &mut Path, found: &mut BTreeSet<Path>) {
    let children = match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, field)| (name.clone(), field))
            .collect::<Vec<_>>(),
        Value::Array(items) => match path.last().and_then(|field| key_of(field)) {
            Some(key) => items
                .iter()
                .map(|item| (item_name(item, key), item))
                .collect(),
            None => Vec::new(),
        },
        _ => Vec::new(),
    };
    if children.is_empty() {
        found.insert(path.clone());
    }
    for (name, child) in children {
        path.push(name);
        collect(child, path, found);
        path.pop();
    }
}

fn item_name(item: &Value, key: &str) -> String {
    format!("[{}]", item[key].as_str().unwrap_or_default())
}

/// Merges what is applied into what is there.
pub(super) fn merge_applied(live: &mut Value, applied: &Value, field: &str) {
    match (live, applied) {
        (Value::Object(live), Value::Object(applied)) => {
            for (name, value) in applied {
                let place = live.entry(name.clone()).or_insert(Value::Null);
                merge_applied(place, value, name);
            }
        }
        (Value::Array(live), Value::Array(applied)) if key_of(field).is_some() => {
            let key = key_of(field).unwrap_or_default();
            for item in applied {
                match live.iter_mut().find(|present| present[key] == item[key]) {
                    Some(present) => merge_applied(present, item, ""),
                    None => live.push(item.clone()),
                }
            }
        }
        (live, applied) => *live = applied.clone(),
    }
}

/// Removes a value, and what is empty afterwards because of that.
pub(super) fn remove(document: &mut Value, path: &[String]) {
    let Some((first, rest)) = path.split_first() else {
        return;
    };
    match document {
        Value::Object(fields) => {
            if let Some(child) = fields.get_mut(first) {
                remove(child, rest);
                if rest.is_empty() || is_empty(child) {
                    fields.remove(first);
                }
            }
        }
        Value::Array(items) => {
            let at = items.iter().position(|item| {
                KEYED
                    .iter()
                    .any(|(_, key)| item.get(key).is_some() && item_name(item, key) == *first)
            });
            if let Some(at) = at {
                remove(&mut items[at], rest);
                if rest.is_empty() || is_empty(&items[at]) {
                    items.remove(at);
                }
            }
        }
        _ => {}
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// RFC 7386.
pub(super) fn merge(live: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *live = patch.clone();
        return;
    };
    if !live.is_object() {
        *live = Value::Object(Map::new());
    }
    if let Value::Object(live) = live {
        for (name, value) in patch {
            if value.is_null() {
                live.remove(name);
            } else {
                merge(live.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_item_of_a_keyed_list_is_merged_and_removed_by_its_key() {
        let mut live = json!({"conditions": [{"type": "A", "status": "True"}]});
        let applied = json!({"conditions": [{"type": "B", "status": "False"}, {"type": "A", "status": "False"}]});
        merge_applied(&mut live, &applied, "");
        assert_eq!(live["conditions"][0]["status"], "False");
        assert_eq!(live["conditions"][1]["type"], "B");
        for path in leaves(&json!({"conditions": [{"type": "A", "status": "False"}]})) {
            remove(&mut live, &path);
        }
        assert_eq!(
            live,
            json!({"conditions": [{"type": "B", "status": "False"}]})
        );
    }
}
