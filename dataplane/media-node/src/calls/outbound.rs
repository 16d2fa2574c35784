//! Calls that a campaign places: one attempt, claimed and committed before this begins.
//!
//! Who is called is an [`callplane_types::E164`], so neither an emergency number nor a short code can
//! be dialled. Premium-rate numbers are not told apart: that takes a list of every country.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use callplane_call::{Guards, LocalMedia, Opening, Setup};
use callplane_campaign::Retry;
use callplane_sip::{InviteRequest, Login, NameAddr, NextHop, Transport, Uri};
use callplane_store::campaigns::{ActiveCampaign, Claimed};
use callplane_store::trunks::TrunkTransport;
use callplane_transport::rtp::MediaSockets;
use callplane_types::{CallStatus, Direction, Pii};
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::PACKET_TIME_MS;
use super::conductor::{Line, conduct};
use super::meta::{Attempt, Channel, Meta, uri_text};
use super::record::{self, Why};
use super::slots::Slot;
use crate::node::{Node, random_u64};
use crate::routing::{KnownTrunk, TrunkMedia};

/// An attempt that is committed as `dialing`.
pub(crate) struct Placement {
    pub(crate) campaign: Arc<ActiveCampaign>,
    pub(crate) claimed: Claimed,
    /// Where the trunk is.
    pub(crate) next_hop: SocketAddr,
    pub(crate) slot: Slot,
    /// Dropped when the INVITE has left.
    pub(crate) placing: TaskTrackerToken,
}

/// Places the call of one attempt. **The INVITE leaves at most once**: what happens before it makes
/// the attempt fail, what happens after it is the outcome, and a crash in between is `unknown`.
pub(crate) async fn place(node: Arc<Node>, placement: Placement) {
    let Placement {
        campaign,
        claimed,
        next_hop,
        slot,
        placing,
    } = placement;
    crate::fault::point("before_invite");
    let directory = node.directory();
    let mut meta = describe(&node, &campaign, &claimed);
    meta.program = directory.program(campaign.agent_version_id);
    let prepared = prepare(&node, directory.trunk(campaign.trunk_id), &meta);
    let Prepared {
        program,
        transport,
        login,
        trunk_media,
        sockets,
    } = match prepared {
        Ok(prepared) => prepared,
        Err(why) => return fail(&node, &meta, why).await,
    };
    let invite = invite(&node, &campaign, &claimed, next_hop, transport, login);
    meta.from_uri = Some(uri_text(&invite.from.uri));
    meta.to_uri = Some(uri_text(&invite.request_uri));
    let setup = Setup {
        opening: Opening::Outbound,
        local: LocalMedia {
            address: node.address(),
            port: sockets.lease.port(),
            codecs: trunk_media.codecs_for(&program.agent),
            packet_time_ms: PACKET_TIME_MS,
        },
        secrecy: node.secrecy(trunk_media.security, trunk_media.exchange),
        program,
        variables: variables(&meta, claimed),
        apology: node.speech.apology(),
        seed: random_u64(),
        guards: Guards {
            ring: Duration::from_secs(u64::from(campaign.ring_seconds)),
            ..Guards::default()
        },
    };
    let media = node.media.seat(setup, sockets).await;
    let line = Line::Outbound(Box::new(invite), placing);
    conduct(node, meta, slot, media, line).await;
}

struct Prepared {
    program: Arc<callplane_flow::Program>,
    transport: Transport,
    login: Option<Login>,
    trunk_media: TrunkMedia,
    sockets: MediaSockets,
}

fn prepare(node: &Node, trunk: Option<&KnownTrunk>, meta: &Meta) -> Result<Prepared, Why> {
    let why = |cause, sentence| Why {
        cause,
        sentence,
        sip_status: None,
    };
    let program = meta
        .program
        .as_ref()
        .ok_or(why("no_program", "the agent's program is not loaded"))?;
    let trunk = trunk.ok_or(why("no_trunk", "the trunk of the caller number is gone"))?;
    let sockets = node
        .ports
        .bind()
        .map_err(|_| why("no_media_port", "no RTP port is free"))?;
    Ok(Prepared {
        program: Arc::clone(&program.program),
        transport: match trunk.transport {
            TrunkTransport::Udp => Transport::Udp,
            TrunkTransport::Tcp => Transport::Tcp,
        },
        login: trunk.login.as_ref().map(|login| Login {
            username: login.username.clone(),
            password: login.password.clone(),
        }),
        trunk_media: trunk.media.clone(),
        sockets,
    })
}

fn describe(node: &Node, campaign: &ActiveCampaign, claimed: &Claimed) -> Meta {
    Meta {
        id: claimed.call_id,
        tenant_id: node.tenant_id,
        direction: Direction::Outbound,
        channel: Channel::Telephone,
        initiated_at: node.clock.wall(),
        from_number: Some(campaign.caller_number.clone()),
        to_number: Some(claimed.number.clone()),
        from_uri: None,
        to_uri: None,
        own_number_id: Some(campaign.caller_number_id),
        customer_name: claimed.name.clone(),
        trunk_id: Some(campaign.trunk_id),
        program: None,
        external_id: claimed.sip_call_id.clone(),
        stir: None,
        campaign: Some(Attempt {
            campaign_id: campaign.id,
            recipient_id: claimed.recipient_id,
            number: claimed.attempt,
            retry: Retry {
                max_attempts: campaign.max_attempts,
                backoff: Duration::from_secs(u64::from(campaign.retry_backoff_seconds)),
            },
        }),
        over: Arc::default(),
    }
}

fn invite(
    node: &Node,
    campaign: &ActiveCampaign,
    claimed: &Claimed,
    next_hop: SocketAddr,
    transport: Transport,
    login: Option<Login>,
) -> InviteRequest {
    let here = node.sip_address();
    let caller = Uri::sip(Some(campaign.caller_number.as_str()), here);
    let called = Uri::sip(Some(claimed.number.as_str()), next_hop);
    InviteRequest {
        call_id: claimed.sip_call_id.clone(),
        from: NameAddr::new(caller),
        to: NameAddr::new(called.clone()),
        request_uri: called,
        next_hop: NextHop {
            transport,
            address: next_hop,
        },
        // The call makes the offer.
        sdp: bytes::Bytes::new(),
        login,
        headers: Vec::new(),
    }
}

/// The columns of the list, the name, and what every flow may use.
fn variables(meta: &Meta, claimed: Claimed) -> Vec<(String, String)> {
    let text = |value: serde_json::Value| match value {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    };
    let mut variables: Vec<(String, String)> = claimed
        .variables
        .into_iter()
        .map(|(name, value)| (name, text(value)))
        .collect();
    if let Some(name) = claimed.name.map(Pii::into_inner) {
        variables.push(("name".to_owned(), name));
    }
    variables.extend(meta.flow_variables());
    variables
}

async fn fail(node: &Node, meta: &Meta, why: Why) {
    tracing::warn!(call.id = %meta.id, reason = why.cause, "failed to place a call");
    let at = node.clock.wall();
    let epoch = node.epoch();
    let record = record::stillborn(meta, epoch.as_ref(), at, CallStatus::Failed, why);
    node.records.submit(record).await;
}
