//! What a `Location` names: a call that a browser started, or a supervisor's place in one, until it ends.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use callplane_keys::{CallClaims, ObserverClaims};
use callplane_types::WallTime;
use callplane_webrtc::{Fragment, FragmentError, OfferError, Reoffer};
use uuid::Uuid;

use super::Whip;
use super::problem::Problem;
use super::start::{SDP, is_of_type, text};
use crate::calls::Live;
use crate::media::{MediaInput, Way};
use crate::node::random_bytes;

/// The type of what trickles in (RFC 8840).
pub(super) const FRAGMENT: &str = "application/trickle-ice-sdpfrag";
/// Calls that may go on at once that one token started.
const MAX_OF_TOKEN: u32 = 4;

/// The calls that browsers started at this node, and those that they joined.
#[derive(Default)]
pub(super) struct Sessions {
    state: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    open: HashMap<String, Session>,
    tokens: HashMap<Uuid, Token>,
}

#[derive(Clone)]
pub(super) struct Session {
    /// The way to the browser.
    pub(super) input: MediaInput,
    /// The way into the call.
    pub(super) call: MediaInput,
    /// What happens in the call.
    pub(super) live: Arc<Live>,
    pub(super) ufrag: String,
    /// What was offered last.
    pub(super) offer: Arc<str>,
}

/// A token that was shown.
struct Token {
    expires_at: WallTime,
    /// Calls that go on.
    calls: u32,
    used: bool,
}

/// Why a token starts no call.
#[derive(Debug, Clone, Copy, thiserror::Error)]
pub(super) enum Refused {
    #[error("the token starts or joins one call, and it did: mint a new one")]
    Used,
    #[error("as many calls as one token may start go on: end one, or mint another token")]
    TooMany,
}

/// A call that is being started. Dropped before it opens, the token is as if it had not been shown.
pub(super) struct Entry {
    sessions: Arc<Sessions>,
    token: Uuid,
    single_use: bool,
    /// What it counts, an [`Open`] counts now.
    opened: bool,
}

/// A call that goes on. Dropped, its `Location` names nothing any more.
pub(super) struct Open {
    sessions: Arc<Sessions>,
    token: Uuid,
    name: String,
}

impl Sessions {
    /// Counts a call of whoever showed these claims. A token that starts one call is used from here on.
    pub(super) fn enter(
        self: &Arc<Self>,
        claims: &CallClaims,
        now: WallTime,
    ) -> Result<Entry, Refused> {
        self.enter_with(claims.id, claims.expires_at, claims.single_use, now)
    }

    /// The same for who joins a call, which each token does once.
    pub(super) fn enter_as_observer(
        self: &Arc<Self>,
        claims: &ObserverClaims,
        now: WallTime,
    ) -> Result<Entry, Refused> {
        self.enter_with(claims.id, claims.expires_at, true, now)
    }

    fn enter_with(
        self: &Arc<Self>,
        id: Uuid,
        expires_at: WallTime,
        single_use: bool,
        now: WallTime,
    ) -> Result<Entry, Refused> {
        let mut known = self.lock();
        // Expired tokens are refused by their time; those whose calls go on are still counted.
        known
            .tokens
            .retain(|_, token| token.calls > 0 || token.expires_at > now);
        let token = known.tokens.entry(id).or_insert(Token {
            expires_at,
            calls: 0,
            used: false,
        });
        if single_use && token.used {
            return Err(Refused::Used);
        }
        if token.calls >= MAX_OF_TOKEN {
            return Err(Refused::TooMany);
        }
        token.calls += 1;
        token.used = true;
        Ok(Entry {
            sessions: Arc::clone(self),
            token: id,
            single_use,
            opened: false,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        // The maps are whole at every step, so a panic elsewhere is no harm.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, name: &str) -> Option<Session> {
        self.lock().open.get(name).cloned()
    }

    /// What follows a call, and the way into it.
    pub(super) fn live(&self, name: &str) -> Option<(Arc<Live>, MediaInput)> {
        let Session { live, call, .. } = self.find(name)?;
        Some((live, call))
    }

    fn renew(&self, name: &str, way: &Way) {
        if let Some(session) = self.lock().open.get_mut(name) {
            way.ufrag.clone_into(&mut session.ufrag);
            session.offer = Arc::clone(&way.offer);
        }
    }

    fn leave(&self, token: Uuid, forget_use: bool) {
        if let Some(token) = self.lock().tokens.get_mut(&token) {
            token.calls = token.calls.saturating_sub(1);
            token.used &= !forget_use;
        }
    }
}

impl Entry {
    /// The call is there.
    pub(super) fn open(mut self, session: Session) -> Open {
        let name = format!("{:032x}", u128::from_ne_bytes(random_bytes()));
        self.sessions.lock().open.insert(name.clone(), session);
        self.opened = true;
        Open {
            sessions: Arc::clone(&self.sessions),
            token: self.token,
            name,
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if !self.opened {
            self.sessions.leave(self.token, self.single_use);
        }
    }
}

impl Open {
    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.sessions.lock().open.remove(&self.name);
        self.sessions.leave(self.token, false);
    }
}

/// Names the gathering that a fragment belongs to (RFC 9725 section 4.3.1).
pub(super) fn etag(ufrag: &str) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{ufrag}\"")).unwrap_or(HeaderValue::from_static("\"\""))
}

pub(super) fn gone() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "there is no such call, or it is over",
    )
}

/// `DELETE Location`: the call ends, or the supervisor leaves it.
pub(super) async fn end(
    State(whip): State<Arc<Whip>>,
    Path((_, name)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let session = whip.sessions.find(&name).ok_or_else(gone)?;
    session.input.leave().await;
    Ok(StatusCode::OK)
}

/// `PATCH Location`: candidates, a restart of ICE, or another offer.
pub(super) async fn change(
    State(whip): State<Arc<Whip>>,
    Path((_, name)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let session = whip.sessions.find(&name).ok_or_else(gone)?;
    let is_offer = is_of_type(&headers, SDP);
    if !is_offer && !is_of_type(&headers, FRAGMENT) {
        let detail = "send candidates as `Content-Type: application/trickle-ice-sdpfrag`, another \
                      offer as application/sdp";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    check_match(&headers, &session.ufrag)?;
    let body = text(&body)?;
    let way = match is_offer {
        true => renegotiate(&whip, &session, &body).await?,
        false => trickle(&whip, &session, &body).await?,
    };
    whip.sessions.renew(&name, &way);
    let Some(answer) = way.answer else {
        return Ok(StatusCode::NO_CONTENT.into_response());
    };
    let mut response = (StatusCode::OK, answer).into_response();
    let kind = if is_offer { SDP } else { FRAGMENT };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::ETAG, etag(&way.ufrag));
    Ok(response)
}

/// Another offer. It is read and tried here, not on the thread that carries the call.
async fn renegotiate(whip: &Whip, session: &Session, body: &str) -> Result<Way, Problem> {
    let origin = whip.node.clock.origin();
    let refused = |error: OfferError| {
        let status = match error {
            OfferError::Outdated => StatusCode::PRECONDITION_FAILED,
            OfferError::Fatal(_) => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        };
        Problem::new(status, error.to_string())
    };
    let offer = Reoffer::read(&whip.identity, origin, &session.offer, body).map_err(refused)?;
    let changed = session.input.restart(offer).await.ok_or_else(gone)?;
    changed.map_err(refused)
}

/// Candidates, or a restart of ICE.
async fn trickle(whip: &Whip, session: &Session, body: &str) -> Result<Way, Problem> {
    let origin = whip.node.clock.origin();
    let refused = |error: FragmentError| {
        let status = match error {
            FragmentError::Outdated => StatusCode::PRECONDITION_FAILED,
            _ => StatusCode::BAD_REQUEST,
        };
        Problem::new(status, error.to_string())
    };
    let fragment = Fragment::parse(body)
        .and_then(|fragment| fragment.after(&whip.identity, origin, &session.offer))
        .map_err(refused)?;
    let changed = session.input.trickle(fragment).await.ok_or_else(gone)?;
    changed.map_err(refused)
}

/// A fragment of another gathering must not be taken for one of this (RFC 9725 section 4.3.1).
fn check_match(headers: &HeaderMap, ufrag: &str) -> Result<(), Problem> {
    let Some(wanted) = headers.get(header::IF_MATCH) else {
        return Err(Problem::new(
            StatusCode::PRECONDITION_REQUIRED,
            "send the ETag of the last answer as If-Match, or * to restart ICE",
        ));
    };
    match wanted == "*" || *wanted == etag(ufrag) {
        true => Ok(()),
        false => Err(Problem::new(
            StatusCode::PRECONDITION_FAILED,
            "ICE was restarted meanwhile: the ETag is another one",
        )),
    }
}
