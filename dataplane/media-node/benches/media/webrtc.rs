//! Calls of browsers, beside the echo of Janus. **The work is not the same**: Janus takes SRTP off a packet and puts it
//! on again; the node decodes Opus, listens for a voice, records and seals, and encodes what the agent says.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use callplane_e2e::{request, request_with};
use serde_json::{Value, json};

use crate::bench::Bench;
use crate::browser::{Browser, Browsers, Offering};
use crate::figure::Figure;
use crate::janus::{self, Janus};
use crate::node::Node;
use crate::process::Process;
use crate::relay::Said;
use crate::series::{least, median};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// How many, unless told otherwise.
const SESSIONS: &str = "CALLPLANE_BENCH_SESSIONS";
const USUAL_SESSIONS: usize = 60;
const WARM: Duration = Duration::from_secs(10);
const WINDOW: Duration = Duration::from_secs(15);
const REPEATS: usize = 3;
const FRAME_MICROS: f64 = 20_000.0;

pub(crate) async fn run(bench: &Bench) -> Result<Vec<Figure>> {
    let sessions = sessions()?;
    let voice = Said::opus(&bench.voice)?.payloads;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..REPEATS {
        let node = Node::start(bench).await?;
        let answer = async |offer: &str| node.answer(offer).await;
        ours.push(measure(node.process(), (LOOPBACK, sessions), &voice, answer).await?);
        drop(node);
        let janus = Janus::start().await?;
        let echo = async |offer: &str| janus.echo(offer).await;
        theirs.push(measure(janus.process(), (janus::ADDRESS, sessions), &voice, echo).await?);
    }
    let cpu = |costs: &[Cost]| costs.iter().map(|cost| cost.cpu).collect::<Vec<_>>();
    let memory = |costs: &[Cost]| costs.iter().map(|cost| cost.memory).collect::<Vec<_>>();
    let missing = |costs: &[Cost]| {
        costs
            .iter()
            .map(|cost| 100.0 * cost.missing)
            .collect::<Vec<_>>()
    };
    let (own, other) = (median(&cpu(&ours)), median(&cpu(&theirs)));
    let (own_memory, other_memory) = (median(&memory(&ours)), median(&memory(&theirs)));
    Ok(vec![
        Figure::shown(
            format!("webrtc-echo: {sessions} calls with an agent, CPU of a call and 20 ms"),
            own,
            "us",
        ),
        Figure::shown("webrtc-echo: the best of three", least(&cpu(&ours)), "us"),
        Figure::shown(
            format!(
                "webrtc-echo: {sessions} sessions of Janus echotest, CPU of a session and 20 ms"
            ),
            other,
            "us",
        ),
        Figure::shown(
            "webrtc-echo: Janus, the best of three",
            least(&cpu(&theirs)),
            "us",
        ),
        Figure::shown(
            "webrtc-echo: frames in which the agent says nothing and sends nothing",
            median(&missing(&ours)),
            "%",
        ),
        Figure::shown(
            "webrtc-echo: Janus, packets that never came",
            median(&missing(&theirs)),
            "%",
        ),
        Figure::at_most(
            "webrtc-echo: a call with an agent against an echo of Janus, CPU",
            own / other,
            "x",
            0.7,
        ),
        Figure::at_most("memory: a WebRTC call", own_memory, "KiB", 320.0),
        Figure::at_most(
            "webrtc-echo: memory of a call against a session of Janus",
            own_memory / other_memory,
            "x",
            0.5,
        ),
    ])
}

fn sessions() -> Result<usize> {
    match std::env::var(SESSIONS) {
        Ok(text) => text
            .parse()
            .with_context(|| format!("{SESSIONS} is no number")),
        Err(_) => Ok(USUAL_SESSIONS),
    }
}

struct Cost {
    /// Microseconds for a call and 20 ms.
    cpu: f64,
    /// KiB for a call.
    memory: f64,
    missing: f64,
}

/// What so many browsers at `ip` cost the process that answers them.
async fn measure(
    process: Process,
    (ip, sessions): (IpAddr, usize),
    voice: &Arc<[Vec<u8>]>,
    mut answer: impl AsyncFnMut(&str) -> Result<String>,
) -> Result<Cost> {
    // What the first one loads is none's.
    let first = Browsers::start(vec![connect(ip, 0, voice, &mut answer).await?]);
    first.until_connected(1).await?;
    let before = process.resident_kib()?;
    let mut browsers = Vec::new();
    for number in 0..sessions {
        browsers.push(connect(ip, number, voice, &mut answer).await?);
    }
    let browsers = Browsers::start(browsers);
    browsers.until_connected(sessions).await?;
    first.stop().await?;
    tokio::time::sleep(WARM).await;
    let (cpu, received, began) = (process.cpu()?, browsers.received(), Instant::now());
    tokio::time::sleep(WINDOW).await;
    let used = process.cpu()?.since(cpu).whole;
    let frames = began.elapsed().as_micros() as f64 / FRAME_MICROS * sessions as f64;
    let received = (browsers.received() - received) as f64;
    let memory = process.resident_kib()? - before;
    browsers.stop().await?;
    let cost = Cost {
        cpu: used.as_micros() as f64 / frames,
        memory: memory / sessions as f64,
        missing: (1.0 - received / frames).max(0.0),
    };
    eprintln!(
        "   {:.1} us, {:.0} KiB, {:.2} % missing",
        cost.cpu,
        cost.memory,
        100.0 * cost.missing
    );
    Ok(cost)
}

async fn connect(
    ip: IpAddr,
    number: usize,
    voice: &Arc<[Vec<u8>]>,
    answer: &mut impl AsyncFnMut(&str) -> Result<String>,
) -> Result<Browser> {
    let offering = Offering::new(ip, number, voice)?;
    let answer = answer(&offering.offer).await?;
    offering.accept(&answer)
}

impl Node {
    /// Answers an offer by WHIP.
    async fn answer(&self, offer: &str) -> Result<String> {
        let wanted = json!({"agent": "reception"}).to_string();
        let minted = request(
            "POST",
            &self.control(),
            "/v1/tokens",
            "application/json",
            &wanted,
        )
        .await?;
        let minted: Value = serde_json::from_str(&minted.body)?;
        let token = minted["token"].as_str().context("no token")?;
        let headers = [
            ("Authorization", format!("Bearer {token}")),
            ("Content-Type", "application/sdp".to_owned()),
        ];
        let headers = headers
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        let response =
            request_with("POST", &self.whip(), "/whip/reception", &headers, offer).await?;
        ensure!(
            response.status == 201,
            "WHIP answers {}: {}",
            response.status,
            response.body
        );
        Ok(response.body)
    }
}
