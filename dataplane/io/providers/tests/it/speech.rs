//! OpenAI's speech protocol.

use std::time::Duration;

use callplane_audio::{SampleRate, wav_header};
use callplane_providers::{Endpoint, ModelError, Slow, SpeechModel, SpeechModelConfig};
use serde_json::json;

use crate::server::{Act, Server, loopback, send};

fn voices(base_url: &str) -> SpeechModel {
    let config = SpeechModelConfig {
        endpoint: Endpoint::new(base_url, Some("sk-secret")).unwrap(),
        model: "tts-1".to_owned(),
        timeout: Duration::from_secs(1),
    };
    SpeechModel::new(&loopback(), config)
}

fn wav(rate: u32, samples: &[i16]) -> Vec<u8> {
    let octets = samples.iter().flat_map(|sample| sample.to_le_bytes());
    let mut file = wav_header(1, rate, 2 * samples.len() as u64).to_vec();
    file.extend(octets);
    file
}

fn answer(status: &str, body: &[u8]) -> Vec<Act> {
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    vec![send(head), Act::Send(body.to_vec())]
}

async fn spoken(script: Vec<Act>) -> Result<Vec<i16>, ModelError> {
    let server = Server::start(script).await;
    let voices = voices(&server.base_url);
    voices
        .synthesize("Hello.", "alloy", 100, SampleRate::Narrowband)
        .await
}

#[tokio::test]
async fn a_sentence_is_sent_with_its_voice_and_its_sound_comes_back() {
    let mut server = Server::start(answer("200 OK", &wav(8_000, &[1, -2, 3]))).await;
    let voices = voices(&server.base_url);
    let asked = async |speed| {
        voices
            .synthesize("Hello.", "alloy", speed, SampleRate::Narrowband)
            .await
            .unwrap()
    };
    assert_eq!(asked(100).await, [1, -2, 3]);
    let (head, body) = server.request().await;
    assert!(head.starts_with("POST /v1/audio/speech HTTP/1.1"));
    let head = head.to_ascii_lowercase();
    assert!(head.contains("authorization: bearer sk-secret"));
    let mut expected = json!({
        "model": "tts-1", "input": "Hello.", "voice": "alloy", "response_format": "wav",
    });
    assert_eq!(body, expected);
    asked(125).await;
    expected["speed"] = json!(1.25);
    assert_eq!(server.request().await.1, expected);
}

#[tokio::test]
async fn sound_of_any_rate_of_speech_lasts_as_long_as_it_did() {
    for rate in [8_000, 16_000, 22_050, 24_000, 44_100, 48_000] {
        let second: Vec<i16> = (0..rate)
            .map(|sample| {
                let turns = f64::from(sample) / f64::from(rate) * 440.0;
                ((turns * std::f64::consts::TAU).sin() * 8_000.0) as i16
            })
            .collect();
        let samples = spoken(answer("200 OK", &wav(rate, &second))).await.unwrap();
        assert_eq!(samples.len(), 8_000, "{rate}");
        let crossings = samples[400..]
            .windows(2)
            .filter(|two| two[0] < 0 && two[1] >= 0)
            .count();
        assert!((416..=419).contains(&crossings), "{crossings} at {rate}");
    }
}

#[tokio::test]
async fn a_text_without_sound_is_silence() {
    let spoken = spoken(answer("200 OK", &wav(8_000, &[]))).await;
    assert_eq!(spoken, Ok(Vec::new()));
}

#[tokio::test]
async fn what_is_no_sound_is_told_apart() {
    let endless = vec![0; 10_000_000];
    let cut = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nRIFF";
    let no_wav = ModelError::Protocol("it is no WAV file of 16-bit PCM");
    for (script, expected) in [
        (
            answer("401 Unauthorized", b""),
            ModelError::Unauthorized { status: 401 },
        ),
        (
            answer("429 Too Many Requests", b""),
            ModelError::Busy { retry_after: None },
        ),
        (
            answer("500 Internal Server Error", b"<html>"),
            ModelError::Unavailable { status: 500 },
        ),
        (
            answer(
                "400 Bad Request",
                br#"{"error":{"message":"no such voice"}}"#,
            ),
            ModelError::Refused {
                status: 400,
                reason: "no such voice".to_owned(),
            },
        ),
        (answer("200 OK", &endless), ModelError::TooLong),
        (answer("200 OK", b"ID3 an MP3 file"), no_wav),
        // Its server ended in the middle of it, and said nothing of its length.
        (
            answer("200 OK", &wav(8_000, &[1; 100])[..60]),
            ModelError::Cut,
        ),
        (
            answer("200 OK", &wav(12_345, &[1])),
            ModelError::Protocol("its sampling rate is none of speech"),
        ),
        (vec![send(cut)], ModelError::Cut),
        (vec![send(cut), Act::Hang], ModelError::TooSlow(Slow::Total)),
        (vec![Act::Hang], ModelError::TooSlow(Slow::First)),
    ] {
        assert_eq!(spoken(script).await, Err(expected));
    }
}
