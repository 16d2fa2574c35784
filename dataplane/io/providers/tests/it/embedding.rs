//! OpenAI's protocol of embeddings.

use std::time::Duration;

use callplane_providers::{
    Egress, Embedder, EmbeddingConfig, Endpoint, HttpClient, ModelError, Slow,
};
use serde_json::json;

use crate::server::{Act, Server, loopback, send};

fn embedder(http: &HttpClient, base_url: &str) -> Embedder {
    let config = EmbeddingConfig {
        endpoint: Endpoint::new(base_url, Some("sk-secret")).unwrap(),
        model: "all-minilm-l6-v2".to_owned(),
        timeout: Duration::from_secs(1),
    };
    Embedder::new(http, config)
}

fn answer(status: &str, body: &str) -> Vec<Act> {
    let length = body.len();
    vec![send(format!(
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    ))]
}

async fn embedded(script: Vec<Act>) -> Result<Vec<Vec<f32>>, ModelError> {
    let server = Server::start(script).await;
    let embedder = embedder(&loopback(), &server.base_url);
    embedder.embed(&["opening hours", "prices"]).await
}

#[tokio::test]
async fn texts_are_sent_together_and_their_vectors_come_back_in_order() {
    let body = r#"{"object":"list","model":"m","usage":{"prompt_tokens":4,"total_tokens":4},"data":[
        {"object":"embedding","index":1,"embedding":[0.25,-0.5]},
        {"object":"embedding","index":0,"embedding":[1,0.125]}]}"#;
    let mut server = Server::start(answer("200 OK", body)).await;
    let embedder = embedder(&loopback(), &server.base_url);
    let vectors = embedder.embed(&["opening hours", "prices"]).await;
    assert_eq!(vectors, Ok(vec![vec![1.0, 0.125], vec![0.25, -0.5]]));
    let (head, body) = server.request().await;
    assert!(head.starts_with("POST /v1/embeddings HTTP/1.1"), "{head}");
    let head = head.to_ascii_lowercase();
    assert!(head.contains("authorization: bearer sk-secret"), "{head}");
    assert!(head.contains("content-type: application/json"), "{head}");
    assert_eq!(
        body,
        json!({
            "model": "all-minilm-l6-v2",
            "input": ["opening hours", "prices"],
            "encoding_format": "float",
        })
    );
    assert_eq!(embedder.embed(&[]).await, Ok(Vec::new()));
    assert!(server.is_idle());
}

#[tokio::test]
async fn what_is_not_a_vector_for_each_text_is_told_apart() {
    let endless = " ".repeat(600_000);
    let one = r#"{"data":[{"index":0,"embedding":[1,2]}]}"#;
    let not_a_number =
        r#"{"data":[{"index":0,"embedding":[1,2]},{"index":1,"embedding":[NaN,1]}]}"#;
    let infinite = not_a_number.replace("NaN", "1e39");
    let uneven = not_a_number.replace("NaN,", "");
    let cut = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"data\":";
    let refused = r#"{"error":{"message":"no such model"}}"#;
    for (script, expected) in [
        (
            answer("401 Unauthorized", ""),
            ModelError::Unauthorized { status: 401 },
        ),
        (
            answer("404 Not Found", refused),
            ModelError::Refused {
                status: 404,
                reason: "no such model".to_owned(),
            },
        ),
        (
            vec![send(
                "HTTP/1.1 429 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n",
            )],
            ModelError::Busy {
                retry_after: Some(Duration::from_secs(7)),
            },
        ),
        (
            answer("500 Internal Server Error", "<html>"),
            ModelError::Unavailable { status: 500 },
        ),
        (
            answer("200 OK", one),
            ModelError::Protocol("it lacks embeddings"),
        ),
        (
            answer("200 OK", not_a_number),
            ModelError::Protocol("it is no JSON with embeddings"),
        ),
        (
            answer("200 OK", &infinite),
            ModelError::Protocol("it is no JSON with embeddings"),
        ),
        (
            answer("200 OK", &uneven),
            ModelError::Protocol("its embeddings differ in length"),
        ),
        (answer("200 OK", &endless), ModelError::TooLong),
        (vec![send(cut)], ModelError::Cut),
        (vec![send(cut), Act::Hang], ModelError::TooSlow(Slow::Total)),
        (vec![Act::Hang], ModelError::TooSlow(Slow::First)),
    ] {
        assert_eq!(embedded(script).await, Err(expected));
    }
    let nobody = embedder(&loopback(), "http://127.0.0.1:1/v1");
    assert_eq!(nobody.embed(&["a"]).await, Err(ModelError::Connection));
}

#[tokio::test]
async fn what_is_not_public_is_not_asked() {
    let server = Server::start(answer("200 OK", "{}")).await;
    let closed = HttpClient::new(Egress::default()).unwrap();
    let embedder = embedder(&closed, &server.base_url);
    assert_eq!(embedder.embed(&["a"]).await, Err(ModelError::Forbidden));
    assert!(server.is_idle());
}
