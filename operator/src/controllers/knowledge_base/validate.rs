//! A KnowledgeBase and what it refers to, as types that cannot be wrong.
//!
//! The API server checked the spec; it is checked again here because an object may be older than the rule.

use std::collections::BTreeMap;

use callplane_crds::{
    ConfigMapKeyReference, KnowledgeBase, KnowledgeDocument, KnowledgeSource, Protocol, Reason,
};
use callplane_store::ObjectRef;
use callplane_store::knowledge::projection::{Source, SourceSpec};
use callplane_types::Pii;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt as _;

use super::dereference::References;
use crate::controllers::agent::check_provider;
use crate::controllers::projection::{Problem, TenantRef, object_ref};

/// A KnowledgeBase that can be written.
#[derive(Debug)]
pub(super) struct Valid<'a> {
    pub(super) object: ObjectRef,
    pub(super) spec_hash: String,
    pub(super) base: &'a KnowledgeBase,
    /// Nothing when the database has them.
    pub(super) documents: Option<Vec<SourceSpec>>,
}

/// Checks `base`: first itself, then what it refers to.
pub(super) fn validate(
    base: &KnowledgeBase,
    tenant: Result<TenantRef, Problem>,
    references: References,
) -> Result<(TenantRef, Valid<'_>), Problem> {
    let References {
        provider,
        spec_hash,
        config_maps,
    } = references;
    for document in &base.spec.documents {
        check(document)?;
    }
    let object = object_ref(base)?;
    let tenant = tenant?;
    if let Some(embedding) = &base.spec.embedding {
        check_provider(
            "spec.embedding.providerRef",
            &embedding.provider_ref,
            provider.as_deref(),
            "openaiEmbeddings",
            |protocol| matches!(protocol, Protocol::OpenaiEmbeddings(_)),
        )?;
    }
    let namespace = base.namespace().unwrap_or_default();
    let documents = config_maps
        .map(|found| {
            let documents = base.spec.documents.iter();
            documents
                .map(|document| source(document, &namespace, &found))
                .collect::<Result<_, _>>()
        })
        .transpose()?;
    Ok((
        tenant,
        Valid {
            object,
            spec_hash,
            base,
            documents,
        },
    ))
}

fn field(document: &KnowledgeDocument) -> String {
    format!("spec.documents[{}]", document.name)
}

fn check(document: &KnowledgeDocument) -> Result<(), Problem> {
    let source = document.source().ok_or_else(|| {
        Problem::invalid(
            &field(document),
            "give it exactly one of text, url and configMapKeyRef",
        )
    })?;
    match source {
        KnowledgeSource::Text(text) if text.contains('\0') => Err(Problem::invalid(
            &format!("{}.text", field(document)),
            "it has a NUL character, which no text has; remove it",
        )),
        KnowledgeSource::File(file) if file.media_type().is_none() => Err(Problem::invalid(
            &format!("{}.configMapKeyRef.key", field(document)),
            "name a file that ends with .txt, .md, .html, .pdf or .docx",
        )),
        _ => Ok(()),
    }
}

/// The source of a document that [`check`] passed.
fn source(
    document: &KnowledgeDocument,
    namespace: &str,
    config_maps: &BTreeMap<String, Option<ConfigMap>>,
) -> Result<SourceSpec, Problem> {
    let source = match document.source() {
        Some(KnowledgeSource::Text(text)) => Source::Text(Pii::new(text.to_owned())),
        Some(KnowledgeSource::Page {
            url,
            refresh_seconds,
        }) => Source::Page {
            url: url.to_owned(),
            refresh_seconds: refresh_seconds.and_then(|seconds| i32::try_from(seconds).ok()),
        },
        Some(KnowledgeSource::File(file)) => {
            let config_map = config_maps.get(&file.name).and_then(Option::as_ref);
            Source::File {
                url: format!("configmap:{namespace}/{}/{}", file.name, file.key),
                mime_type: file.media_type().unwrap_or("application/octet-stream"),
                octets: Pii::new(octets(&field(document), file, config_map)?),
            }
        }
        None => return Err(Problem::invalid(&field(document), "it has no source")),
    };
    Ok(SourceSpec {
        name: document.name.clone(),
        source,
    })
}

fn octets(
    field: &str,
    file: &ConfigMapKeyReference,
    found: Option<&ConfigMap>,
) -> Result<Vec<u8>, Problem> {
    let ConfigMapKeyReference { name, key } = file;
    let missing = |message| Problem::unresolved(Reason::ConfigMapNotFound, message);
    let config_map = found.ok_or_else(|| {
        missing(format!(
            "{field}: ConfigMap `{name}` does not exist in this namespace; create it with `kubectl create configmap {name} \
             --from-file={key}`, or name another"
        ))
    })?;
    let text = config_map.data.as_ref().and_then(|data| data.get(key));
    let binary = config_map.binary_data.as_ref();
    let binary = binary.and_then(|data| data.get(key));
    text.map(|text| text.clone().into_bytes())
        .or_else(|| binary.map(|octets| octets.0.clone()))
        .ok_or_else(|| {
            missing(format!(
                "{field}: ConfigMap `{name}` has no key `{key}`; add the file, or name another key"
            ))
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::controllers::projection::fixture::{object, tenant};

    const BASE: &str = "
        spec:
          embedding: {providerRef: {name: vectors}}
          documents:
            - {name: hours, text: We are open.}
            - {name: prices, configMapKeyRef: {name: files, key: prices.pdf}}
            - {name: site, url: 'https://example.com/', refreshSeconds: 3600}";

    fn checked(
        base: &str,
        provider: Option<&str>,
        files: Option<serde_json::Value>,
    ) -> Result<Vec<SourceSpec>, Problem> {
        let base: KnowledgeBase = object(base);
        let files = files.map(|files| serde_json::from_value(files).unwrap());
        let references = References {
            provider: provider.map(|yaml| std::sync::Arc::new(object(yaml))),
            spec_hash: "h".to_owned(),
            config_maps: Some(BTreeMap::from([("files".to_owned(), files)])),
        };
        let (_, valid) = validate(&base, tenant(), references)?;
        Ok(valid.documents.unwrap())
    }

    const VECTORS: &str = "
        spec: {openaiEmbeddings: {baseUrl: 'https://x/v1', model: m}}
        status: {providerId: 019aa6d2-0000-7000-8000-000000000004}";

    #[test]
    fn texts_pages_and_files_of_both_kinds_become_sources() {
        let of = |file| match &checked(BASE, Some(VECTORS), Some(file)).unwrap()[..] {
            [
                SourceSpec {
                    source: Source::Text(text),
                    ..
                },
                SourceSpec {
                    source:
                        Source::File {
                            url,
                            mime_type,
                            octets,
                        },
                    ..
                },
                SourceSpec {
                    source:
                        Source::Page {
                            refresh_seconds: Some(3_600),
                            ..
                        },
                    ..
                },
            ] => {
                assert_eq!(text.expose(), "We are open.");
                assert_eq!(url, "configmap:acme/files/prices.pdf");
                assert_eq!(*mime_type, "application/pdf");
                octets.expose().clone()
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(of(json!({ "data": { "prices.pdf": "x" } })), b"x");
        assert_eq!(
            of(json!({ "binaryData": { "prices.pdf": "AP8=" } })),
            [0, 255]
        );
    }

    #[test]
    fn each_lack_names_the_document_and_what_to_do() {
        let file = || Some(json!({ "data": { "prices.pdf": "x" } }));
        let talks = VECTORS.replace("openaiEmbeddings", "openaiChat");
        let two = BASE.replace(
            "text: We are open.",
            "text: We are open., url: 'https://x/'",
        );
        let sheet = BASE.replace("prices.pdf", "prices.xlsx");
        let cases = [
            (
                two.as_str(),
                Some(VECTORS),
                file(),
                Reason::Invalid,
                "spec.documents[hours]: give it",
            ),
            (
                &sheet,
                Some(VECTORS),
                file(),
                Reason::Invalid,
                "name a file that ends with",
            ),
            (
                BASE,
                Some(VECTORS),
                None,
                Reason::ConfigMapNotFound,
                "kubectl create configmap files",
            ),
            (
                BASE,
                Some(VECTORS),
                Some(json!({})),
                Reason::ConfigMapNotFound,
                "has no key `prices.pdf`",
            ),
            (
                BASE,
                None,
                file(),
                Reason::ProviderNotFound,
                "create it with openaiEmbeddings",
            ),
            (
                BASE,
                Some(&*talks),
                file(),
                Reason::DependencyNotReady,
                "has no openaiEmbeddings",
            ),
        ];
        for (base, provider, files, reason, sentence) in cases {
            let problem = checked(base, provider, files).unwrap_err();
            assert_eq!(problem.reason, reason, "{problem}");
            assert!(problem.message.contains(sentence), "{problem}");
        }
    }
}
