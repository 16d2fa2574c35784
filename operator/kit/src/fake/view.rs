//! What a reader of a collection sees.

use serde_json::{Value, json};

use super::request::Call;

/// The selectors of a list or watch, and how much of each object it asks for.
pub(super) struct View {
    labels: String,
    fields: String,
    metadata_only: bool,
}

impl View {
    pub(super) fn of(call: &Call) -> Self {
        Self {
            labels: call.parameter("labelSelector").unwrap_or_default(),
            fields: call.parameter("fieldSelector").unwrap_or_default(),
            metadata_only: call.metadata_only,
        }
    }

    pub(super) fn selects(&self, object: &Value) -> bool {
        labels_fit(&self.labels, object) && self.names(object)
    }

    /// Whether the fields fit, which is for the life of an object: unlike labels, names never change.
    pub(super) fn names(&self, object: &Value) -> bool {
        fields_fit(&self.fields, object)
    }

    /// The object as it is sent.
    pub(super) fn show(&self, object: &Value) -> Value {
        if !self.metadata_only {
            return object.clone();
        }
        json!({
            "apiVersion": "meta.k8s.io/v1",
            "kind": "PartialObjectMetadata",
            "metadata": object["metadata"],
        })
    }
}

/// Whether the labels of an object fit a selector: `a=b`, `a==b`, `a!=b`, `a`, `!a`, joined by
/// commas.
fn labels_fit(selector: &str, object: &Value) -> bool {
    let label = |name: &str| object["metadata"]["labels"][name].as_str();
    terms(selector).all(|term| match term.split_once('=') {
        Some((name, value)) if name.ends_with('!') => {
            label(name.trim_end_matches('!')) != Some(value)
        }
        Some((name, value)) => label(name) == Some(value.trim_start_matches('=')),
        None => match term.strip_prefix('!') {
            Some(name) => label(name).is_none(),
            None => label(term).is_some(),
        },
    })
}

/// The two fields that every kind can be selected by, `metadata.name` and `metadata.namespace`.
fn fields_fit(selector: &str, object: &Value) -> bool {
    terms(selector).all(|term| {
        let (path, value) = term.split_once('=').unwrap_or((term, ""));
        let field = path.strip_prefix("metadata.").unwrap_or_default();
        object["metadata"][field].as_str() == Some(value.trim_start_matches('='))
    })
}

fn terms(selector: &str) -> impl Iterator<Item = &str> {
    let terms = selector.split(',').map(str::trim);
    terms.filter(|term| !term.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object() -> Value {
        json!({
            "kind": "Secret", "data": { "password": "x" },
            "metadata": { "name": "n", "labels": { "a": "1", "b": "2" } },
        })
    }

    #[test]
    fn selectors_select() {
        for (labels, fields, fits) in [
            ("a=1,b", "", true),
            ("a==1", "", true),
            ("a!=1", "", false),
            ("!c", "", true),
            ("c", "", false),
            ("", "metadata.name=n", true),
            ("", "metadata.name=m", false),
            ("c", "metadata.name=n", false),
        ] {
            let view = View {
                labels: labels.to_owned(),
                fields: fields.to_owned(),
                metadata_only: false,
            };
            assert_eq!(view.selects(&object()), fits, "{labels} {fields}");
        }
    }

    #[test]
    fn who_asks_for_metadata_gets_no_content() {
        let view = View {
            labels: String::new(),
            fields: String::new(),
            metadata_only: true,
        };
        let shown = view.show(&object());
        assert_eq!(shown["metadata"]["name"], "n");
        assert!(!shown.to_string().contains("password"));
    }
}
