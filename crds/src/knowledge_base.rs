//! KnowledgeBase: documents that agents look things up in.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use crate::reference::{ConfigMapKeyReference, LocalReference};

/// Documents that agents look things up in: texts, files and web pages.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Deserialize, Serialize)]
#[kube(
    group = "callplane.dev",
    version = "v1alpha1",
    kind = "KnowledgeBase",
    plural = "knowledgebases",
    shortname = "kb",
    category = "callplane",
    namespaced,
    status = "KnowledgeBaseStatus",
    derive = "PartialEq",
    doc = "Documents that agents look things up in: texts, files and web pages.",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    printcolumn(
        name = "Documents",
        type_ = "integer",
        json_path = ".status.documents.total"
    ),
    printcolumn(
        name = "Processing",
        type_ = "integer",
        json_path = ".status.documents.processing"
    ),
    printcolumn(
        name = "Failed",
        type_ = "integer",
        json_path = ".status.documents.failed"
    ),
    printcolumn(
        name = "Embedding",
        type_ = "string",
        json_path = ".spec.embedding.providerRef.name",
        priority = 1
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason",
        priority = 1
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct KnowledgeBaseSpec {
    /// What it is about, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub description: Option<String>,

    /// The language of the documents, whose endings of words a search passes over and whose filling words it leaves out.
    /// `simple` compares words as they are written.
    #[serde(default)]
    pub text_search: TextSearch,

    /// How passages are found that mean the same in other words. Without it, words are compared alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedding: Option<KnowledgeEmbedding>,

    /// The documents. How many there may be says the quota `documentsPerKnowledgeBase` of the Tenant: 100 unless the
    /// plan says otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 500))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub documents: Vec<KnowledgeDocument>,
}

/// The language of documents: the text-search configurations that every PostgreSQL has.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Hash,
    IntoStaticStr,
    Deserialize,
    Serialize,
    JsonSchema,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
#[allow(missing_docs, reason = "languages by their names")]
pub enum TextSearch {
    #[default]
    Simple,
    Arabic,
    Armenian,
    Basque,
    Catalan,
    Danish,
    Dutch,
    English,
    Finnish,
    French,
    German,
    Greek,
    Hindi,
    Hungarian,
    Indonesian,
    Irish,
    Italian,
    Lithuanian,
    Nepali,
    Norwegian,
    Portuguese,
    Romanian,
    Russian,
    Serbian,
    Spanish,
    Swedish,
    Tamil,
    Turkish,
    Yiddish,
}

impl TextSearch {
    /// The configuration of PostgreSQL.
    #[must_use]
    pub fn configuration(self) -> &'static str {
        self.into()
    }
}

/// How passages are found by their meaning.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KnowledgeEmbedding {
    /// A Provider of this namespace with `openaiEmbeddings`. Every passage is sent there, and later what callers ask.
    pub provider_ref: LocalReference,
}

/// One document: a text, a web page or a file.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("[has(self.text), has(self.url), has(self.configMapKeyRef)].exists_one(x, x)")
        .message("a document comes from exactly one place: give it one of text, url and configMapKeyRef"),
    validation = Rule::new("!has(self.refreshSeconds) || has(self.url)")
        .message("only web pages are fetched again: remove refreshSeconds, or give the document a url")
)]
pub struct KnowledgeDocument {
    /// Its name in this KnowledgeBase. Agents say it as the source of what they found.
    #[schemars(schema_with = "crate::schema::dns_label")]
    pub name: String,

    /// The text itself, as Markdown: plain text is that, too. Longer ones are better in a ConfigMap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 65_536))]
    pub text: Option<String>,

    /// A web page, or a file on a web server: HTML, text, Markdown, PDF or docx of at most 8 MiB. Private addresses, those
    /// of services of the cluster too, must be among `providers.privateNetworks` of the chart. Redirects are not followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::page_url")]
    pub url: Option<String>,

    /// Seconds after which the page is fetched again. It is fetched once when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 300, max = 31_536_000))]
    pub refresh_seconds: Option<u32>,

    /// A file in a ConfigMap of this namespace, in `data` or `binaryData`. The end of the key says what it is: .txt, .md,
    /// .html, .pdf or .docx. `kubectl create configmap NAME --from-file=prices.pdf` makes one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map_key_ref: Option<ConfigMapKeyReference>,
}

/// Where a document comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnowledgeSource<'a> {
    /// The text itself.
    Text(&'a str),
    /// A page, and how often it is fetched.
    Page {
        /// Where it is.
        url: &'a str,
        /// Seconds until it is fetched again.
        refresh_seconds: Option<u32>,
    },
    /// A file.
    File(&'a ConfigMapKeyReference),
}

impl KnowledgeDocument {
    /// The one source; nothing if there is none, or several.
    #[must_use]
    pub fn source(&self) -> Option<KnowledgeSource<'_>> {
        let Self {
            name: _,
            text,
            url,
            refresh_seconds,
            config_map_key_ref,
        } = self;
        match (text, url, config_map_key_ref) {
            (Some(text), None, None) => Some(KnowledgeSource::Text(text)),
            (None, Some(url), None) => Some(KnowledgeSource::Page {
                url,
                refresh_seconds: *refresh_seconds,
            }),
            (None, None, Some(file)) => Some(KnowledgeSource::File(file)),
            _ => None,
        }
    }
}

/// What has become of a KnowledgeBase.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KnowledgeBaseStatus {
    /// Generation of the spec that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// Identifier of the tenant whose database has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,

    /// Identifier of the knowledge base in the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub knowledge_base_id: Option<String>,

    /// How many documents there are, by how far they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub documents: Option<DocumentCounts>,

    /// Documents that could not be read, by name, the first 20, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub failed: Vec<FailedDocument>,

    /// Ready, Accepted, ResolvedRefs, Programmed, DocumentsReady; Reconciling and Stalled while they hold. Agents find
    /// what is ready already while other documents are processed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}

/// Documents by how far they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DocumentCounts {
    /// All of them.
    pub total: i64,
    /// Are being read.
    pub processing: i64,
    /// Can be searched.
    pub ready: i64,
    /// Could not be read.
    pub failed: i64,
}

/// A document that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FailedDocument {
    /// Its name in the spec.
    pub name: String,
    /// What to do about it.
    pub message: String,
}
