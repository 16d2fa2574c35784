//! A Trunk and what it refers to, as types that cannot be wrong.
//!
//! Addresses and networks were checked by the API server; they are checked again here because an
//! object may be older than the rule.

use std::net::{IpAddr, SocketAddr};

use callplane_crds::{AudioCodec, Transport, Trunk, TrunkDirection, TrunkKeyExchange, TrunkSrtp};
use callplane_store::ObjectRef;
use callplane_types::TrunkId;

use super::dereference::{Credentials, References};
use crate::controllers::projection::{Problem, TenantRef, object_ref};

/// A Trunk that can be written.
#[derive(Debug)]
pub(super) struct Valid {
    pub(super) row: TrunkId,
    pub(super) object: ObjectRef,
    pub(super) direction: TrunkDirection,
    pub(super) addresses: Vec<String>,
    pub(super) allowed_cidrs: Vec<String>,
    pub(super) transport: Transport,
    pub(super) srtp: TrunkSrtp,
    pub(super) key_exchange: TrunkKeyExchange,
    pub(super) codecs: Vec<AudioCodec>,
    pub(super) max_calls: Option<u32>,
    pub(super) credentials: Option<Credentials>,
}

/// Checks `trunk`: first itself, then what it refers to.
pub(super) fn validate(
    trunk: &Trunk,
    tenant: Result<TenantRef, Problem>,
    references: References,
) -> Result<(TenantRef, Valid), Problem> {
    let spec = &trunk.spec;
    for address in &spec.addresses {
        if !is_host_port(address) {
            return Err(Problem::invalid(
                "spec.addresses",
                "write host:port, as in sip.carrier.example:5060",
            ));
        }
    }
    let allowed_cidrs = spec
        .allowed_cidrs
        .iter()
        .map(|network| {
            masked(network).ok_or_else(|| {
                Problem::invalid(
                    "spec.allowedCidrs",
                    format_args!("`{network}` is no network; write one as in 192.0.2.0/24"),
                )
            })
        })
        .collect::<Result<_, _>>()?;
    if spec.key_exchange == TrunkKeyExchange::Dtls && spec.srtp != TrunkSrtp::Required {
        return Err(Problem::invalid(
            "spec.keyExchange",
            "set srtp to Required or leave keyExchange out",
        ));
    }
    let max_calls = spec
        .max_calls
        .map(u32::try_from)
        .transpose()
        .map_err(|_| Problem::invalid("spec.maxCalls", "write a number above 0"))?;
    let object = object_ref(trunk)?;
    let tenant = tenant?;
    let credentials = references.credentials.transpose()?;
    Ok((
        tenant,
        Valid {
            row: references.row,
            object,
            direction: spec.direction,
            addresses: spec.addresses.clone(),
            allowed_cidrs,
            transport: spec.transport,
            srtp: spec.srtp,
            key_exchange: spec.key_exchange,
            codecs: spec.codecs.clone(),
            max_calls,
            credentials,
        },
    ))
}

fn is_host_port(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else {
        return false;
    };
    let is_port = port.parse::<u16>().is_ok_and(|port| port > 0);
    let is_host = !host.is_empty() && !host.contains(':');
    is_port && (is_host || text.parse::<SocketAddr>().is_ok())
}

/// The network with its host bits cleared, as PostgreSQL wants a `cidr`.
fn masked(text: &str) -> Option<String> {
    let (address, length) = text.split_once('/')?;
    let length: u32 = length.parse().ok()?;
    Some(match address.parse().ok()? {
        IpAddr::V4(address) if length <= 32 => {
            let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
            let network = std::net::Ipv4Addr::from_bits(address.to_bits() & mask);
            format!("{network}/{length}")
        }
        IpAddr::V6(address) if length <= 128 => {
            let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
            let network = std::net::Ipv6Addr::from_bits(address.to_bits() & mask);
            format!("{network}/{length}")
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_lose_their_host_bits() {
        for (given, network) in [
            ("192.0.2.7/24", Some("192.0.2.0/24")),
            ("192.0.2.7/32", Some("192.0.2.7/32")),
            ("0.0.0.0/0", Some("0.0.0.0/0")),
            ("2001:db8::7/32", Some("2001:db8::/32")),
            ("::/0", Some("::/0")),
            ("192.0.2.0", None),
            ("192.0.2.0/33", None),
            ("carrier/24", None),
        ] {
            assert_eq!(masked(given).as_deref(), network, "{given}");
        }
    }

    #[test]
    fn an_address_has_a_host_and_a_port() {
        for good in ["sip.example:5060", "192.0.2.1:5060", "[2001:db8::1]:5060"] {
            assert!(is_host_port(good), "{good}");
        }
        for bad in [
            "sip.example",
            ":5060",
            "sip.example:0",
            "sip.example:99999",
            "2001:db8::1",
        ] {
            assert!(!is_host_port(bad), "{bad}");
        }
    }
}
