//! Whether a provider is there.

use std::time::Duration;

use callplane_providers::{Egress, Endpoint, HttpClient, ModelError, Probed, Slow, probe};

use crate::server::{Act, Server, loopback, send};

const PATIENCE: Duration = Duration::from_secs(1);

async fn probed(http: &HttpClient, base_url: &str) -> Result<(), ModelError> {
    probed_as(Probed::Models, http, base_url).await
}

async fn probed_as(probed: Probed, http: &HttpClient, base_url: &str) -> Result<(), ModelError> {
    let endpoint = Endpoint::new(base_url, Some("sk-secret")).unwrap();
    probe(http, &endpoint, probed, PATIENCE).await
}

fn answer(status: &str) -> Vec<Act> {
    vec![send(format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\n\r\n"
    ))]
}

#[tokio::test]
async fn a_server_that_lists_models_or_does_not_know_how_is_there() {
    for status in [
        "200 OK",
        "404 Not Found",
        "405 Method Not Allowed",
        "429 Too Many Requests",
    ] {
        let mut server = Server::start(answer(status)).await;
        assert_eq!(probed(&loopback(), &server.base_url).await, Ok(()));
        let (head, body) = server.text().await;
        assert!(head.starts_with("GET /v1/models HTTP/1.1"), "{head}");
        let head = head.to_ascii_lowercase();
        assert!(head.contains("authorization: bearer sk-secret"), "{head}");
        assert_eq!(body, "");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_or_refuses_the_key_is_told_apart() {
    for (script, expected) in [
        (
            answer("401 Unauthorized"),
            ModelError::Unauthorized { status: 401 },
        ),
        (
            answer("403 Forbidden"),
            ModelError::Unauthorized { status: 403 },
        ),
        (
            answer("502 Bad Gateway"),
            ModelError::Unavailable { status: 502 },
        ),
        (
            answer("301 Moved\r\nLocation: http://127.0.0.1:9/"),
            ModelError::Refused {
                status: 301,
                reason: String::new(),
            },
        ),
        (vec![Act::Hang], ModelError::TooSlow(Slow::First)),
    ] {
        let server = Server::start(script).await;
        assert_eq!(probed(&loopback(), &server.base_url).await, Err(expected));
    }
    let nobody = probed(&loopback(), "http://127.0.0.1:1/v1").await;
    assert_eq!(nobody, Err(ModelError::Connection));
}

#[tokio::test]
async fn what_is_not_public_is_not_connected_to_by_whatever_name() {
    let mut server = Server::start(answer("200 OK")).await;
    let closed = HttpClient::new(Egress::default()).unwrap();
    let by_name = server.base_url.replace("127.0.0.1", "localhost");
    let mapped = server.base_url.replace("127.0.0.1", "[::ffff:127.0.0.1]");
    for url in [&server.base_url, &by_name, &mapped] {
        assert_eq!(probed(&closed, url).await, Err(ModelError::Forbidden));
    }
    // It was there all the time.
    assert_eq!(probed(&loopback(), &by_name).await, Ok(()));
    server.text().await;
    assert!(server.is_idle());
}

#[tokio::test]
async fn an_endpoint_of_tools_is_there_whatever_it_has_at_its_root() {
    for (status, is_there) in [
        ("200 OK", true),
        ("302 Found", true),
        ("403 Forbidden", true),
        ("404 Not Found", true),
        ("401 Unauthorized", false),
        ("503 Unavailable", false),
    ] {
        let mut server = Server::start(answer(status)).await;
        let there = probed_as(Probed::Root, &loopback(), &server.base_url).await;
        assert_eq!(there.is_ok(), is_there, "{status}: {there:?}");
        let (head, _) = server.text().await;
        assert!(head.starts_with("GET /v1/ HTTP/1.1"), "{head}");
    }
}
