//! Supervisors who join a running call from a browser.

use std::sync::Arc;

use callplane_call::{CannotObserve, Observer};
use callplane_keys::ObserverClaims;
use callplane_types::{LegId, ObserverMode};
use callplane_webrtc::{AudioUse, Identity, OfferError};
use prometheus_client::metrics::gauge::Gauge;

use super::browser::make_peer;
use super::live::Live;
use crate::media::{MediaInput, NewObserver, Observing};
use crate::node::Node;

/// Why a call takes no supervisor.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// The offer is of no use.
    #[error(transparent)]
    Offer(#[from] OfferError),
    /// Over, or never heard of.
    #[error("the call does not go on at this media node: it is over, or another node has it")]
    NotRunning,
    /// The call says no.
    #[error(transparent)]
    Call(#[from] CannotObserve),
    /// One more leg would make calls late.
    #[error("the media node has too much to do: try again later")]
    Overloaded,
}

/// A supervisor whom a call took.
pub(crate) struct Joined {
    /// The answer to their offer.
    pub(crate) sdp: String,
    /// What names their way in.
    pub(crate) ufrag: String,
    /// What was offered, as it was read.
    pub(crate) offer: Arc<str>,
    /// The way to their browser.
    pub(crate) input: MediaInput,
    /// The way into the call.
    pub(crate) call: MediaInput,
    /// What happens in the call.
    pub(crate) live: Arc<Live>,
    /// Until when they are in it.
    pub(crate) stay: Stay,
}

/// A supervisor's time in a call. Dropped, they are not counted any more.
pub(crate) struct Stay {
    observing: Observing,
    _counted: Counted,
}

impl Stay {
    /// Resolves when they are out of the call, at the latest with its end.
    pub(crate) async fn over(self) {
        let Self {
            observing,
            _counted,
        } = self;
        observing.over().await;
    }
}

/// One in the gauge.
struct Counted(Gauge);

impl Counted {
    fn new(gauge: Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Answers the offer of whoever showed a token with these claims.
pub(crate) async fn join_call(
    node: &Arc<Node>,
    identity: &Identity,
    claims: &ObserverClaims,
    offer: &str,
) -> Result<Joined, Refusal> {
    let running = node.live.get(claims.call).ok_or(Refusal::NotRunning)?;
    if !node.media.has_room() {
        return Err(Refusal::Overloaded);
    }
    let audio = match claims.mode {
        ObserverMode::Listen => AudioUse::Listening,
        ObserverMode::Whisper | ObserverMode::Talk => AudioUse::Conversation,
    };
    let call = running.input;
    let (peer, sdp) = make_peer(node, call.browsers(), identity, audio, offer)?;
    let observer = Observer {
        // The token is used once, and what it was given out for stands in `audit_logs` under its name.
        leg: LegId::new(claims.id),
        mode: claims.mode,
        codec: peer.voice().name(),
    };
    let ufrag = peer.ufrag().to_owned();
    let offer = Arc::from(peer.offer());
    let new = NewObserver { observer, peer };
    let observing = call.observe(new).await.ok_or(Refusal::NotRunning)??;
    Ok(Joined {
        sdp,
        ufrag,
        offer,
        input: observing.input.clone(),
        call,
        live: running.live,
        stay: Stay {
            observing,
            _counted: Counted::new(node.metrics.observers(claims.mode)),
        },
    })
}
