//! `POST /whip/{agent}`: a call begins (RFC 9725 section 4.2).

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use callplane_keys::CallClaims;

use super::problem::Problem;
use super::session::{self, Refused, Session};
use super::tokens::authorize;
use super::{Whip, events};
use crate::calls::{BrowserRefusal, answer_browser, retry_when_overloaded};
use crate::routing::LoadedProgram;

/// The type of offers and answers.
pub(super) const SDP: &str = "application/sdp";
/// What a browser is asked to wait when there is no room.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(5);

pub(super) async fn start(
    State(whip): State<Arc<Whip>>,
    Path(agent): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let node = &whip.node;
    let claims = authorize(node, &headers, &agent).inspect_err(|_| {
        node.metrics.rejected("token");
    })?;
    let offer = offer(&headers, &body)?;
    let program = node.directory().agent(&agent).ok_or_else(|| {
        Problem::new(
            StatusCode::NOT_FOUND,
            format!("there is no agent {agent}, or it is not ready: see `kubectl get agents`"),
        )
    })?;
    // In a task of its own: whoever asked may be gone before the answer, and the call then ends as any other whose
    // caller never came, with its record and what was reserved for it.
    let begun = tokio::spawn(begin(Arc::clone(&whip), claims, program, offer)).await;
    let begun = begun.map_err(|_| lost())??;
    Ok(created(&whip, &format!("/whip/{agent}"), begun).await)
}

/// What began ended at once by a fault of ours.
pub(super) fn lost() -> Problem {
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "the call could not be begun; the log of the media node says why",
    )
}

/// What the answer says of a session that began.
pub(super) struct Begun {
    pub(super) sdp: String,
    pub(super) etag: HeaderValue,
    pub(super) name: String,
}

/// The 201 to an offer that was sent to `path`.
pub(super) async fn created(whip: &Whip, path: &str, begun: Begun) -> Response {
    let Begun { sdp, etag, name } = begun;
    let links = whip.servers.links(whip.node.clock.wall()).await;
    let location = format!("{path}/{name}");
    let mut response = (StatusCode::CREATED, sdp).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(SDP));
    headers.insert(header::ETAG, etag);
    if let Ok(location) = HeaderValue::from_str(&location) {
        headers.insert(header::LOCATION, location);
    }
    headers.insert(
        header::HeaderName::from_static("accept-patch"),
        HeaderValue::from_static(session::FRAGMENT),
    );
    if let Some(link) = events::link(&location) {
        headers.append(header::LINK, link);
    }
    for link in links {
        headers.append(header::LINK, link);
    }
    response
}

/// What a token that does nothing more is answered with.
pub(super) fn spent(refused: Refused) -> Problem {
    match refused {
        Refused::Used => Problem::new(StatusCode::UNAUTHORIZED, refused.to_string()),
        Refused::TooMany => Problem::new(StatusCode::TOO_MANY_REQUESTS, refused.to_string())
            .retry_after(RETRY_AFTER),
    }
}

async fn begin(
    whip: Arc<Whip>,
    claims: CallClaims,
    program: Arc<LoadedProgram>,
    offer: String,
) -> Result<Begun, Problem> {
    let node = &whip.node;
    let entry = whip
        .sessions
        .enter(&claims, node.clock.wall())
        .map_err(|refused| {
            node.metrics.rejected("token");
            spent(refused)
        })?;
    let answered = Box::pin(answer_browser(
        node,
        &whip.identity,
        &claims,
        program,
        &offer,
    ))
    .await
    .map_err(|refusal| {
        node.metrics.rejected(refusal.reason());
        refused(&refusal)
    })?;
    let etag = session::etag(&answered.ufrag);
    let entry = entry.open(Session {
        call: answered.input.clone(),
        input: answered.input,
        live: answered.live,
        ufrag: answered.ufrag,
        offer: answered.offer,
    });
    let name = entry.name().to_owned();
    let conducting = answered.conducting;
    node.tasks.spawn(async move {
        conducting.run().await;
        // With it goes what its Location names.
        drop(entry);
    });
    Ok(Begun {
        sdp: answered.sdp,
        etag,
        name,
    })
}

/// The body of a request that has to be an offer.
pub(super) fn offer(headers: &HeaderMap, body: &[u8]) -> Result<String, Problem> {
    if !is_of_type(headers, SDP) {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "send the offer as `Content-Type: application/sdp`",
        ));
    }
    text(body)
}

/// A body as text.
pub(super) fn text(body: &[u8]) -> Result<String, Problem> {
    match std::str::from_utf8(body) {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "the body is no UTF-8",
        )),
    }
}

pub(super) fn is_of_type(headers: &HeaderMap, wanted: &str) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case(wanted))
}

fn refused(refusal: &BrowserRefusal) -> Problem {
    match refusal {
        BrowserRefusal::Offer(error) => Problem::new(StatusCode::BAD_REQUEST, error.to_string()),
        BrowserRefusal::OutOfService => Problem::new(StatusCode::FORBIDDEN, refusal.to_string()),
        BrowserRefusal::Overloaded => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, refusal.to_string())
                .retry_after(retry_when_overloaded())
        }
        refusal => Problem::new(StatusCode::SERVICE_UNAVAILABLE, refusal.to_string())
            .retry_after(RETRY_AFTER),
    }
}
