//! WHIP (RFC 9725): how a browser starts a call, or joins one, changes its way in, and ends it.
//!
//! | request | answer |
//! |---|---|
//! | `OPTIONS /whip/{agent}`, a token | 204: `Link` with the ICE servers |
//! | `POST /whip/{agent}`, an offer and a token | 201: answer, `Location`, `ETag`, `Link` with the ICE servers |
//! | `PATCH Location`, a fragment of SDP | 204, or 200 with our fragment where ICE restarts |
//! | `PATCH Location`, an offer | 200 with the answer |
//! | `DELETE Location` | 200; the call ends |
//! | `GET Location/events` | 200; what happens in it, see `events` |
//! | `OPTIONS`, `POST /observe/{call}` | the same for a supervisor, who joins a running call and leaves it |
//! | `GET /`, `/call/{agent}`, `/observe/{call}` | 200; a page that calls, or joins a call, see `page` |
//!
//! A token starts calls, or joins one. What a call is at its `Location`, a name of 128 random bits, may be done by
//! whoever has it: the token has expired by then. The port is open to the world, so connections, the time that
//! a request takes, bodies, wrong requests and calls of a token are bounded, and what is wrong is said as RFC
//! 9457 says it. TLS is ended by an ingress before it.

mod connections;
mod door;
mod events;
mod limits;
mod observe;
mod page;
mod problem;
mod session;
mod start;
mod tokens;
mod turn;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use callplane_webrtc::Identity;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::node::Node;
use connections::Connections;
use door::{Door, Patience, read_whole};
use limits::Limits;
use problem::Problem;
use session::Sessions;
use tokens::{authorize, authorize_observer};
use turn::IceServers;

/// Longest body: an offer.
const MAX_BODY: usize = callplane_webrtc::MAX_OFFER;

/// What the handlers share.
struct Whip {
    node: Arc<Node>,
    identity: Identity,
    sessions: Arc<Sessions>,
    limits: Limits,
    servers: IceServers,
}

/// The server, bound and not yet serving.
pub(crate) struct WhipServer {
    listener: TcpListener,
    door: Door,
}

impl WhipServer {
    pub(crate) async fn bind(address: SocketAddr, node: Arc<Node>) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(address).await.with_context(|| {
            format!("failed to listen on {address} for WHIP: choose another CALLPLANE_WHIP")
        })?;
        let refused = node.metrics.whip_connections_refused.clone();
        let connections = Connections::new(node.config.whip_connections.get());
        let identity = Identity::generate().context("failed to make the certificate of WebRTC")?;
        let whip = Arc::new(Whip {
            servers: IceServers::new(
                node.config.ice_servers.clone(),
                node.config.turn_secret_file.clone(),
            ),
            node,
            identity,
            sessions: Arc::default(),
            limits: Limits::default(),
        });
        let router = Router::new()
            .route("/whip/{agent}", post(start::start).options(options))
            .route(
                "/whip/{agent}/{session}",
                axum::routing::patch(session::change)
                    .delete(session::end)
                    .options(preflight),
            )
            .route("/whip/{agent}/{session}/events", get(events::events))
            .route(
                "/observe/{call}",
                get(page::page)
                    .post(observe::join)
                    .options(observer_options),
            )
            .route(
                "/observe/{call}/{session}",
                axum::routing::patch(session::change)
                    .delete(session::end)
                    .options(preflight),
            )
            .route("/observe/{call}/{session}/events", get(events::events))
            .merge(page::router())
            .fallback(|| async { Problem::new(StatusCode::NOT_FOUND, "there is no such path") })
            .method_not_allowed_fallback(|| async {
                Problem::new(
                    StatusCode::METHOD_NOT_ALLOWED,
                    "POST an offer to /whip/AGENT; PATCH or DELETE what its Location names; GET /call/AGENT \
                     for a page that does",
                )
            })
            .layer(from_fn(|place, request, next| {
                read_whole(MAX_BODY, Patience::USUAL, place, request, next)
            }))
            .layer(from_fn_with_state(Arc::clone(&whip), bound))
            .layer(from_fn(open_to_pages))
            .with_state(whip);
        let door = Door {
            router,
            connections,
            patience: Patience::USUAL,
            refused,
        };
        Ok(Self { listener, door })
    }

    pub(crate) fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    pub(crate) async fn serve(self, stop: CancellationToken) {
        self.door.serve(self.listener, stop).await;
    }
}

/// Refuses whoever is wrong too often. Who is right is not kept out by others, who may have the same address
/// behind an ingress: a token and what it began are bounded by themselves.
async fn bound(
    State(whip): State<Arc<Whip>>,
    axum::extract::ConnectInfo(from): axum::extract::ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    let response = next.run(request).await;
    let is_wrong = matches!(
        response.status(),
        StatusCode::UNAUTHORIZED | StatusCode::NOT_FOUND
    );
    if !is_wrong || whip.limits.allows(from.ip(), whip.node.clock.now()) {
        return response;
    }
    whip.node.metrics.rejected("rate");
    Problem::new(
        StatusCode::TOO_MANY_REQUESTS,
        "too many requests from this address: wait ten seconds",
    )
    .retry_after(limits::WINDOW)
    .into_response()
}

/// Pages of any origin may call: what lets them is the token, and no cookie.
async fn open_to_pages(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_ORIGIN,
        HeaderValue::from_static("*"),
    );
    headers.insert(
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("Location, ETag, Link, Retry-After, Accept-Patch"),
    );
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

/// The preflight request, and with a token what the servers are: for who cannot be told after the offer (RFC 9725
/// section 4.6).
async fn options(
    State(whip): State<Arc<Whip>>,
    Path(agent): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if headers.contains_key(header::AUTHORIZATION) {
        authorize(&whip.node, &headers, &agent)?;
        return Ok(with_servers(&whip).await);
    }
    Ok(preflight().await.into_response())
}

/// The same for who joins a call.
async fn observer_options(
    State(whip): State<Arc<Whip>>,
    Path(call): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if headers.contains_key(header::AUTHORIZATION) {
        authorize_observer(&whip.node, &headers, &call)?;
        return Ok(with_servers(&whip).await);
    }
    Ok(preflight().await.into_response())
}

async fn with_servers(whip: &Whip) -> Response {
    let mut response = preflight().await.into_response();
    let links = whip.servers.links(whip.node.clock.wall()).await;
    for link in links {
        response.headers_mut().append(header::LINK, link);
    }
    response
}

/// What a page may send (the preflight request of Fetch), and what is taken here.
async fn preflight() -> impl IntoResponse {
    (
        StatusCode::NO_CONTENT,
        [
            (
                header::ACCESS_CONTROL_ALLOW_METHODS,
                "POST, PATCH, DELETE, OPTIONS",
            ),
            (
                header::ACCESS_CONTROL_ALLOW_HEADERS,
                "Authorization, Content-Type, If-Match",
            ),
            (header::ACCESS_CONTROL_MAX_AGE, "86400"),
            (header::HeaderName::from_static("accept-post"), start::SDP),
        ],
    )
}
