//! The custom resources of Callplane: what `kubectl apply` takes, and what the API server refuses.
//!
//! One kind a file. A field is here because something implements it. The rules that one object can
//! break by itself are CEL in the schema, so that the API server refuses them with a sentence; what
//! needs another object (a missing agent, a number that is taken) is told by a condition.
//!
//! This crate has no client and no runtime. Texts stay `String` here and are parsed into
//! `callplane_types` by the operator's validate step, because an object that was stored before a
//! rule existed must still be readable: it gets a condition instead of stopping a watch.

#![forbid(unsafe_code)]
#![allow(
    unreachable_pub,
    reason = "`KubeSchema` repeats each struct, visibility included, inside a function"
)]
#![allow(
    clippy::duplicated_attributes,
    reason = "every `printcolumn` has a `type_`; the lint takes them for one list"
)]

mod agent;
mod agent_settings;
mod campaign;
mod codec;
mod conditions;
mod document;
mod flow;
mod knowledge_base;
mod media_pool;
mod names;
mod phone_number;
mod provider;
mod reference;
mod schema;
mod tenant;
mod tool;
mod trunk;

pub use agent::{
    Agent, AgentLimits, AgentModel, AgentModelFallback, AgentSpec, AgentSpeech, AgentStatus,
    AgentTranscription, Recording, RecordingFormat, RecordingMode, Voice,
};
pub use agent_settings::InvalidSetting;
pub use campaign::{
    CallingWindow, Campaign, CampaignPhase, CampaignProgress, CampaignSpec, CampaignStatus, Day,
    DesiredState, Pacing, RECIPIENT_ZONE, Schedule,
};
pub use codec::AudioCodec;
pub use conditions::{ConditionType, Reason};
pub use document::{Document, FlowForm, InvalidDocument};
pub use flow::{Flow, FlowSpec, FlowStatus};
pub use knowledge_base::{
    DocumentCounts, FailedDocument, KnowledgeBase, KnowledgeBaseSpec, KnowledgeBaseStatus,
    KnowledgeDocument, KnowledgeEmbedding, KnowledgeSource, TextSearch,
};
pub use media_pool::{
    Capture, MediaPool, MediaPoolSpec, MediaPoolStatus, Network, PortRange, RecordingStorage,
    Resources, Sip, Storage, Whip,
};
pub use names::{
    ANNOTATION_ADOPT_DATA, ANNOTATION_CONFIRM_DELETE, FINALIZER, GROUP, LABEL_POOL, LABEL_TENANT,
    VERSION,
};
pub use phone_number::{Inbound, Outbound, PhoneNumber, PhoneNumberSpec, PhoneNumberStatus};
pub use provider::{
    ChatTimeouts, HttpApi, OpenaiChat, OpenaiEmbeddings, OpenaiSpeech, OpenaiTranscription,
    Protocol, Provider, ProviderCheck, ProviderSpec, ProviderStatus,
};
pub use reference::{ConfigMapKeyReference, LocalReference, SecretKeyReference};
pub use tenant::{
    Compatibility, CredentialRotation, CredentialsStatus, Database, DeletionPolicy, Media,
    Partitioning, Placement, QuotaUsage, Quotas, SchemaStatus, Security, Tenant, TenantSpec,
    TenantState, TenantStatus,
};
pub use tool::{AgentTool, ToolMethod, ToolRequest};
pub use trunk::{
    Transport, Trunk, TrunkAuth, TrunkDirection, TrunkKeyExchange, TrunkSpec, TrunkSrtp,
    TrunkStatus,
};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt as _;

/// Every definition, in the order in which a newcomer meets the kinds.
#[must_use]
pub fn all() -> Vec<CustomResourceDefinition> {
    let mut all = vec![
        Tenant::crd(),
        MediaPool::crd(),
        Trunk::crd(),
        PhoneNumber::crd(),
        Provider::crd(),
        KnowledgeBase::crd(),
        Flow::crd(),
        Agent::crd(),
        Campaign::crd(),
    ];
    let versions = all.iter_mut().flat_map(|crd| &mut crd.spec.versions);
    for schema in versions.filter_map(|version| version.schema.as_mut()) {
        if let Some(root) = &mut schema.open_api_v3_schema {
            drop_unsigned_formats(root);
        }
    }
    all
}

/// Kubernetes knows no unsigned formats and warns about each of them at every apply; the bounds say
/// the same.
fn drop_unsigned_formats(schema: &mut JSONSchemaProps) {
    if schema
        .format
        .as_deref()
        .is_some_and(|format| format.starts_with("uint"))
    {
        schema.format = None;
    }
    if let Some(properties) = &mut schema.properties {
        properties.values_mut().for_each(drop_unsigned_formats);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(each)) = &mut schema.items {
        drop_unsigned_formats(each);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(each)) = &mut schema.additional_properties {
        drop_unsigned_formats(each);
    }
}
