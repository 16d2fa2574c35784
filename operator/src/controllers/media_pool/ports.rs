//! The ports of a pod: fixed where it has an address of its own, a block of the pool's own where
//! pods share the address of a node.

use callplane_crds::{MediaPoolSpec, Network};
use k8s_openapi::api::core::v1::ContainerPort;

/// Name of the port that `kubectl callplane` forwards to.
const CONTROL_NAME: &str = "control";

const METRICS: u16 = 9090;
const CONTROL: u16 = 9091;
/// The block of a pod on the host's network begins with SIP; the next port is that of SIP over TLS
/// (RFC 3261 section 19.1.2), which nothing else may take.
const METRICS_IN_BLOCK: u16 = 2;
const CONTROL_IN_BLOCK: u16 = 3;

/// The ports of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ports {
    /// SIP over UDP and TCP.
    pub(super) sip: u16,
    /// `/metrics` and the probes, TCP.
    pub(super) metrics: u16,
    /// The control API, TCP on loopback.
    pub(super) control: u16,
    /// The first port for media, where it is the node's.
    host_rtp: Option<u16>,
    /// Where browsers call, if they are served.
    pub(super) browsers: Option<BrowserPorts>,
}

/// Where browsers call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BrowserPorts {
    /// WHIP, TCP.
    pub(super) whip: u16,
    /// The first of WebRTC, UDP and TCP.
    pub(super) webrtc: u16,
}

impl Ports {
    /// `None` when two of them would be the same, or one would lie above 65535.
    pub(super) fn of(spec: &MediaPoolSpec) -> Option<Self> {
        let sip = spec.sip.port;
        let browsers = spec.whip.as_ref().map(|whip| BrowserPorts {
            whip: whip.port,
            webrtc: whip.webrtc_port,
        });
        let ports = match spec.network {
            Network::PodNetwork => Self {
                sip,
                metrics: METRICS,
                control: CONTROL,
                host_rtp: None,
                browsers,
            },
            Network::HostNetwork => Self {
                sip,
                metrics: sip.checked_add(METRICS_IN_BLOCK)?,
                control: sip.checked_add(CONTROL_IN_BLOCK)?,
                host_rtp: Some(spec.rtp_ports.first),
                browsers,
            },
        };
        (![ports.metrics, ports.control].contains(&sip)).then_some(ports)
    }

    /// As a container declares them. On the host's network the scheduler keeps two pods apart that
    /// declare the same port of a node, so each of the block is there, and for the range of media
    /// its first port.
    pub(super) fn declared(&self) -> Vec<ContainerPort> {
        let Self {
            sip,
            metrics,
            control,
            host_rtp,
            browsers,
        } = *self;
        let mut ports = vec![
            ("sip-udp", sip, "UDP"),
            ("sip-tcp", sip, "TCP"),
            ("metrics", metrics, "TCP"),
            (CONTROL_NAME, control, "TCP"),
        ];
        ports.extend(host_rtp.map(|first| ("rtp", first, "UDP")));
        if let Some(BrowserPorts { whip, webrtc }) = browsers {
            ports.extend([
                ("whip", whip, "TCP"),
                ("webrtc-udp", webrtc, "UDP"),
                ("webrtc-tcp", webrtc, "TCP"),
            ]);
        }
        ports
            .into_iter()
            .map(|(name, port, protocol)| ContainerPort {
                name: Some(name.to_owned()),
                container_port: i32::from(port),
                host_port: host_rtp.map(|_| i32::from(port)),
                protocol: Some(protocol.to_owned()),
                ..ContainerPort::default()
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use callplane_crds::{PortRange, Sip, Whip};

    use super::*;

    fn spec(network: Network, sip: u16, first: u16) -> MediaPoolSpec {
        MediaPoolSpec {
            network,
            sip: Sip { port: sip },
            rtp_ports: PortRange {
                first,
                last: first + 399,
            },
            ..MediaPoolSpec::default()
        }
    }

    /// The ports of a node that a pod takes, as the scheduler counts them.
    fn of_node(spec: &MediaPoolSpec) -> BTreeSet<(String, i32)> {
        let declared = Ports::of(spec).unwrap().declared();
        let of_node = |port: ContainerPort| Some((port.protocol?, port.host_port?));
        declared.into_iter().filter_map(of_node).collect()
    }

    #[test]
    fn pods_with_addresses_of_their_own_take_no_port_of_a_node() {
        let spec = spec(Network::PodNetwork, 5060, 20_000);
        assert_eq!(of_node(&spec), BTreeSet::new());
        let ports = Ports::of(&spec).unwrap();
        assert_eq!((ports.metrics, ports.control), (9090, 9091));
    }

    #[test]
    fn pools_with_ports_of_their_own_share_a_node_and_others_are_kept_apart() {
        let one = of_node(&spec(Network::HostNetwork, 5060, 20_000));
        for (what, sip, first, share) in [
            ("the same pool", 5060, 20_000, false),
            ("a block of its own", 5064, 20_400, true),
            ("blocks that overlap", 5062, 20_400, false),
            ("the same media ports", 5064, 20_000, false),
        ] {
            let other = of_node(&spec(Network::HostNetwork, sip, first));
            assert_eq!(one.is_disjoint(&other), share, "{what}");
        }
        // Every port that the process binds, but for the rest of the media's range.
        assert_eq!(
            one.iter().map(|(_, port)| *port).collect::<Vec<_>>(),
            [5060, 5062, 5063, 5060, 20_000]
        );
    }

    #[test]
    fn a_pool_for_browsers_declares_where_they_call() {
        let mut spec = spec(Network::HostNetwork, 5060, 20_000);
        spec.whip = Some(Whip {
            port: 8080,
            webrtc_port: 20_400,
            ice_servers: Vec::new(),
            turn_secret_ref: None,
        });
        let of_node = of_node(&spec);
        assert!(of_node.contains(&("TCP".to_owned(), 8080)));
        assert!(of_node.contains(&("UDP".to_owned(), 20_400)));
        assert!(of_node.contains(&("TCP".to_owned(), 20_400)));
    }

    #[test]
    fn ports_that_cannot_be_bound_are_none() {
        for (network, sip, good) in [
            (Network::HostNetwork, 65_532, true),
            (Network::HostNetwork, 65_533, false),
            (Network::PodNetwork, 65_535, true),
            (Network::PodNetwork, 9090, false),
            (Network::PodNetwork, 9091, false),
            (Network::HostNetwork, 9091, true),
        ] {
            assert_eq!(
                Ports::of(&spec(network, sip, 20_000)).is_some(),
                good,
                "{sip}"
            );
        }
    }
}
