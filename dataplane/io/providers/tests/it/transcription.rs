//! OpenAI's transcription protocol.

use std::time::Duration;

use callplane_providers::{Endpoint, ModelError, Slow, Transcriber, TranscriptionConfig};

use crate::server::{Act, Server, loopback, send};

fn transcriber(base_url: &str) -> Transcriber {
    let config = TranscriptionConfig {
        endpoint: Endpoint::new(base_url, Some("sk-secret")).unwrap(),
        model: "whisper-1".to_owned(),
        timeout: Duration::from_secs(1),
    };
    Transcriber::new(&loopback(), config)
}

fn answer(status: &str, body: &str) -> Vec<Act> {
    let length = body.len();
    vec![send(format!(
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    ))]
}

async fn transcribed(script: Vec<Act>) -> Result<Option<String>, ModelError> {
    let server = Server::start(script).await;
    let transcriber = transcriber(&server.base_url);
    transcriber.transcribe(b"RIFF", None, "b1").await
}

#[tokio::test]
async fn a_turn_is_sent_as_a_form_and_its_words_come_back() {
    let mut server = Server::start(answer("200 OK", r#"{"text":" On Monday. "}"#)).await;
    let words = transcriber(&server.base_url)
        .transcribe(b"RIFF\x00\xff", Some("en"), "b1")
        .await;
    assert_eq!(words, Ok(Some("On Monday.".to_owned())));
    let (head, body) = server.text().await;
    assert!(head.starts_with("POST /v1/audio/transcriptions HTTP/1.1"));
    let head = head.to_ascii_lowercase();
    assert!(head.contains("authorization: bearer sk-secret"));
    assert!(head.contains("content-type: multipart/form-data; boundary=b1"));
    for part in [
        "name=\"model\"\r\n\r\nwhisper-1\r\n",
        "name=\"response_format\"\r\n\r\njson\r\n",
        "name=\"language\"\r\n\r\nen\r\n",
        "name=\"file\"; filename=\"turn.wav\"\r\nContent-Type: audio/wav\r\n\r\nRIFF\0",
    ] {
        assert!(body.contains(part), "{part:?} in {body:?}");
    }
    assert!(body.ends_with("--b1--\r\n"));
}

#[tokio::test]
async fn what_is_no_transcription_is_told_apart() {
    let endless = "x".repeat(100_000);
    let cut = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"text\":";
    for (script, expected) in [
        (
            answer("401 Unauthorized", ""),
            ModelError::Unauthorized { status: 401 },
        ),
        (
            answer("429 Too Many Requests", ""),
            ModelError::Busy { retry_after: None },
        ),
        (
            answer("500 Internal Server Error", "<html>"),
            ModelError::Unavailable { status: 500 },
        ),
        (answer("200 OK", &endless), ModelError::TooLong),
        (
            answer("200 OK", "{]"),
            ModelError::Protocol("it is no JSON with a text"),
        ),
        (vec![send(cut)], ModelError::Cut),
        (vec![send(cut), Act::Hang], ModelError::TooSlow(Slow::Total)),
        (vec![Act::Hang], ModelError::TooSlow(Slow::First)),
    ] {
        assert_eq!(transcribed(script).await, Err(expected));
    }
}
