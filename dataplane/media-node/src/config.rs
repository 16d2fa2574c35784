//! What the pod tells the process: environment variables, or the flags of the same meaning.

use std::net::{IpAddr, SocketAddr};
use std::num::{NonZeroU32, NonZeroUsize};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use callplane_providers::Egress;
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

    /// Object storage that recordings go to when their call is over, as s3://BUCKET/PREFIX or file:///FOLDER;
    /// credentials come from AWS_ACCESS_KEY_ID and its relatives. They stay in the data folder without it.
    #[arg(long, env = "CALLPLANE_RECORDINGS_URL")]
    pub recordings_url: Option<String>,

    /// Address of /metrics, /livez and /readyz.
    #[arg(long, env = "CALLPLANE_METRICS", default_value = "0.0.0.0:9090")]
    pub metrics: SocketAddr,

    /// Address of the control API, which has no login: loopback, reached by port-forward.
    #[arg(long, env = "CALLPLANE_CONTROL", default_value = "127.0.0.1:9091")]
    pub control: SocketAddr,

    /// Address where browsers start calls by WHIP (RFC 9725), such as 0.0.0.0:8080; without it there are
    /// none. It is reached from outside, behind an ingress that ends TLS.
    #[arg(long, env = "CALLPLANE_WHIP")]
    pub whip: Option<SocketAddr>,

    /// Connections to that address at once. When there are more, those that ask nothing are closed first.
    #[arg(long, env = "CALLPLANE_WHIP_CONNECTIONS", default_value = "4096")]
    pub whip_connections: NonZeroUsize,

    /// Whether calls may be captured as pcap files by who reaches the control API: disabled, masked (without numbers,
    /// keys, bodies and sound), or full. Supervisors may join calls where it is full.
    #[arg(long, env = "CALLPLANE_CAPTURE", value_enum, default_value_t)]
    pub capture: CapturePolicy,

    /// UDP port of WebRTC of the first media thread, the next has the next; 0 lets the system choose.
    #[arg(long, env = "CALLPLANE_WEBRTC_UDP", default_value_t = 20_400)]
    pub webrtc_udp: u16,

    /// TCP port of WebRTC of the first media thread, for browsers whose network lets no UDP through; the next has the
    /// next. The same numbers as of UDP unless given; 0 lets the system choose.
    #[arg(long, env = "CALLPLANE_WEBRTC_TCP")]
    pub webrtc_tcp: Option<u16>,

    /// STUN and TURN servers that browsers are told, one after the other with commas: URL, or
    /// URL|USERNAME|CREDENTIAL, as in turn:turn.example.com:3478?transport=udp|acme|secret. A TURN server without
    /// login gets one for each call by CALLPLANE_TURN_SECRET_FILE.
    #[arg(
        long,
        env = "CALLPLANE_ICE_SERVERS",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub ice_servers: Vec<IceServer>,

    /// File with the secret that TURN servers share (`static-auth-secret` of coturn with `use-auth-secret`): each call's
    /// browser is told a login that ends after twelve hours, and never the secret.
    #[arg(long, env = "CALLPLANE_TURN_SECRET_FILE")]
    pub turn_secret_file: Option<PathBuf>,

    /// Longest time from SIGTERM until calls that still run are hung up.
    #[arg(long, env = "CALLPLANE_MAX_DRAIN_SECONDS", default_value = "3600", value_parser = seconds)]
    pub max_drain: Duration,

    /// Path of the program callplane-speech, or "none" for keys and tones only.
    #[arg(long, env = "CALLPLANE_SPEECH", default_value = "none")]
    pub speech: SpeechProgram,

    /// Networks beside the public Internet that Providers may be in, as in 10.0.0.0/8,fd00::/8.
    #[arg(long, env = "CALLPLANE_PROVIDER_NETWORKS", default_value = "")]
    pub provider_networks: Egress,

    /// Media threads; one a core unless given.
    #[arg(long, env = "CALLPLANE_MEDIA_THREADS")]
    pub media_threads: Option<std::num::NonZeroUsize>,

    /// Percent of its time in which a media thread may work and still be given calls, above 0 and at most 100, such as
    /// 70 or 72.5. When every thread is above it, calls are refused with 503, and no recipients of campaigns are
    /// dialled; with 100 none is refused for it.
    #[arg(long, env = "CALLPLANE_MAX_BUSY_PERCENT", default_value = "70")]
    pub max_busy_percent: Percent,

    /// How late, in milliseconds, a busy media thread may send its latest packet in a hundred and still be given calls.
    #[arg(long, env = "CALLPLANE_MAX_LATE_MS", default_value_t = 5)]
    pub max_late_ms: u64,

    /// Filter of the log, such as info,callplane_media_node=debug.
    #[arg(long, env = "CALLPLANE_LOG", default_value = "info")]
    pub log: String,
}

/// Two sockets that want the same port, or one that wants what is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PortClash {
    /// Too many threads for the ports that are left.
    #[error("{name}={first} leaves no port for each of {threads} media threads: choose at most {}", u32::from(u16::MAX) + 1 - threads)]
    Beyond {
        /// The variable.
        name: &'static str,
        /// What it says.
        first: u16,
        /// Ports that it takes.
        threads: u32,
    },
    /// Both are to be bound.
    #[error(
        "{name} takes the ports {first} to {last}, one for each media thread, and {other} has one of them: choose others"
    )]
    Taken {
        /// The variable.
        name: &'static str,
        /// What it says.
        first: u16,
        /// The last port that it takes.
        last: u16,
        /// The other variable.
        other: &'static str,
    },
}

impl Config {
    /// Whether the ports of WebRTC are there for `threads` media threads.
    ///
    /// # Errors
    /// [`PortClash`] says what to change.
    pub fn check_webrtc_ports(&self, threads: NonZeroUsize) -> Result<(), PortClash> {
        let Some(whip) = self.whip else {
            return Ok(());
        };
        let sip = self.sip_port..=self.sip_port;
        let udp = [
            ("CALLPLANE_RTP_PORTS", self.rtp_ports.0.clone()),
            ("CALLPLANE_SIP_PORT", sip.clone()),
        ];
        let one = |address: SocketAddr| address.port()..=address.port();
        let tcp = [
            ("CALLPLANE_SIP_PORT", sip),
            ("CALLPLANE_WHIP", one(whip)),
            ("CALLPLANE_METRICS", one(self.metrics)),
            ("CALLPLANE_CONTROL", one(self.control)),
        ];
        check_block("CALLPLANE_WEBRTC_UDP", self.webrtc_udp, threads, &udp)?;
        check_block("CALLPLANE_WEBRTC_TCP", self.webrtc_tcp(), threads, &tcp)
    }

    /// The first TURN server that no browser could log in to.
    pub(crate) fn turn_without_login(&self) -> Option<&str> {
        let bare = |server: &&IceServer| server.is_turn() && server.login.is_none();
        let server = self.ice_servers.iter().find(bare)?;
        self.turn_secret_file.is_none().then_some(&server.url)
    }

    /// TCP port of WebRTC of the first media thread.
    pub(crate) fn webrtc_tcp(&self) -> u16 {
        self.webrtc_tcp.unwrap_or(self.webrtc_udp)
    }
}

fn check_block(
    name: &'static str,
    first: u16,
    threads: NonZeroUsize,
    others: &[(&'static str, RangeInclusive<u16>)],
) -> Result<(), PortClash> {
    // The system chooses none that is in use.
    if first == 0 {
        return Ok(());
    }
    let threads = u32::try_from(threads.get()).unwrap_or(u32::MAX);
    let last = u32::from(first).saturating_add(threads - 1);
    let Ok(last) = u16::try_from(last) else {
        return Err(PortClash::Beyond {
            name,
            first,
            threads,
        });
    };
    let clash = others
        .iter()
        .find(|(_, ports)| *ports.start() <= last && first <= *ports.end());
    match clash {
        Some((other, _)) => Err(PortClash::Taken {
            name,
            first,
            last,
            other,
        }),
        None => Ok(()),
    }
}

/// What may be captured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum CapturePolicy {
    /// Nothing.
    Disabled,
    /// Packets without numbers, keys, bodies and sound.
    #[default]
    Masked,
    /// Where it is asked for, everything.
    Full,
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

/// A STUN or TURN server (RFC 7064, RFC 7065).
#[derive(Clone, PartialEq, Eq)]
pub struct IceServer {
    /// `stun:`, `stuns:`, `turn:` or `turns:`.
    pub url: String,
    /// User name and credential of TURN; without them each call gets its own.
    pub login: Option<(String, String)>,
}

impl IceServer {
    /// Whether it wants a login.
    pub(crate) fn is_turn(&self) -> bool {
        self.url.starts_with("turn")
    }
}

impl std::fmt::Debug for IceServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "IceServer({})", self.url)
    }
}

/// Why a text is no [`IceServer`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "write a URL of stun:, stuns:, turn: or turns:, for TURN with |USERNAME|CREDENTIAL behind it unless there is a secret"
)]
pub struct InvalidIceServer;

impl FromStr for IceServer {
    type Err = InvalidIceServer;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.trim().split('|').collect();
        let (url, login) = match parts[..] {
            [url] => (url, None),
            [url, username, credential] => {
                (url, Some((username.to_owned(), credential.to_owned())))
            }
            _ => return Err(InvalidIceServer),
        };
        let has = |schemes: &[&str]| schemes.iter().any(|scheme| url.starts_with(scheme));
        let known = has(&["stun:", "stuns:", "turn:", "turns:"]) && !url.ends_with(':');
        // It is written into a header.
        let clean = text
            .bytes()
            .all(|sign| sign.is_ascii_graphic() && !b"\"<>".contains(&sign));
        match known && clean {
            true => Ok(Self {
                url: url.to_owned(),
                login,
            }),
            false => Err(InvalidIceServer),
        }
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

/// A share of something, above 0 and at most 100 percent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Percent(f64);

impl Percent {
    /// Above 0, and at most 1.
    pub(crate) fn share(self) -> f64 {
        self.0 / 100.0
    }
}

impl FromStr for Percent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(percent) if percent > 0.0 && percent <= 100.0 => Ok(Self(percent)),
            _ => Err("expected a number above 0 and at most 100, such as 70".to_owned()),
        }
    }
}

fn seconds(text: &str) -> Result<Duration, std::num::ParseIntError> {
    text.parse().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_is_above_nothing_and_at_most_all() {
        let share = |text: &str| text.parse().map(Percent::share);
        assert_eq!(share("70"), Ok(0.7));
        assert_eq!(share("0.2"), Ok(0.002));
        assert_eq!(share("100"), Ok(1.0));
        for wrong in ["0", "-1", "100.1", "NaN", "inf", "", "70%"] {
            assert!(share(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_server_is_a_url_of_ice_with_or_without_a_login() {
        let server = |text: &str| text.parse::<IceServer>();
        assert!(server("stun:stun.example.com:3478").is_ok_and(|one| one.login.is_none()));
        let turn = server("turn:turn.example.com?transport=udp|acme|secret").unwrap();
        assert_eq!(turn.url, "turn:turn.example.com?transport=udp");
        assert!(!format!("{turn:?}").contains("secret"));
        for bad in ["", "turn:", "http://x", "turn:a|b", "stun:a\"b", "stun:a b"] {
            assert_eq!(server(bad), Err(InvalidIceServer), "{bad}");
        }
    }

    #[test]
    fn ports_of_webrtc_are_ports_and_nobody_elses() {
        let check = |udp: &str, tcp: &str, threads: usize| {
            let flags = [
                ["--tenant", "acme"],
                ["--pool", "acme"],
                ["--node", "acme-0"],
                ["--address", "192.0.2.1"],
                ["--whip", "0.0.0.0:8080"],
                ["--webrtc-udp", udp],
                ["--webrtc-tcp", tcp],
            ];
            let flags = ["callplane-media-node"]
                .into_iter()
                .chain(flags.into_iter().flatten());
            let config = <Config as clap::Parser>::parse_from(flags);
            let threads = NonZeroUsize::new(threads).unwrap();
            config
                .check_webrtc_ports(threads)
                .map_err(|clash| clash.to_string())
        };
        assert_eq!(check("20400", "20400", 64), Ok(()));
        assert_eq!(check("0", "0", 64), Ok(()));
        assert_eq!(check("65535", "20400", 1), Ok(()));
        for (udp, tcp, threads, says) in [
            (
                "65535",
                "0",
                2,
                "CALLPLANE_WEBRTC_UDP=65535 leaves no port for each of 2 media threads: choose at most 65534",
            ),
            ("20399", "0", 1, "CALLPLANE_RTP_PORTS has one"),
            ("19990", "0", 11, "takes the ports 19990 to 20000"),
            ("5058", "0", 3, "CALLPLANE_SIP_PORT has one"),
            ("0", "8079", 2, "CALLPLANE_WHIP has one"),
            ("0", "9089", 2, "CALLPLANE_METRICS has one"),
            ("0", "9091", 1, "CALLPLANE_CONTROL has one"),
            ("0", "65535", 2, "CALLPLANE_WEBRTC_TCP=65535 leaves"),
        ] {
            let clash = check(udp, tcp, threads).unwrap_err();
            assert!(clash.contains(says), "{clash}");
        }
    }

    #[test]
    fn a_port_range_is_two_ports_in_order() {
        assert_eq!("20000-20399".parse(), Ok(PortRange(20_000..=20_399)));
        for bad in ["", "20000", "20399-20000", "0-10", "5-5", "a-b"] {
            assert_eq!(bad.parse::<PortRange>(), Err(InvalidPortRange), "{bad}");
        }
    }
}
