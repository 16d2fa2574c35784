//! The row of a Provider.

use std::time::Duration;

use callplane_crds::{
    ChatTimeouts, HttpApi, OpenaiChat, OpenaiEmbeddings, OpenaiSpeech, OpenaiTranscription,
    Protocol,
};
use callplane_keys::Place;
use callplane_store::providers::{self, ProviderProtocol, ProviderSpec, TotalTimeout};
use serde_json::json;

use super::check::Checked;
use super::validate::Valid;
use crate::controllers::projection::{Problem, fingerprint};

/// What should be in the database, and what is known of the endpoint.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) provider: ProviderSpec,
    pub(super) checked: Checked,
}

/// Makes the row. The key is sealed for this row; the fingerprint knows the version of the Secret and nothing of its
/// content, because it is stored in the clear.
pub(super) fn build(valid: Valid<'_>) -> Result<Prepared, Problem> {
    let Valid {
        row,
        object,
        protocol,
        key,
        checked,
    } = valid;
    let spec_hash = fingerprint(&json!({
        "protocol": protocol.field(),
        "spec": match protocol {
            Protocol::OpenaiChat(chat) => json!(chat),
            Protocol::OpenaiTranscription(speech) => json!(speech),
            Protocol::OpenaiSpeech(speech) => json!(speech),
            Protocol::OpenaiEmbeddings(embeddings) => json!(embeddings),
            Protocol::Http(http) => json!(http),
        },
        "secret": key.as_ref().map(|key| &key.version),
    }));
    let sealed_key = key
        .map(|key| {
            let place = Place::cell(key.tenant, "providers", "key_enc", row.uuid());
            key.keys
                .seal(&place, key.text.as_bytes())
                .map_err(|error| Problem::invalid("spec.secretRef", error))
        })
        .transpose()?;
    Ok(Prepared {
        provider: ProviderSpec {
            id: row,
            object,
            spec_hash,
            protocol: stored(protocol),
            base_url: protocol.base_url().to_owned(),
            sealed_key,
        },
        checked,
    })
}

fn stored(protocol: Protocol<'_>) -> ProviderProtocol {
    let millis = |millis: u32| Duration::from_millis(millis.into());
    match protocol {
        Protocol::OpenaiChat(OpenaiChat {
            base_url: _,
            model,
            timeouts:
                ChatTimeouts {
                    first_part_ms,
                    stall_ms,
                    total_ms,
                },
        }) => ProviderProtocol::OpenaiChat {
            model: model.clone(),
            timeouts: providers::ChatTimeouts {
                first_part: millis(*first_part_ms),
                stall: millis(*stall_ms),
                total: millis(*total_ms),
            },
        },
        Protocol::OpenaiTranscription(OpenaiTranscription {
            base_url: _,
            model,
            timeout_ms,
        }) => ProviderProtocol::OpenaiTranscription {
            model: model.clone(),
            timeouts: TotalTimeout {
                total: millis(*timeout_ms),
            },
        },
        Protocol::OpenaiEmbeddings(OpenaiEmbeddings {
            base_url: _,
            model,
            timeout_ms,
        }) => ProviderProtocol::OpenaiEmbeddings {
            model: model.clone(),
            timeouts: TotalTimeout {
                total: millis(*timeout_ms),
            },
        },
        Protocol::OpenaiSpeech(OpenaiSpeech {
            base_url: _,
            model,
            timeout_ms,
        }) => ProviderProtocol::OpenaiSpeech {
            model: model.clone(),
            timeouts: TotalTimeout {
                total: millis(*timeout_ms),
            },
        },
        Protocol::Http(HttpApi {
            base_url: _,
            key_header,
        }) => ProviderProtocol::Http {
            key_header: key_header.clone(),
        },
    }
}
