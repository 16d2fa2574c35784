//! A browser that reaches nobody but a relay: aiortc by way of coturn, neither of which this project wrote.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use callplane_e2e::phones::AiortcOptions;
use callplane_e2e::until;
use serde_json::json;
use tokio::process::{Child, Command};

use crate::webrtc::{Open, PATIENCE};
use crate::world::{digits_flow, free_port};

const SECRET: &str = "north-of-the-border";

/// A relay on loopback. Dropping it ends it.
struct Coturn {
    _child: Child,
    port: u16,
    log: std::path::PathBuf,
}

impl Coturn {
    async fn start(folder: &Path, secret: &str) -> Self {
        let port = free_port();
        let log = folder.join("coturn.log");
        let file = |name: &str| folder.join(name).display().to_string();
        let flags = [
            "-n".to_owned(),
            "--no-cli".to_owned(),
            "--no-tls".to_owned(),
            "--no-dtls".to_owned(),
            "--listening-ip=127.0.0.1".to_owned(),
            "--relay-ip=127.0.0.1".to_owned(),
            "--allow-loopback-peers".to_owned(),
            "--use-auth-secret".to_owned(),
            format!("--static-auth-secret={secret}"),
            "--realm=example.com".to_owned(),
            format!("--listening-port={port}"),
            format!("--pidfile={}", file("coturn.pid")),
            format!("--userdb={}", file("coturn.db")),
            "--simple-log".to_owned(),
            "--verbose".to_owned(),
            format!("--log-file={}", log.display()),
        ];
        let child = Command::new("turnserver")
            .args(flags)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("coturn is installed by e2e/cluster/cluster.sh setup");
        let relay = Self {
            _child: child,
            port,
            log,
        };
        until("coturn listens", PATIENCE, async || {
            let said = relay.said();
            Ok((said.contains("listener opened on : 127.0.0.1")).then_some(()))
        })
        .await
        .unwrap();
        relay
    }

    fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

async fn relayed(secret_of_node: &str) -> (Open, Coturn) {
    let mut flow = digits_flow();
    flow["nodes"]["pin"]["collect"]["timeoutSeconds"] = 60.into();
    let folder = std::env::temp_dir().join(format!("callplane-coturn-{}", uuid::Uuid::now_v7()));
    std::fs::create_dir_all(&folder).unwrap();
    let relay = Coturn::start(&folder, SECRET).await;
    let file = folder.join("secret");
    std::fs::write(&file, format!("{secret_of_node}\n")).unwrap();
    let server = format!("turn:127.0.0.1:{}?transport=udp", relay.port);
    let file = file.display().to_string();
    let flags = ["--ice-servers", &server, "--turn-secret-file", &file];
    (Open::new(flow, &flags).await, relay)
}

const RELAYED: AiortcOptions = AiortcOptions {
    wav: None,
    record: None,
    seconds: Some(4.0),
    relay: true,
    end: None,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_reaches_only_a_relay_talks_to_the_agent() {
    let (open, relay) = relayed(SECRET).await;
    let token = open.token(json!({})).await;
    let mut phone = open.call(&token, &RELAYED).await;
    phone.wait_for("connected", PATIENCE).await.unwrap();
    phone.wait_for("closed", PATIENCE).await.unwrap();
    phone.finish(PATIENCE).await.unwrap();
    open.until_idle().await;
    let call = open.world.ended_call(&open.node).await;
    assert_eq!(call["call"]["status"], "completed", "{call}");
    let received = call["quality"]["packetsReceived"].as_u64().unwrap();
    assert!(received > 100, "{call}");
    let said = relay.said();
    assert!(said.contains("ALLOCATE processed, success"), "{said}");
    assert!(said.contains("CHANNEL_BIND processed, success"), "{said}");
    open.node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_by_another_secret_opens_no_relay() {
    let (open, relay) = relayed("south").await;
    let token = open.token(json!({})).await;
    let mut phone = open.call(&token, &RELAYED).await;
    let connected = phone.wait_for("connected", Duration::from_secs(10)).await;
    assert!(connected.is_err(), "{connected:?}");
    let said = relay.said();
    assert!(said.contains("401"), "{said}");
    assert!(!said.contains("ALLOCATE processed, success"), "{said}");
    open.node.drain().await;
}
