//! The admin server over real sockets.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use callplane_telemetry::{AdminServer, Health, Verdict};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::sync::CancellationToken;

async fn fetch(address: SocketAddr, path: &str, accept: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn metrics_come_in_the_form_that_was_asked_for_and_readiness_follows_its_check() {
    let mut registry = Registry::with_prefix("callplane");
    let calls = Counter::<u64>::default();
    registry.register("calls", "Calls ended", calls.clone());
    calls.inc();
    let ready = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&ready);
    let health = Health::new().ready("caches", move || {
        if seen.load(Ordering::SeqCst) {
            Verdict::Pass
        } else {
            Verdict::Fail("empty".into())
        }
    });
    let server = AdminServer::bind(([127, 0, 0, 1], 0).into(), registry, health)
        .await
        .unwrap();
    let address = server.local_addr().unwrap();
    let stop = CancellationToken::new();
    let serving = tokio::spawn(server.serve(stop.clone()));

    let plain = fetch(address, "/metrics", "*/*").await;
    assert!(
        plain.contains("# TYPE callplane_calls_total counter\ncallplane_calls_total 1\n"),
        "{plain}"
    );
    let open = fetch(
        address,
        "/metrics",
        "application/openmetrics-text;version=1.0.0",
    )
    .await;
    assert!(
        open.contains("# TYPE callplane_calls counter\n") && open.contains("# EOF"),
        "{open}"
    );
    assert!(
        fetch(address, "/livez", "*/*")
            .await
            .starts_with("HTTP/1.1 200")
    );
    let not_ready = fetch(address, "/readyz", "*/*").await;
    assert!(not_ready.starts_with("HTTP/1.1 503") && not_ready.contains("caches failed: empty"));
    ready.store(true, Ordering::SeqCst);
    assert!(
        fetch(address, "/readyz", "*/*")
            .await
            .starts_with("HTTP/1.1 200")
    );

    stop.cancel();
    serving.await.unwrap().unwrap();
}
