//! rtpengine from Debian, without its kernel module, as the peer of whatever joins two legs.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use callplane_e2e::until;
use tokio::net::UdpSocket;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::bench::SUBJECT_CORE;
use crate::bencode::{self, Value};
use crate::load::sdp;
use crate::process::Process;
use crate::world::free_port;

const PATIENCE: Duration = Duration::from_secs(15);

/// A peer that runs.
pub(crate) struct Rtpengine {
    child: Child,
    socket: UdpSocket,
    cookies: u64,
}

/// What the second leg speaks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Second {
    /// The same.
    Pcmu,
    /// Opus, into which and from which rtpengine transcodes.
    Opus,
}

impl Rtpengine {
    pub(crate) async fn start() -> Result<Self> {
        let port = free_port();
        let control = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let child = Command::new("taskset")
            .args(["-c", &SUBJECT_CORE.to_string(), "rtpengine"])
            .args([
                "--foreground",
                "--log-stderr",
                "--log-level=3",
                "--table=-1",
            ])
            .args([
                "--config-file=none",
                "--interface=127.0.0.1",
                "--num-threads=1",
            ])
            .args(["--port-min=10000", "--port-max=19999"])
            .arg(format!("--listen-ng={control}"))
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("failed to start rtpengine: make setup installs it")?;
        let socket = UdpSocket::bind("127.0.0.1:0").await?;
        socket.connect(control).await?;
        let mut peer = Self {
            child,
            socket,
            cookies: 0,
        };
        until("rtpengine answers", PATIENCE, async || {
            let ping = vec![("command", Value::text("ping"))];
            Ok((peer.ask(ping).await?["result"] == "pong").then_some(()))
        })
        .await?;
        Ok(peer)
    }

    pub(crate) fn process(&self) -> Process {
        Process(self.child.id().expect("it is waited for nowhere"))
    }

    /// Joins two phones that listen on these ports, and says where each has to send.
    pub(crate) async fn join(
        &mut self,
        call: usize,
        first: u16,
        second: u16,
        speaks: Second,
    ) -> Result<(SocketAddr, SocketAddr)> {
        let mut offer = common(call, "offer");
        if speaks == Second::Opus {
            let codecs = vec![
                ("mask", Value::List(vec!["PCMU"])),
                ("transcode", Value::List(vec!["opus"])),
            ];
            offer.insert(2, ("codec", Value::Dictionary(codecs)));
        }
        offer.push(("sdp", Value::text(sdp::offer(first, ""))));
        let offered = self.ask(offer).await?;
        let to_second = sdp::read(answer(&offered)?)?.0;
        let mut answered = common(call, "answer");
        let described = match speaks {
            Second::Pcmu => sdp::offer(second, ""),
            Second::Opus => {
                let (described, number) = sdp::opus(second, answer(&offered)?)?;
                ensure!(number == sdp::OPUS, "Opus was offered as {number}");
                described
            }
        };
        answered.push(("sdp", Value::text(described)));
        answered.push(("to-tag", Value::text("b")));
        let joined = self.ask(answered).await?;
        Ok((sdp::read(answer(&joined)?)?.0, to_second))
    }

    async fn ask(
        &mut self,
        request: Vec<(&'static str, Value)>,
    ) -> Result<std::collections::BTreeMap<String, String>> {
        self.cookies += 1;
        let mut text = format!("{} ", self.cookies);
        Value::Dictionary(request).write(&mut text);
        self.socket.send(text.as_bytes()).await?;
        let mut buffer = vec![0; 8_192];
        loop {
            let length = timeout(Duration::from_secs(2), self.socket.recv(&mut buffer)).await??;
            let text = std::str::from_utf8(&buffer[..length])?;
            let (cookie, answer) = text.split_once(' ').context("no cookie")?;
            if cookie == self.cookies.to_string() {
                return bencode::read(answer);
            }
        }
    }
}

/// What every command has, in the order of the alphabet.
fn common(call: usize, command: &str) -> Vec<(&'static str, Value)> {
    vec![
        ("ICE", Value::text("remove")),
        ("call-id", Value::text(format!("bench-{call}"))),
        ("command", Value::text(command)),
        ("from-tag", Value::text("a")),
    ]
}

fn answer(entries: &std::collections::BTreeMap<String, String>) -> Result<&str> {
    ensure!(
        entries.get("result").is_some_and(|result| result == "ok"),
        "rtpengine says {entries:?}"
    );
    Ok(entries.get("sdp").context("no SDP")?)
}
