//! Calls that come from a browser: whether there is room, and their way into a call like any other.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use callplane_call::{Guards, KeyExchange, LocalMedia, MediaSecurity, Opening, Setup};
use callplane_keys::CallClaims;
use callplane_types::{CallStatus, Direction, Pii};
use callplane_webrtc::{
    AudioUse, Credentials, Identity, OfferError, Peer, PeerConfig, TransportAddress,
};

use super::PACKET_TIME_MS;
use super::conductor::{Line, conduct};
use super::inbound::OVERLOADED;
use super::live::Live;
use super::meta::{Channel, Meta, foreign_text};
use super::quota;
use super::record::{self, Why};
use super::slots::Slot;
use crate::media::MediaInput;
use crate::node::{Node, new_call_id, random_bytes, random_u64};
use crate::routing::LoadedProgram;

/// Why a browser's call is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// The offer is of no use.
    #[error(transparent)]
    Offer(#[from] OfferError),
    /// No more calls are wanted.
    #[error("the media node drains: try again, another one answers")]
    Draining,
    /// The tenant is suspended, or on its way out.
    #[error("the tenant is not in service")]
    OutOfService,
    /// What is said could not be kept as the tenant wants it.
    #[error("transcripts are to be encrypted, and no data key can do it")]
    NoDataKey,
    /// One more call would make others late.
    #[error("the media node has too much to do: try again, another one may answer")]
    Overloaded,
    /// Every slot is taken.
    #[error("all slots of the media node are in use: try again")]
    NodeFull,
    /// Every call that the tenant may have is there.
    #[error("the tenant's quota of concurrent calls is used up: try again")]
    QuotaExceeded,
}

impl Refusal {
    /// The word in the metric, and in the record.
    pub(crate) const fn reason(&self) -> &'static str {
        match self {
            Self::Offer(_) => "unusable_offer",
            Self::Draining => "draining",
            Self::OutOfService => "tenant_out_of_service",
            Self::NoDataKey => "no_data_key",
            Self::Overloaded => OVERLOADED,
            Self::NodeFull => "node_full",
            Self::QuotaExceeded => "quota_exceeded",
        }
    }

    /// What the record says, of those that have one.
    const fn sentence(&self) -> Option<&'static str> {
        match self {
            Self::Offer(_) | Self::Draining => None,
            Self::OutOfService => Some("the tenant is not in service"),
            Self::NoDataKey => Some("transcripts are to be encrypted, and no data key can do it"),
            Self::Overloaded => Some("the media threads are as busy as they may be"),
            Self::NodeFull => Some("all slots of the media node are in use"),
            Self::QuotaExceeded => Some("the tenant's quota of concurrent calls is used up"),
        }
    }
}

/// A browser's call that was answered.
pub(crate) struct Answered {
    /// The answer.
    pub(crate) sdp: String,
    /// What names its way in.
    pub(crate) ufrag: String,
    /// What was offered, as it was read: what the next offer follows.
    pub(crate) offer: Arc<str>,
    /// The way into the call.
    pub(crate) input: MediaInput,
    /// What its page is told.
    pub(crate) live: Arc<Live>,
    /// To be run until the call is over.
    pub(crate) conducting: Conducting,
}

/// A call to be conducted.
pub(crate) struct Conducting {
    node: Arc<Node>,
    meta: Meta,
    slot: Slot,
    media: crate::media::MediaCall,
    live: Arc<Live>,
}

impl Conducting {
    /// Serves the call until its end.
    pub(crate) async fn run(self) {
        let Self {
            node,
            meta,
            slot,
            media,
            live,
        } = self;
        conduct(node, meta, slot, media, Line::Browser(live)).await;
    }
}

/// Answers the offer of whoever showed a token with these claims.
pub(crate) async fn answer_browser(
    node: &Arc<Node>,
    identity: &Identity,
    claims: &CallClaims,
    program: Arc<LoadedProgram>,
    offer: &str,
) -> Result<Answered, Refusal> {
    if node.draining.is_cancelled() {
        return Err(Refusal::Draining);
    }
    let place = node.media.emptiest();
    let audio = AudioUse::Conversation;
    let (peer, sdp) = make_peer(node, place.browsers(), identity, audio, offer)?;
    let meta = describe(node, claims, Arc::clone(&program));
    let slot = match reserve(node, &meta).await {
        Ok(slot) => slot,
        Err(refusal) => return Err(refuse(node, &meta, refusal).await),
    };
    let setup = Setup {
        opening: Opening::Joined {
            codec: peer.voice().name(),
        },
        local: LocalMedia {
            address: node.address(),
            port: 0,
            codecs: Vec::new(),
            packet_time_ms: PACKET_TIME_MS,
        },
        // The browser's media is encrypted before it comes to the call.
        secrecy: node.secrecy(MediaSecurity::Disabled, KeyExchange::default()),
        program: Arc::clone(&program.program),
        variables: variables(&meta, claims),
        apology: node.speech.apology(),
        seed: random_u64(),
        guards: Guards::default(),
    };
    node.records
        .started(record::begun(&meta, node.epoch().as_ref()));
    let ufrag = peer.ufrag().to_owned();
    let offer = Arc::from(peer.offer());
    let media = place.seat(setup, peer).await;
    let live = Live::new();
    Ok(Answered {
        sdp,
        ufrag,
        offer,
        input: media.input().clone(),
        live: Arc::clone(&live),
        conducting: Conducting {
            node: Arc::clone(node),
            meta,
            slot,
            media,
            live,
        },
    })
}

/// The node's end of a leg to a browser, and the answer to its offer.
pub(super) fn make_peer(
    node: &Node,
    addresses: impl Iterator<Item = TransportAddress>,
    identity: &Identity,
    audio: AudioUse,
    offer: &str,
) -> Result<(Box<Peer>, String), OfferError> {
    let config = PeerConfig {
        identity: identity.clone(),
        credentials: Credentials::from_random(random_bytes()),
        addresses: addresses.collect(),
        audio,
        origin: node.clock.origin(),
    };
    let (peer, answer) = Peer::answer(node.clock.now(), config, offer)?;
    // It is some 30 KiB: too much to be moved through futures.
    Ok((Box::new(peer), answer))
}

async fn reserve(node: &Arc<Node>, meta: &Meta) -> Result<Slot, Refusal> {
    if !node.directory().in_service() {
        return Err(Refusal::OutOfService);
    }
    if !node.records.can_keep() {
        return Err(Refusal::NoDataKey);
    }
    if !node.media.has_room() {
        return Err(Refusal::Overloaded);
    }
    let slot = node
        .slots
        .take_without_trunk(meta.id)
        .ok_or(Refusal::NodeFull)?;
    match quota::allows(node, meta, &slot).await {
        true => Ok(slot),
        false => Err(Refusal::QuotaExceeded),
    }
}

/// Counts a refusal, and writes the record of one that a limit made.
async fn refuse(node: &Node, meta: &Meta, refusal: Refusal) -> Refusal {
    if let Some(sentence) = refusal.sentence() {
        let why = Why {
            cause: refusal.reason(),
            sentence,
            sip_status: None,
        };
        let (at, epoch) = (node.clock.wall(), node.epoch());
        let record = record::stillborn(meta, epoch.as_ref(), at, CallStatus::Blocked, why);
        meta.over.store(true, Ordering::Release);
        node.records.submit(record).await;
    }
    refusal
}

fn describe(node: &Node, claims: &CallClaims, program: Arc<LoadedProgram>) -> Meta {
    let caller = claims
        .caller
        .as_deref()
        .map(str::as_bytes)
        .map(foreign_text);
    Meta {
        id: new_call_id(),
        tenant_id: node.tenant_id,
        direction: Direction::Inbound,
        channel: Channel::Browser,
        initiated_at: node.clock.wall(),
        from_number: None,
        to_number: None,
        from_uri: None,
        to_uri: None,
        own_number_id: None,
        customer_name: caller.filter(|name| !name.is_empty()).map(Pii::new),
        trunk_id: None,
        program: Some(program),
        external_id: claims.id.to_string(),
        stir: None,
        campaign: None,
        over: Arc::default(),
    }
}

/// Those of the token, and those that every flow may use: a token does not replace them.
fn variables(meta: &Meta, claims: &CallClaims) -> Vec<(String, String)> {
    let usual = meta.flow_variables();
    let own = claims
        .variables
        .iter()
        .filter(|(name, _)| usual.iter().all(|(known, _)| known != *name))
        .map(|(name, value)| (name.clone(), value.clone()));
    usual.iter().cloned().chain(own).collect()
}
