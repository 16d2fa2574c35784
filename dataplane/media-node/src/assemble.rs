//! Puts a node together and sets it going.

use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;
use std::{net::SocketAddr, thread};

use anyhow::Context as _;
use callplane_call::Identity;
use callplane_objects::ObjectStorage;
use callplane_sip::Config as SipConfig;
use callplane_store::media_nodes::NodeEpoch;
use callplane_store::{Credentials, PoolLimits, TenantDatabase, TenantPools};
use callplane_telemetry::AdminServer;
use callplane_transport::rtp::PortPool;
use callplane_transport::sip;
use prometheus_client::registry::Registry;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::calls::{LastQuota, LiveCalls, Slots, answer_calls};
use crate::clock::Clock;
use crate::config::Config;
use crate::control::ControlServer;
use crate::dialing::dial;
use crate::erasure::keep_disk_clean;
use crate::expiry::expire_recordings;
use crate::health::health;
use crate::heartbeat::beat;
use crate::keys::{KeyFile, TenantKeys};
use crate::media::{BrowserPorts, Limits, Media};
use crate::metrics::{DatabaseCollector, Metrics, SipCollector};
use crate::models::Models;
use crate::node::{Node, random_bytes};
use crate::recordings::{Encoders, Recordings};
use crate::records::{Records, Sealer, Spool, Writer};
use crate::routing::{Refresher, rotate_credentials};
use crate::speech::Speech;
use crate::trace::Traces;
use crate::uploads::carry_recordings;
use crate::whip::WhipServer;

/// Connections to PostgreSQL: the listener, the writer, the dialer, the heartbeat, and quotas of
/// calls that come in together.
const CONNECTIONS: NonZeroU32 = NonZeroU32::new(8).expect("eight is not zero");
/// How long a connection may be unused before it is closed.
const CONNECTION_IDLE: Duration = Duration::from_secs(600);
/// How long a query may wait for the pool, which at a node of one tenant it never does.
const CONNECTION_WAIT: Duration = Duration::from_secs(5);
/// How long a pair of media ports rests between two calls.
const PORT_REST: Duration = Duration::from_secs(5);

/// A node that runs.
pub struct Running {
    pub(crate) node: Arc<Node>,
    admin: SocketAddr,
    control: SocketAddr,
    whip: Option<SocketAddr>,
    /// Cancelled when the servers and the heart are to stop.
    pub(crate) stop: CancellationToken,
    /// Cancelled when another process has taken the name of this node.
    superseded: CancellationToken,
    pub(crate) writer: JoinHandle<()>,
    pub(crate) dialer: JoinHandle<()>,
    pub(crate) heart: JoinHandle<()>,
    pub(crate) background: Vec<JoinHandle<()>>,
}

/// Runs a node until `shutdown` is cancelled and its calls have ended.
///
/// # Errors
/// When it cannot start; the message says what to do.
pub async fn run(config: Config, shutdown: CancellationToken) -> anyhow::Result<()> {
    let running = start(config).await?;
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = running.superseded.cancelled() => {}
    }
    running.drain().await;
    Ok(())
}

/// Starts a node; it serves as soon as this returns.
///
/// # Errors
/// When it cannot start; the message says what to do.
pub async fn start(config: Config) -> anyhow::Result<Running> {
    let mut registry = Registry::default();
    let (node, loose) = build(config, &mut registry).await?;
    let admin = AdminServer::bind(node.config.metrics, registry, health(&node)).await?;
    let control = ControlServer::bind(node.config.control, Arc::clone(&node)).await?;
    let whip = match node.config.whip {
        Some(address) => Some(WhipServer::bind(address, Arc::clone(&node)).await?),
        None => None,
    };
    let whip_address = whip.as_ref().map(WhipServer::local_addr).transpose()?;
    let (admin_address, control_address) = (admin.local_addr()?, control.local_addr()?);
    let stop = CancellationToken::new();
    let superseded = CancellationToken::new();
    let heart = beat(
        Arc::clone(&node),
        loose.epoch,
        stop.clone(),
        superseded.clone(),
    );
    let served = stop.clone();
    let mut background = vec![
        tokio::spawn(loose.refresher.run()),
        tokio::spawn(answer_calls(Arc::clone(&node), loose.incoming)),
        tokio::spawn(rotate_credentials(Arc::clone(&node))),
        tokio::spawn(keep_disk_clean(Arc::clone(&node), loose.erased)),
        tokio::spawn(expire_recordings(Arc::clone(&node))),
        tokio::spawn(async move {
            if let Err(error) = admin.serve(served).await {
                tracing::error!(%error, "failed to serve metrics and health");
            }
        }),
        tokio::spawn(control.serve(stop.clone())),
    ];
    if let Some(storage) = node.objects.clone() {
        background.push(tokio::spawn(carry_recordings(Arc::clone(&node), storage)));
    }
    if let Some(whip) = whip {
        background.push(tokio::spawn(whip.serve(stop.clone())));
    }
    tracing::info!(
        tenant = node.config.tenant.as_str(),
        node = node.config.node,
        sip.address = %node.sip_address(),
        slots = node.config.slots,
        "Media node serves"
    );
    Ok(Running {
        dialer: tokio::spawn(dial(Arc::clone(&node), loose.campaigns_changed)),
        writer: tokio::spawn(loose.writer.run()),
        heart: tokio::spawn(heart),
        node,
        admin: admin_address,
        control: control_address,
        whip: whip_address,
        stop,
        superseded,
        background,
    })
}

/// What was made with the node and still has to be set going.
struct Loose {
    incoming: sip::Incoming,
    refresher: Refresher,
    writer: Writer,
    epoch: watch::Sender<Option<NodeEpoch>>,
    campaigns_changed: Arc<Notify>,
    erased: Arc<Notify>,
}

async fn build(config: Config, registry: &mut Registry) -> anyhow::Result<(Arc<Node>, Loose)> {
    config.check_webrtc_ports(media_threads(&config))?;
    if let Some(url) = config.turn_without_login() {
        anyhow::bail!(
            "{url} in CALLPLANE_ICE_SERVERS has no login: write |USERNAME|CREDENTIAL behind it, or set \
             CALLPLANE_TURN_SECRET_FILE"
        );
    }
    let clock = Clock::start();
    let metrics = Arc::new(Metrics::register(config.tenant.as_str(), registry));
    let credentials = Credentials::read(&config.database_dir).with_context(|| {
        format!(
            "failed to read the database Secret in {}: mount it, or set CALLPLANE_DATABASE_DIR",
            config.database_dir.display()
        )
    })?;
    let pools = TenantPools::new(PoolLimits {
        total: CONNECTIONS,
        each: CONNECTIONS,
        idle: CONNECTION_IDLE,
        wait: CONNECTION_WAIT,
    });
    let database = pools.open(&credentials).await?;
    registry.register_collector(Box::new(DatabaseCollector::new(pools)));
    let keys = TenantKeys::open(&config.database_dir, KeyFile::Columns);
    let recording_keys = TenantKeys::open(&config.database_dir, KeyFile::Recordings);
    let models = Arc::new(Models::new(
        config.provider_networks.clone(),
        config.slots.get() as usize,
        clock,
        Arc::clone(&metrics),
    )?);
    let campaigns_changed = Arc::new(Notify::new());
    let erased = Arc::new(Notify::new());
    let (refresher, directory) = Refresher::new(
        database.clone(),
        keys.clone(),
        recording_keys.clone(),
        Arc::clone(&campaigns_changed),
        Arc::clone(&erased),
        models.http().clone(),
        config.whip.is_some(),
    );
    let sealer = Sealer::new(keys.clone(), directory.clone());
    let recordings = Recordings::new(
        &config.data_dir,
        &config.tenant,
        database.tenant(),
        recording_keys,
    );
    let objects = config
        .recordings_url
        .as_deref()
        .map(ObjectStorage::open)
        .transpose()
        .context("failed to open the storage of recordings: mend CALLPLANE_RECORDINGS_URL")?;
    let (records, writer) = open_records(&config, sealer, &database, &recordings, &metrics)?;
    let (sip, mut incoming) = bind_sip(&config).await?;
    let traces = Traces::default();
    if let Some(tracing) = incoming.tracing() {
        // It ends with the SIP task.
        tokio::spawn(traces.clone().watch(tracing));
    }
    registry.register_collector(Box::new(SipCollector::new(sip.watch_stats())));
    let browsers = config.whip.map(|_| BrowserPorts {
        bind: config.bind,
        address: config.address,
        udp: config.webrtc_udp,
        tcp: config.webrtc_tcp(),
    });
    let limits = Limits {
        busy: config.max_busy_percent.share(),
        late: Duration::from_millis(config.max_late_ms),
    };
    let media = Media::start(media_threads(&config), limits, clock, &metrics.media, browsers).context(
        "failed to start the media threads; if a port is in use, choose another CALLPLANE_WEBRTC_UDP or _TCP",
    )?;
    let identity = Identity::generate(clock.origin())?;
    let (epoch_sender, epoch) = watch::channel(None);
    let node = Arc::new(Node {
        clock,
        tenant_id: credentials.tenant_id,
        database,
        keys,
        identity,
        epoch,
        directory,
        sip,
        media,
        ports: PortPool::new(config.bind, config.rtp_ports.0.clone(), PORT_REST),
        speech: Speech::start(&config.speech, Arc::clone(&metrics)),
        models,
        slots: Slots::new(config.slots.get(), metrics.active()),
        live: LiveCalls::default(),
        last_quota: LastQuota::new(),
        records,
        recordings,
        encoders: Encoders::new(metrics.recordings_encoding.clone()),
        objects,
        carrying: tokio::sync::Mutex::default(),
        metrics,
        traces,
        draining: CancellationToken::new(),
        hang_up_all: CancellationToken::new(),
        placing: TaskTracker::new(),
        tasks: TaskTracker::new(),
        config,
    });
    let loose = Loose {
        incoming,
        refresher,
        writer,
        epoch: epoch_sender,
        campaigns_changed,
        erased,
    };
    Ok((node, loose))
}

impl Running {
    /// Where `/metrics`, `/livez` and `/readyz` are.
    #[must_use]
    pub fn admin_address(&self) -> SocketAddr {
        self.admin
    }

    /// Where the control API is.
    #[must_use]
    pub fn control_address(&self) -> SocketAddr {
        self.control
    }

    /// Where browsers start calls; nothing if they are not served.
    #[must_use]
    pub fn whip_address(&self) -> Option<SocketAddr> {
        self.whip
    }

    /// Where SIP is.
    #[must_use]
    pub fn sip_address(&self) -> SocketAddr {
        self.node.sip_address()
    }
}

fn open_records(
    config: &Config,
    sealer: Sealer,
    database: &TenantDatabase,
    recordings: &Recordings,
    metrics: &Arc<Metrics>,
) -> anyhow::Result<(Records, Writer)> {
    let folder = config.data_dir.join("spool");
    let spool = Spool::open(&folder).with_context(|| {
        format!(
            "failed to open the spool {}: make the data folder writable, or set CALLPLANE_DATA_DIR",
            folder.display()
        )
    })?;
    Ok(Writer::new(
        spool,
        sealer,
        database.clone(),
        recordings.clone(),
        Arc::clone(metrics),
    ))
}

async fn bind_sip(config: &Config) -> anyhow::Result<(sip::SipHandle, sip::Incoming)> {
    let listen = SocketAddr::new(config.bind, config.sip_port);
    let mut user_agent = SipConfig::new(SocketAddr::new(config.address, config.sip_port));
    // Twice the calls, because ended sessions linger, and what a call and its retransmissions need.
    let slots = config.slots.get() as usize;
    user_agent.limits.sessions = user_agent.limits.sessions.max(slots * 2);
    user_agent.limits.transactions = user_agent.limits.transactions.max(slots * 16);
    user_agent.traces = true;
    user_agent.product = concat!("Callplane/", env!("CARGO_PKG_VERSION")).to_owned();
    sip::bind(listen, user_agent, random_bytes())
        .await
        .with_context(|| {
            format!("failed to listen for SIP on {listen}: choose another CALLPLANE_SIP_PORT")
        })
}

fn media_threads(config: &Config) -> NonZeroUsize {
    config
        .media_threads
        .unwrap_or_else(|| thread::available_parallelism().unwrap_or(NonZeroUsize::MIN))
}
