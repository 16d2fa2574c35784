//! A request as the API server reads it.

use http::{Method, Uri};
use kube::Resource;

/// Names one object; an empty namespace is that of cluster-scoped kinds.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) group: String,
    pub(super) plural: String,
    pub(super) namespace: String,
    pub(super) name: String,
}

impl Key {
    pub(super) fn of<K: Resource<DynamicType = ()>>(namespace: Option<&str>, name: &str) -> Self {
        Self {
            group: K::group(&()).into_owned(),
            plural: K::plural(&()).into_owned(),
            namespace: namespace.unwrap_or_default().to_owned(),
            name: name.to_owned(),
        }
    }
}

/// What is asked for.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) verb: &'static str,
    /// The name is empty for a collection.
    pub(super) key: Key,
    pub(super) subresource: String,
    /// Whether the answer holds no more of an object than its metadata.
    pub(super) metadata_only: bool,
    query: String,
}

impl Call {
    /// Reads method and address; `None` for an address that is none of the API.
    pub(super) fn parse(method: &Method, uri: &Uri) -> Option<Self> {
        let mut parts = uri.path().trim_start_matches('/').split('/');
        let group = match parts.next()? {
            "api" => String::new(),
            "apis" => parts.next()?.to_owned(),
            _ => return None,
        };
        let _version = parts.next()?;
        let rest: Vec<&str> = parts.collect();
        let (namespace, rest) = match rest.as_slice() {
            ["namespaces", namespace, rest @ ..]
                if !rest.is_empty() && !matches!(rest, ["status" | "finalize"]) =>
            {
                (*namespace, rest)
            }
            rest => ("", rest),
        };
        let part = |at: usize| rest.get(at).copied().unwrap_or_default().to_owned();
        let query = uri.query().unwrap_or_default().to_owned();
        let key = Key {
            group,
            plural: part(0),
            namespace: namespace.to_owned(),
            name: part(1),
        };
        let mut call = Self {
            verb: "get",
            key,
            subresource: part(2),
            metadata_only: false,
            query,
        };
        call.verb = match *method {
            Method::GET if call.parameter("watch").as_deref() == Some("true") => "watch",
            Method::GET if call.key.name.is_empty() => "list",
            Method::GET => "get",
            Method::POST => "create",
            Method::PUT => "update",
            Method::PATCH => "patch",
            Method::DELETE => "delete",
            _ => return None,
        };
        Some(call)
    }

    /// A parameter of the query.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        self.query.split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (key == name).then(|| decode(value))
        })
    }

    pub(super) fn is_write(&self) -> bool {
        !matches!(self.verb, "get" | "list" | "watch")
    }
}

/// Undoes percent encoding.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let decoded = match byte {
            b'+' => b' ',
            b'%' => {
                let digits: Vec<u8> = rest.by_ref().take(2).collect();
                std::str::from_utf8(&digits)
                    .ok()
                    .and_then(|digits| u8::from_str_radix(digits, 16).ok())
                    .unwrap_or(b'?')
            }
            plain => plain,
        };
        bytes.push(decoded);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_the_api_server_does() {
        for (method, path, verb, namespace, plural, name, sub) in [
            (
                Method::GET,
                "/api/v1/namespaces",
                "list",
                "",
                "namespaces",
                "",
                "",
            ),
            (
                Method::GET,
                "/api/v1/namespaces/a",
                "get",
                "",
                "namespaces",
                "a",
                "",
            ),
            (
                Method::PATCH,
                "/api/v1/namespaces/a/status",
                "patch",
                "",
                "namespaces",
                "a",
                "status",
            ),
            (
                Method::POST,
                "/api/v1/namespaces/a/pods",
                "create",
                "a",
                "pods",
                "",
                "",
            ),
            (
                Method::GET,
                "/api/v1/pods?&watch=true",
                "watch",
                "",
                "pods",
                "",
                "",
            ),
            (
                Method::PATCH,
                "/apis/callplane.dev/v1alpha1/tenants/t/status",
                "patch",
                "",
                "tenants",
                "t",
                "status",
            ),
        ] {
            let call = Call::parse(&method, &path.parse().unwrap()).unwrap();
            assert_eq!(
                (
                    call.verb,
                    call.key.namespace.as_str(),
                    call.key.plural.as_str(),
                    call.key.name.as_str(),
                    call.subresource.as_str()
                ),
                (verb, namespace, plural, name, sub),
                "{path}"
            );
        }
    }
}
