//! Calls that come in: who may call, who answers, and whether there is room.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use callplane_call::{Guards, LocalMedia, Opening, Setup};
use callplane_sip::{Challenge, IncomingInvite, StatusCode};
use callplane_transport::rtp::MediaSockets;
use callplane_transport::sip::{Incoming, IncomingCall, SessionHandle};
use callplane_types::{CallStatus, Direction, E164, TrunkId};

use super::PACKET_TIME_MS;
use super::conductor::{Line, conduct};
use super::meta::{Channel, Meta, foreign_text, shown_name, uri_text};
use super::quota;
use super::record::{self, Why};
use super::signature;
use super::slots::{Full, Slot};
use crate::node::{Node, new_call_id, random_u64};
use crate::routing::{Directory, KnownTrunk, LoadedProgram, Lookup, TrunkMedia, number_in};

/// The word for calls from where no trunk lets calls in.
const UNKNOWN_SOURCE: &str = "unknown_source";
/// The word for calls that would make others late.
pub(super) const OVERLOADED: &str = "overloaded";
/// What a caller is asked to wait when there is no room.
const RETRY_AFTER: Duration = Duration::from_secs(5);
/// What a caller is asked to wait more, at most, when the node is overloaded: who was refused together shall not come
/// back together.
const RETRY_SPREAD: u64 = 10;

/// Answers calls until the SIP task ends.
pub(crate) async fn answer_calls(node: Arc<Node>, mut incoming: Incoming) {
    while let Some(call) = incoming.next().await {
        let node = Arc::clone(&node);
        node.tasks.clone().spawn(answer(node, call));
    }
}

/// How a call is turned away.
#[derive(Debug)]
enum Refusal {
    /// With a final answer.
    Reject {
        status: StatusCode,
        retry_after: Option<Duration>,
        /// The word in the metric.
        reason: &'static str,
        /// The record, for calls to numbers of ours that a limit keeps out.
        blocked: Option<Why>,
    },
    /// With a question for who they are.
    Challenge { realm: String },
}

impl Refusal {
    fn reject(status: StatusCode, reason: &'static str) -> Self {
        Self::Reject {
            status,
            retry_after: None,
            reason,
            blocked: None,
        }
    }

    fn busy_node(reason: &'static str) -> Self {
        Self::Reject {
            status: StatusCode::SERVICE_UNAVAILABLE,
            retry_after: Some(RETRY_AFTER),
            reason,
            blocked: None,
        }
    }

    /// By what is in memory: a tenant that is suspended stays so while the database is away.
    fn out_of_service() -> Self {
        let status = StatusCode::TEMPORARILY_UNAVAILABLE;
        Self::Reject {
            status,
            retry_after: None,
            reason: "tenant_out_of_service",
            blocked: Some(Why {
                cause: "tenant_out_of_service",
                sentence: "the tenant is not in service",
                sip_status: Some(status.code()),
            }),
        }
    }

    fn overloaded() -> Self {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Self::Reject {
            status,
            retry_after: Some(retry_when_overloaded()),
            reason: OVERLOADED,
            blocked: Some(Why {
                cause: OVERLOADED,
                sentence: "the media threads are as busy as they may be",
                sip_status: Some(status.code()),
            }),
        }
    }

    fn no_room(status: StatusCode, reason: &'static str, sentence: &'static str) -> Self {
        Self::Reject {
            status,
            retry_after: Some(RETRY_AFTER),
            reason,
            blocked: Some(Why {
                cause: reason,
                sentence,
                sip_status: Some(status.code()),
            }),
        }
    }
}

/// When to come back to a node that has too much to do.
pub(crate) fn retry_when_overloaded() -> Duration {
    RETRY_AFTER + Duration::from_secs(random_u64() % (RETRY_SPREAD + 1))
}

/// A call that was let in by its trunk and leads to an agent.
struct Admitted {
    number: E164,
    trunk: TrunkId,
    trunk_limit: Option<u32>,
    media: TrunkMedia,
    own_number_id: callplane_types::NumberId,
    program: Arc<LoadedProgram>,
}

async fn answer(node: Arc<Node>, call: IncomingCall) {
    let came = node.clock.now();
    let IncomingCall { invite, session } = call;
    if node.draining.is_cancelled() {
        // The SIP task refuses calls itself as soon as the dialer is through.
        let refusal = Refusal::busy_node("draining");
        return refuse(&node, session.handle(), refusal, None).await;
    }
    let directory = node.directory();
    let admitted = match admit(&directory, &invite) {
        Ok(admitted) => admitted,
        Err(refusal) => return refuse(&node, session.handle(), refusal, None).await,
    };
    let meta = describe(&node, &invite, &admitted);
    let (slot, sockets) = match reserve(&node, &directory, &meta, &admitted).await {
        Ok(reserved) => reserved,
        Err(refusal) => return refuse(&node, session.handle(), refusal, Some(&meta)).await,
    };
    let setup = Setup {
        opening: Opening::Inbound {
            offer: invite.offer.clone(),
        },
        local: LocalMedia {
            address: node.address(),
            port: sockets.lease.port(),
            codecs: admitted.media.codecs_for(&admitted.program.program.agent),
            packet_time_ms: PACKET_TIME_MS,
        },
        secrecy: node.secrecy(admitted.media.security, admitted.media.exchange),
        program: Arc::clone(&admitted.program.program),
        variables: meta.flow_variables(),
        apology: node.speech.apology(),
        seed: random_u64(),
        guards: Guards::default(),
    };
    node.records
        .started(record::begun(&meta, node.epoch().as_ref()));
    let media = node.media.seat(setup, sockets).await;
    let line = Line::Inbound(session, came);
    conduct(node, meta, slot, media, line).await;
}

/// Takes what a call needs: a slot, a part of the tenant's quota, media ports.
async fn reserve(
    node: &Arc<Node>,
    directory: &Directory,
    meta: &Meta,
    admitted: &Admitted,
) -> Result<(Slot, MediaSockets), Refusal> {
    if !directory.in_service() {
        return Err(Refusal::out_of_service());
    }
    let unavailable = StatusCode::SERVICE_UNAVAILABLE;
    if !node.records.can_keep() {
        return Err(Refusal::no_room(
            unavailable,
            "no_data_key",
            "transcripts are to be encrypted, and no data key can do it",
        ));
    }
    if !node.media.has_room() {
        return Err(Refusal::overloaded());
    }
    let slot = node
        .slots
        .take(meta.id, admitted.trunk, admitted.trunk_limit)
        .map_err(|full| match full {
            Full::Node => Refusal::no_room(
                unavailable,
                "node_full",
                "all slots of the media node are in use",
            ),
            Full::Trunk => Refusal::no_room(
                unavailable,
                "trunk_full",
                "the trunk carries as many calls as it may",
            ),
        })?;
    if !quota::allows(node, meta, &slot).await {
        return Err(Refusal::no_room(
            StatusCode::BUSY_HERE,
            "quota_exceeded",
            "the tenant's quota of concurrent calls is used up",
        ));
    }
    let sockets = node
        .ports
        .bind()
        .map_err(|_| Refusal::no_room(unavailable, "no_media_port", "no RTP port is free"))?;
    Ok((slot, sockets))
}

/// Decides from memory.
fn admit(directory: &Directory, invite: &IncomingInvite) -> Result<Admitted, Refusal> {
    let trunks: Vec<&KnownTrunk> = directory.trunks_from(invite.source.ip()).collect();
    if trunks.is_empty() {
        // The same answer whether the number exists or not.
        return Err(Refusal::reject(StatusCode::FORBIDDEN, UNKNOWN_SOURCE));
    }
    let number = invite
        .request_uri
        .user()
        .as_deref()
        .and_then(number_in)
        .ok_or(Refusal::reject(StatusCode::NOT_FOUND, "unknown_number"))?;
    let ids: Vec<TrunkId> = trunks.iter().map(|trunk| trunk.id).collect();
    match directory.look_up(&number, &ids) {
        Lookup::Agent { route, program } => {
            let trunk = choose(&trunks, route.trunk_id, |trunk| is_known(trunk, invite)).ok_or(
                Refusal::Challenge {
                    realm: REALM.to_owned(),
                },
            )?;
            Ok(Admitted {
                own_number_id: route.number_id,
                number,
                trunk: trunk.id,
                trunk_limit: trunk.max_calls,
                media: trunk.media.clone(),
                program,
            })
        }
        Lookup::Unknown => Err(Refusal::reject(StatusCode::NOT_FOUND, "unknown_number")),
        Lookup::Nobody => Err(Refusal::reject(
            StatusCode::TEMPORARILY_UNAVAILABLE,
            "no_agent",
        )),
        Lookup::NotReady => Err(Refusal::busy_node("program_not_loaded")),
    }
}

/// The trunk the call came over: the number's own, else any that lets the caller in. Nothing when
/// the caller must show a login first.
fn choose<'a>(
    trunks: &[&'a KnownTrunk],
    bound: Option<TrunkId>,
    is_known: impl Fn(&KnownTrunk) -> bool,
) -> Option<&'a KnownTrunk> {
    trunks
        .iter()
        .filter(|trunk| bound.is_none_or(|bound| bound == trunk.id))
        .find(|trunk| !trunk.challenges || is_known(trunk))
        .copied()
}

/// The realm of our challenges.
const REALM: &str = "callplane";

fn is_known(trunk: &KnownTrunk, invite: &IncomingInvite) -> bool {
    let login = trunk.login.as_ref();
    invite
        .credentials
        .as_ref()
        .zip(login)
        .is_some_and(|(shown, login)| shown.verify(REALM, &login.username, &login.password))
}

fn describe(node: &Node, invite: &IncomingInvite, admitted: &Admitted) -> Meta {
    let caller = invite.asserted_identity.as_ref().unwrap_or(&invite.from);
    Meta {
        id: new_call_id(),
        tenant_id: node.tenant_id,
        direction: Direction::Inbound,
        channel: Channel::Telephone,
        initiated_at: node.clock.wall(),
        from_number: caller.uri.user().as_deref().and_then(number_in),
        to_number: Some(admitted.number.clone()),
        from_uri: Some(uri_text(&caller.uri)),
        to_uri: Some(uri_text(&invite.request_uri)),
        own_number_id: Some(admitted.own_number_id),
        customer_name: shown_name(caller),
        trunk_id: Some(admitted.trunk),
        program: Some(Arc::clone(&admitted.program)),
        external_id: foreign_text(&invite.call_id),
        stir: Some(signature::read(
            invite.headers.named("Identity").map(AsRef::as_ref),
        )),
        campaign: None,
        over: Arc::default(),
    }
}

async fn refuse(node: &Node, session: &SessionHandle, refusal: Refusal, meta: Option<&Meta>) {
    match refusal {
        Refusal::Challenge { realm } => {
            // Most calls over such a trunk begin like this: neither metric nor log.
            let _ = session.challenge(Challenge::md5(realm)).await;
        }
        Refusal::Reject {
            status,
            retry_after,
            reason,
            blocked,
        } => {
            node.metrics.rejected(reason);
            if reason == UNKNOWN_SOURCE {
                // To strangers no state, since their addresses may be forged; and no line in the
                // log for each, since scanners send thousands.
                tracing::debug!("Refused a call from where no trunk lets calls in");
                let _ = session.turn_away(status).await;
                return;
            }
            tracing::info!(
                sip.status = status.code(),
                reason,
                "Refused an inbound call"
            );
            let _ = session.reject(status, retry_after).await;
            if let Some((why, meta)) = blocked.zip(meta) {
                let at = node.clock.wall();
                let epoch = node.epoch();
                let record = record::stillborn(meta, epoch.as_ref(), at, CallStatus::Blocked, why);
                meta.over.store(true, Ordering::Release);
                node.traces.refused(meta.id, &meta.external_id);
                node.records.submit(record).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use callplane_store::trunks::{
        Trunk, TrunkAuth, TrunkDirection, TrunkKeyExchange, TrunkSrtp, TrunkTransport,
    };
    use uuid::Uuid;

    use super::*;

    fn trunk(id: u128, challenges: bool) -> KnownTrunk {
        let auth = challenges.then(|| TrunkAuth {
            username: "acme".to_owned(),
            sealed_password: Vec::new(),
            challenge_inbound: true,
        });
        let trunk = Trunk {
            id: TrunkId::new(Uuid::from_u128(id)),
            name: String::new(),
            uid: None,
            addresses: Vec::new(),
            allowed_cidrs: vec!["192.0.2.0/24".to_owned()],
            transport: TrunkTransport::Udp,
            direction: TrunkDirection::Both,
            srtp: TrunkSrtp::Allowed,
            key_exchange: TrunkKeyExchange::Sdes,
            codecs: Vec::new(),
            max_calls: None,
            auth,
        };
        KnownTrunk::new(trunk, Some("secret".to_owned()))
    }

    #[test]
    fn the_trunk_of_the_number_decides_whether_a_login_is_wanted() {
        let (open, closed) = (trunk(1, false), trunk(2, true));
        let trunks = [&open, &closed];
        let chosen = |bound: Option<TrunkId>, known: bool| {
            choose(&trunks, bound, |_| known).map(|trunk| trunk.id)
        };
        assert_eq!(chosen(Some(open.id), false), Some(open.id));
        assert_eq!(chosen(Some(closed.id), false), None, "challenge");
        assert_eq!(chosen(Some(closed.id), true), Some(closed.id));
        assert_eq!(chosen(None, false), Some(open.id));
    }
}
