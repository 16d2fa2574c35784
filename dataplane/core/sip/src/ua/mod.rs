//! The user agent: sessions on top of transactions, transactions on top of paths.
//!
//! Here is what an input leads to; [`server`] has calls that come in, [`client`] calls that go
//! out, [`in_dialog`] what happens inside a call of either kind.

mod client;
mod in_dialog;
mod invite;
mod refusal;
mod server;
mod session;

use std::collections::HashMap;

use bytes::Bytes;
use callplane_types::Instant;

pub use invite::{InviteRequest, NextHop, Refused};

use crate::auth::NonceBook;
use crate::config::Config;
use crate::counters::Counters;
use crate::dialog::DialogKey;
use crate::event::{Ending, Event};
use crate::input::{Command, ConnectionId, Input, Output, Path, SessionId};
use crate::link::{Link, SessionTimer, TimerKey};
use crate::message::{
    Framed, HeaderName, Malformed, Message, Method, Request, Response, StatusCode,
};
use crate::random::Random;
use crate::reply::{self, Reply};
use crate::trace::{Heading, Traced};
use crate::transaction::{Outcome, Purpose, Received, TransactionId, Transactions};
use session::{Index, MergeKey, Session, Stage};

/// A SIP user agent, both server and client, without sockets and clock.
///
/// **What goes in is answered or dropped, never a reason to panic; what is held stays below
/// [`crate::Limits`]; every session ends with one [`Event::Ended`].**
pub struct UserAgent {
    link: Link,
    random: Random,
    nonces: NonceBook,
    transactions: Transactions,
    sessions: HashMap<SessionId, Session>,
    dialogs: HashMap<DialogKey, SessionId>,
    /// Unanswered INVITEs of peers, the first of a session and later ones.
    invites: HashMap<TransactionId, SessionId>,
    merges: HashMap<MergeKey, SessionId>,
    outbound: HashMap<Bytes, SessionId>,
    last_session: u64,
    draining: bool,
}

impl UserAgent {
    /// An agent. Tags, branches and nonces follow from `seed`; never use one twice in production.
    #[must_use]
    pub fn new(config: Config, seed: [u8; 32]) -> Self {
        let mut random = Random::new(&seed);
        let nonces = NonceBook::new(&random.secret(), config.timers.nonce);
        Self {
            link: Link::new(config),
            random,
            nonces,
            transactions: Transactions::default(),
            sessions: HashMap::new(),
            dialogs: HashMap::new(),
            invites: HashMap::new(),
            merges: HashMap::new(),
            outbound: HashMap::new(),
            last_session: 0,
            draining: false,
        }
    }

    /// Takes an input. Afterwards call [`UserAgent::poll`] until it gives nothing.
    pub fn handle(&mut self, now: Instant, input: Input) {
        self.link.now = self.link.now.max(now);
        match input {
            Input::Datagram { source, bytes } => self.datagram(Path::Udp(source), &bytes),
            Input::StreamOpened { connection, peer } => self.link.stream_opened(connection, peer),
            Input::StreamBytes { connection, bytes } => self.stream_bytes(connection, &bytes),
            Input::StreamClosed { connection } => {
                self.link.stream_closed(connection);
                self.path_failed(Path::Tcp(connection));
            }
            Input::SendFailed { path } => self.path_failed(path),
            Input::Timeout => {}
            Input::Command { session, command } => self.command(session, command),
            Input::Drain(draining) => self.draining = draining,
        }
        self.run_timers();
    }

    /// Places a call; its events carry the session returned.
    ///
    /// # Errors
    ///
    /// [`Refused`]; nothing has been sent.
    pub fn invite(&mut self, now: Instant, invite: InviteRequest) -> Result<SessionId, Refused> {
        self.link.now = self.link.now.max(now);
        self.place_call(invite)
    }

    /// The next output; `None` when all are taken.
    pub fn poll(&mut self) -> Option<Output> {
        self.link.outputs.pop_front()
    }

    /// The next message that was received or sent, in their order; nothing unless [`Config::traces`]. A driver
    /// that asked for them takes them all after each input.
    pub fn poll_traced(&mut self) -> Option<Traced> {
        self.link.traced.pop_front()
    }

    /// When to come back with [`Input::Timeout`], if nothing else happens before.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Instant> {
        self.link.schedule.next()
    }

    /// Sessions under way, those included whose BYE waits for an ACK.
    #[must_use]
    pub fn session_count(&self) -> usize {
        self.sessions.len()
    }

    /// Transactions held, those included that only absorb repetitions.
    #[must_use]
    pub fn transaction_count(&self) -> usize {
        self.transactions.len()
    }

    /// What was counted.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.link.counters
    }

    // === inputs ===

    fn datagram(&mut self, path: Path, bytes: &Bytes) {
        // CR LF, or four zero octets, only keep a NAT binding open.
        if bytes.iter().all(|b| matches!(b, b'\r' | b'\n' | 0)) {
            return;
        }
        match Message::parse_datagram(bytes) {
            Ok(message) => {
                self.link.trace(Heading::Received, path, bytes);
                self.message(message, path);
            }
            Err(malformed) => self.malformed(&malformed, path),
        }
    }

    fn stream_bytes(&mut self, connection: ConnectionId, bytes: &Bytes) {
        let path = Path::Tcp(connection);
        self.link.stream_bytes(connection, bytes);
        while let Some(framed) = self.link.next_framed(connection) {
            match framed {
                Framed::Message(message) => {
                    let bytes = self.link.last_message(connection);
                    self.link.trace(Heading::Received, path, &bytes);
                    self.message(*message, path);
                }
                Framed::Malformed(malformed) => self.malformed(&malformed, path),
                Framed::Ping => self.link.transmit(path, Bytes::from_static(b"\r\n")),
                Framed::Broken(malformed) => {
                    self.malformed(&malformed, path);
                    self.link.close(connection);
                    self.path_failed(path);
                }
            }
        }
    }

    fn malformed(&mut self, malformed: &Malformed, path: Path) {
        self.link.counters.malformed += 1;
        if let Some(request) = &malformed.answer {
            let tag = self.random.word_for(&[malformed.reason.as_bytes()]);
            let config = &self.link.config;
            let reason = match request.status {
                StatusCode::BAD_REQUEST => malformed.reason,
                _ => "",
            };
            let bytes = reply::to_malformed(config, request, reason, &tag);
            let source = self.link.peer(path);
            let via = request
                .headers
                .list(&HeaderName::Via)
                .and_then(|vias| crate::message::Via::parse(vias.first()?));
            let path = match (via, source) {
                (Some(via), Some(source)) => reply::path_of(&via, path, source),
                _ => path,
            };
            self.link.transmit(path, bytes);
        }
    }

    fn message(&mut self, message: Message, path: Path) {
        self.link.counters.received(&message);
        match message {
            Message::Request(request) => self.request(request, path),
            Message::Response(response) => self.response(&response),
        }
    }

    fn request(&mut self, request: Request, path: Path) {
        if let Received::Absorbed = self.transactions.receive_request(&mut self.link, &request) {
            return;
        }
        match request.method {
            Method::Ack => self.on_ack(&request),
            Method::Cancel => self.on_cancel(&request, path),
            _ if request.core.to.tag().is_some() => self.on_request_in_dialog(request, path),
            Method::Invite => self.on_invite(request, path),
            _ => self.on_request_alone(&request, path),
        }
    }

    fn response(&mut self, response: &Response) {
        // A response that took another way than our request is not ours (RFC 3261 section 18.1.2).
        let sent_by = &response.core.via;
        let address = self.link.config.address;
        let ours = sent_by.host.ip() == Some(address.ip())
            && sent_by.port.unwrap_or(5060) == address.port();
        if !ours || response.core.vias.len() != 1 {
            return;
        }
        let outcome = self.transactions.receive_response(&mut self.link, response);
        match outcome {
            Some(Outcome::Response(id, path, client)) => match client.purpose {
                Purpose::Invite(session) => {
                    self.on_invite_response(session, id, path, &client.outgoing, response);
                }
                Purpose::Bye(login) => {
                    self.on_bye_response(login.as_ref(), &client.outgoing, path, response);
                }
                Purpose::Cancel => {}
            },
            Some(Outcome::TimedOut(_) | Outcome::PathFailed(_)) | None => {}
        }
    }

    fn path_failed(&mut self, path: Path) {
        for outcome in self.transactions.path_failed(&mut self.link, path) {
            if let Outcome::PathFailed(client) = outcome
                && let Purpose::Invite(session) = client.purpose
            {
                self.on_call_failed(session, Ending::TransportFailed);
            }
        }
    }

    fn command(&mut self, id: SessionId, command: Command) {
        match command {
            Command::Ring { status, sdp } => self.ring(id, status, sdp.as_ref()),
            Command::Answer { sdp } => self.answer(id, &sdp),
            Command::Reject {
                status,
                reason,
                retry_after,
            } => self.reject(id, status, &reason, retry_after),
            Command::TurnAway { status } => self.turn_away(id, status),
            Command::Challenge(challenge) => self.challenge(id, &challenge),
            Command::AnswerReinvite { sdp } => self.answer_reinvite(id, &sdp),
            Command::RejectReinvite { status } => self.reject_reinvite(id, status),
            Command::Cancel => self.cancel(id),
            Command::Hangup => self.hangup(id),
        }
    }

    fn run_timers(&mut self) {
        while let Some(key) = self.link.schedule.pop(self.link.now) {
            match key {
                TimerKey::Transaction(id, timer) => {
                    let outcome = self.transactions.fire(&mut self.link, id, timer);
                    if let Some(Outcome::TimedOut(client)) = outcome
                        && let Purpose::Invite(session) = client.purpose
                    {
                        self.on_call_failed(session, Ending::Timeout);
                    }
                }
                TimerKey::Session(id, SessionTimer::Ringing) => self.on_rang_too_long(id),
                TimerKey::Session(id, SessionTimer::RepeatOk) => self.repeat_ok(id),
                TimerKey::Session(id, SessionTimer::NoAck) => self.on_no_ack(id),
                TimerKey::Session(id, SessionTimer::CancelUnanswered) => {
                    self.on_cancel_unanswered(id);
                }
            }
        }
    }

    // === shared by server, client and in_dialog ===

    fn insert_session(&mut self, session: Session) -> SessionId {
        self.last_session += 1;
        let id = SessionId(self.last_session);
        match &session.index {
            Index::Server(key) => self.merges.insert(key.clone(), id),
            Index::Client(call_id) => self.outbound.insert(call_id.clone(), id),
        };
        if let Some(dialog) = &session.dialog {
            self.dialogs.insert(dialog.key.clone(), id);
        }
        self.sessions.insert(id, session);
        id
    }

    /// Forgets a session and tells the application, unless it has been told.
    fn end_session(&mut self, id: SessionId, ending: Ending) {
        let Some(session) = self.sessions.remove(&id) else {
            return;
        };
        for timer in [
            SessionTimer::Ringing,
            SessionTimer::RepeatOk,
            SessionTimer::NoAck,
            SessionTimer::CancelUnanswered,
        ] {
            self.link.schedule.clear(TimerKey::Session(id, timer));
        }
        let Session {
            stage,
            dialog,
            reinvite,
            unacknowledged: _,
            index,
            login: _,
        } = session;
        if let Some(dialog) = dialog {
            self.dialogs.remove(&dialog.key);
        }
        match index {
            Index::Server(key) => self.merges.remove(&key),
            Index::Client(call_id) => self.outbound.remove(&call_id),
        };
        if let Stage::Incoming(pending) = &stage {
            self.invites.remove(&pending.transaction);
        }
        if let Some(pending) = reinvite {
            self.invites.remove(&pending.transaction);
        }
        if !matches!(stage, Stage::Closing) {
            self.link.event(id, Event::Ended(ending));
        }
    }

    /// Answers without a transaction: the same request gets the same answer.
    fn reply_stateless(&mut self, request: &Request, path: Path, reply: Reply<'_>) {
        let Some(source) = self.link.peer(path) else {
            return;
        };
        let bytes = reply.encode(&self.link.config, request, source);
        let path = reply::path_of(&request.core.via, path, source);
        self.link.transmit(path, bytes);
    }

    /// The tag of a stateless answer, the same for the same request.
    fn stateless_tag(&self, request: &Request) -> Bytes {
        let core = &request.core;
        let branch = core.via.branch().map_or(&[][..], AsRef::as_ref);
        let cseq = core.cseq.number.to_be_bytes();
        self.random.word_for(&[&core.call_id, branch, &cseq])
    }

    fn retry_after(&self) -> String {
        self.link.config.limits.retry_after.as_secs().to_string()
    }
}
