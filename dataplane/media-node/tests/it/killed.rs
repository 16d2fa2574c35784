use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use callplane_e2e::phones::Caller;
use callplane_e2e::{get, until};
use callplane_store::campaigns::{self, RecipientOutcome, RecipientStatus};
use tokio::net::UdpSocket;
use tokio::process::{Child, Command};

use crate::opus;
use crate::world::{World, digits_flow, free_port, recording_of, until_looked};

const PATIENCE: Duration = Duration::from_secs(40);
const KILLS: u64 = 8;

/// A carrier at which everybody is busy. It counts who was rung.
pub(crate) struct BusyCarrier {
    /// Branches of the INVITEs by number: a retransmission has the branch of its request.
    rung: Arc<Mutex<BTreeMap<String, BTreeSet<String>>>>,
}

impl BusyCarrier {
    pub(crate) async fn start(world: &World) -> Self {
        let socket = UdpSocket::bind(world.carrier()).await.unwrap();
        let rung: Arc<Mutex<BTreeMap<String, BTreeSet<String>>>> = Arc::default();
        let seen = Arc::clone(&rung);
        tokio::spawn(async move {
            let mut buffer = [0; 4096];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                let request = String::from_utf8_lossy(&buffer[..length]).into_owned();
                let Some(number) = request
                    .strip_prefix("INVITE sip:")
                    .and_then(|rest| rest.split('@').next())
                else {
                    continue;
                };
                let branch = request.split("branch=").nth(1).unwrap();
                let branch = branch.split([';', '\r']).next().unwrap();
                seen.lock()
                    .unwrap()
                    .entry(number.to_owned())
                    .or_default()
                    .insert(branch.to_owned());
                let answer = busy(&request);
                socket.send_to(answer.as_bytes(), from).await.unwrap();
            }
        });
        Self { rung }
    }

    pub(crate) fn total(&self) -> usize {
        self.rung.lock().unwrap().len()
    }

    pub(crate) fn times(&self, number: &str) -> usize {
        self.rung
            .lock()
            .unwrap()
            .get(number)
            .map_or(0, BTreeSet::len)
    }
}

fn busy(request: &str) -> String {
    let header = |name: &str| {
        let line = request.lines().find(|line| line.starts_with(name));
        line.unwrap().to_owned()
    };
    format!(
        "SIP/2.0 486 Busy Here\r\n{}\r\n{}\r\n{};tag=busy\r\n{}\r\n{}\r\nContent-Length: 0\r\n\r\n",
        header("Via:"),
        header("From:"),
        header("To:"),
        header("Call-ID:"),
        header("CSeq:")
    )
}

/// A node in a process of its own, to be killed.
fn process(world: &World, admin: u16, fault: Option<&str>) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_callplane-media-node"));
    command
        .args(world.arguments(&["--metrics", &format!("127.0.0.1:{admin}")]))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    if let Some(fault) = fault {
        command.env("CALLPLANE_FAULT", fault);
    }
    command.spawn().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_about_to_be_rung_when_the_node_died_is_unknown_and_never_rung() {
    let number = "+15559990001";
    let world = World::new(digits_flow()).await;
    let carrier = BusyCarrier::start(&world).await;
    let campaign = world.campaign(&[number]).await;
    let mut node = process(&world, free_port(), Some("before_invite"));
    let ended = tokio::time::timeout(PATIENCE, node.wait()).await.unwrap();
    assert!(!ended.unwrap().success());
    let database = &world.tenant.database;
    let left = campaigns::recipients(database, campaign, None, 10).await;
    assert_eq!(left.unwrap()[0].status, RecipientStatus::Dialing);
    let node = world.node(&[]).await;
    let recipients = world.settled(campaign).await;
    assert_eq!(recipients[0].outcome, Some(RecipientOutcome::Unknown));
    until_looked(&node).await;
    // A drain rings whom the node has claimed, and waits for the answers.
    node.drain().await;
    assert_eq!(carrier.times(number), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_rung_twice_however_often_the_node_is_killed() {
    let numbers: Vec<String> = (0..20).map(|n| format!("+155588800{n:02}")).collect();
    let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
    let world = World::new(digits_flow()).await;
    let carrier = BusyCarrier::start(&world).await;
    let campaign = world.paced_campaign(&numbers, 2).await;
    for seed in 0..KILLS {
        let port = free_port();
        let admin = format!("127.0.0.1:{port}");
        let mut node = process(&world, port, None);
        until("the node is registered", PATIENCE, async || {
            let ready = get(&admin, "/readyz").await?.status == 200;
            Ok(ready.then_some(()))
        })
        .await
        .unwrap();
        tokio::time::sleep(Duration::from_millis(seed * 37 % 300)).await;
        node.kill().await.unwrap();
    }
    let node = world.node(&[]).await;
    let recipients = world.settled(campaign).await;
    for recipient in &recipients {
        let times = carrier.times(recipient.number.expose());
        assert!(times <= 1, "rung {times} times");
        match recipient.outcome {
            Some(RecipientOutcome::Busy) => assert_eq!(times, 1),
            Some(RecipientOutcome::Unknown) => {}
            other => panic!("{other:?}"),
        }
    }
    node.drain().await;
}

/// Kills a node when it has recorded more than so many octets, and gives what can be played of the recording, and how long the call had
/// gone on.
async fn killed_while_recording(world: &World, octets: u64) -> (Vec<u8>, Duration) {
    let port = free_port();
    let admin = format!("127.0.0.1:{port}");
    let mut node = process(world, port, None);
    until("the node is ready", PATIENCE, async || {
        let ready = get(&admin, "/readyz").await?.status == 200;
        Ok(ready.then_some(()))
    })
    .await
    .unwrap();
    let _phone = world.call(&Caller::listening("+15557770001"), 1);
    let recordings = world.data().join("recordings");
    let begun = until("the recording has begun", PATIENCE, async || {
        Ok(find_recording(&recordings))
    });
    // The file is made with the first second.
    let (call, _) = begun.await.unwrap();
    let seen = Instant::now();
    let grown = until("some seconds are recorded", PATIENCE, async || {
        Ok(find_recording(&recordings).filter(|(_, length)| *length > octets))
    });
    grown.await.unwrap();
    node.kill().await.unwrap();
    let talked = Duration::from_secs(1) + seen.elapsed();
    world.until_port_is_free().await;
    let node = world.node(&[]).await;
    let audio = recording_of(node.control_address(), &call).await.unwrap();
    node.drain().await;
    (audio.unwrap(), talked)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_recording_of_a_killed_node_can_be_played() {
    let world = World::new(digits_flow()).await;
    let (wav, talked) = killed_while_recording(&world, 4 * 32_000).await;
    assert_eq!(&wav[..4], b"RIFF");
    let size = u32::from_le_bytes([wav[40], wav[41], wav[42], wav[43]]) as usize;
    assert_eq!(
        size / 4,
        (wav.len() - 44) / 4,
        "the header tells of what is there"
    );
    let recorded = Duration::from_millis(size as u64 / 32);
    let lost = talked.saturating_sub(recorded);
    assert!(lost <= Duration::from_secs(2), "{lost:?} of {talked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_opus_recording_of_a_killed_node_plays_up_to_its_last_page() {
    let world = opus::world().await;
    // A second is a page of 1127 octets at least.
    let (opus, talked) = killed_while_recording(&world, 6 * 1_127).await;
    let file = world.folder.path().join("killed.opus");
    std::fs::write(&file, &opus).unwrap();
    let recorded = Duration::from_secs_f64(opus::decoded(&file).await.seconds());
    let lost = talked.saturating_sub(recorded);
    assert!(lost <= Duration::from_secs(2), "{lost:?} of {talked:?}");
}

/// The first recording below `folder`: its call, and how long it is.
fn find_recording(folder: &Path) -> Option<(String, u64)> {
    for entry in std::fs::read_dir(folder).ok()?.flatten() {
        let path = entry.path();
        if path.is_dir() {
            if let Some(found) = find_recording(&path) {
                return Some(found);
            }
        } else {
            let name = path
                .file_name()?
                .to_str()?
                .strip_suffix(".sealed")?
                .split('.')
                .next()?;
            return Some((name.to_owned(), entry.metadata().ok()?.len()));
        }
    }
    None
}
