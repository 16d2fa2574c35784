//! Other parties of a call, whom its caller is to be connected with: their lines and their SIP sessions.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use callplane_call::{Input, LocalMedia, PartyId, PartyLine};
use callplane_sip::{
    Command, Ending, Event, InviteRequest, Login, NameAddr, NextHop, Transport, Uri,
};
use callplane_store::trunks::TrunkTransport;
use callplane_transport::sip::Session;
use callplane_types::{E164, Pii, TrunkId};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::PACKET_TIME_MS;
use super::meta::{Meta, uri_text};
use super::slots::TrunkLine;
use crate::media::MediaInput;
use crate::node::Node;
use crate::routing::KnownTrunk;

/// The other parties of one call: one at a time, and what is known of those before.
#[derive(Default)]
pub(crate) struct Parties {
    dialling: Option<(PartyId, oneshot::Receiver<Dialled>)>,
    open: Option<Open>,
    /// How each was called, for the record.
    ways: Vec<Way>,
}

/// How a party was called.
#[derive(Debug, Clone)]
pub(crate) struct Way {
    pub(crate) party: PartyId,
    pub(crate) trunk: TrunkId,
    pub(crate) sip_call_id: String,
    pub(crate) from: Pii<String>,
    pub(crate) to: Pii<String>,
}

/// A line that was found: the INVITE waits for its offer.
struct Dialled {
    invite: Box<InviteRequest>,
    line: TrunkLine,
    trunk: TrunkId,
}

/// A party whose INVITE has left.
struct Open {
    party: PartyId,
    session: Session,
    line: TrunkLine,
}

/// Why a party is not called. It makes the transfer fail; the caller hears what the flow says then.
#[derive(Debug, Clone, Copy, thiserror::Error)]
enum NoWay {
    #[error(
        "no number of the tenant may be shown: set outbound.enabled of the PhoneNumber, and its trunk"
    )]
    NoNumber,
    #[error("no address of the trunk resolves")]
    Unresolved,
    #[error("the trunk carries as many calls as it may")]
    TrunkFull,
    #[error("no RTP port is free")]
    NoPort,
}

impl Parties {
    /// Finds a line to `to`; the call is told.
    pub(crate) fn dial(
        &mut self,
        node: &Arc<Node>,
        meta: &Meta,
        input: MediaInput,
        party: PartyId,
        to: E164,
    ) {
        let (found, dialled) = oneshot::channel();
        self.dialling = Some((party, dialled));
        let (task, meta) = (Arc::clone(node), meta.clone());
        node.tasks.spawn(async move {
            if let Err(reason) = find_line(&task, &meta, &input, party, to, found).await {
                tracing::warn!(call.id = %meta.id, %reason, "failed to dial another party");
                input.handle(Input::PartyUnreachable { party }).await;
            }
        });
    }

    /// Sends the INVITE with its offer.
    pub(crate) async fn invite(
        &mut self,
        node: &Arc<Node>,
        meta: &Meta,
        input: MediaInput,
        party: PartyId,
        sdp: Bytes,
    ) {
        let Some((_, dialled)) = self.dialling.take_if(|(id, _)| *id == party) else {
            return;
        };
        let Ok(Dialled {
            invite,
            line,
            trunk,
        }) = dialled.await
        else {
            return input.handle(Input::PartyUnreachable { party }).await;
        };
        self.ways.push(Way {
            party,
            trunk,
            sip_call_id: invite.call_id.clone(),
            from: uri_text(&invite.from.uri),
            to: uri_text(&invite.request_uri),
        });
        match node.sip.invite(InviteRequest { sdp, ..*invite }).await {
            Ok(session) => {
                self.open = Some(Open {
                    party,
                    session,
                    line,
                });
            }
            Err(error) => {
                tracing::warn!(call.id = %meta.id, %error, "failed to send the INVITE to another party");
                input.handle(Input::PartyUnreachable { party }).await;
            }
        }
    }

    /// Hands a command to a party's session. One that ends it lets it go: its line is free when the session is over.
    pub(crate) async fn command(&mut self, node: &Arc<Node>, party: PartyId, command: Command) {
        let Some(open) = self.open.as_ref().filter(|open| open.party == party) else {
            return;
        };
        let ends = matches!(command, Command::Cancel | Command::Hangup);
        // A task that is gone ends the session as well.
        let _ = open.session.handle().send(command).await;
        if let Some(open) = self.open.take_if(|_| ends) {
            node.tasks.spawn(open.run_out());
        }
    }

    /// The next event of the party's session.
    pub(crate) async fn next_event(&mut self) -> (PartyId, Event) {
        let Some(open) = &mut self.open else {
            return pending().await;
        };
        let party = open.party;
        match open.session.next_event().await {
            Some(event) => {
                if matches!(event, Event::Ended(_)) {
                    self.open = None;
                }
                (party, event)
            }
            None => {
                // The SIP task is gone.
                self.open = None;
                (party, Event::Ended(Ending::TransportFailed))
            }
        }
    }

    /// How each party was called, oldest first.
    pub(crate) fn into_ways(self) -> Vec<Way> {
        self.ways
    }
}

impl Open {
    async fn run_out(self) {
        let Self {
            mut session, line, ..
        } = self;
        while let Some(event) = session.next_event().await {
            if matches!(event, Event::Ended(_)) {
                break;
            }
        }
        drop(line);
    }
}

/// Takes what the party needs: a line of the trunk and ports.
async fn find_line(
    node: &Node,
    meta: &Meta,
    input: &MediaInput,
    party: PartyId,
    to: E164,
    found: oneshot::Sender<Dialled>,
) -> Result<(), NoWay> {
    let directory = node.directory();
    let agent = meta.program.as_ref().map(|program| program.agent.id);
    let (from, trunk) = directory
        .way_out(meta.own_number(), agent, meta.trunk_id)
        .ok_or(NoWay::NoNumber)?;
    let next_hop = trunk.next_hop().await.ok_or(NoWay::Unresolved)?;
    let line = node
        .slots
        .take_line(trunk.id, trunk.max_calls)
        .ok_or(NoWay::TrunkFull)?;
    let sockets = node.ports.bind().map_err(|_| NoWay::NoPort)?;
    let local = LocalMedia {
        address: node.address(),
        port: sockets.lease.port(),
        codecs: trunk.media.codecs.clone(),
        packet_time_ms: PACKET_TIME_MS,
    };
    let dialled = Dialled {
        invite: Box::new(invite(node, from, &to, trunk, next_hop)),
        line,
        trunk: trunk.id,
    };
    // Whoever asked waits for it, or the call is over and nobody does.
    if found.send(dialled).is_ok() {
        let line = PartyLine {
            local,
            secrecy: node.secrecy(trunk.media.security, trunk.media.exchange),
        };
        input.attach(party, line, sockets).await;
    }
    Ok(())
}

fn invite(
    node: &Node,
    from: &E164,
    to: &E164,
    trunk: &KnownTrunk,
    next_hop: SocketAddr,
) -> InviteRequest {
    let caller = Uri::sip(Some(from.as_str()), node.sip_address());
    let called = Uri::sip(Some(to.as_str()), next_hop);
    InviteRequest {
        call_id: Uuid::now_v7().to_string(),
        from: NameAddr::new(caller),
        to: NameAddr::new(called.clone()),
        request_uri: called,
        next_hop: NextHop {
            transport: match trunk.transport {
                TrunkTransport::Udp => Transport::Udp,
                TrunkTransport::Tcp => Transport::Tcp,
            },
            address: next_hop,
        },
        // The call makes the offer.
        sdp: Bytes::new(),
        login: trunk.login.as_ref().map(|login| Login {
            username: login.username.clone(),
            password: login.password.clone(),
        }),
        headers: Vec::new(),
    }
}
