//! Calls that go out: INVITE, its answers, CANCEL.

use std::time::Duration;

use bytes::Bytes;

use super::UserAgent;
use super::invite::{InviteRequest, Refused};
use super::session::{Calling, Cancel, GivenUp, Index, Session, Stage, sdp_of};
use crate::auth::{Login, answer_challenge};
use crate::dialog::Dialog;
use crate::event::{Ending, Event};
use crate::input::{Path, SessionId, Transport};
use crate::link::{SessionTimer, TimerKey};
use crate::message::{Method, NameAddr, Response, StatusCode, lex};
use crate::outgoing::{Outgoing, branch};
use crate::transaction::{Purpose, TransactionId};

/// How often one call answers challenges: the second only when the first nonce was stale.
const MAX_CHALLENGES: u8 = 2;

impl UserAgent {
    pub(super) fn place_call(&mut self, request: InviteRequest) -> Result<SessionId, Refused> {
        let InviteRequest {
            call_id,
            from,
            to,
            request_uri,
            next_hop,
            sdp,
            login,
            headers,
        } = request;
        let limits = self.link.config.limits;
        let graphic = |b: u8| b.is_ascii_graphic();
        let names_ok = headers
            .iter()
            .all(|(name, _)| lex::is_token(name.as_bytes()));
        if call_id.is_empty() || !call_id.bytes().all(graphic) || !names_ok {
            return Err(Refused::Malformed);
        }
        let call_id = Bytes::from(call_id);
        if self.draining {
            return Err(Refused::Draining);
        }
        if self.outbound.contains_key(&call_id) {
            return Err(Refused::Duplicate);
        }
        if self.sessions.len() >= limits.sessions || self.transactions.len() >= limits.transactions
        {
            return Err(Refused::Full);
        }
        let path = match next_hop.transport {
            Transport::Udp => Path::Udp(next_hop.address),
            Transport::Tcp => {
                let connection = self.link.connection_to(next_hop.address);
                Path::Tcp(connection.ok_or(Refused::Full)?)
            }
        };
        let invite = Outgoing {
            method: Method::Invite,
            uri: request_uri,
            transport: next_hop.transport,
            branch: branch(&self.random.word()),
            from: address_value(&from, Some(&self.random.word())),
            to: address_value(&to, None),
            call_id: call_id.clone(),
            cseq: 1,
            routes: Vec::new(),
            authorization: None,
            extra: headers,
            sdp,
        };
        Ok(self.start_call(call_id, invite, path, login))
    }

    fn start_call(
        &mut self,
        call_id: Bytes,
        invite: Outgoing,
        path: Path,
        login: Option<Login>,
    ) -> SessionId {
        // The id that insert_session will give; the transaction has to know it first.
        let id = SessionId(self.last_session + 1);
        let purpose = Purpose::Invite(id);
        let transaction =
            self.transactions
                .open_client(&mut self.link, invite.clone(), purpose, path);
        let calling = Box::new(Calling {
            transaction,
            invite,
            path,
            provisional: false,
            cancel: Cancel::No,
            challenges: 0,
        });
        let id = self.insert_session(Session {
            stage: Stage::Calling(calling),
            dialog: None,
            reinvite: None,
            unacknowledged: None,
            index: Index::Client(call_id),
            login,
        });
        let ringing = self.link.config.timers.ringing;
        self.link
            .set_timer(TimerKey::Session(id, SessionTimer::Ringing), ringing);
        id
    }

    /// A response to an INVITE of ours, not seen before.
    pub(super) fn on_invite_response(
        &mut self,
        id: SessionId,
        transaction: TransactionId,
        path: Path,
        invite: &Outgoing,
        response: &Response,
    ) {
        let status = response.status;
        if status.is_success() {
            self.on_answer(id, transaction, path, invite, response);
        } else if status.is_provisional() {
            self.on_provisional(id, response);
        } else if !self.retry_with_login(id, response) {
            let ending = Ending::Failed {
                status,
                reason: String::from_utf8_lossy(&response.reason).into_owned(),
                retry_after: response
                    .headers
                    .retry_after_seconds()
                    .map(|seconds| Duration::from_secs(u64::from(seconds))),
            };
            self.on_call_failed(id, ending);
        }
    }

    fn on_provisional(&mut self, id: SessionId, response: &Response) {
        let Some(calling) = self.calling(id) else {
            return;
        };
        calling.provisional = true;
        let wanted = calling.cancel;
        if let Cancel::Wanted(why) = wanted {
            self.send_cancel(id, why);
        }
        if wanted != Cancel::No || response.status == StatusCode::TRYING {
            return;
        }
        let content_type = response.headers.content_type();
        let event = match sdp_of(content_type.as_deref(), &response.body) {
            Some(sdp) => Event::EarlyMedia { sdp },
            None => Event::Ringing {
                status: response.status,
            },
        };
        self.link.event(id, event);
    }

    /// A 2xx with a To tag not seen before: the answer, or that of another fork.
    fn on_answer(
        &mut self,
        id: SessionId,
        transaction: TransactionId,
        path: Path,
        invite: &Outgoing,
        response: &Response,
    ) {
        let mut dialog = Dialog::of_client(invite, response, path);
        let (ack, ack_path) = dialog.ack(invite, &mut self.link, &mut self.random);
        let ack = ack.encode(&self.link.config);
        let tag = response.core.to.tag().cloned();
        self.transactions
            .acknowledge(&mut self.link, transaction, tag, ack_path, ack);
        let given_up = self.calling(id).map(|calling| calling.cancel.why());
        let Some(session) = self.sessions.get_mut(&id) else {
            // The session has ended; whoever answers now is sent away.
            self.send_bye(&mut dialog, None);
            return;
        };
        let login = session.login.clone();
        match given_up {
            None => self.send_bye(&mut dialog, login),
            Some(Some(why)) => {
                self.send_bye(&mut dialog, login);
                self.end_session(id, why.ending());
            }
            Some(None) => {
                self.dialogs.insert(dialog.key.clone(), id);
                session.dialog = Some(dialog);
                session.stage = Stage::Confirmed;
                let ringing = TimerKey::Session(id, SessionTimer::Ringing);
                self.link.schedule.clear(ringing);
                let content_type = response.headers.content_type();
                let sdp = sdp_of(content_type.as_deref(), &response.body).unwrap_or_default();
                self.link.event(id, Event::Answered { sdp });
            }
        }
    }

    /// Sends the INVITE again with credentials; false when that is not possible or was done.
    fn retry_with_login(&mut self, id: SessionId, response: &Response) -> bool {
        let cnonce = self.random.word();
        let next_branch = branch(&self.random.word());
        let Some(session) = self.sessions.get_mut(&id) else {
            return false;
        };
        let (Stage::Calling(calling), Some(login)) = (&mut session.stage, &session.login) else {
            return false;
        };
        let invite = &calling.invite;
        let mut uri = Vec::new();
        invite.uri.write(&mut uri, false);
        let answer = answer_challenge(response, login, &Method::Invite, &uri, &cnonce);
        let Some((header, value, stale)) = answer else {
            return false;
        };
        let allowed = calling.challenges == 0 || (stale && calling.challenges < MAX_CHALLENGES);
        if calling.cancel != Cancel::No || !allowed {
            return false;
        }
        let invite = Outgoing {
            branch: next_branch,
            cseq: invite.cseq + 1,
            authorization: Some((header, value)),
            ..invite.clone()
        };
        let path = calling.path;
        let purpose = Purpose::Invite(id);
        let transaction =
            self.transactions
                .open_client(&mut self.link, invite.clone(), purpose, path);
        calling.transaction = transaction;
        calling.invite = invite;
        calling.provisional = false;
        calling.challenges += 1;
        true
    }

    /// The call will not be answered. A call that was given up before ends as given up, unless
    /// the callee refused in the same moment.
    pub(super) fn on_call_failed(&mut self, id: SessionId, ending: Ending) {
        let Some(calling) = self.calling(id) else {
            return;
        };
        let agreed = match &ending {
            Ending::Failed { status, .. } => *status == StatusCode::REQUEST_TERMINATED,
            _ => true,
        };
        let ending = match calling.cancel.why() {
            Some(why) if agreed => why.ending(),
            _ => ending,
        };
        self.end_session(id, ending);
    }

    // === giving up ===

    pub(super) fn cancel(&mut self, id: SessionId) {
        self.give_up(id, GivenUp::ByApplication);
    }

    pub(super) fn give_up_ringing(&mut self, id: SessionId) {
        self.give_up(id, GivenUp::RangTooLong);
    }

    fn give_up(&mut self, id: SessionId, why: GivenUp) {
        let Some(calling) = self.calling(id) else {
            return;
        };
        if calling.cancel != Cancel::No {
            return;
        }
        calling.cancel = Cancel::Wanted(why);
        if calling.provisional {
            self.send_cancel(id, why);
        }
    }

    fn send_cancel(&mut self, id: SessionId, why: GivenUp) {
        let Some(calling) = self.calling(id) else {
            return;
        };
        calling.cancel = Cancel::Sent(why);
        let (cancel, path) = (calling.invite.cancel(), calling.path);
        self.transactions
            .open_client(&mut self.link, cancel, Purpose::Cancel, path);
        let patience = self.link.config.timers.t1 * 64;
        let timer = TimerKey::Session(id, SessionTimer::CancelUnanswered);
        self.link.set_timer(timer, patience);
    }

    pub(super) fn on_cancel_unanswered(&mut self, id: SessionId) {
        let Some(calling) = self.calling(id) else {
            return;
        };
        let transaction = calling.transaction;
        let ending = calling.cancel.why().map(GivenUp::ending);
        self.transactions.abandon(&mut self.link, transaction);
        self.end_session(id, ending.unwrap_or(Ending::Timeout));
    }

    fn calling(&mut self, id: SessionId) -> Option<&mut Calling> {
        match &mut self.sessions.get_mut(&id)?.stage {
            Stage::Calling(calling) => Some(calling),
            Stage::Incoming(_) | Stage::Confirmed | Stage::Closing => None,
        }
    }
}

impl GivenUp {
    const fn ending(self) -> Ending {
        match self {
            Self::ByApplication => Ending::Cancelled,
            Self::RangTooLong => Ending::Timeout,
        }
    }
}

/// The value of From or To in our first request.
fn address_value(address: &NameAddr, tag: Option<&str>) -> Bytes {
    let mut value = Vec::new();
    address.write_address(&mut value);
    if let Some(tag) = tag {
        value.extend_from_slice(format!(";tag={tag}").as_bytes());
    }
    Bytes::from(value)
}
