//! Transactions: who repeats what, for how long, and which message belongs where
//! (RFC 3261 section 17, RFC 6026).
//!
//! Each of the four machines is a file that knows states and timers only. This one finds the
//! machine of a message, carries its effects out and tells the user agent what concerns it.

mod client_invite;
mod client_request;
mod effect;
mod key;
mod server_invite;
mod server_request;
mod timer;

use std::collections::HashMap;

use bytes::Bytes;

use client_invite::ClientInvite;
use client_request::ClientRequest;
use effect::{Effect, Effects};
use key::{ClientKey, ServerKey};
use server_invite::ServerInvite;
use server_request::ServerRequest;

pub(crate) use timer::{Schedule, Timer};

use crate::auth::Login;
use crate::input::{Path, SessionId, Transport};
use crate::link::{Link, TimerKey};
use crate::message::{HeaderName, Method, Request, Response, StatusCode};
use crate::outgoing::Outgoing;

/// How many answers of a forked INVITE are heard. Each costs an ACK and a BYE with its transaction,
/// and whoever has seen our INVITE can make up any number of them.
const FORKS: usize = 8;

/// A transaction of this agent, never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TransactionId(u64);

/// Every transaction under way.
#[derive(Default)]
pub(crate) struct Transactions {
    entries: HashMap<TransactionId, Entry>,
    servers: HashMap<ServerKey, TransactionId>,
    clients: HashMap<ClientKey, TransactionId>,
    last: u64,
}

struct Entry {
    path: Path,
    machine: Machine,
}

enum Machine {
    ClientInvite {
        machine: ClientInvite,
        client: Box<Client>,
        /// The ACKs of 2xx by To tag: a forked INVITE has several, each repeated by its callee.
        acks: Vec<(Option<Bytes>, Path, Bytes)>,
    },
    ClientRequest {
        machine: ClientRequest,
        client: Box<Client>,
    },
    ServerInvite {
        machine: ServerInvite,
        key: ServerKey,
    },
    ServerRequest {
        machine: ServerRequest,
        key: ServerKey,
    },
}

/// What a client transaction is for.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) outgoing: Outgoing,
    pub(crate) purpose: Purpose,
}

/// Who wants the outcome.
#[derive(Clone, Debug)]
pub(crate) enum Purpose {
    /// The session that places a call.
    Invite(SessionId),
    /// Nobody: the INVITE tells.
    Cancel,
    /// Nobody, but a challenge is answered once.
    Bye(Option<Login>),
}

/// Where a request belongs.
pub(crate) enum Received {
    /// To nothing known.
    New,
    /// To a transaction, which has dealt with it.
    Absorbed,
}

/// What a client transaction tells its user.
pub(crate) enum Outcome {
    /// A response, not seen before.
    Response(TransactionId, Path, Box<Client>),
    /// Nobody answered.
    TimedOut(Box<Client>),
    /// The network failed.
    PathFailed(Box<Client>),
}

impl Transactions {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    // === server side ===

    /// Lets the transaction of a request take it, if there is one.
    pub(crate) fn receive_request(&mut self, link: &mut Link, request: &Request) -> Received {
        let Some(&id) = self.servers.get(&ServerKey::of(request)) else {
            return Received::New;
        };
        let Some(entry) = self.entries.get_mut(&id) else {
            return Received::New;
        };
        let mut effects = Effects::default();
        let for_user = match &mut entry.machine {
            Machine::ServerInvite { machine, .. } if request.method == Method::Ack => {
                machine.ack(&link.config.timers, &mut effects)
            }
            Machine::ServerInvite { machine, .. } => {
                machine.request(&mut effects);
                false
            }
            Machine::ServerRequest { machine, .. } => {
                machine.request(&mut effects);
                false
            }
            Machine::ClientInvite { .. } | Machine::ClientRequest { .. } => true,
        };
        self.apply(link, id, effects);
        if for_user {
            Received::New
        } else {
            Received::Absorbed
        }
    }

    /// Opens the transaction of a new request; responses will take `path`. `None`: no room.
    pub(crate) fn open_server(
        &mut self,
        link: &Link,
        request: &Request,
        path: Path,
    ) -> Option<TransactionId> {
        if self.len() >= link.config.limits.transactions {
            return None;
        }
        let key = ServerKey::of(request);
        let reliable = path.transport() == Transport::Tcp;
        let machine = if request.method == Method::Invite {
            let machine = ServerInvite::new(reliable, &link.config.timers);
            let key = key.clone();
            Machine::ServerInvite { machine, key }
        } else {
            let machine = ServerRequest::new(reliable);
            let key = key.clone();
            Machine::ServerRequest { machine, key }
        };
        let id = self.insert(Entry { path, machine });
        self.servers.insert(key, id);
        Some(id)
    }

    /// Sends a response of the user.
    pub(crate) fn respond(
        &mut self,
        link: &mut Link,
        id: TransactionId,
        status: StatusCode,
        response: Bytes,
    ) {
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        let mut effects = Effects::default();
        let timers = &link.config.timers;
        match &mut entry.machine {
            Machine::ServerInvite { machine, .. } => {
                machine.respond(status, response, timers, &mut effects);
            }
            Machine::ServerRequest { machine, .. } => {
                machine.respond(status, response, timers, &mut effects);
            }
            Machine::ClientInvite { .. } | Machine::ClientRequest { .. } => {}
        }
        self.apply(link, id, effects);
    }

    /// The INVITE transaction that a CANCEL is about.
    pub(crate) fn cancelled_by(&self, cancel: &Request) -> Option<TransactionId> {
        self.servers.get(&ServerKey::cancelled_by(cancel)).copied()
    }

    // === client side ===

    /// Sends a request and sees to its repetition.
    pub(crate) fn open_client(
        &mut self,
        link: &mut Link,
        outgoing: Outgoing,
        purpose: Purpose,
        path: Path,
    ) -> TransactionId {
        let bytes = outgoing.encode(&link.config);
        let reliable = path.transport() == Transport::Tcp;
        let key = ClientKey {
            branch: outgoing.branch.clone(),
            method: outgoing.method.clone(),
        };
        let mut effects = Effects::default();
        let timers = &link.config.timers;
        let is_invite = outgoing.method == Method::Invite;
        let client = Box::new(Client { outgoing, purpose });
        let machine = if is_invite {
            Machine::ClientInvite {
                machine: ClientInvite::start(bytes, reliable, timers, &mut effects),
                client,
                acks: Vec::new(),
            }
        } else {
            Machine::ClientRequest {
                machine: ClientRequest::start(bytes, reliable, timers, &mut effects),
                client,
            }
        };
        let id = self.insert(Entry { path, machine });
        self.clients.insert(key, id);
        self.apply(link, id, effects);
        id
    }

    /// Lets the transaction of a response take it; an outcome is what its user shall see.
    pub(crate) fn receive_response(
        &mut self,
        link: &mut Link,
        response: &Response,
    ) -> Option<Outcome> {
        let id = *self.clients.get(&ClientKey::of(response)?)?;
        let entry = self.entries.get_mut(&id)?;
        let path = entry.path;
        let mut effects = Effects::default();
        let status = response.status;
        let outcome = match &mut entry.machine {
            Machine::ClientInvite {
                machine,
                client,
                acks,
            } => {
                let tag = response.core.to.tag();
                let known = acks.iter().find(|(of, ..)| of.as_ref() == tag);
                match known {
                    Some((_, path, ack)) if status.is_success() => {
                        link.counters.retransmissions += 1;
                        link.transmit(*path, ack.clone());
                        return None;
                    }
                    None if status.is_success() && acks.len() >= FORKS => return None,
                    _ => {}
                }
                let failure = !status.is_provisional() && !status.is_success();
                let ack = failure.then(|| {
                    let to = response.headers.get(&HeaderName::To);
                    let ack = client
                        .outgoing
                        .ack_of_failure(to.cloned().unwrap_or_default());
                    ack.encode(&link.config)
                });
                let timers = &link.config.timers;
                let pass = machine.response(status, ack, timers, &mut effects);
                pass.then(|| Outcome::Response(id, path, client.clone()))
            }
            Machine::ClientRequest { machine, client } => {
                let pass = machine.response(status, &link.config.timers, &mut effects);
                pass.then(|| Outcome::Response(id, path, client.clone()))
            }
            Machine::ServerInvite { .. } | Machine::ServerRequest { .. } => None,
        };
        self.apply(link, id, effects);
        outcome
    }

    /// Sends the ACK of a 2xx and keeps it for the repetitions of that 2xx.
    pub(crate) fn acknowledge(
        &mut self,
        link: &mut Link,
        id: TransactionId,
        to_tag: Option<Bytes>,
        path: Path,
        ack: Bytes,
    ) {
        if let Some(Entry {
            machine: Machine::ClientInvite { acks, .. },
            ..
        }) = self.entries.get_mut(&id)
        {
            acks.push((to_tag, path, ack.clone()));
        }
        link.transmit(path, ack);
    }

    /// Forgets a transaction whose outcome nobody waits for any more.
    pub(crate) fn abandon(&mut self, link: &mut Link, id: TransactionId) {
        self.remove(link, id);
    }

    // === time and paths ===

    /// A timer went off.
    pub(crate) fn fire(
        &mut self,
        link: &mut Link,
        id: TransactionId,
        timer: Timer,
    ) -> Option<Outcome> {
        let entry = self.entries.get_mut(&id)?;
        let mut effects = Effects::default();
        let timers = &link.config.timers;
        match &mut entry.machine {
            Machine::ClientInvite { machine, .. } => machine.timer(timer, &mut effects),
            Machine::ClientRequest { machine, .. } => machine.timer(timer, timers, &mut effects),
            Machine::ServerInvite { machine, .. } => machine.timer(timer, timers, &mut effects),
            Machine::ServerRequest { machine, .. } => machine.timer(timer, &mut effects),
        }
        self.apply(link, id, effects).map(Outcome::TimedOut)
    }

    /// A path failed: unanswered requests on it are over (RFC 3261 section 17.1.4).
    pub(crate) fn path_failed(&mut self, link: &mut Link, path: Path) -> Vec<Outcome> {
        let mut failed: Vec<TransactionId> = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.path == path && entry.machine.awaits_answer())
            .map(|(id, _)| *id)
            .collect();
        failed.sort_unstable();
        failed
            .into_iter()
            .filter_map(|id| self.remove(link, id).map(Outcome::PathFailed))
            .collect()
    }

    /// Carries effects out; gives the client back when nobody answered it.
    fn apply(
        &mut self,
        link: &mut Link,
        id: TransactionId,
        effects: Effects,
    ) -> Option<Box<Client>> {
        let path = self.entries.get(&id)?.path;
        let mut timed_out = None;
        for effect in effects.0 {
            match effect {
                Effect::Send(bytes) => link.transmit(path, bytes),
                Effect::Resend(bytes) => {
                    link.counters.retransmissions += 1;
                    link.transmit(path, bytes);
                }
                Effect::Set(timer, after) => {
                    link.set_timer(TimerKey::Transaction(id, timer), after);
                }
                Effect::Clear(timer) => link.schedule.clear(TimerKey::Transaction(id, timer)),
                Effect::TimedOut => {
                    link.counters.transactions_timed_out += 1;
                    timed_out = self.remove(link, id);
                }
                Effect::Terminated => {
                    self.remove(link, id);
                }
            }
        }
        timed_out
    }

    fn insert(&mut self, entry: Entry) -> TransactionId {
        self.last += 1;
        let id = TransactionId(self.last);
        self.entries.insert(id, entry);
        id
    }

    fn remove(&mut self, link: &mut Link, id: TransactionId) -> Option<Box<Client>> {
        let entry = self.entries.remove(&id)?;
        for timer in Timer::ALL {
            link.schedule.clear(TimerKey::Transaction(id, timer));
        }
        match entry.machine {
            Machine::ClientInvite { client, .. } | Machine::ClientRequest { client, .. } => {
                self.clients.remove(&ClientKey {
                    branch: client.outgoing.branch.clone(),
                    method: client.outgoing.method.clone(),
                });
                Some(client)
            }
            Machine::ServerInvite { key, .. } | Machine::ServerRequest { key, .. } => {
                self.servers.remove(&key);
                None
            }
        }
    }
}

impl Machine {
    const fn awaits_answer(&self) -> bool {
        match self {
            Self::ClientInvite { machine, .. } => !machine.is_answered(),
            Self::ClientRequest { machine, .. } => !machine.is_answered(),
            Self::ServerInvite { .. } | Self::ServerRequest { .. } => false,
        }
    }
}
