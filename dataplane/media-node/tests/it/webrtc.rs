//! Calls from a browser: WHIP by hand, and calls with aiortc.

use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::time::Duration;

use callplane_audio::{Cadence, Tone, ToneGenerator};
use callplane_e2e::phones::{Aiortc, AiortcOptions};
use callplane_e2e::sound::{Wav, best_match, say};
use callplane_e2e::{Response, request, request_with, until};
use callplane_media_node::Running;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::hand::Hand;
use crate::overload::{CALLS, LOW_LIMIT, until_too_busy};
use crate::speech::speech_program;
use crate::world::{World, digits_flow, json_of, keys, metrics};

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
pub(crate) const SDP: &str = "application/sdp";
/// What Chromium offers for a microphone, a camera and a data channel.
pub(crate) const OFFER: &str = include_str!("../../../core/webrtc/tests/it/chromium.sdp");

/// A node that browsers reach, with data keys for tokens.
pub(crate) struct Open {
    pub(crate) world: World,
    pub(crate) node: Running,
}

impl Open {
    pub(crate) async fn new(graph: Value, more: &[&str]) -> Self {
        let world = World::new(graph).await;
        world.write_keys(&keys());
        let flags = [&["--whip", "127.0.0.1:0", "--webrtc-udp", "0"], more].concat();
        let node = world.node(&flags).await;
        Self { world, node }
    }

    pub(crate) fn whip(&self) -> String {
        self.node.whip_address().unwrap().to_string()
    }

    fn url(&self) -> String {
        format!("http://{}/whip/reception", self.whip())
    }

    /// Mints as `kubectl callplane token` does.
    async fn mint(&self, wanted: &Value) -> Response {
        let control = self.node.control_address().to_string();
        let body = wanted.to_string();
        request("POST", &control, "/v1/tokens", "application/json", &body)
            .await
            .unwrap()
    }

    pub(crate) async fn token(&self, more: Value) -> String {
        let mut wanted = json!({"agent": "reception"});
        wanted
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let minted = self.mint(&wanted).await;
        assert_eq!(minted.status, 200, "{}", minted.body);
        let minted: Value = serde_json::from_str(&minted.body).unwrap();
        minted["token"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn post(&self, path: &str, token: &str, kind: &str, body: &str) -> Response {
        let bearer = match token {
            "" => String::new(),
            token => format!("Bearer {token}"),
        };
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", kind)];
        request_with("POST", &self.whip(), path, &headers, body)
            .await
            .unwrap()
    }

    pub(crate) async fn offer(&self, token: &str) -> Response {
        self.post("/whip/reception", token, SDP, OFFER).await
    }

    pub(crate) async fn call(&self, token: &str, options: &AiortcOptions) -> Aiortc {
        let folder = self.world.folder.path().join("aiortc");
        Aiortc::call(&folder, &self.url(), token, options)
            .await
            .unwrap()
    }

    pub(crate) async fn until_idle(&self) {
        until("no call goes on", PATIENCE, async || {
            let active = metrics(&self.node).await.sum("callplane_calls_active", &[]);
            Ok((active == 0.0).then_some(()))
        })
        .await
        .unwrap();
    }
}

pub(crate) fn detail(response: &Response) -> String {
    assert_eq!(
        response.header("content-type"),
        Some("application/problem+json")
    );
    let problem: Value = serde_json::from_str(&response.body).unwrap();
    assert_eq!(problem["status"], response.status);
    problem["detail"].as_str().unwrap().to_owned()
}

/// Keys as tones, from the second `at` on.
fn keys_as_tones(folder: &Path, digits: &str, at: f64, seconds: f64) -> PathBuf {
    let mut samples = vec![0_i16; (seconds * 8_000.0) as usize];
    let mut start = (at * 8_000.0) as usize;
    for digit in digits.bytes() {
        let tone = Tone::key(digit - b'0').unwrap();
        ToneGenerator::new(tone, Cadence::STEADY, 8_000).fill(&mut samples[start..start + 1_600]);
        start += 3_200;
    }
    let file = folder.join("keys.wav");
    let wav = Wav {
        rate: 8_000,
        channels: 1,
        samples,
    };
    wav.write(&file).unwrap();
    file
}

/// As [`digits_flow`], with a greeting that knows the token's variable.
pub(crate) fn greeting() -> Value {
    let mut flow = digits_flow();
    let prompt = "Hello {{ guest }}. Enter your number.";
    flow["inputs"] = json!({"guest": {"default": "you"}});
    flow["nodes"]["pin"]["collect"]["prompt"] = prompt.into();
    flow["nodes"]["pin"]["collect"]["timeoutSeconds"] = 15.into();
    flow
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_talks_to_the_agent_and_the_call_is_recorded() {
    let speech = speech_program().display().to_string();
    let open = Open::new(greeting(), &["--speech", &speech]).await;
    let variables =
        json!({"variables": {"guest": "Ada"}, "caller": "Ada Lovelace", "singleUse": true});
    let token = open.token(variables).await;
    let folder = open.world.folder.path();
    let record = folder.join("heard.wav");
    let options = AiortcOptions {
        wav: Some(keys_as_tones(folder, "1234", 7.0, 20.0)),
        record: Some(record.clone()),
        seconds: Some(40.0),
        ..AiortcOptions::default()
    };
    let mut phone = open.call(&token, &options).await;
    let answered = phone.wait_for("answered", PATIENCE).await.unwrap();
    let location = answered["headers"]["location"].as_str().unwrap();
    assert!(location.starts_with("/whip/reception/"), "{location}");
    assert!(answered["sdp"].as_str().unwrap().contains("opus/48000/2"));
    phone.wait_for("connected", PATIENCE).await.unwrap();
    let closed = phone.wait_for("closed", PATIENCE).await.unwrap();
    assert_eq!(closed["by"], "agent");
    phone.finish(PATIENCE).await.unwrap();

    let call = open.world.ended_call(&open.node).await;
    assert_eq!(call["variables"]["pin"], "1234", "{call}");
    assert_eq!(call["call"]["outcome"], "ordered");
    assert_eq!(call["call"]["hangupParty"], "callee");
    assert_eq!(call["call"]["direction"], "inbound");
    assert_eq!(call["call"]["from"], Value::Null);
    assert_eq!(call["legs"][0]["codec"], "opus");
    assert!(
        call["quality"]["packetsReceived"].as_u64().unwrap() > 300,
        "{call}"
    );
    assert!(call["quality"]["mos"].as_f64().unwrap() > 3.5);
    assert!(
        call["quality"]["bufferMs"].as_f64().unwrap() >= 10.0,
        "{call}"
    );
    let there = &call["quality"]["farEnd"];
    assert!(there["mos"].as_f64().unwrap() > 3.5, "{call}");
    assert!(there["packetLossPercent"].as_f64().unwrap() < 5.0, "{call}");
    let greeting = call["messages"][0]["heardText"].as_str().unwrap();
    assert_eq!(greeting, "Hello Ada. Enter your number.");
    // What the browser heard is what the agent said.
    let spoken = say(greeting, "slt", folder).await.unwrap();
    let heard = Wav::read(&record).unwrap().channel(0, 2_000);
    let (correlation, _) = best_match(&heard, &spoken.channel(0, 2_000));
    assert!(
        correlation > 0.7,
        "the greeting was heard with {correlation}"
    );

    // The token started one call.
    let again = open.offer(&token).await;
    assert_eq!(again.status, 401, "{}", again.body);
    assert!(detail(&again).contains("one call"));
    open.node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hangs_up_in_either_way_ends_the_call() {
    let mut flow = digits_flow();
    flow["nodes"]["pin"]["collect"]["timeoutSeconds"] = 60.into();
    let open = Open::new(flow, &[]).await;
    for end in ["close", "delete"] {
        let options = AiortcOptions {
            seconds: Some(3.0),
            end: Some(end),
            ..AiortcOptions::default()
        };
        let token = open.token(json!({})).await;
        let mut phone = open.call(&token, &options).await;
        phone.wait_for("connected", PATIENCE).await.unwrap();
        phone.wait_for("closed", PATIENCE).await.unwrap();
        phone.finish(PATIENCE).await.unwrap();
        open.until_idle().await;
        let call = open.world.ended_call(&open.node).await;
        assert_eq!(call["call"]["hangupCause"], "normal_clearing", "{end}");
        assert_eq!(call["call"]["hangupParty"], "caller", "{end}");
        assert_eq!(call["call"]["status"], "completed", "{end}");
    }
    open.node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_vanishes_is_given_up_when_its_consent_ends() {
    let mut flow = digits_flow();
    flow["nodes"]["pin"]["collect"]["timeoutSeconds"] = 60.into();
    let open = Open::new(flow, &[]).await;
    let options = AiortcOptions {
        seconds: Some(2.0),
        end: Some("vanish"),
        ..AiortcOptions::default()
    };
    let token = open.token(json!({})).await;
    let mut phone = open.call(&token, &options).await;
    phone.wait_for("connected", PATIENCE).await.unwrap();
    phone.finish(PATIENCE).await.unwrap();
    open.until_idle().await;
    let call = open.world.ended_call(&open.node).await;
    assert_eq!(call["call"]["hangupCause"], "media_timeout");
    assert_eq!(call["call"]["status"], "completed");
    open.node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_call_is_told_why() {
    let open = Open::new(digits_flow(), &[]).await;
    let missing = open.offer("").await;
    assert_eq!(missing.status, 401);
    assert_eq!(missing.header("www-authenticate"), Some("Bearer"));
    assert!(detail(&missing).contains("kubectl callplane token"));

    let token = open.token(json!({})).await;
    let mut forged = token.clone();
    let changed = forged.len() - 3..forged.len() - 2;
    let other = if &forged[changed.clone()] == "A" {
        "B"
    } else {
        "A"
    };
    forged.replace_range(changed, other);
    assert_eq!(open.offer(&forged).await.status, 401);
    let elsewhere = open.post("/whip/sales", &token, SDP, OFFER).await;
    assert_eq!(elsewhere.status, 403);
    assert!(detail(&elsewhere).contains("/whip/reception"));

    let short = open.token(json!({"ttlSeconds": 1})).await;
    let late = until("the token expires", PATIENCE, async || {
        let answer = open.offer(&short).await;
        Ok((answer.status == 401).then_some(answer))
    })
    .await
    .unwrap();
    assert!(detail(&late).contains("expired"), "{}", late.body);

    let kind = open
        .post("/whip/reception", &token, "text/plain", OFFER)
        .await;
    assert_eq!(kind.status, 415);
    let bad = open.post("/whip/reception", &token, SDP, "v=0\r\n").await;
    assert_eq!(bad.status, 400);
    assert!(detail(&bad).contains("no audio"), "{}", bad.body);
    let long = open
        .post("/whip/reception", &token, SDP, &"x".repeat(70_000))
        .await;
    assert_eq!(long.status, 413);

    for (wanted, status, says) in [
        (json!({"agent": "nobody"}), 404, "nobody"),
        (
            json!({"agent": "reception", "ttlSeconds": 3_601}),
            400,
            "hour",
        ),
        (
            json!({"agent": "reception", "variables": {"x": "y".repeat(300)}}),
            400,
            "200",
        ),
    ] {
        let refused = open.mint(&wanted).await;
        assert_eq!(refused.status, status, "{}", refused.body);
        assert!(refused.body.contains(says), "{}", refused.body);
    }
    open.node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whip_answers_as_rfc_9725_says() {
    let servers = "stun:stun.example.com,turn:turn.example.com?transport=udp|acme|secret";
    let open = Open::new(digits_flow(), &["--ice-servers", servers, "--slots", "1"]).await;
    let preflight = request_with("OPTIONS", &open.whip(), "/whip/reception", &[], "")
        .await
        .unwrap();
    assert_eq!(preflight.status, 204);
    assert_eq!(preflight.header("access-control-allow-origin"), Some("*"));
    assert!(
        preflight
            .header("access-control-allow-headers")
            .unwrap()
            .contains("Authorization")
    );
    assert_eq!(preflight.header("accept-post"), Some(SDP));

    let token = open.token(json!({})).await;
    let answered = open.offer(&token).await;
    assert_eq!(answered.status, 201, "{}", answered.body);
    assert_eq!(answered.header("content-type"), Some(SDP));
    let (location, etag) = (
        answered.header("location").unwrap(),
        answered.header("etag").unwrap(),
    );
    assert!(
        answered
            .head
            .contains("<stun:stun.example.com>; rel=\"ice-server\""),
        "{}",
        answered.head
    );
    assert!(
        answered
            .head
            .contains("username=\"acme\"; credential=\"secret\"")
    );
    assert!(
        answered
            .body
            .contains(&format!("a=ice-ufrag:{}", etag.trim_matches('"')))
    );

    let full = open.offer(&token).await;
    assert_eq!(full.status, 503, "{}", full.body);
    assert_eq!(full.header("retry-after"), Some("5"));

    let kind = "application/trickle-ice-sdpfrag";
    let patch = async |matches: &str, body: &str| {
        let headers = [("Content-Type", kind), ("If-Match", matches)];
        request_with("PATCH", &open.whip(), location, &headers, body)
            .await
            .unwrap()
    };
    let more = "a=ice-ufrag:F7gI\r\na=ice-pwd:x9cml/YzichV2+XlhiMu8gYq\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\n\
                a=mid:0\r\na=candidate:1 1 udp 2122260223 127.0.0.1 9 typ host\r\n";
    assert_eq!(patch(etag, more).await.status, 204);
    assert_eq!(patch("", more).await.status, 428);
    assert_eq!(patch("\"other\"", more).await.status, 412);
    assert_eq!(patch(etag, "a=mid:0\r\n").await.status, 400);
    let again = more.replace("F7gI", "G8hJ");
    let restarted = patch("*", &again).await;
    assert_eq!(restarted.status, 200, "{}", restarted.body);
    assert_ne!(restarted.header("etag"), Some(etag));
    assert!(
        restarted.body.contains("a=ice-ufrag:"),
        "{}",
        restarted.body
    );
    assert_eq!(patch(etag, &again).await.status, 412);

    let end = async || {
        request_with("DELETE", &open.whip(), location, &[], "")
            .await
            .unwrap()
    };
    assert_eq!(end().await.status, 200);
    open.until_idle().await;
    assert_eq!(end().await.status, 404);
    assert_eq!(patch("*", more).await.status, 404);
    until("the refusal is recorded", PATIENCE, async || {
        let calls = json_of(open.node.control_address(), "/v1/calls").await?;
        let mut states = calls["calls"].as_array().into_iter().flatten();
        Ok(states.any(|call| call["status"] == "blocked").then_some(()))
    })
    .await
    .unwrap();
    open.node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn half_requests_at_the_door_keep_no_browser_out() {
    let open = Open::new(digits_flow(), &["--whip-connections", "8"]).await;
    let mut half = Vec::new();
    for _ in 0..100 {
        let mut stream = TcpStream::connect(open.whip()).await.unwrap();
        let sent = stream.write_all(b"POST /whip/reception HTTP/1.1\r\n").await;
        // Some were closed by now.
        drop(sent);
        half.push(stream);
    }
    let token = open.token(json!({})).await;
    let answered = open.offer(&token).await;
    assert_eq!(answered.status, 201, "{}", answered.body);
    let refused = metrics(&open.node)
        .await
        .sum("callplane_whip_connections_refused_total", &[]);
    assert!(refused >= 90.0, "{refused}");
    let location = answered.header("location").unwrap();
    let ended = request_with("DELETE", &open.whip(), location, &[], "")
        .await
        .unwrap();
    assert_eq!(ended.status, 200);
    open.until_idle().await;
    open.node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn junk_at_the_udp_port_is_counted_and_not_answered() {
    let open = Open::new(digits_flow(), &[]).await;
    let token = open.token(json!({})).await;
    let answered = open.offer(&token).await;
    let candidate = answered
        .body
        .lines()
        .find(|line| line.starts_with("a=candidate:"))
        .unwrap();
    let port: u16 = candidate.split(' ').nth(5).unwrap().parse().unwrap();
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    stranger
        .set_read_timeout(Some(Duration::from_millis(500)))
        .unwrap();
    let mut check = vec![0, 1, 0, 16, 0x21, 0x12, 0xA4, 0x42];
    check.extend([7; 12]);
    check.extend([0, 6, 0, 11]);
    check.extend(b"nobody:them\0");
    for _ in 0..50 {
        stranger.send_to(&check, ("127.0.0.1", port)).unwrap();
        stranger.send_to(&[0x80; 172], ("127.0.0.1", port)).unwrap();
    }
    until("the junk is counted", PATIENCE, async || {
        let refused = metrics(&open.node)
            .await
            .sum("callplane_webrtc_datagrams_refused_total", &[]);
        Ok((refused >= 100.0).then_some(()))
    })
    .await
    .unwrap();
    let answer = stranger.recv(&mut [0; 2_000]);
    assert!(answer.is_err(), "a stranger was answered: {answer:?}");
    let location = answered.header("location").unwrap();
    let ended = request_with("DELETE", &open.whip(), location, &[], "")
        .await
        .unwrap();
    assert_eq!(ended.status, 200);
    open.until_idle().await;
    open.node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_is_told_when_to_come_back_to_a_node_with_too_much_to_do() {
    let open = Open::new(digits_flow(), LOW_LIMIT).await;
    Hand::new(&open.world).await.calls(CALLS).await;
    let token = open.token(json!({})).await;
    until_too_busy(&open.node).await;
    let refusal = open.offer(&token).await;
    assert_eq!(refusal.status, 503, "{}", refusal.body);
    assert!(detail(&refusal).contains("too much to do"));
    let wait: u64 = refusal.header("retry-after").unwrap().parse().unwrap();
    assert!((5..=15).contains(&wait), "{wait}");
}
