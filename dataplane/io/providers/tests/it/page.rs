//! Pages of servers that are what they should be, and of those that are not.

use std::time::Duration;

use callplane_providers::{Egress, HttpClient, Page, PageError, fetch_page};

use crate::server::{Act, Server, loopback, send};

const LIMIT: usize = 100_000;
const PATIENCE: Duration = Duration::from_secs(5);

fn answer(status: &str, headers: &str, body: &str) -> Vec<Act> {
    vec![send(format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    ))]
}

async fn fetched(script: Vec<Act>) -> Result<Page, PageError> {
    let server = Server::start(script).await;
    fetch_page(&loopback(), &server.base_url, LIMIT, PATIENCE).await
}

#[tokio::test]
async fn a_page_comes_with_what_its_server_says_of_it_and_nobody_is_told_who_asks() {
    let kind = "Content-Type: Text/HTML; boundary=x; Charset=\"iso-8859-1\"\r\n";
    let mut server = Server::start(answer("200 OK", kind, "<p>Tea")).await;
    let url = format!("{}/tea?cup=2", server.base_url);
    let page = fetch_page(&loopback(), &url, LIMIT, PATIENCE)
        .await
        .unwrap();
    assert_eq!(page.octets, b"<p>Tea");
    assert_eq!(page.media_type.as_deref(), Some("text/html"));
    assert_eq!(page.charset.as_deref(), Some("iso-8859-1"));
    let (head, _) = server.text().await;
    assert!(head.starts_with("GET /v1/tea?cup=2 HTTP/1.1"), "{head}");
    let head = head.to_ascii_lowercase();
    assert!(
        !head.contains("authorization") && !head.contains("cookie"),
        "{head}"
    );
}

#[tokio::test]
async fn redirects_are_not_followed_and_refusals_are_told() {
    // It leads to where nothing may go.
    let moved = answer("302 Found", "Location: http://169.254.169.254/\r\n", "");
    assert_eq!(fetched(moved).await, Err(PageError::Redirect));
    for (status, code, may_pass) in [
        ("404 Not Found", 404, false),
        ("403 Forbidden", 403, false),
        ("429 Too Many Requests", 429, true),
        ("503 Service Unavailable", 503, true),
    ] {
        let error = fetched(answer(status, "", "no")).await.unwrap_err();
        assert_eq!(error, PageError::Status(code));
        assert_eq!(error.may_pass(), may_pass, "{status}");
    }
}

#[tokio::test]
async fn addresses_of_other_networks_are_not_connected_to() {
    let server = Server::start(answer("200 OK", "", "inside")).await;
    let public = HttpClient::new(Egress::default()).unwrap();
    let port = server.base_url.rsplit(':').next().unwrap();
    for host in [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "0x7f000001",
        "[::ffff:127.0.0.1]",
    ] {
        let url = format!("http://{host}:{port}");
        let outcome = fetch_page(&public, &url, LIMIT, PATIENCE).await;
        assert_eq!(outcome, Err(PageError::Forbidden), "{url}");
    }
    assert!(server.is_idle());
    // The control: the same server, from where it may be.
    fetch_page(&loopback(), &server.base_url, LIMIT, PATIENCE)
        .await
        .unwrap();
    for url in [
        "ftp://acme.example/",
        "file:///etc/passwd",
        "https://me:secret@acme.example/",
        "no",
    ] {
        let outcome = fetch_page(&public, url, LIMIT, PATIENCE).await;
        assert_eq!(outcome, Err(PageError::Address), "{url}");
    }
}

#[tokio::test]
async fn bodies_without_end_that_are_too_long_slow_or_cut_are_given_up() {
    let endless: Vec<Act> = std::iter::once(send("HTTP/1.1 200 OK\r\n\r\n"))
        .chain((0..50).map(|_| send("x".repeat(10_000))))
        .chain([Act::Hang])
        .collect();
    assert_eq!(fetched(endless).await, Err(PageError::TooLong(LIMIT)));
    let announced = vec![
        send("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"),
        Act::Hang,
    ];
    assert_eq!(fetched(announced).await, Err(PageError::TooLong(LIMIT)));
    let cut = vec![send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")];
    assert_eq!(fetched(cut).await, Err(PageError::Cut));
    for script in [
        vec![Act::Hang],
        vec![
            send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"),
            Act::Hang,
        ],
    ] {
        let server = Server::start(script).await;
        let patience = Duration::from_millis(200);
        let outcome = fetch_page(&loopback(), &server.base_url, LIMIT, patience).await;
        assert_eq!(outcome, Err(PageError::TooSlow(patience)));
    }
}
