//! The control API: loopback in the pod, reached by port-forward. JSON, CSV for lists, WAV for
//! recordings, pcap for captures.
//!
//! It has no login of its own: who can reach a pod's loopback has been let in by Kubernetes.

mod calls;
mod campaigns;
mod csv;
mod error;
mod observers;
mod recording;
mod tokens;
mod trace;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::node::Node;
use error::ApiError;

/// The largest list that is taken at once: some hundred thousand recipients.
const MAX_BODY: usize = 32 * 1024 * 1024;

/// The server, bound and not yet serving.
pub(crate) struct ControlServer {
    listener: TcpListener,
    router: Router,
}

impl ControlServer {
    pub(crate) async fn bind(address: SocketAddr, node: Arc<Node>) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(address).await.with_context(|| {
            format!("failed to listen on {address} for the control API: choose another CALLPLANE_CONTROL")
        })?;
        let router = Router::new()
            .route("/v1/calls", get(calls::list))
            .route("/v1/calls/{id}", get(calls::show))
            .route(
                "/v1/calls/{id}/recording",
                get(recording::show).post(recording::act),
            )
            .route("/v1/calls/{id}/trace", get(trace::show))
            .route("/v1/calls/{id}/capture", post(trace::capture))
            .route("/v1/calls/{id}/observers", post(observers::mint))
            .route("/v1/campaigns/{name}", get(campaigns::show))
            .route(
                "/v1/campaigns/{name}/recipients",
                post(campaigns::import_recipients),
            )
            .route("/v1/tokens", post(tokens::mint))
            .route("/v1/dnc/{list}", post(campaigns::import_dnc))
            .fallback(|| async { ApiError::not_found("there is no such path") })
            .layer(DefaultBodyLimit::max(MAX_BODY))
            .with_state(node);
        Ok(Self { listener, router })
    }

    pub(crate) fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    pub(crate) async fn serve(self, stop: CancellationToken) {
        let served = axum::serve(self.listener, self.router)
            .with_graceful_shutdown(stop.cancelled_owned())
            .await;
        if let Err(error) = served {
            tracing::error!(%error, "failed to serve the control API");
        }
    }
}
