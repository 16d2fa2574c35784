//! A Provider and what it refers to, as types that cannot be wrong.
//!
//! The API server checked the spec; it is checked again here because an object may be older than the rule.

use callplane_crds::{Protocol, Provider};
use callplane_providers::{Endpoint, InvalidEndpoint, KeyHeader};
use callplane_store::ObjectRef;
use callplane_types::ProviderId;

use super::check::Checked;
use super::dereference::{Key, References};
use crate::controllers::projection::{Problem, TenantRef, object_ref};

/// A Provider that can be written.
#[derive(Debug)]
pub(super) struct Valid<'a> {
    pub(super) row: ProviderId,
    pub(super) object: ObjectRef,
    pub(super) protocol: Protocol<'a>,
    pub(super) key: Option<Key>,
    pub(super) checked: Checked,
}

/// Checks `provider`: first itself, then what it refers to.
pub(super) fn validate(
    provider: &Provider,
    tenant: Result<TenantRef, Problem>,
    references: References,
) -> Result<(TenantRef, Valid<'_>), Problem> {
    let References { row, key, checked } = references;
    let protocol = provider.spec.protocol().ok_or_else(|| {
        Problem::invalid(
            "spec",
            "give it exactly one of openaiChat, openaiTranscription, openaiSpeech, openaiEmbeddings and http",
        )
    })?;
    let field = format!("spec.{}.baseUrl", protocol.field());
    Endpoint::new(protocol.base_url(), None).map_err(|error| Problem::invalid(&field, error))?;
    if let Some(header) = protocol.key_header() {
        let named = KeyHeader::Named(header);
        Endpoint::with_key(protocol.base_url(), named, Some("key"))
            .map_err(|error| Problem::invalid("spec.http.keyHeader", error))?;
    }
    let object = object_ref(provider)?;
    let tenant = tenant?;
    let key = key.transpose()?;
    // Without a problem so far, only a key that no header may have keeps an endpoint from being asked.
    let checked =
        checked.ok_or_else(|| Problem::invalid("spec.secretRef", InvalidEndpoint::Key))?;
    Ok((
        tenant,
        Valid {
            row,
            object,
            protocol,
            key,
            checked,
        },
    ))
}
