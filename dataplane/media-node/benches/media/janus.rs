//! Janus from Debian, whose plugin `echotest` sends back what it gets.

use std::net::{IpAddr, Ipv4Addr};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use callplane_e2e::{get, request, run, until};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::bench::SUBJECT_CORE;
use crate::folder::Folder;
use crate::process::Process;
use crate::world::free_port;

const PATIENCE: Duration = Duration::from_secs(20);
const LIBRARIES: &str = "/usr/lib/x86_64-linux-gnu/janus";

/// Where it is reached: it gathers no candidate of loopback. Who sends there from this network takes the way of loopback
/// all the same.
pub(crate) const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 97, 0, 1));
const INTERFACE: &str = "janus0";

const OTHER_TRANSPORTS: &str = "libjanus_mqtt.so,libjanus_nanomsg.so,libjanus_pfunix.so,libjanus_rabbitmq.so,\
                                libjanus_websockets.so";

/// A peer that runs.
pub(crate) struct Janus {
    child: Child,
    address: String,
    _folder: Folder,
}

impl Janus {
    pub(crate) async fn start() -> Result<Self> {
        add_interface().await?;
        let (folder, port) = (Folder::new(), free_port());
        let configuration = folder.path().join("janus.jcfg");
        // A setting a line: what follows another on its line is not always read.
        let text = format!(
            "general: {{\n configs_folder = \"{0}\"\n plugins_folder = \"{LIBRARIES}/plugins\"\n \
             transports_folder = \"{LIBRARIES}/transports\"\n debug_level = 2\n session_timeout = 0\n}}\n\
             nat: {{\n ice_enforce_list = \"{INTERFACE}\"\n ice_lite = true\n}}\n\
             media: {{\n rtp_port_range = \"10000-19999\"\n}}\nplugins: {{\n disable = \"{1}\"\n}}\n\
             transports: {{\n disable = \"{OTHER_TRANSPORTS}\"\n}}\n",
            folder.path().display(),
            others()?.join(","),
        );
        std::fs::write(&configuration, text)?;
        let http = format!(
            "general: {{\n json = \"compact\"\n base_path = \"/janus\"\n http = true\n port = {port}\n \
             ip = \"127.0.0.1\"\n}}\n"
        );
        std::fs::write(folder.path().join("janus.transport.http.jcfg"), http)?;
        let child = Command::new("taskset")
            .args(["-c", &SUBJECT_CORE.to_string(), "janus", "-C"])
            .arg(&configuration)
            .arg("-F")
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("failed to start janus: make setup installs it")?;
        let address = format!("127.0.0.1:{port}");
        until("Janus answers", PATIENCE, async || {
            Ok((get(&address, "/janus/info").await?.status == 200).then_some(()))
        })
        .await?;
        Ok(Self {
            child,
            address,
            _folder: folder,
        })
    }

    pub(crate) fn process(&self) -> Process {
        Process(self.child.id().expect("it is waited for nowhere"))
    }

    /// A session of its own; the answer to the offer.
    pub(crate) async fn echo(&self, offer: &str) -> Result<String> {
        let session = self
            .ask("/janus", &json!({"janus": "create", "transaction": "c"}))
            .await?;
        let session = format!("/janus/{}", session["data"]["id"]);
        let attach =
            json!({"janus": "attach", "plugin": "janus.plugin.echotest", "transaction": "a"});
        let handle = self.ask(&session, &attach).await?;
        let handle = format!("{session}/{}", handle["data"]["id"]);
        let message = json!({
            "janus": "message", "transaction": "m", "body": {"audio": true, "video": false},
            "jsep": {"type": "offer", "sdp": offer},
        });
        self.ask(&handle, &message).await?;
        let done =
            json!({"janus": "trickle", "transaction": "t", "candidate": {"completed": true}});
        self.ask(&handle, &done).await?;
        let answer = until("Janus echoes", PATIENCE, async || {
            let event = get(&self.address, &session).await?;
            let event: Value = serde_json::from_str(&event.body)?;
            Ok(event["jsep"]["sdp"].as_str().map(str::to_owned))
        });
        answer.await
    }

    async fn ask(&self, path: &str, body: &Value) -> Result<Value> {
        let body = body.to_string();
        let response = request("POST", &self.address, path, "application/json", &body).await?;
        let answer: Value = serde_json::from_str(&response.body)?;
        let word = &answer["janus"];
        ensure!(word == "success" || word == "ack", "Janus says {answer}");
        Ok(answer)
    }
}

/// Gives the network of the bench an interface with [`ADDRESS`], once.
async fn add_interface() -> Result<()> {
    // /sys tells of the network it was mounted in.
    if run("ip", &["link", "show", INTERFACE], "").await.is_ok() {
        return Ok(());
    }
    let address = format!("{ADDRESS}/24");
    for arguments in [
        &[
            "link", "add", INTERFACE, "type", "veth", "peer", "name", "janus1",
        ][..],
        &["address", "add", &address, "dev", INTERFACE],
        &["link", "set", INTERFACE, "up"],
        &["link", "set", "janus1", "up"],
    ] {
        run("ip", arguments, "").await?;
    }
    Ok(())
}

/// Plugins that are not wanted.
fn others() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(format!("{LIBRARIES}/plugins"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".so") && name != "libjanus_echotest.so" {
            names.push(name);
        }
    }
    Ok(names)
}
