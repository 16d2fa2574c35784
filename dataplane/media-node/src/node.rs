//! What the parts of a node share.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use callplane_call::{Identity, KeyExchange, KeySource, MediaSecurity, Secrecy};
use callplane_objects::ObjectStorage;
use callplane_store::TenantDatabase;
use callplane_store::media_nodes::NodeEpoch;
use callplane_transport::rtp::PortPool;
use callplane_transport::sip::SipHandle;
use callplane_types::{CallId, TenantId};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::calls::{LastQuota, LiveCalls, Slots};
use crate::clock::Clock;
use crate::config::Config;
use crate::keys::TenantKeys;
use crate::media::Media;
use crate::metrics::Metrics;
use crate::models::Models;
use crate::recordings::{Encoders, Recordings};
use crate::records::Records;
use crate::routing::Directory;
use crate::speech::Speech;
use crate::trace::Traces;

/// Handles to everything that calls need. Nothing in it belongs to one call.
pub(crate) struct Node {
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    pub(crate) tenant_id: TenantId,
    pub(crate) database: TenantDatabase,
    /// They open what is sealed.
    pub(crate) keys: TenantKeys,
    /// What handshakes for the keys of media show.
    pub(crate) identity: Identity,
    /// This start of the node; nothing until the database has given it a number.
    pub(crate) epoch: watch::Receiver<Option<NodeEpoch>>,
    pub(crate) directory: watch::Receiver<Arc<Directory>>,
    pub(crate) sip: SipHandle,
    pub(crate) media: Media,
    pub(crate) ports: PortPool,
    pub(crate) speech: Arc<Speech>,
    pub(crate) models: Arc<Models>,
    pub(crate) slots: Slots,
    pub(crate) live: LiveCalls,
    pub(crate) last_quota: LastQuota,
    pub(crate) records: Records,
    pub(crate) recordings: Recordings,
    pub(crate) encoders: Encoders,
    /// Where they go when their call is over.
    pub(crate) objects: Option<ObjectStorage>,
    /// Held by who carries them there.
    pub(crate) carrying: tokio::sync::Mutex<()>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) traces: Traces,
    /// Cancelled when no new calls are wanted.
    pub(crate) draining: CancellationToken,
    /// Cancelled when those that run are to end, too.
    pub(crate) hang_up_all: CancellationToken,
    /// Outbound calls whose INVITE has not left yet.
    pub(crate) placing: TaskTracker,
    /// The tasks of the calls.
    pub(crate) tasks: TaskTracker,
}

impl Node {
    pub(crate) fn epoch(&self) -> Option<NodeEpoch> {
        self.epoch.borrow().clone()
    }

    pub(crate) fn directory(&self) -> Arc<Directory> {
        Arc::clone(&self.directory.borrow())
    }

    /// Where others reach our SIP port.
    pub(crate) fn sip_address(&self) -> SocketAddr {
        SocketAddr::new(self.config.address, self.sip.local_address().port())
    }

    /// How the media of a line is kept secret.
    pub(crate) fn secrecy(&self, security: MediaSecurity, exchange: KeyExchange) -> Secrecy {
        Secrecy {
            security,
            exchange,
            keys: KeySource::new(random_bytes()),
            identity: self.identity.clone(),
        }
    }

    /// The address that goes into SDP.
    pub(crate) fn address(&self) -> IpAddr {
        self.config.address
    }
}

/// A new identifier, which begins with its time.
pub(crate) fn new_call_id() -> CallId {
    CallId::new(Uuid::now_v7())
}

/// Randomness of the system.
pub(crate) fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes)
        .expect("the system's random numbers are there once it has booted");
    bytes
}

/// As [`random_bytes`], as one number.
pub(crate) fn random_u64() -> u64 {
    u64::from_ne_bytes(random_bytes())
}
