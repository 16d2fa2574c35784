//! Tools that are requests of HTTP.

use std::time::{Duration, Instant};

use callplane_flow::{HttpMethod, HttpUse, PathTemplate};
use callplane_providers::{
    Egress, Endpoint, HttpClient, KeyHeader, ModelError, Slow, ToolCaller, ToolClient,
};
use serde_json::{Map, Value, json};

use crate::server::{Act, Server, loopback, send};

fn used(method: HttpMethod, path: &str) -> HttpUse {
    HttpUse {
        provider: "acme/booking".to_owned(),
        method,
        path: PathTemplate::parse(path).unwrap(),
        idempotent: false,
    }
}

fn caller() -> ToolCaller {
    ToolCaller {
        tenant: "tenant-1".to_owned(),
        call: "call-1".to_owned(),
        key: "call-1-7".to_owned(),
    }
}

fn object(json: Value) -> Map<String, Value> {
    match json {
        Value::Object(object) => object,
        other => panic!("{other}"),
    }
}

fn client(base_url: &str) -> ToolClient {
    let shown = KeyHeader::Named("X-Api-Key");
    let endpoint = Endpoint::with_key(base_url, shown, Some("sk-secret")).unwrap();
    ToolClient::new(&loopback(), endpoint)
}

fn answer(status: &str, headers: &str, body: &str) -> Vec<Act> {
    vec![send(format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    ))]
}

/// What is made of this answer.
async fn made_of(script: Vec<Act>) -> Result<String, ModelError> {
    let server = Server::start(script).await;
    let used = used(HttpMethod::Post, "book");
    let timeout = Duration::from_secs(1);
    let client = client(&server.base_url);
    client.call(&used, Map::new(), &caller(), timeout).await
}

const JSON: &str = "Content-Type: application/json\r\n";

#[tokio::test]
async fn arguments_are_in_the_path_the_query_and_the_body() {
    let mut server = Server::start(answer("200 OK", JSON, "{ \"free\": [9] }")).await;
    let client = client(&server.base_url);
    let timeout = Duration::from_secs(5);
    let arguments = object(json!({"room": "7 8", "day": "Monday & Tuesday", "hours": [9, 10]}));
    let look_up = used(HttpMethod::Get, "rooms/{room}/slots");
    let said = client
        .call(&look_up, arguments.clone(), &caller(), timeout)
        .await;
    assert_eq!(said.unwrap(), r#"{"free":[9]}"#);
    let (head, body) = server.text().await;
    assert!(
        head.starts_with(
            "GET /v1/rooms/7%208/slots?day=Monday+%26+Tuesday&hours=%5B9%2C10%5D HTTP/1.1"
        ),
        "{head}"
    );
    let head = head.to_ascii_lowercase();
    for header in [
        "x-api-key: sk-secret",
        "callplane-tenant: tenant-1",
        "callplane-call: call-1",
        "idempotency-key: call-1-7",
    ] {
        assert!(head.contains(header), "{head}");
    }
    assert!(!head.contains("authorization") && body.is_empty());

    let book = used(HttpMethod::Put, "rooms/{room}");
    client
        .call(&book, arguments, &caller(), timeout)
        .await
        .unwrap();
    let (head, body) = server.request().await;
    assert!(head.starts_with("PUT /v1/rooms/7%208 HTTP/1.1"), "{head}");
    assert_eq!(body, json!({"day": "Monday & Tuesday", "hours": [9, 10]}));
}

#[tokio::test]
async fn what_an_endpoint_says_of_the_arguments_is_for_the_model() {
    let said = |status, headers, body| made_of(answer(status, headers, body));
    assert_eq!(said("204 No Content", "", "").await.unwrap(), "done");
    assert_eq!(said("200 OK", "", "nine").await.unwrap(), "nine");
    assert_eq!(said("201 Created", "", "").await.unwrap(), "done");
    let taken = said("409 Conflict", JSON, r#"{"error": "taken"}"#).await;
    assert_eq!(
        taken.unwrap(),
        r#"refused with HTTP status 409: {"error":"taken"}"#
    );
    let long = "x".repeat(10_000);
    let cut = said("200 OK", "", &long).await.unwrap();
    assert!(cut.ends_with("[the rest is left out]") && cut.len() < 7_000);
    let refused = said("404 Not Found", "Content-Type: text/html\r\n", &long).await;
    assert!(refused.unwrap().len() < 600);
}

#[tokio::test]
async fn what_is_no_answer_is_an_error() {
    let image = answer("200 OK", "Content-Type: image/png\r\n", "x");
    let image = made_of(image).await.unwrap_err();
    assert!(matches!(image, ModelError::Protocol(_)));
    let large = made_of(answer("200 OK", JSON, &"x".repeat(300 * 1024))).await;
    assert_eq!(large, Err(ModelError::TooLong));
    let cut = vec![send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nnine")];
    assert_eq!(made_of(cut).await, Err(ModelError::Cut));
    for (status, error) in [
        ("401 Unauthorized", ModelError::Unauthorized { status: 401 }),
        ("500 Oops", ModelError::Unavailable { status: 500 }),
    ] {
        assert_eq!(made_of(answer(status, "", "")).await, Err(error));
    }
    // Not followed: it might lead anywhere.
    let elsewhere = answer("302 Found", "Location: http://127.0.0.1:1/\r\n", "");
    let moved = made_of(elsewhere).await.unwrap_err();
    assert!(matches!(moved, ModelError::Refused { status: 302, .. }));
    let begun = Instant::now();
    let hung = made_of(vec![Act::Hang]).await;
    assert_eq!(hung, Err(ModelError::TooSlow(Slow::Total)));
    let half = [send("HTTP/1.1 200 OK\r\n\r\nni"), Act::Hang];
    let half = made_of(half.to_vec()).await;
    assert_eq!(half, Err(ModelError::TooSlow(Slow::Total)));
    assert!(begun.elapsed() < Duration::from_secs(4));
}

#[tokio::test]
async fn a_request_is_sent_again_where_that_does_no_harm() {
    for (method, idempotent, times) in [
        (HttpMethod::Get, false, 3),
        (HttpMethod::Post, false, 1),
        (HttpMethod::Post, true, 3),
        (HttpMethod::Patch, false, 1),
    ] {
        let mut server = Server::start(answer("503 Busy", "", "")).await;
        let used = HttpUse {
            idempotent,
            ..used(method, "book")
        };
        let timeout = Duration::from_secs(5);
        let client = client(&server.base_url);
        let said = client.call(&used, Map::new(), &caller(), timeout).await;
        assert_eq!(said, Err(ModelError::Unavailable { status: 503 }));
        for _ in 0..times {
            let (head, _) = server.text().await;
            assert!(head.contains("idempotency-key: call-1-7"), "{head}");
        }
        assert!(server.is_idle(), "{method:?}");
    }
    // Not beyond its time, whatever the endpoint wishes.
    for wait in ["30", "18446744073709551615"] {
        let later = answer("429 Busy", &format!("Retry-After: {wait}\r\n"), "");
        let begun = Instant::now();
        let server = Server::start(later).await;
        let client = client(&server.base_url);
        let get = used(HttpMethod::Get, "slots");
        let timeout = Duration::from_secs(5);
        let said = client.call(&get, Map::new(), &caller(), timeout).await;
        assert!(matches!(said, Err(ModelError::Busy { .. })));
        assert!(begun.elapsed() < Duration::from_secs(2));
    }
}

#[tokio::test]
async fn nobody_is_connected_to_whose_address_is_not_public() {
    let server = Server::start(answer("200 OK", "", "")).await;
    let public: Egress = "".parse().unwrap();
    let http = HttpClient::new(public).unwrap();
    let port = server.base_url.rsplit(':').next().unwrap();
    for host in ["127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]"] {
        let endpoint = Endpoint::new(&format!("http://{host}:{port}"), None).unwrap();
        let client = ToolClient::new(&http, endpoint);
        let get = used(HttpMethod::Get, "slots");
        let timeout = Duration::from_secs(1);
        let said = client.call(&get, Map::new(), &caller(), timeout).await;
        assert_eq!(said, Err(ModelError::Forbidden), "{host}");
    }
    assert!(server.is_idle());
}

#[tokio::test]
async fn a_path_whose_argument_is_missing_is_not_requested() {
    let server = Server::start(answer("200 OK", "", "")).await;
    let client = client(&server.base_url);
    let get = used(HttpMethod::Get, "rooms/{room}");
    let timeout = Duration::from_secs(1);
    let said = client.call(&get, Map::new(), &caller(), timeout).await;
    assert!(matches!(said, Err(ModelError::Protocol(_))));
    assert!(server.is_idle());
}
