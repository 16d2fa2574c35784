//! `POST /observe/{call}`: a supervisor joins a running call, by WHIP as a caller does.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use callplane_call::CannotObserve;
use callplane_keys::ObserverClaims;

use super::Whip;
use super::problem::Problem;
use super::session::{self, Session};
use super::start::{Begun, RETRY_AFTER, created, lost, offer, spent};
use super::tokens::authorize_observer;
use crate::calls::{ObserverRefusal, join_call, retry_when_overloaded};

pub(super) async fn join(
    State(whip): State<Arc<Whip>>,
    Path(call): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let claims = authorize_observer(&whip.node, &headers, &call)?;
    let offer = offer(&headers, &body)?;
    let path = format!("/observe/{}", claims.call);
    // In a task of its own: whoever asked may be gone before the answer, and nobody then comes to the place.
    let begun = tokio::spawn(begin(Arc::clone(&whip), claims, offer)).await;
    let begun = begun.map_err(|_| lost())??;
    Ok(created(&whip, &path, begun).await)
}

async fn begin(whip: Arc<Whip>, claims: ObserverClaims, offer: String) -> Result<Begun, Problem> {
    let node = &whip.node;
    let entry = whip
        .sessions
        .enter_as_observer(&claims, node.clock.wall())
        .map_err(spent)?;
    let joined = Box::pin(join_call(node, &whip.identity, &claims, &offer))
        .await
        .map_err(|refusal| refused(&refusal))?;
    let etag = session::etag(&joined.ufrag);
    let entry = entry.open(Session {
        input: joined.input,
        call: joined.call,
        live: joined.live,
        ufrag: joined.ufrag,
        offer: joined.offer,
    });
    let name = entry.name().to_owned();
    let stay = joined.stay;
    node.tasks.spawn(async move {
        stay.over().await;
        // With it goes what its Location names.
        drop(entry);
    });
    Ok(Begun {
        sdp: joined.sdp,
        etag,
        name,
    })
}

fn refused(refusal: &ObserverRefusal) -> Problem {
    use CannotObserve::{Full, NotConnected, Over};
    let status = match refusal {
        ObserverRefusal::Offer(_) => StatusCode::BAD_REQUEST,
        ObserverRefusal::NotRunning | ObserverRefusal::Call(Over) => StatusCode::NOT_FOUND,
        ObserverRefusal::Call(NotConnected | Full) => StatusCode::CONFLICT,
        ObserverRefusal::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
    };
    let problem = Problem::new(status, refusal.to_string());
    match refusal {
        ObserverRefusal::Overloaded => problem.retry_after(retry_when_overloaded()),
        ObserverRefusal::Call(NotConnected) => problem.retry_after(RETRY_AFTER),
        _ => problem,
    }
}
