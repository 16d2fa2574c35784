//! The row of a Trunk.

use callplane_crds::{AudioCodec, Transport, TrunkDirection, TrunkKeyExchange, TrunkSrtp};
use callplane_keys::Place;
use callplane_store::trunks;
use serde_json::json;

use super::validate::Valid;
use crate::controllers::projection::{Problem, fingerprint};

/// What should be in the database.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) trunk: trunks::TrunkSpec,
}

/// Makes the row. The password is sealed for this row; the fingerprint knows the version of the
/// Secret and nothing of its content, because it is stored in the clear.
pub(super) fn build(valid: Valid) -> Result<Prepared, Problem> {
    let Valid {
        row,
        object,
        direction,
        addresses,
        allowed_cidrs,
        transport,
        srtp,
        key_exchange,
        codecs,
        max_calls,
        credentials,
    } = valid;
    let version = credentials.as_ref().map(|found| found.version.clone());
    let spec_hash = fingerprint(&json!({
        "direction": direction,
        "addresses": addresses,
        "allowedCidrs": allowed_cidrs,
        "transport": transport,
        "srtp": srtp,
        "keyExchange": key_exchange,
        "codecs": codecs,
        "maxCalls": max_calls,
        "secret": version,
        "challengeInbound": credentials.as_ref().map(|found| found.challenge_inbound),
    }));
    let auth = credentials
        .map(|found| {
            let place = Place::cell(found.tenant, "trunks", "password_enc", row.uuid());
            found
                .keys
                .seal(&place, &found.password.0)
                .map(|sealed_password| trunks::TrunkAuth {
                    username: found.username,
                    sealed_password,
                    challenge_inbound: found.challenge_inbound,
                })
                .map_err(|error| Problem::invalid("spec.auth", error))
        })
        .transpose()?;
    Ok(Prepared {
        trunk: trunks::TrunkSpec {
            id: row,
            object,
            spec_hash,
            addresses,
            allowed_cidrs,
            transport: match transport {
                Transport::Udp => trunks::TrunkTransport::Udp,
                Transport::Tcp => trunks::TrunkTransport::Tcp,
            },
            direction: match direction {
                TrunkDirection::Inbound => trunks::TrunkDirection::Inbound,
                TrunkDirection::Outbound => trunks::TrunkDirection::Outbound,
                TrunkDirection::Both => trunks::TrunkDirection::Both,
            },
            srtp: match srtp {
                TrunkSrtp::Disabled => trunks::TrunkSrtp::Disabled,
                TrunkSrtp::Allowed => trunks::TrunkSrtp::Allowed,
                TrunkSrtp::Required => trunks::TrunkSrtp::Required,
            },
            key_exchange: match key_exchange {
                TrunkKeyExchange::Sdes => trunks::TrunkKeyExchange::Sdes,
                TrunkKeyExchange::Dtls => trunks::TrunkKeyExchange::Dtls,
            },
            codecs: codecs.into_iter().map(codec).collect(),
            max_calls,
            auth,
        },
    })
}

const fn codec(codec: AudioCodec) -> trunks::TrunkCodec {
    match codec {
        AudioCodec::Pcmu => trunks::TrunkCodec::Pcmu,
        AudioCodec::Pcma => trunks::TrunkCodec::Pcma,
        AudioCodec::G722 => trunks::TrunkCodec::G722,
        AudioCodec::Opus => trunks::TrunkCodec::Opus,
    }
}
