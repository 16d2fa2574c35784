//! Tokens that let a browser call an agent.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use callplane_keys::{CallClaims, CallTokens, KeyRing};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::calls::time;
use super::error::ApiError;
use crate::node::Node;

/// Variables of one token, and signs of one of them: a token goes into a header.
const MAX_VARIABLES: usize = 16;
const MAX_VALUE: usize = 200;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Wanted {
    agent: String,
    ttl_seconds: Option<u64>,
    #[serde(default)]
    single_use: bool,
    caller: Option<String>,
    #[serde(default)]
    variables: BTreeMap<String, String>,
}

/// `POST /v1/tokens`.
pub(super) async fn mint(
    State(node): State<Arc<Node>>,
    Json(wanted): Json<Wanted>,
) -> Result<Json<Value>, ApiError> {
    let (_, ring) = signing(&node)?;
    let Wanted {
        agent,
        ttl_seconds,
        single_use,
        caller,
        variables,
    } = wanted;
    check(&node, &agent, caller.as_deref(), &variables)?;
    let ttl = ttl_seconds.map_or(CallTokens::USUAL_TTL, Duration::from_secs);
    let issued_at = node.clock.wall();
    let claims = CallClaims {
        id: Uuid::now_v7(),
        agent,
        issued_at,
        expires_at: issued_at + ttl,
        single_use,
        caller,
        variables,
    };
    let token = CallTokens::new(&ring, node.tenant_id)
        .mint(&claims)
        .map_err(|error| ApiError::bad_request(error.to_string()))?;
    Ok(Json(json!({
        "token": token,
        "id": claims.id,
        "agent": claims.agent,
        "path": format!("/whip/{}", claims.agent),
        "expiresAt": time(claims.expires_at),
        "singleUse": claims.single_use,
    })))
}

/// Where browsers are served, and what their tokens are signed with.
pub(super) fn signing(node: &Node) -> Result<(SocketAddr, KeyRing), ApiError> {
    let whip = node.config.whip.ok_or_else(|| {
        ApiError::bad_request(
            "browsers are not served here: start the media nodes with CALLPLANE_WHIP",
        )
    })?;
    let ring = node.keys.ring().ok_or_else(|| {
        ApiError::bad_request(
            "the tenant has no data keys, and tokens are signed with them: give the operator a \
             key-encryption key",
        )
    })?;
    Ok((whip, ring))
}

fn check(
    node: &Node,
    agent: &str,
    caller: Option<&str>,
    variables: &BTreeMap<String, String>,
) -> Result<(), ApiError> {
    if node.directory().agent(agent).is_none() {
        return Err(ApiError::not_found(format!(
            "there is no agent {agent}, or it is not ready: see `kubectl get agents`"
        )));
    }
    let long = |text: &str| text.chars().count() > MAX_VALUE;
    let too_long = variables
        .iter()
        .any(|(name, value)| long(name) || long(value));
    match variables.len() > MAX_VARIABLES || too_long || caller.is_some_and(long) {
        true => Err(ApiError::bad_request(format!(
            "a token has at most {MAX_VARIABLES} variables, and each name and value at most \
             {MAX_VALUE} signs"
        ))),
        false => Ok(()),
    }
}
