//! Calls of browsers, beside the echo of Janus. **The work is not the same**: Janus takes SRTP off a packet and puts it
//! on again; the node decodes Opus, listens for a voice, records and seals, and encodes what the agent says.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use callplane_e2e::{request, request_with};
use serde_json::{Value, json};

use crate::bench::Bench;
use crate::browser::{Browser, Browsers, Offering};
use crate::figure::Figure;
use crate::janus::Janus;
use crate::node::Node;
use crate::process::Process;
use crate::relay::Said;
use crate::series::{least, median};

const SESSIONS: usize = 60;
const WARM: Duration = Duration::from_secs(10);
const WINDOW: Duration = Duration::from_secs(15);
const REPEATS: usize = 3;
const FRAME_MICROS: f64 = 20_000.0;

pub(crate) async fn run(bench: &Bench) -> Result<Vec<Figure>> {
    let voice = Said::opus(&bench.voice)?.payloads;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..REPEATS {
        let node = Node::start(bench).await?;
        ours.push(
            measure(node.process(), &voice, async |offer| {
                node.answer(offer).await
            })
            .await?,
        );
        let janus = Janus::start().await?;
        let echo = async |offer: &str| janus.echo(offer).await;
        match measure(janus.process(), &voice, echo).await {
            Ok(cost) => theirs.push(cost),
            // It gathers no candidate of loopback: on a machine whose other addresses do not reach it there is no
            // peer, and the figures beside it are no numbers, which meet no bar.
            Err(error) => eprintln!("   no echo of Janus: {error:#}"),
        }
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
            format!("webrtc-echo: {SESSIONS} calls with an agent, CPU of a call and 20 ms"),
            own,
            "us",
        ),
        Figure::shown("webrtc-echo: the best of three", least(&cpu(&ours)), "us"),
        Figure::shown(
            format!(
                "webrtc-echo: {SESSIONS} sessions of Janus echotest, CPU of a session and 20 ms"
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

struct Cost {
    /// Microseconds for a call and 20 ms.
    cpu: f64,
    /// KiB for a call.
    memory: f64,
    missing: f64,
}

async fn measure(
    process: Process,
    voice: &Arc<[Vec<u8>]>,
    mut answer: impl AsyncFnMut(&str) -> Result<String>,
) -> Result<Cost> {
    // What the first one loads is none's.
    let first = Browsers::start(vec![connect(0, voice, &mut answer).await?]);
    first.until_connected(1).await?;
    let before = process.resident_kib()?;
    let mut browsers = Vec::new();
    for number in 0..SESSIONS {
        browsers.push(connect(number, voice, &mut answer).await?);
    }
    let browsers = Browsers::start(browsers);
    browsers.until_connected(SESSIONS).await?;
    first.stop().await?;
    tokio::time::sleep(WARM).await;
    let (cpu, received, began) = (process.cpu()?, browsers.received(), Instant::now());
    tokio::time::sleep(WINDOW).await;
    let used = process.cpu()?.since(cpu).whole;
    let frames = began.elapsed().as_micros() as f64 / FRAME_MICROS * SESSIONS as f64;
    let received = (browsers.received() - received) as f64;
    let memory = process.resident_kib()? - before;
    browsers.stop().await?;
    let cost = Cost {
        cpu: used.as_micros() as f64 / frames,
        memory: memory / SESSIONS as f64,
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
    number: usize,
    voice: &Arc<[Vec<u8>]>,
    answer: &mut impl AsyncFnMut(&str) -> Result<String>,
) -> Result<Browser> {
    let offering = Offering::new(number, voice)?;
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
