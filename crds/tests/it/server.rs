//! What an API server does with an object before it stores it, as far as these tests need it:
//! defaults, unknown and missing fields, types, limits, and the CEL rules.

use std::collections::BTreeMap;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaProps;
use serde::Deserialize as _;
use serde_json::Value;

/// The objects of a file with several YAML documents.
pub(crate) fn documents(text: &str) -> Vec<Value> {
    serde_yaml_ng::Deserializer::from_str(text)
        .map(|document| Value::deserialize(document).unwrap())
        .filter(|value| !value.is_null())
        .collect()
}

/// The schema of each of our kinds.
pub(crate) fn schemas() -> BTreeMap<String, JSONSchemaProps> {
    callplane_crds::all()
        .into_iter()
        .map(|crd| {
            let version = crd.spec.versions.into_iter().next().unwrap();
            let schema = version.schema.unwrap().open_api_v3_schema.unwrap();
            (crd.spec.names.kind, schema)
        })
        .collect()
}

/// Creates `object`, or replaces `old` by it: the object with its defaults, or the complaints.
pub(crate) fn admit(object: &Value, old: Option<&Value>) -> Result<Value, Vec<String>> {
    let kind = object["kind"].as_str().unwrap();
    let schemas = schemas();
    let schema = schemas
        .get(kind)
        .unwrap_or_else(|| panic!("{kind} is not one of our kinds"));

    let mut object = object.clone();
    default(schema, &mut object);
    let mut complaints = Vec::new();
    check(schema, &object, "", &mut complaints);
    // Like the API server, rules only look at what is well formed.
    if complaints.is_empty() {
        let schema = serde_json::to_value(schema).unwrap();
        let defaulted_old = old.map(|old| {
            let mut old = old.clone();
            default(&schemas[kind], &mut old);
            old
        });
        let outcome = kube_cel::Validator::new().validate(&schema, &object, defaulted_old.as_ref());
        if let Err(errors) = outcome {
            complaints.extend(errors.iter().map(ToString::to_string));
        }
    }
    if complaints.is_empty() {
        Ok(object)
    } else {
        Err(complaints)
    }
}

fn default(schema: &JSONSchemaProps, value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, property) in schema.properties.iter().flatten() {
                if let (false, Some(given)) = (fields.contains_key(name), &property.default) {
                    fields.insert(name.clone(), given.0.clone());
                }
                if let Some(field) = fields.get_mut(name) {
                    default(property, field);
                }
            }
            if let Some(each) = additional(schema) {
                fields.values_mut().for_each(|field| default(each, field));
            }
        }
        Value::Array(entries) => {
            if let Some(each) = items(schema) {
                entries.iter_mut().for_each(|entry| default(each, entry));
            }
        }
        _ => {}
    }
}

fn check(schema: &JSONSchemaProps, value: &Value, path: &str, complaints: &mut Vec<String>) {
    let mut complain = |text: String| complaints.push(format!("{path}: {text}"));
    if value.is_null() && schema.nullable == Some(true) {
        return;
    }
    let right_type = match schema.type_.as_deref() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("boolean") => value.is_boolean(),
        _ => true,
    };
    if !right_type {
        return complain(format!(
            "must be of type {}",
            schema.type_.as_deref().unwrap()
        ));
    }
    if schema
        .enum_
        .as_ref()
        .is_some_and(|allowed| !allowed.iter().any(|one| one.0 == *value))
    {
        complain(format!("unsupported value {value}"));
    }
    if let Some(number) = value.as_f64() {
        if schema.minimum.is_some_and(|least| number < least) {
            complain(format!("should be at least {}", schema.minimum.unwrap()));
        }
        if schema.maximum.is_some_and(|most| number > most) {
            complain(format!("should be at most {}", schema.maximum.unwrap()));
        }
    }
    let (size, least, most) = match value {
        Value::String(text) => (text.chars().count(), schema.min_length, schema.max_length),
        Value::Array(entries) => (entries.len(), schema.min_items, schema.max_items),
        Value::Object(fields) => (fields.len(), schema.min_properties, schema.max_properties),
        _ => (0, None, None),
    };
    if least.is_some_and(|least| (size as i64) < least)
        || most.is_some_and(|most| size as i64 > most)
    {
        complain(format!("size {size} is out of bounds"));
    }
    inside(schema, value, path, complaints);
}

fn inside(schema: &JSONSchemaProps, value: &Value, path: &str, complaints: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for required in schema.required.iter().flatten() {
                if !fields.contains_key(required) {
                    complaints.push(format!("{path}.{required}: Required value"));
                }
            }
            for (name, field) in fields {
                let property = schema.properties.as_ref().and_then(|all| all.get(name));
                match property.or_else(|| additional(schema)) {
                    Some(property) => check(property, field, &format!("{path}.{name}"), complaints),
                    None if open(schema, path, name) => {}
                    None => complaints.push(format!("unknown field {path}.{name}")),
                }
            }
            if let Some(branches) = &schema.one_of {
                let matching = branches
                    .iter()
                    .filter(|branch| {
                        branch
                            .required
                            .iter()
                            .flatten()
                            .all(|name| fields.contains_key(name))
                    })
                    .count();
                if matching != 1 {
                    complaints.push(format!("{path}: must be exactly one of the alternatives"));
                }
            }
        }
        Value::Array(entries) => {
            for (index, entry) in entries.iter().enumerate() {
                if let Some(each) = items(schema) {
                    check(each, entry, &format!("{path}[{index}]"), complaints);
                }
            }
        }
        _ => {}
    }
}

/// Whether fields that the schema does not name are kept here.
fn open(schema: &JSONSchemaProps, path: &str, name: &str) -> bool {
    let root = path.is_empty() && ["apiVersion", "kind", "metadata"].contains(&name);
    root || path == ".metadata" || schema.x_kubernetes_preserve_unknown_fields == Some(true)
}

fn additional(schema: &JSONSchemaProps) -> Option<&JSONSchemaProps> {
    use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaPropsOrBool;
    match schema.additional_properties.as_ref() {
        Some(JSONSchemaPropsOrBool::Schema(each)) => Some(each),
        _ => None,
    }
}

pub(crate) fn items(schema: &JSONSchemaProps) -> Option<&JSONSchemaProps> {
    use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaPropsOrArray;
    match schema.items.as_ref() {
        Some(JSONSchemaPropsOrArray::Schema(each)) => Some(each),
        _ => None,
    }
}
