//! What comes from people and networks, before it is sent: the database would refuse it too, and would
//! not say which field it means.

use serde_json::{Map, Value};

use crate::{Error, Result};

/// Most that one JSON value may take as text.
pub(crate) const MAX_JSON: usize = 1 << 20;
/// Most that one text may take.
pub(crate) const MAX_TEXT: usize = 1 << 20;

/// A text that PostgreSQL can hold.
pub(crate) fn text(field: &'static str, value: &str) -> Result<()> {
    if value.contains('\0') {
        return Err(Error::invalid(
            field,
            "it has a NUL character, which PostgreSQL cannot hold; leave it out",
        ));
    }
    if value.len() > MAX_TEXT {
        return Err(Error::invalid(
            field,
            format!("it has {} bytes; write at most {MAX_TEXT}", value.len()),
        ));
    }
    Ok(())
}

/// [`text`] of what may be absent.
pub(crate) fn opt_text(field: &'static str, value: Option<&str>) -> Result<()> {
    value.map_or(Ok(()), |value| text(field, value))
}

/// A JSON value that `jsonb` can hold and that is not out of proportion.
pub(crate) fn json(field: &'static str, value: &Value) -> Result<()> {
    let mut size = 0;
    measure(field, value, &mut size)
}

/// [`json`] of an object.
pub(crate) fn object(field: &'static str, object: &Map<String, Value>) -> Result<()> {
    let mut size = 0;
    measure_object(field, object, &mut size)
}

/// Adds what `value` takes, about.
fn measure(field: &'static str, value: &Value, size: &mut usize) -> Result<()> {
    match value {
        Value::String(string) => measure_text(field, string, size),
        Value::Array(items) => items.iter().try_for_each(|item| measure(field, item, size)),
        Value::Object(object) => measure_object(field, object, size),
        Value::Null | Value::Bool(_) | Value::Number(_) => add(field, 8, size),
    }
}

fn measure_object(
    field: &'static str,
    object: &Map<String, Value>,
    size: &mut usize,
) -> Result<()> {
    object.iter().try_for_each(|(key, value)| {
        measure_text(field, key, size)?;
        measure(field, value, size)
    })
}

fn measure_text(field: &'static str, string: &str, size: &mut usize) -> Result<()> {
    text(field, string)?;
    add(field, string.len() + 2, size)
}

fn add(field: &'static str, bytes: usize, size: &mut usize) -> Result<()> {
    *size += bytes;
    if *size > MAX_JSON {
        return Err(Error::invalid(
            field,
            format!(
                "the JSON is too large; write at most {MAX_JSON} bytes and keep the rest in object storage"
            ),
        ));
    }
    Ok(())
}
