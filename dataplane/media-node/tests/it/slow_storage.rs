//! A storage for recordings that takes its time, with MinIO behind a line that is slow.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use callplane_e2e::phones::Caller;
use callplane_e2e::{Metrics, MinIo, get, until};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

use crate::folder::files;
use crate::world::{World, digits_flow, free_port, json_of, recording_of};

const PATIENCE: Duration = Duration::from_secs(60);
/// What the slow line carries at a time.
const PIECE: usize = 4_096;
const PAUSE: Duration = Duration::from_millis(250);

/// A line to a server.
struct Line {
    address: SocketAddr,
    slow: Arc<AtomicBool>,
    /// Octets towards the server.
    carried: Arc<AtomicU64>,
    _carries: JoinSet<()>,
}

impl Line {
    async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (slow, carried) = (Arc::new(AtomicBool::new(true)), Arc::<AtomicU64>::default());
        let (is_slow, count) = (Arc::clone(&slow), Arc::clone(&carried));
        let mut carries = JoinSet::new();
        carries.spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let (slow, count) = (Arc::clone(&is_slow), Arc::clone(&count));
                tokio::spawn(async move {
                    // Whoever hangs up ends the connection.
                    if let Ok(far) = TcpStream::connect(server).await {
                        carry(near, far, &slow, &count).await;
                    }
                });
            }
        });
        Self {
            address,
            slow,
            carried,
            _carries: carries,
        }
    }

    fn carried(&self) -> u64 {
        self.carried.load(Ordering::Relaxed)
    }
}

async fn carry(near: TcpStream, far: TcpStream, slow: &AtomicBool, count: &AtomicU64) {
    let (mut asks, mut hears) = near.into_split();
    let (mut answers, mut takes) = far.into_split();
    let there = async {
        let mut piece = [0; PIECE];
        while let Ok(length @ 1..) = asks.read(&mut piece).await {
            if slow.load(Ordering::Relaxed) {
                tokio::time::sleep(PAUSE).await;
            }
            if takes.write_all(&piece[..length]).await.is_err() {
                return;
            }
            count.fetch_add(length as u64, Ordering::Relaxed);
        }
    };
    let back = async {
        let _ = tokio::io::copy(&mut answers, &mut hears).await;
    };
    tokio::select! {
        () = there => {}
        () = back => {}
    }
}

/// A node of a process of its own: where a bucket is, its environment says.
struct Node {
    process: Child,
    metrics: String,
    control: SocketAddr,
}

impl Node {
    async fn start(world: &World, storage: SocketAddr) -> Self {
        let [metrics, control] =
            [free_port(), free_port()].map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        let flags = world.arguments(&[
            "--metrics",
            &metrics.to_string(),
            "--control",
            &control.to_string(),
            "--recordings-url",
            "s3://bucket",
        ]);
        let process = Command::new(env!("CARGO_BIN_EXE_callplane-media-node"))
            .args(flags)
            .env("AWS_ENDPOINT", format!("http://{storage}"))
            .env("AWS_ALLOW_HTTP", "true")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", MinIo::USER)
            .env("AWS_SECRET_ACCESS_KEY", MinIo::PASSWORD)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let metrics = metrics.to_string();
        until("the node is ready", PATIENCE, async || {
            let ready = get(&metrics, "/readyz").await?.status == 200;
            Ok(ready.then_some(()))
        })
        .await
        .unwrap();
        Self {
            process,
            metrics,
            control,
        }
    }

    async fn carried(&self) -> f64 {
        let metrics = Metrics::scrape(&self.metrics).await.unwrap();
        metrics.sum("callplane_recordings_carried_total", &[])
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_go_on_while_a_slow_storage_takes_a_recording_and_it_comes_to_be_there_whole() {
    let world = World::new(digits_flow()).await;
    let folder = world.folder.path().join("minio");
    let Some(minio) = MinIo::start(folder).unwrap() else {
        return;
    };
    let line = Line::to(minio.address()).await;
    let mut node = Node::start(&world, line.address).await;
    let caller = Caller {
        steps: vec![(2.0, "1234".to_owned())],
        ..Caller::listening("+15557770001")
    };
    world.call(&caller, 1).finish(PATIENCE).await.unwrap();
    until("the recording is on its way", PATIENCE, async || {
        Ok((line.carried() > 2 * PIECE as u64).then_some(()))
    })
    .await
    .unwrap();

    // It takes longer than another call does, which knows nothing of it.
    world.call(&caller, 1).finish(PATIENCE).await.unwrap();
    assert_eq!(node.carried().await, 0.0, "the line is slow");
    assert_eq!(files(&world.data().join("recordings"), "sealed").len(), 2);

    line.slow.store(false, Ordering::Relaxed);
    until("both recordings are carried away", PATIENCE, async || {
        let left = files(&world.data().join("recordings"), "sealed");
        Ok((left.is_empty() && node.carried().await == 2.0).then_some(()))
    })
    .await
    .unwrap();
    let calls = json_of(node.control, "/v1/calls?limit=10").await.unwrap();
    let calls = calls["calls"].as_array().unwrap();
    assert_eq!(calls.len(), 2);
    for call in calls {
        let id = call["id"].as_str().unwrap();
        let document = json_of(node.control, &format!("/v1/calls/{id}"))
            .await
            .unwrap();
        assert_eq!(document["variables"]["pin"], "1234", "{document}");
        let seconds = document["recording"]["durationSeconds"].as_u64().unwrap();
        let wav = recording_of(node.control, id).await.unwrap().unwrap();
        assert_eq!(&wav[..4], b"RIFF");
        assert!(wav.len() as u64 > (seconds - 1) * 32_000, "{}", wav.len());
    }
    node.process.kill().await.unwrap();
}
