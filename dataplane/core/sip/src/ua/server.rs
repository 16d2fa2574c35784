//! Calls that come in: INVITE, CANCEL, and what the application makes of them.

use std::time::Duration;

use bytes::Bytes;

use super::UserAgent;
use super::refusal::{self, Refusal};
use super::session::{
    Index, MergeKey, PendingInvite, Session, Stage, Unacknowledged, failure_status, sdp_of,
};
use crate::auth::{Challenge, read_credentials};
use crate::dialog::Dialog;
use crate::event::{Ending, Event, IncomingInvite};
use crate::input::{Path, SessionId};
use crate::link::{SessionTimer, TimerKey};
use crate::message::{HeaderName, Method, NameAddr, Request, StatusCode};
use crate::outgoing::ALLOW;
use crate::reply::{self, Reply};

impl UserAgent {
    /// An INVITE outside any dialog.
    pub(super) fn on_invite(&mut self, request: Request, path: Path) {
        let merge = MergeKey::of(&request);
        let merged = self.merges.contains_key(&merge).then_some(Refusal {
            status: StatusCode::LOOP_DETECTED,
            header: None,
        });
        if let Some(refusal) = refusal::check(&request).or(merged) {
            self.refuse(&request, path, refusal);
            return;
        }
        if self.draining || self.sessions.len() >= self.link.config.limits.sessions {
            self.refuse_overload(&request, path);
            return;
        }
        let Some(pending) = self.open_pending(request, path) else {
            return;
        };
        let tag = Bytes::from(self.random.word());
        let dialog = Dialog::of_server(&pending.request, &tag, path);
        let invite = self.describe(&pending, path);
        let transaction = pending.transaction;
        let id = self.insert_session(Session {
            stage: Stage::Incoming(pending),
            dialog: Some(dialog),
            reinvite: None,
            unacknowledged: None,
            index: Index::Server(merge),
            login: None,
        });
        self.invites.insert(transaction, id);
        let ringing = self.link.config.timers.ringing;
        self.link
            .set_timer(TimerKey::Session(id, SessionTimer::Ringing), ringing);
        self.link.event(id, Event::Incoming(Box::new(invite)));
    }

    /// Opens the transaction of an INVITE and sends 100, or refuses with 503.
    pub(super) fn open_pending(&mut self, request: Request, path: Path) -> Option<PendingInvite> {
        let source = self.link.peer(path)?;
        let reply_path = reply::path_of(&request.core.via, path, source);
        let opened = self
            .transactions
            .open_server(&self.link, &request, reply_path);
        let Some(transaction) = opened else {
            self.refuse_overload(&request, path);
            return None;
        };
        let pending = PendingInvite {
            transaction,
            request: Box::new(request),
            source,
            reply_path,
        };
        self.respond(
            &pending,
            Reply::new(StatusCode::TRYING, &[]),
            StatusCode::TRYING,
        );
        Some(pending)
    }

    fn describe(&mut self, pending: &PendingInvite, path: Path) -> IncomingInvite {
        let request = &pending.request;
        let headers = &request.headers;
        let peer = pending.source.ip();
        let credentials = read_credentials(request, &mut self.nonces, self.link.now, peer);
        IncomingInvite {
            source: pending.source,
            transport: path.transport(),
            request_uri: request.uri.clone(),
            from: request.core.from.clone(),
            to: request.core.to.clone(),
            asserted_identity: headers
                .list(&HeaderName::PAssertedIdentity)
                .and_then(|identities| NameAddr::parse(identities.first()?)),
            call_id: request.core.call_id.clone(),
            offer: sdp_of(headers.content_type().as_deref(), &request.body),
            credentials,
            headers: headers.clone(),
        }
    }

    /// Sends a response through the transaction of a pending INVITE.
    pub(super) fn respond(
        &mut self,
        pending: &PendingInvite,
        reply: Reply<'_>,
        status: StatusCode,
    ) -> Bytes {
        let bytes = reply.encode(&self.link.config, &pending.request, pending.source);
        self.transactions
            .respond(&mut self.link, pending.transaction, status, bytes.clone());
        bytes
    }

    // === requests that end here ===

    /// CANCEL (RFC 3261 section 9.2).
    pub(super) fn on_cancel(&mut self, request: &Request, path: Path) {
        let Some(invite) = self.transactions.cancelled_by(request) else {
            let tag = self.stateless_tag(request);
            let reply = Reply::new(StatusCode::CALL_DOES_NOT_EXIST, &tag);
            self.reply_stateless(request, path, reply);
            return;
        };
        let session = self.invites.get(&invite).copied();
        let tag = session
            .and_then(|id| self.local_tag(id))
            .unwrap_or_else(|| self.stateless_tag(request));
        self.reply_stateless(request, path, Reply::new(StatusCode::OK, &tag));
        let Some(id) = session else {
            // Answered already: the CANCEL came too late and has no effect.
            return;
        };
        match self.take_reinvite(id) {
            Some(pending) => {
                let status = StatusCode::REQUEST_TERMINATED;
                self.respond(&pending, Reply::new(status, &[]), status);
            }
            None => {
                self.fail_incoming(id, Reply::new(StatusCode::REQUEST_TERMINATED, &tag));
                self.end_session(id, Ending::Cancelled);
            }
        }
    }

    /// A request outside any dialog that is neither INVITE, ACK nor CANCEL.
    pub(super) fn on_request_alone(&mut self, request: &Request, path: Path) {
        let tag = self.stateless_tag(request);
        if let Some(refusal) = refusal::check(request) {
            self.refuse(request, path, refusal);
            return;
        }
        let reply = match request.method {
            Method::Options => self.describe_capabilities(&tag),
            _ => Reply::new(StatusCode::CALL_DOES_NOT_EXIST, &tag),
        };
        self.reply_stateless(request, path, reply);
    }

    /// The answer to OPTIONS: 503 tells proxies to look for another node.
    pub(super) fn describe_capabilities<'a>(&self, tag: &'a [u8]) -> Reply<'a> {
        if self.draining {
            return Reply::new(StatusCode::SERVICE_UNAVAILABLE, tag)
                .header(HeaderName::RetryAfter, self.retry_after());
        }
        Reply::new(StatusCode::OK, tag)
            .header(HeaderName::Allow, ALLOW)
            .header(HeaderName::Accept, *b"application/sdp")
            .header(HeaderName::AcceptEncoding, *b"identity")
            .header(HeaderName::Supported, *b"")
    }

    /// Refuses a request outside any dialog. Anybody can send those, from any address: they leave
    /// nothing behind (RFC 3261 section 8.2.7).
    fn refuse(&mut self, request: &Request, path: Path, refusal: Refusal) {
        let tag = self.stateless_tag(request);
        self.reply_stateless(request, path, refusal.into_reply(&tag));
    }

    /// 503 without any state: overload must not cost memory.
    fn refuse_overload(&mut self, request: &Request, path: Path) {
        self.link.counters.overload_refusals += 1;
        let tag = self.stateless_tag(request);
        let reply = Reply::new(StatusCode::SERVICE_UNAVAILABLE, &tag)
            .header(HeaderName::RetryAfter, self.retry_after());
        self.reply_stateless(request, path, reply);
    }

    // === commands ===

    pub(super) fn ring(&mut self, id: SessionId, status: StatusCode, sdp: Option<&Bytes>) {
        let Some(tag) = self.local_tag(id) else {
            return;
        };
        let (status, sdp) = match (status, sdp) {
            (StatusCode::SESSION_PROGRESS, sdp) => (status, sdp),
            _ => (StatusCode::RINGING, None),
        };
        let sdp = sdp.map_or(&[][..], AsRef::as_ref);
        self.with_incoming(id, |agent, pending| {
            let reply = Reply::new(status, &tag).dialog(sdp);
            agent.respond(pending, reply, status);
        });
    }

    pub(super) fn answer(&mut self, id: SessionId, sdp: &Bytes) {
        let Some(tag) = self.local_tag(id) else {
            return;
        };
        let Some(pending) = self.take_incoming(id, Stage::Confirmed) else {
            return;
        };
        self.link
            .schedule
            .clear(TimerKey::Session(id, SessionTimer::Ringing));
        self.accept(id, &pending, &tag, sdp);
    }

    /// Sends 200 and repeats it until the ACK comes.
    pub(super) fn accept(
        &mut self,
        id: SessionId,
        pending: &PendingInvite,
        tag: &[u8],
        sdp: &Bytes,
    ) {
        let reply = Reply::new(StatusCode::OK, tag).dialog(sdp);
        let response = self.respond(pending, reply, StatusCode::OK);
        self.invites.remove(&pending.transaction);
        let t1 = self.link.config.timers.t1;
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let content_type = pending.request.headers.content_type();
        let offer = sdp_of(content_type.as_deref(), &pending.request.body);
        session.unacknowledged = Some(Unacknowledged {
            cseq: pending.request.core.cseq.number,
            response,
            path: pending.reply_path,
            interval: t1,
            expects_answer: offer.is_none(),
        });
        let repeat = TimerKey::Session(id, SessionTimer::RepeatOk);
        let give_up = TimerKey::Session(id, SessionTimer::NoAck);
        self.link.set_timer(repeat, t1);
        self.link.set_timer(give_up, t1 * 64);
    }

    pub(super) fn reject(
        &mut self,
        id: SessionId,
        status: StatusCode,
        reason: &str,
        retry_after: Option<Duration>,
    ) {
        let Some(tag) = self.local_tag(id) else {
            return;
        };
        let mut reply = Reply::new(failure_status(status), &tag).reason(reason);
        if let Some(wait) = retry_after {
            let seconds = wait.as_secs().max(1).to_string();
            reply = reply.header(HeaderName::RetryAfter, seconds);
        }
        if self.fail_incoming(id, reply) {
            self.end_session(id, Ending::Local);
        }
    }

    pub(super) fn turn_away(&mut self, id: SessionId, status: StatusCode) {
        let (Some(tag), Some(pending)) =
            (self.local_tag(id), self.take_incoming(id, Stage::Confirmed))
        else {
            return;
        };
        self.invites.remove(&pending.transaction);
        let reply = Reply::new(failure_status(status), &tag);
        let bytes = reply.encode(&self.link.config, &pending.request, pending.source);
        self.link.transmit(pending.reply_path, bytes);
        self.transactions
            .abandon(&mut self.link, pending.transaction);
        self.end_session(id, Ending::Local);
    }

    pub(super) fn challenge(&mut self, id: SessionId, challenge: &Challenge) {
        let (Some(tag), Some(Session { stage, .. })) = (self.local_tag(id), self.sessions.get(&id))
        else {
            return;
        };
        let Stage::Incoming(pending) = stage else {
            return;
        };
        // Whoever shows credentials of any kind knows how to answer: say that the nonce is old.
        let stale = pending
            .request
            .headers
            .get(&HeaderName::Authorization)
            .is_some();
        let nonce = self.nonces.issue(self.link.now, pending.source.ip());
        let mut reply = Reply::new(StatusCode::UNAUTHORIZED, &tag);
        for value in challenge.headers(&nonce, stale) {
            reply = reply.header(HeaderName::WwwAuthenticate, value);
        }
        self.fail_incoming(id, reply);
        self.end_session(id, Ending::Local);
    }

    pub(super) fn on_rang_too_long(&mut self, id: SessionId) {
        let Some(tag) = self.local_tag(id) else {
            self.give_up_ringing(id);
            return;
        };
        let reply = Reply::new(StatusCode::TEMPORARILY_UNAVAILABLE, &tag);
        if self.fail_incoming(id, reply) {
            self.end_session(id, Ending::Timeout);
        }
    }

    // === helpers ===

    pub(super) fn local_tag(&self, id: SessionId) -> Option<Bytes> {
        let dialog = self.sessions.get(&id)?.dialog.as_ref()?;
        Some(dialog.key.local_tag.clone())
    }

    fn with_incoming(&mut self, id: SessionId, act: impl FnOnce(&mut Self, &PendingInvite)) {
        if let Some(pending) = self.take_incoming(id, Stage::Confirmed) {
            act(self, &pending);
            if let Some(session) = self.sessions.get_mut(&id) {
                session.stage = Stage::Incoming(pending);
            }
        }
    }

    /// Takes the unanswered INVITE out of a session that becomes `next`.
    fn take_incoming(&mut self, id: SessionId, next: Stage) -> Option<PendingInvite> {
        let session = self.sessions.get_mut(&id)?;
        match std::mem::replace(&mut session.stage, next) {
            Stage::Incoming(pending) => Some(pending),
            other => {
                session.stage = other;
                None
            }
        }
    }

    /// Sends a final failure to the unanswered INVITE of a session; false if there is none. The
    /// session still has to be ended.
    pub(super) fn fail_incoming(&mut self, id: SessionId, reply: Reply<'_>) -> bool {
        let status = reply.status();
        let Some(pending) = self.take_incoming(id, Stage::Confirmed) else {
            return false;
        };
        self.invites.remove(&pending.transaction);
        self.respond(&pending, reply, status);
        true
    }
}
