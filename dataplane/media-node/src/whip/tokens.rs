//! Who may start a call, and who may join one.

use axum::http::{HeaderMap, StatusCode, header};
use callplane_keys::{CallClaims, CallTokenError, CallTokens, ObserverClaims};

use super::problem::Problem;
use crate::node::Node;

/// The claims of the token in the request, which must be for `agent`.
pub(super) fn authorize(
    node: &Node,
    headers: &HeaderMap,
    agent: &str,
) -> Result<CallClaims, Problem> {
    let now = node.clock.wall();
    let claims = shown(
        node,
        headers,
        "kubectl callplane token AGENT",
        |tokens, token| tokens.read(token, now),
    )?;
    match claims.agent == agent {
        true => Ok(claims),
        false => Err(Problem::new(
            StatusCode::FORBIDDEN,
            format!(
                "the token is for the agent {}: POST to /whip/{0}",
                claims.agent
            ),
        )),
    }
}

/// The claims of the token in the request, which must be for joining `call`.
pub(super) fn authorize_observer(
    node: &Node,
    headers: &HeaderMap,
    call: &str,
) -> Result<ObserverClaims, Problem> {
    let now = node.clock.wall();
    let claims = shown(
        node,
        headers,
        "kubectl callplane call join ID",
        |tokens, token| tokens.read_observer(token, now),
    )?;
    match call.parse() == Ok(claims.call) {
        true => Ok(claims),
        // Of a call that somebody may not join nothing is said.
        false => Err(Problem::new(
            StatusCode::FORBIDDEN,
            "the token is for another call",
        )),
    }
}

/// What `read` finds in the token of the request; `command` makes one.
fn shown<T>(
    node: &Node,
    headers: &HeaderMap,
    command: &str,
    read: impl FnOnce(&CallTokens<'_>, &str) -> Result<T, CallTokenError>,
) -> Result<T, Problem> {
    let unauthorized = |detail: String| Problem::new(StatusCode::UNAUTHORIZED, detail);
    let shown = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Bearer"));
    let Some((_, token)) = shown else {
        return Err(unauthorized(format!(
            "there is no token: mint one with `{command}` and send it as `Authorization: Bearer TOKEN`"
        )));
    };
    let Some(ring) = node.keys.ring() else {
        return Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "the tenant has no data keys, and without them no token can be checked",
        ));
    };
    read(&CallTokens::new(&ring, node.tenant_id), token.trim())
        .map_err(|error| unauthorized(error.to_string()))
}
