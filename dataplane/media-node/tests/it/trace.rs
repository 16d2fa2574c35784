//! Looking into calls: SIPp and baresip call, tcpdump reads what was captured.

use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};

use callplane_e2e::phones::{Baresip, Caller, Encryption, Speech};
use callplane_e2e::sound::say_at;
use callplane_e2e::{request, until};
use callplane_media_node::Running;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::world::{NUMBER, World, digits_flow, json_of, phone_port};

const PATIENCE: Duration = Duration::from_secs(40);
const CALLER: &str = "+15557770001";

/// A flow whose caller may wait for long.
fn patient_flow() -> Value {
    let mut flow = digits_flow();
    flow["nodes"]["pin"]["collect"]["timeoutSeconds"] = 60.into();
    flow
}

fn presses_after(seconds: f64) -> Caller {
    Caller {
        steps: vec![(seconds, "1234".to_owned())],
        ..Caller::listening(CALLER)
    }
}

/// The id of the call that goes on.
pub(crate) async fn running(node: &Running) -> String {
    let control = node.control_address();
    until("the call goes on", PATIENCE, async || {
        let calls = json_of(control, "/v1/calls?limit=1").await?;
        let call = &calls["calls"][0];
        let id = call["id"]
            .as_str()
            .filter(|_| call["status"] == "in_progress");
        Ok(id.map(str::to_owned))
    })
    .await
    .unwrap()
}

/// Status and body of a capture, which come when it is over.
async fn capture(control: SocketAddr, call: &str, wanted: &str) -> (u16, Vec<u8>) {
    let mut stream = TcpStream::connect(control).await.unwrap();
    let head = format!(
        "POST /v1/calls/{call}/capture?{wanted} HTTP/1.0\r\nHost: {control}\r\nContent-Length: 0\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let end = answer
        .windows(4)
        .position(|octets| octets == b"\r\n\r\n")
        .unwrap();
    let status = String::from_utf8_lossy(&answer[9..12]).parse().unwrap();
    (status, answer[end + 4..].to_vec())
}

/// What tcpdump makes of the packets of a file that pass a filter, one line each.
fn tcpdump(world: &World, pcap: &[u8], filter: &str) -> Vec<String> {
    let file = world.folder.path().join("captured.pcap");
    std::fs::write(&file, pcap).unwrap();
    let output = Command::new("tcpdump")
        .args(["-nn", "-vv", "-q", "-r"])
        .arg(&file)
        .arg(filter)
        .output()
        .unwrap_or_else(|error| panic!("tcpdump, of the package tcpdump: {error}"));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        !text.contains("bad udp cksum") && !text.contains("bad cksum"),
        "{text}"
    );
    assert!(!text.contains("truncated"), "{text}");
    // The IP header has a line of its own before each.
    let lines = text.lines().filter(|line| line.contains(" > "));
    lines.map(str::to_owned).collect()
}

fn contains(octets: &[u8], text: &str) -> bool {
    octets
        .windows(text.len())
        .any(|found| found == text.as_bytes())
}

/// RTP of 20 ms of G.711 that the node sent.
fn sent_rtp(world: &World) -> String {
    let first = world.rtp_ports;
    format!("src portrange {first}-{} and udp[4:2] = 180", first + 79)
}

async fn captures_noted(world: &World) -> Vec<Value> {
    let sql = format!(
        "SELECT coalesce(json_agg(after_values ORDER BY created_at), '[]')::text FROM {}.audit_logs
          WHERE entity_type = 'call_capture' AND action = 'export' AND actor_kind = 'media_node'",
        world.tenant.schema()
    );
    serde_json::from_str(&world.database.ask(&sql).await.unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ladder_of_a_call_is_in_order_and_names_nobody() {
    let world = World::new(digits_flow()).await;
    let node = world.node(&[]).await;
    world
        .call(&presses_after(2.0), 1)
        .finish(PATIENCE)
        .await
        .unwrap();
    let call = world.ended_call(&node).await;
    let id = call["call"]["id"].as_str().unwrap();
    let path = format!("/v1/calls/{id}/trace");
    let trace = json_of(node.control_address(), &path).await.unwrap();
    let steps = trace["ladder"].as_array().unwrap();
    let lines: Vec<String> = steps
        .iter()
        .map(|step| {
            let word = |key: &str| step[key].as_str().unwrap();
            let line = word("startLine");
            let what = match line.strip_prefix("SIP/2.0 ") {
                Some(status) => &status[..3],
                None => line.split(' ').next().unwrap(),
            };
            format!("{} {what} {}", word("direction"), word("cseq"))
        })
        .filter(|line| !line.contains(" 100 "))
        .collect();
    // The agent says goodbye.
    let [bye, answer] = ["sent BYE", "received 200"].map(str::to_owned);
    assert_eq!(
        lines[..3],
        [
            "received INVITE 1 INVITE",
            "sent 200 1 INVITE",
            "received ACK 1 ACK"
        ]
    );
    assert!(
        lines[3].starts_with(&bye) && lines[4].starts_with(&answer),
        "{lines:?}"
    );
    assert_eq!(lines.len(), 5, "{lines:?}");
    let text = trace.to_string();
    for secret in ["5557770001", "5551230001", "555"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    assert_eq!(trace["running"], false);
    assert_eq!(trace["legs"][0]["codec"], "PCMU");
    assert!(trace["legs"][0]["quality"]["packetsSent"].as_u64().unwrap() > 50);
    // Another start of the node has the record and no messages.
    node.drain().await;
    world.until_port_is_free().await;
    let node = world.node(&[]).await;
    let trace = json_of(node.control_address(), &path).await.unwrap();
    assert_eq!(trace["ladder"], Value::Null);
    assert_eq!(trace["status"], "completed");
    let unknown = "/v1/calls/01890000-0000-7000-8000-000000000000/trace";
    let answer = json_of(node.control_address(), unknown).await.unwrap();
    assert!(answer["error"].is_string(), "{answer}");
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_capture_over_its_time_stops_and_holds_what_was_sent_in_it() {
    let world = World::new(patient_flow()).await;
    let node = world.node(&[]).await;
    let phone = world.call(&presses_after(9.0), 1);
    let id = running(&node).await;
    let control = node.control_address();
    let began = Instant::now();
    let (first, second) = tokio::join!(capture(control, &id, "seconds=4"), async {
        until("the first has begun", PATIENCE, async || {
            Ok((captures_noted(&world).await.len() == 1).then_some(()))
        })
        .await
        .unwrap();
        capture(control, &id, "seconds=4").await
    });
    let took = began.elapsed();
    let path = format!("/v1/calls/{id}/trace");
    let trace = json_of(control, &path).await.unwrap();
    assert_eq!(trace["running"], true);
    assert_eq!(trace["ladder"].as_array().map(Vec::len), Some(4), "{trace}");
    assert!((4.0..8.0).contains(&took.as_secs_f64()), "{took:?}");
    assert_eq!(second.0, 409, "one at a time");
    let (status, pcap) = first;
    assert_eq!(status, 200);
    let sent = tcpdump(&world, &pcap, &sent_rtp(&world)).len();
    // Fifty a second; a machine that is busy catches up.
    assert!((180..=215).contains(&sent), "{sent} packets");
    let all = tcpdump(&world, &pcap, "udp").len();
    phone.finish(PATIENCE).await.unwrap();
    let noted = until("the end is noted", PATIENCE, async || {
        let noted = captures_noted(&world).await;
        Ok((noted.len() == 2).then_some(noted))
    })
    .await
    .unwrap();
    assert_eq!(noted[0]["seconds"], 4);
    assert_eq!(noted[0]["masked"], true);
    assert_eq!(noted[1]["packets"], all);
    assert_eq!(noted[1]["octets"], pcap.len());
    assert_eq!(
        (&noted[1]["left_out"], &noted[1]["full"]),
        (&0.into(), &false.into())
    );
    world.ended_call(&node).await;
    let over = capture(control, &id, "seconds=4").await;
    assert_eq!(over.0, 404, "{}", String::from_utf8_lossy(&over.1));
    node.drain().await;
}

/// An encrypted call of baresip that is captured to its end; the file.
async fn captured_call(world: &World, node: &Running, wanted: &str) -> Vec<u8> {
    let address = SocketAddr::from(([127, 0, 0, 1], phone_port()));
    let folder = world
        .folder
        .path()
        .join(format!("phone-{}", address.port()));
    std::fs::create_dir_all(&folder).unwrap();
    let voice = folder.join("voice.wav");
    say_at(&[(1.0, "billing please")], "rms", 30.0, &folder, &voice)
        .await
        .unwrap();
    let speech = Speech {
        encryption: Encryption::Sdes,
        ..Speech::PLAIN
    };
    let mut phone = Baresip::speaking(speech, &folder, address, CALLER, &voice)
        .await
        .unwrap();
    phone.dial(NUMBER, world.sip()).await.unwrap();
    phone.event("CALL_ESTABLISHED", PATIENCE).await.unwrap();
    let id = running(node).await;
    let control = node.control_address();
    let began = Instant::now();
    let ((status, pcap), ()) = tokio::join!(capture(control, &id, wanted), async {
        until("the agent is heard", PATIENCE, async || {
            Ok((phone.heard()?.seconds() > 5.0).then_some(()))
        })
        .await
        .unwrap();
        let path = format!("/v1/calls/{id}/trace");
        let trace = json_of(control, &path).await.unwrap();
        let so_far = &trace["legs"][0]["quality"];
        assert!(so_far["packetsReceived"].as_u64().unwrap() > 50, "{trace}");
        phone.press("12").await.unwrap();
        phone.hang_up().await.unwrap();
    });
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&pcap));
    assert!(
        began.elapsed() < Duration::from_secs(60),
        "the end of the call ends it"
    );
    pcap
}

#[tokio::test(flavor = "multi_thread")]
async fn a_masked_capture_has_no_number_no_key_and_no_sound_and_a_full_one_has() {
    let world = World::new(patient_flow()).await;
    let node = world.node(&[]).await;
    let pcap = captured_call(&world, &node, "seconds=120").await;
    for shown in ["BYE sip:", "SIP/2.0 200 OK"] {
        assert!(contains(&pcap, shown), "{shown}");
    }
    for secret in ["5557770001", "5551230001", "Signal"] {
        assert!(!contains(&pcap, secret), "{secret}");
    }
    // Of the payload of RTP nothing is left: behind the header there are zeros alone.
    let sent = tcpdump(&world, &pcap, "udp[4:2] = 190");
    assert!(sent.len() > 100, "{} packets of SRTP", sent.len());
    let said = tcpdump(&world, &pcap, "udp[4:2] = 190 and udp[20:4] != 0");
    assert!(said.is_empty(), "{said:?}");
    let unmasked = capture(node.control_address(), &"0".repeat(32), "unmasked=true").await;
    assert_eq!(unmasked.0, 403, "{}", String::from_utf8_lossy(&unmasked.1));
    node.drain().await;
    world.until_port_is_free().await;

    let node = world.node(&["--capture", "full"]).await;
    let pcap = captured_call(&world, &node, "seconds=120&unmasked=true").await;
    assert!(contains(&pcap, "5557770001"));
    assert!(!tcpdump(&world, &pcap, "udp[4:2] = 190 and udp[20:4] != 0").is_empty());
    let noted = captures_noted(&world).await;
    assert!(
        noted.iter().any(|noted| noted["masked"] == false),
        "{noted:?}"
    );
    node.drain().await;
    world.until_port_is_free().await;

    let node = world.node(&["--capture", "disabled"]).await;
    let control = node.control_address().to_string();
    let path = format!("/v1/calls/{}/capture", "0".repeat(32));
    let refused = request("POST", &control, &path, "", "").await.unwrap();
    assert_eq!(refused.status, 403, "{}", refused.body);
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keys_of_an_invite_are_in_no_ladder() {
    let world = World::new(digits_flow()).await;
    let node = world.node(&[]).await;
    let hand = crate::hand::Hand::new(&world).await;
    let answer = hand.call("traced").await;
    assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
    let id = running(&node).await;
    hand.hang_up(&answer, "traced").await;
    let path = format!("/v1/calls/{id}/trace");
    let trace = until("the BYE is traced", PATIENCE, async || {
        let trace = json_of(node.control_address(), &path).await?;
        Ok(trace.to_string().contains("BYE").then_some(trace))
    })
    .await
    .unwrap();
    assert!(!trace.to_string().contains("a=crypto"), "{trace}");
    assert!(
        !trace.to_string().contains("m=audio"),
        "heads only: {trace}"
    );
    node.drain().await;
}
