//! Inside a call of either kind: ACK, BYE, INFO, re-INVITE, hanging up.

use bytes::Bytes;

use super::UserAgent;
use super::refusal;
use super::session::{PendingInvite, Session, Stage, Unacknowledged, failure_status, sdp_of};
use crate::auth::{Login, answer_challenge};
use crate::dialog::{Dialog, DialogKey};
use crate::event::{Ending, Event};
use crate::input::{Path, SessionId};
use crate::link::{SessionTimer, TimerKey};
use crate::message::{HeaderName, Method, Request, Response, StatusCode};
use crate::outgoing::{ALLOW, Outgoing, branch};
use crate::reply::{self, Reply};
use crate::transaction::Purpose;

impl UserAgent {
    // === the peer asks ===

    /// The ACK of a 2xx of ours; any other ACK has no meaning.
    pub(super) fn on_ack(&mut self, request: &Request) {
        let session = DialogKey::of(request).and_then(|key| self.dialogs.get(&key).copied());
        let Some(id) = session else {
            return;
        };
        let content_type = request.headers.content_type();
        let sdp = sdp_of(content_type.as_deref(), &request.body);
        self.acknowledged(id, request.core.cseq.number, sdp);
    }

    fn acknowledged(&mut self, id: SessionId, cseq: u32, sdp: Option<Bytes>) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let taken = session.unacknowledged.take_if(|ok| ok.cseq == cseq);
        if taken.is_none() {
            return;
        }
        let closing = matches!(session.stage, Stage::Closing);
        self.stop_repeating(id);
        if closing {
            self.bye_and_end(id, Ending::Local);
        } else {
            self.link.event(id, Event::Acknowledged { sdp });
        }
    }

    /// A request with a To tag: in a dialog of ours, or in none.
    pub(super) fn on_request_in_dialog(&mut self, request: Request, path: Path) {
        let session = DialogKey::of(&request).and_then(|key| self.dialogs.get(&key).copied());
        let number = request.core.cseq.number;
        let refusal = refusal::check(&request);
        let dialog = session.and_then(|id| self.sessions.get_mut(&id)?.dialog.as_mut());
        let (Some(id), Some(dialog)) = (session, dialog) else {
            let tag = self.stateless_tag(&request);
            let reply = Reply::new(StatusCode::CALL_DOES_NOT_EXIST, &tag);
            self.reply_stateless(&request, path, reply);
            return;
        };
        // Out of order, or the same request by another way (RFC 3261 section 12.2.2).
        if dialog.remote_cseq.is_some_and(|last| number <= last) {
            self.answer_alone(&request, path, StatusCode::SERVER_ERROR);
            return;
        }
        dialog.remote_cseq = Some(number);
        if let Some(refusal) = refusal {
            let tag = self.stateless_tag(&request);
            self.reply(&request, path, refusal.into_reply(&tag));
            return;
        }
        match request.method {
            Method::Invite => self.on_reinvite(id, request, path),
            Method::Bye => self.on_bye(id, &request, path),
            Method::Info => self.on_info(id, &request, path),
            _ => self.answer_alone(&request, path, StatusCode::OK),
        }
    }

    fn on_bye(&mut self, id: SessionId, request: &Request, path: Path) {
        self.answer_alone(request, path, StatusCode::OK);
        let status = StatusCode::REQUEST_TERMINATED;
        if let Some(pending) = self.take_reinvite(id) {
            self.respond(&pending, Reply::new(status, &[]), status);
        }
        let tag = self.local_tag(id).unwrap_or_default();
        self.fail_incoming(id, Reply::new(status, &tag));
        self.end_session(id, Ending::Bye);
    }

    fn on_info(&mut self, id: SessionId, request: &Request, path: Path) {
        self.answer_alone(request, path, StatusCode::OK);
        let content_type = request.headers.content_type().unwrap_or_default();
        let body = request.body.clone();
        self.link.event(id, Event::Info { content_type, body });
    }

    fn on_reinvite(&mut self, id: SessionId, request: Request, path: Path) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        // A peer that sends the next INVITE has seen our 200: its ACK was lost or is late.
        let answer_missing = session
            .unacknowledged
            .as_ref()
            .is_some_and(|ok| ok.expects_answer);
        let busy = session.reinvite.is_some() || !matches!(session.stage, Stage::Confirmed);
        if busy || answer_missing {
            self.postpone(&request, path);
            return;
        }
        if let Some(Unacknowledged { cseq, .. }) = session.unacknowledged {
            self.acknowledged(id, cseq, None);
        }
        let content_type = request.headers.content_type();
        let offer = sdp_of(content_type.as_deref(), &request.body);
        let Some(pending) = self.open_pending(request, path) else {
            return;
        };
        self.invites.insert(pending.transaction, id);
        if let Some(session) = self.sessions.get_mut(&id) {
            session.reinvite = Some(pending);
            self.link.event(id, Event::Reinvite { offer });
        }
    }

    /// An INVITE before the one before it is dealt with (RFC 3261 section 14.2).
    fn postpone(&mut self, request: &Request, path: Path) {
        let reply = Reply::new(StatusCode::SERVER_ERROR, &[]).header(HeaderName::RetryAfter, *b"1");
        self.reply(request, path, reply);
    }

    /// Answers a request through a transaction of its own.
    fn answer_alone(&mut self, request: &Request, path: Path, status: StatusCode) {
        let tag = self.stateless_tag(request);
        let mut reply = Reply::new(status, &tag);
        if request.method == Method::Options && status == StatusCode::OK {
            reply = reply
                .header(HeaderName::Allow, ALLOW)
                .header(HeaderName::Accept, *b"application/sdp");
        }
        self.reply(request, path, reply);
    }

    // === the application answers ===

    pub(super) fn answer_reinvite(&mut self, id: SessionId, sdp: &Bytes) {
        let (Some(pending), Some(tag)) = (self.take_reinvite(id), self.local_tag(id)) else {
            return;
        };
        if let Some(Session {
            dialog: Some(dialog),
            ..
        }) = self.sessions.get_mut(&id)
        {
            dialog.refresh_target(&pending.request.headers);
        }
        self.accept(id, &pending, &tag, sdp);
    }

    pub(super) fn reject_reinvite(&mut self, id: SessionId, status: StatusCode) {
        let status = failure_status(status);
        if let Some(pending) = self.take_reinvite(id) {
            self.respond(&pending, Reply::new(status, &[]), status);
        }
    }

    pub(super) fn take_reinvite(&mut self, id: SessionId) -> Option<PendingInvite> {
        let pending = self.sessions.get_mut(&id)?.reinvite.take()?;
        self.invites.remove(&pending.transaction);
        Some(pending)
    }

    pub(super) fn hangup(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        match &session.stage {
            Stage::Incoming(_) => {
                self.reject(id, StatusCode::TEMPORARILY_UNAVAILABLE, "", None);
            }
            Stage::Calling(_) => self.cancel(id),
            Stage::Confirmed if session.unacknowledged.is_some() => {
                session.stage = Stage::Closing;
                self.link.event(id, Event::Ended(Ending::Local));
            }
            Stage::Confirmed => self.bye_and_end(id, Ending::Local),
            Stage::Closing => {}
        }
    }

    // === our 200 and our BYE ===

    /// Our 200 once more (RFC 3261 section 13.3.1.4).
    pub(super) fn repeat_ok(&mut self, id: SessionId) {
        let longest = self.link.config.timers.t2;
        let Some(Session {
            unacknowledged: Some(ok),
            ..
        }) = self.sessions.get_mut(&id)
        else {
            return;
        };
        ok.interval = (ok.interval * 2).min(longest);
        let (path, response, interval) = (ok.path, ok.response.clone(), ok.interval);
        self.link.counters.retransmissions += 1;
        self.link.transmit(path, response);
        let repeat = TimerKey::Session(id, SessionTimer::RepeatOk);
        self.link.set_timer(repeat, interval);
    }

    pub(super) fn on_no_ack(&mut self, id: SessionId) {
        self.stop_repeating(id);
        self.bye_and_end(id, Ending::NotAcknowledged);
    }

    fn stop_repeating(&mut self, id: SessionId) {
        for timer in [SessionTimer::RepeatOk, SessionTimer::NoAck] {
            self.link.schedule.clear(TimerKey::Session(id, timer));
        }
    }

    fn bye_and_end(&mut self, id: SessionId, ending: Ending) {
        if let Some(pending) = self.take_reinvite(id) {
            let status = StatusCode::REQUEST_TERMINATED;
            self.respond(&pending, Reply::new(status, &[]), status);
        }
        if let Some(Session { dialog, login, .. }) = self.sessions.get(&id)
            && let Some(mut dialog) = dialog.clone()
        {
            let login = login.clone();
            self.send_bye(&mut dialog, login);
        }
        self.end_session(id, ending);
    }

    pub(super) fn send_bye(&mut self, dialog: &mut Dialog, login: Option<Login>) {
        let (bye, path) = dialog.request(Method::Bye, &mut self.link, &mut self.random);
        let purpose = Purpose::Bye(login);
        self.transactions
            .open_client(&mut self.link, bye, purpose, path);
    }

    /// A challenge to our BYE is answered once; anything else ends the matter.
    pub(super) fn on_bye_response(
        &mut self,
        login: Option<&Login>,
        bye: &Outgoing,
        path: Path,
        response: &Response,
    ) {
        let cnonce = self.random.word();
        let mut uri = Vec::new();
        bye.uri.write(&mut uri, false);
        let answer =
            login.and_then(|login| answer_challenge(response, login, &Method::Bye, &uri, &cnonce));
        if let Some((name, value, _)) = answer {
            let again = Outgoing {
                branch: branch(&self.random.word()),
                cseq: bye.cseq + 1,
                authorization: Some((name, value)),
                ..bye.clone()
            };
            self.transactions
                .open_client(&mut self.link, again, Purpose::Bye(None), path);
        }
    }

    /// Sends the final answer of a request through a transaction, or without one when there is no
    /// room: a BYE is never refused for lack of it.
    pub(super) fn reply(&mut self, request: &Request, path: Path, reply: Reply<'_>) {
        let Some(source) = self.link.peer(path) else {
            return;
        };
        let reply_path = reply::path_of(&request.core.via, path, source);
        let opened = self
            .transactions
            .open_server(&self.link, request, reply_path);
        let Some(transaction) = opened else {
            self.reply_stateless(request, path, reply);
            return;
        };
        let status = reply.status();
        let bytes = reply.encode(&self.link.config, request, source);
        self.transactions
            .respond(&mut self.link, transaction, status, bytes);
    }
}
