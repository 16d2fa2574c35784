//! Documents, tests and fields of custom resources, looked up in the source tree.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_yaml_ng::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A file, or `FILE#HEADING` with the heading as links name it.
pub(super) fn document(name: &str) -> Result<(), String> {
    let (path, heading) = match name.split_once('#') {
        Some((path, heading)) => (path, Some(heading)),
        None => (name, None),
    };
    let text = fs::read_to_string(root().join(path)).map_err(|error| error.to_string())?;
    let Some(heading) = heading else {
        return Ok(());
    };
    let found = text
        .lines()
        .filter(|line| line.starts_with('#'))
        .any(|line| anchor(line) == heading);
    found.then_some(()).ok_or("no such heading".to_owned())
}

/// `## Two commands` is reached as `#two-commands`.
fn anchor(heading: &str) -> String {
    heading
        .trim_start_matches('#')
        .trim()
        .to_lowercase()
        .chars()
        .filter_map(|letter| match letter {
            ' ' => Some('-'),
            letter if letter.is_alphanumeric() || "-_".contains(letter) => Some(letter),
            _ => None,
        })
        .collect()
}

/// `FILE::NAME`, a function with the attribute of a test.
pub(super) fn test(name: &str) -> Result<(), String> {
    let (path, function) = name
        .rsplit_once("::")
        .ok_or("a test is named FILE::NAME".to_owned())?;
    let text = fs::read_to_string(root().join(path)).map_err(|error| error.to_string())?;
    let before = text
        .find(&format!("fn {function}("))
        .and_then(|place| text.get(..place))
        .ok_or("no such function".to_owned())?;
    // The attributes stand between the function and the item before it.
    let attributes = before.rsplit_once("\n\n").map_or(before, |(_, last)| last);
    let is_test = attributes
        .lines()
        .any(|line| line.trim().starts_with("#[") && line.contains("test"));
    is_test.then_some(()).ok_or("not a test".to_owned())
}

/// `Tenant.spec.plan` and so on, of every definition in `crds/generated`.
pub(super) fn custom_resource_fields() -> BTreeSet<String> {
    let mut fields = BTreeSet::new();
    for entry in fs::read_dir(root().join("crds/generated")).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let definition: Value = serde_yaml_ng::from_str(&text).unwrap();
        let kind = definition["spec"]["names"]["kind"].as_str().unwrap();
        for version in definition["spec"]["versions"].as_sequence().unwrap() {
            collect(kind, &version["schema"]["openAPIV3Schema"], &mut fields);
        }
    }
    fields
}

/// Adds the properties below `schema`; those of list items stand below the list itself.
fn collect(path: &str, schema: &Value, fields: &mut BTreeSet<String>) {
    if let Some(properties) = schema["properties"].as_mapping() {
        for (name, property) in properties {
            let path = format!("{path}.{}", name.as_str().unwrap());
            collect(&path, property, fields);
            fields.insert(path);
        }
    }
    if schema["items"].is_mapping() {
        collect(path, &schema["items"], fields);
    }
}
