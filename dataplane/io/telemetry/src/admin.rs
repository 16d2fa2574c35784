//! `/metrics`, `/livez` and `/readyz` of a daemon.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::exposition::{OPEN_METRICS, PLAIN_TEXT, plain_text};
use crate::health::{Health, Report};

/// Why the admin server could not run.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The address is taken or not ours.
    #[error("failed to listen on {address} for metrics and health: choose another address")]
    Bind {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The listener broke.
    #[error("failed to serve metrics and health")]
    Serve(#[source] std::io::Error),
}

/// The HTTP server of metrics and health, bound and not yet serving.
pub struct AdminServer {
    listener: TcpListener,
    router: Router,
}

struct Shared {
    registry: Registry,
    health: Health,
}

impl AdminServer {
    /// Binds `address`.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn bind(
        address: SocketAddr,
        registry: Registry,
        health: Health,
    ) -> Result<Self, AdminError> {
        let listener = TcpListener::bind(address)
            .await
            .map_err(|source| AdminError::Bind { address, source })?;
        let router = Router::new()
            .route("/metrics", get(metrics))
            .route("/livez", get(livez))
            .route("/readyz", get(readyz))
            .with_state(Arc::new(Shared { registry, health }));
        Ok(Self { listener, router })
    }

    /// The address, with the port that the system chose when 0 was asked for.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `shutdown` is cancelled.
    ///
    /// # Errors
    /// When the listener breaks.
    pub async fn serve(self, shutdown: CancellationToken) -> Result<(), AdminError> {
        axum::serve(self.listener, self.router)
            .with_graceful_shutdown(shutdown.cancelled_owned())
            .await
            .map_err(AdminError::Serve)
    }
}

async fn metrics(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let mut text = String::new();
    if prometheus_client::encoding::text::encode(&mut text, &shared.registry).is_err() {
        return (
            StatusCode::INTERNAL_SERVER_ERROR,
            "a metric failed to encode\n",
        )
            .into_response();
    }
    let wants_open_metrics = headers.get_all(header::ACCEPT).iter().any(|accept| {
        accept
            .to_str()
            .is_ok_and(|a| a.contains("application/openmetrics-text"))
    });
    if wants_open_metrics {
        ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response()
    } else {
        ([(header::CONTENT_TYPE, PLAIN_TEXT)], plain_text(&text)).into_response()
    }
}

async fn livez(State(shared): State<Arc<Shared>>) -> Response {
    answer(shared.health.report_live())
}

async fn readyz(State(shared): State<Arc<Shared>>) -> Response {
    answer(shared.health.report_ready())
}

fn answer(report: Report) -> Response {
    let status = if report.passed {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, report.text).into_response()
}
