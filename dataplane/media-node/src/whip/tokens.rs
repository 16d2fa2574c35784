//! Who may start a call.

use axum::http::{HeaderMap, StatusCode, header};
use callplane_keys::{CallClaims, CallTokens};

use super::problem::Problem;
use crate::node::Node;

/// The claims of the token in the request, which must be for `agent`.
pub(super) fn authorize(
    node: &Node,
    headers: &HeaderMap,
    agent: &str,
) -> Result<CallClaims, Problem> {
    let unauthorized = |detail: &str| Problem::new(StatusCode::UNAUTHORIZED, detail);
    let shown = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Bearer"));
    let Some((_, token)) = shown else {
        return Err(unauthorized(
            "there is no token: mint one with `kubectl callplane token AGENT` and send it as \
             `Authorization: Bearer TOKEN`",
        ));
    };
    let Some(ring) = node.keys.ring() else {
        return Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "the tenant has no data keys, and without them no token can be checked",
        ));
    };
    let claims = CallTokens::new(&ring, node.tenant_id)
        .read(token.trim(), node.clock.wall())
        .map_err(|error| unauthorized(&error.to_string()))?;
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
