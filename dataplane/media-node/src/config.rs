//! What the pod tells the process: environment variables, or the flags of the same meaning.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use callplane_types::{ResourceName, TenantName};

/// Answers and places the calls of one tenant: SIP, RTP, recordings, the agent of each call, and
/// the dialing of campaigns.
///
/// It takes routes, programs and quotas from the tenant's schema and keeps answering from memory
/// while PostgreSQL is down. SIGTERM drains: no new calls, running ones end by themselves.
#[derive(Debug, Clone, clap::Parser)]
#[command(name = "callplane-media-node", version)]
pub struct Config {
    /// Name of the Tenant whose calls this node carries.
    #[arg(long, env = "CALLPLANE_TENANT")]
    pub tenant: TenantName,

    /// Name of the MediaPool this node belongs to.
    #[arg(long, env = "CALLPLANE_POOL")]
    pub pool: ResourceName,

    /// Namespace of the pod.
    #[arg(long, env = "CALLPLANE_NAMESPACE", default_value = "default")]
    pub namespace: ResourceName,

    /// Name of this node: the name of its pod, unique within the tenant.
    #[arg(long, env = "CALLPLANE_NODE")]
    pub node: String,

    /// `metadata.uid` of the pod.
    #[arg(long, env = "CALLPLANE_POD_UID")]
    pub pod_uid: Option<uuid::Uuid>,

    /// Calls this node carries at once.
    #[arg(long, env = "CALLPLANE_SLOTS", default_value = "20")]
    pub slots: NonZeroU32,

    /// Address that callers and carriers reach this node at; it goes into SIP and SDP.
    #[arg(long, env = "CALLPLANE_ADDRESS")]
    pub address: IpAddr,

    /// Address to bind sockets to.
    #[arg(long, env = "CALLPLANE_BIND", default_value = "0.0.0.0")]
    pub bind: IpAddr,

    /// UDP and TCP port of SIP; 0 lets the system choose one.
    #[arg(long, env = "CALLPLANE_SIP_PORT", default_value_t = 5060)]
    pub sip_port: u16,

    /// UDP ports of RTP and RTCP, first and last; a call takes two.
    #[arg(long, env = "CALLPLANE_RTP_PORTS", default_value = "20000-20399")]
    pub rtp_ports: PortRange,

    /// Folder of the mounted Secret `callplane-database`.
    #[arg(
        long,
        env = "CALLPLANE_DATABASE_DIR",
        default_value = "/etc/callplane/database"
    )]
    pub database_dir: PathBuf,

    /// Folder of recordings and of records that wait for PostgreSQL.
    #[arg(long, env = "CALLPLANE_DATA_DIR", default_value = "/var/lib/callplane")]
    pub data_dir: PathBuf,

    /// Address of /metrics, /livez and /readyz.
    #[arg(long, env = "CALLPLANE_METRICS", default_value = "0.0.0.0:9090")]
    pub metrics: SocketAddr,

    /// Address of the control API, which has no login: loopback, reached by port-forward.
    #[arg(long, env = "CALLPLANE_CONTROL", default_value = "127.0.0.1:9091")]
    pub control: SocketAddr,

    /// Longest time from SIGTERM until calls that still run are hung up.
    #[arg(long, env = "CALLPLANE_MAX_DRAIN_SECONDS", default_value = "3600", value_parser = seconds)]
    pub max_drain: Duration,

    /// Path of the program callplane-speech, or "none" for keys and tones only.
    #[arg(long, env = "CALLPLANE_SPEECH", default_value = "none")]
    pub speech: SpeechProgram,

    /// Media threads; one a core unless given.
    #[arg(long, env = "CALLPLANE_MEDIA_THREADS")]
    pub media_threads: Option<std::num::NonZeroUsize>,

    /// Filter of the log, such as info,callplane_media_node=debug.
    #[arg(long, env = "CALLPLANE_LOG", default_value = "info")]
    pub log: String,
}

/// First and last port, written `20000-20399`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortRange(pub RangeInclusive<u16>);

/// Why a text is no [`PortRange`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write the first and the last port, as in 20000-20399; the range holds at least two")]
pub struct InvalidPortRange;

impl FromStr for PortRange {
    type Err = InvalidPortRange;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (first, last) = text.split_once('-').ok_or(InvalidPortRange)?;
        let port = |text: &str| text.trim().parse::<u16>().map_err(|_| InvalidPortRange);
        let (first, last) = (port(first)?, port(last)?);
        if first == 0 || last <= first {
            return Err(InvalidPortRange);
        }
        Ok(Self(first..=last))
    }
}

/// Where the speech program is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpeechProgram {
    /// There is none: callers hear tones and answer with keys.
    None,
    /// Its path.
    Path(PathBuf),
}

impl FromStr for SpeechProgram {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "" | "none" => Self::None,
            path => Self::Path(PathBuf::from(path)),
        })
    }
}

fn seconds(text: &str) -> Result<Duration, std::num::ParseIntError> {
    text.parse().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_range_is_two_ports_in_order() {
        assert_eq!("20000-20399".parse(), Ok(PortRange(20_000..=20_399)));
        for bad in ["", "20000", "20399-20000", "0-10", "5-5", "a-b"] {
            assert_eq!(bad.parse::<PortRange>(), Err(InvalidPortRange), "{bad}");
        }
    }
}
