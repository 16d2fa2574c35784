//! LiteLLM, a server of OpenAI's protocols that this project did not write.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::json;
use tokio::process::{Child, Command};

use crate::python::python;
use crate::{get, until};

const PACKAGES: [&str; 1] = ["litellm[proxy]==1.106.2"];
/// It reads many modules.
const PATIENCE: Duration = Duration::from_secs(120);

/// A running proxy. Dropping it ends it.
#[derive(Debug)]
pub struct LiteLlm {
    /// Where it is, up to the version.
    pub base_url: String,
    _process: Child,
}

impl LiteLlm {
    /// Listens at `port` and wants the key `sk-secret`. The models `small-model`, `small-ear` and `small-voice` are those of the server at `upstream`, by
    /// the same names; `busy-model` has always too much to do.
    pub async fn start(folder: &Path, port: u16, upstream: &str) -> Result<Self> {
        let config = folder.join("litellm.json");
        // YAML is what it reads, and JSON is YAML.
        std::fs::write(&config, models(upstream).to_string())?;
        let python = python(&PACKAGES).await?;
        let program = python.with_file_name("litellm");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port)).to_string();
        let said = folder.join("litellm.log");
        let log = std::fs::File::create(&said)?;
        let mut process = Command::new(&program)
            .args(["--host", "127.0.0.1", "--port", &port.to_string()])
            .arg("--config")
            .arg(&config)
            // Nothing of it goes to anybody else.
            .env("LITELLM_LOCAL_MODEL_COST_MAP", "True")
            .env("LITELLM_TELEMETRY", "False")
            .env("LITELLM_MASTER_KEY", "sk-secret")
            .env("LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY", "true")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("failed to start {}", program.display()))?;
        let listens = until("LiteLLM listens", PATIENCE, async || {
            let answer = get(&address, "/health/liveliness").await?;
            Ok((answer.status == 200).then_some(()))
        });
        tokio::select! {
            listens = listens => listens?,
            status = process.wait() => {
                let said = std::fs::read_to_string(&said)?;
                bail!("LiteLLM ended with {}: {said}", status?);
            }
        }
        Ok(Self {
            base_url: format!("http://{address}/v1"),
            _process: process,
        })
    }
}

fn models(upstream: &str) -> serde_json::Value {
    let passed = |name: &str, mode: &str| {
        json!({
            "model_name": name,
            "litellm_params": {
                "model": format!("openai/{name}"), "api_base": upstream, "api_key": "sk-upstream",
            },
            "model_info": { "mode": mode },
        })
    };
    json!({
        "model_list": [
            passed("small-model", "chat"),
            passed("small-ear", "audio_transcription"),
            passed("small-voice", "audio_speech"),
            {
                "model_name": "busy-model",
                "litellm_params": {
                    "model": "openai/busy-model", "api_key": "sk-upstream",
                    "mock_response": "litellm.RateLimitError",
                },
            },
        ],
        "router_settings": { "num_retries": 0 },
        "litellm_settings": { "num_retries": 0, "request_timeout": 30 },
    })
}
