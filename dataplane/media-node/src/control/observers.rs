//! Tokens that let a supervisor join a running call from a browser.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use callplane_keys::{CallTokens, ObserverClaims};
use callplane_store::audit::{self, ActorKind, AuditAction, Entry};
use callplane_types::ObserverMode;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::calls::time;
use super::error::ApiError;
use super::tokens::signing;
use super::trace::call_of;
use crate::config::CapturePolicy;
use crate::node::Node;

/// Signs of a name.
const MAX_NAME: usize = 200;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Wanted {
    mode: ObserverMode,
    ttl_seconds: Option<u64>,
    /// Who wants to join, as far as they say.
    supervisor: Option<String>,
}

/// `POST /v1/calls/{id}/observers` with `{"mode": "listen" | "whisper" | "talk"}`: a token that lets one browser join
/// the call once, in that mode. The call must go on here.
///
/// **Each token stands in `audit_logs` before it is given out**, with whom it was given to as far as they say: who
/// reaches the node's loopback was let in by Kubernetes, and the node cannot know more.
pub(super) async fn mint(
    State(node): State<Arc<Node>>,
    Path(id): Path<String>,
    Json(wanted): Json<Wanted>,
) -> Result<Json<Value>, ApiError> {
    let call = call_of(&id)?;
    permitted(node.config.capture)?;
    let (whip, ring) = signing(&node)?;
    if node.live.get(call).is_none() {
        return Err(ApiError::not_found(
            "the call does not go on at this media node: a call is joined while it goes on",
        ));
    }
    let Wanted {
        mode,
        ttl_seconds,
        supervisor,
    } = wanted;
    let is_long = |name: &String| name.chars().count() > MAX_NAME;
    if supervisor.as_ref().is_some_and(is_long) {
        return Err(ApiError::bad_request(format!(
            "a name has at most {MAX_NAME} signs"
        )));
    }
    let ttl = ttl_seconds.map_or(CallTokens::USUAL_TTL, Duration::from_secs);
    let issued_at = node.clock.wall();
    let claims = ObserverClaims {
        id: Uuid::now_v7(),
        call,
        mode,
        issued_at,
        expires_at: issued_at + ttl,
    };
    let token = CallTokens::new(&ring, node.tenant_id)
        .mint_observer(&claims)
        .map_err(|error| ApiError::bad_request(error.to_string()))?;
    audit::add(&node.database, &entry(&claims, supervisor.as_deref())).await?;
    let origin = SocketAddr::new(node.address(), whip.port());
    let path = format!("/observe/{call}");
    Ok(Json(json!({
        "token": token, "id": claims.id, "call": call, "mode": mode.as_str(),
        "origin": format!("http://{origin}"), "path": path,
        "expiresAt": time(claims.expires_at), "singleUse": true,
    })))
}

fn permitted(policy: CapturePolicy) -> Result<(), ApiError> {
    match policy {
        CapturePolicy::Full => Ok(()),
        CapturePolicy::Masked | CapturePolicy::Disabled => Err(ApiError::forbidden(
            "calls may not be listened to here: spec.capture: Full of the MediaPool permits it, as it does captures \
             with sound",
        )),
    }
}

fn entry(claims: &ObserverClaims, supervisor: Option<&str>) -> Entry {
    let ObserverClaims {
        id,
        call,
        mode,
        issued_at: _,
        expires_at,
    } = claims;
    Entry {
        actor: ActorKind::MediaNode,
        member: None,
        action: AuditAction::KeyIssued,
        entity_type: "call_observer".to_owned(),
        entity_id: call.to_string(),
        before: None,
        after: Some(json!({
            "leg": id, "mode": mode.as_str(), "supervisor": supervisor,
            "expires_at": time(*expires_at),
        })),
        request_id: None,
    }
}
