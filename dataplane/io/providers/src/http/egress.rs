//! Where connections may go.
//!
//! Tenants write the URLs of providers, and the operator and media nodes stand inside the cluster. What is not of the
//! public Internet is open to them only where the platform team says so: a model in the cluster, say.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Addresses that may be connected to: those of the public Internet, and some networks beside.
#[derive(Debug, Clone, Default)]
pub struct Egress {
    networks: Arc<[IpNet]>,
}

/// A list of networks that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no network; write networks as in 10.0.0.0/8,fd00::/8")]
pub struct InvalidNetworks(String);

impl FromStr for Egress {
    type Err = InvalidNetworks;

    /// Reads networks in CIDR notation with commas between them, or nothing.
    fn from_str(text: &str) -> Result<Self, InvalidNetworks> {
        let parts = text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty());
        let networks = parts.map(|part| {
            part.parse()
                .map_err(|_| InvalidNetworks(part.chars().take(50).collect()))
        });
        Ok(Self {
            networks: networks.collect::<Result<_, _>>()?,
        })
    }
}

impl Egress {
    /// Lets everything through: for who chooses the URLs themselves, on their own machine.
    #[must_use]
    pub fn everywhere() -> Self {
        // Both have a prefix of no length.
        let every: [IpNet; 2] = [Ipv4Net::default().into(), Ipv6Net::default().into()];
        Self {
            networks: every.into(),
        }
    }

    /// Whether this address may be connected to.
    #[must_use]
    pub fn allows(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let is_named = self
            .networks
            .iter()
            .any(|network| network.contains(&address));
        is_named
            || match address {
                IpAddr::V4(address) => is_public_v4(address),
                IpAddr::V6(address) => is_public_v6(address),
            }
    }
}

/// Not among the IANA IPv4 Special-Purpose Address Registry (RFC 6890), and no multicast.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || a == 0
        || a >= 224
        // Shared address space (RFC 6598).
        || (a == 100 && (64..128).contains(&b))
        // IETF protocol assignments, AS112, 6to4 relays, benchmarks.
        || matches!((a, b, c), (192, 0, 0) | (192, 31, 196) | (192, 52, 193) | (192, 88, 99) | (192, 175, 48))
        || (a == 198 && matches!(b, 18 | 19));
    !is_special
}

/// Global unicast (RFC 4291), without what carries IPv4 inside: a tunnel leads wherever it likes.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let is_global = first & 0xe000 == 0x2000;
    let is_special = match first {
        // Teredo, ORCHID and the other protocol assignments (2001::/23), and documentation.
        0x2001 => second < 0x0200 || second == 0x0db8,
        // 6to4.
        0x2002 => true,
        // Documentation (RFC 9637).
        0x3fff => second < 0x1000,
        _ => false,
    };
    is_global && !is_special
}

/// None of a host's addresses may be connected to.
#[derive(Debug, thiserror::Error)]
#[error("the address is not public")]
pub(super) struct Forbidden;

/// Resolves names to addresses that may be connected to, and no others.
#[derive(Debug)]
pub(super) struct Guard(pub(super) Egress);

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let egress = self.0.clone();
        Box::pin(async move {
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let any = !found.is_empty();
            let allowed: Vec<SocketAddr> = found
                .into_iter()
                .filter(|address| egress.allows(address.ip()))
                .collect();
            if any && allowed.is_empty() {
                return Err(Forbidden.into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(networks: &str, address: &str) -> bool {
        let egress: Egress = networks.parse().unwrap();
        egress.allows(address.parse().unwrap())
    }

    #[test]
    fn the_public_internet_is_open_and_nothing_else() {
        for public in [
            "104.18.6.192",
            "8.8.8.8",
            "100.63.255.255",
            "2606:4700::6812:6c0",
            "2001:4860:4860::8888",
        ] {
            assert!(allows("", public), "{public}");
        }
        for special in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "192.0.0.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "ff02::1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "2002:a00:1::1",
            "2001:0:a00:1::1",
            "2001:db8::1",
        ] {
            assert!(!allows("", special), "{special}");
        }
    }

    #[test]
    fn networks_that_are_named_are_open_too() {
        let networks = "10.0.0.0/8, fd00::/8";
        for address in ["10.9.8.7", "::ffff:10.9.8.7", "fd12::1", "8.8.8.8"] {
            assert!(allows(networks, address), "{address}");
        }
        assert!(!allows(networks, "192.168.0.1"));
        let everywhere = Egress::everywhere();
        for address in ["127.0.0.1", "192.168.0.1", "::1"] {
            assert!(everywhere.allows(address.parse().unwrap()), "{address}");
        }
        assert!("10.0.0.0".parse::<Egress>().is_err());
    }
}
