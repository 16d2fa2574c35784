//! One worker process: started, asked, ended.

use std::path::Path;
use std::process::Stdio;

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::protocol::{self, FrameError, Reply, Request};

/// Why the process is of no use any more.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProcessError {
    #[error("failed to start the speech worker")]
    Start(#[source] std::io::Error),
    #[error("the speech worker ended or its pipe broke")]
    Pipe(#[source] std::io::Error),
    #[error("the speech worker sent a malformed frame")]
    Frame(#[from] FrameError),
    #[error(
        "the speech worker speaks protocol {theirs}, this node {ours}: install the same version"
    )]
    Version { theirs: u32, ours: u32 },
    #[error("the speech worker opened with something else than a greeting")]
    NoGreeting,
}

/// A running `callplane-speech`. Dropping it kills it.
pub(super) struct Process {
    child: Child,
    requests: ChildStdin,
    replies: BufReader<ChildStdout>,
    pub(super) voices: Vec<String>,
}

impl Process {
    /// Starts `program` and waits until its engines are loaded.
    pub(super) async fn start(program: &Path) -> Result<Self, ProcessError> {
        let mut child = Command::new(program)
            .arg("serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(ProcessError::Start)?;
        let requests = child.stdin.take().expect("stdin was asked for as a pipe");
        let replies = child.stdout.take().expect("stdout was asked for as a pipe");
        let mut process = Self {
            child,
            requests,
            replies: BufReader::new(replies),
            voices: Vec::new(),
        };
        match process.read().await?.0 {
            Reply::Hello { version, voices } if version == protocol::VERSION => {
                process.voices = voices;
                Ok(process)
            }
            Reply::Hello { version, .. } => Err(ProcessError::Version {
                theirs: version,
                ours: protocol::VERSION,
            }),
            _ => Err(ProcessError::NoGreeting),
        }
    }

    /// Waits until the process has ended by itself or by somebody's hand.
    pub(super) async fn ended(&mut self) {
        // An error means that there is nothing to wait for any more.
        let _ = self.child.wait().await;
    }

    /// Asks and waits for the answer.
    pub(super) async fn ask(
        &mut self,
        request: &Request,
        samples: &[i16],
    ) -> Result<(Reply, Vec<i16>), ProcessError> {
        let frame = protocol::encode(request, samples)?;
        self.requests
            .write_all(&frame)
            .await
            .map_err(ProcessError::Pipe)?;
        self.requests.flush().await.map_err(ProcessError::Pipe)?;
        self.read().await
    }

    async fn read(&mut self) -> Result<(Reply, Vec<i16>), ProcessError> {
        let header = self.read_part(protocol::MAX_HEADER, 1).await?;
        let reply = serde_json::from_slice(&header).map_err(FrameError::Header)?;
        let samples = self.read_part(protocol::MAX_SAMPLES, 2).await?;
        Ok((reply, protocol::decode_samples(&samples)))
    }

    /// A length and as many units of `unit` bytes.
    async fn read_part(&mut self, limit: usize, unit: usize) -> Result<Vec<u8>, ProcessError> {
        let mut length = [0; 4];
        self.replies
            .read_exact(&mut length)
            .await
            .map_err(ProcessError::Pipe)?;
        let mut bytes = vec![0; unit * protocol::decode_length(length, limit)?];
        self.replies
            .read_exact(&mut bytes)
            .await
            .map_err(ProcessError::Pipe)?;
        Ok(bytes)
    }
}
