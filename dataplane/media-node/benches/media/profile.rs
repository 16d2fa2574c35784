//! Where the time of a media thread goes, by `perf`.

use std::collections::BTreeMap;

use anyhow::Result;
use callplane_e2e::run;

use crate::node::Node;

/// What a call stack belongs to: the first of these that is in it, from the outermost. Names of the kernel first,
/// because what it does for a packet is below the function that sends it.
const STAGES: [(&str, &str); 16] = [
    (
        "sys_sendto",
        "send: UDP, with the receiver's side of loopback",
    ),
    (
        "sys_sendmmsg",
        "send: UDP, with the receiver's side of loopback",
    ),
    ("sys_recvfrom", "receive: UDP"),
    ("sys_recvmmsg", "receive: UDP"),
    ("sys_recvmsg", "receive: UDP"),
    ("sys_epoll_wait", "which sockets have something"),
    ("sys_clock_nanosleep", "sleep and wake"),
    ("sys_", "other calls of the system"),
    ("earshot", "voice activity: earshot"),
    ("Vad", "voice activity: around it"),
    ("srtp", "SRTP"),
    ("aws_lc", "SRTP"),
    ("Upsampler", "resampling for the recogniser"),
    ("callplane_rtp", "RTP, jitter buffer, RTCP"),
    (
        "callplane_audio",
        "other audio: G.711, concealment, recording",
    ),
    ("callplane", "the call and its thread"),
];

/// Prints the shares of ten seconds. Without `perf` it says so.
pub(crate) async fn of_media(node: &Node) -> Result<()> {
    let threads = node.process().threads()?;
    let Some((thread, _)) = threads.iter().find(|(_, name)| name == "media-0") else {
        return Ok(());
    };
    let file = node
        .world
        .folder
        .path()
        .join("perf.data")
        .display()
        .to_string();
    let record = [
        "record",
        "-q",
        "-e",
        "cpu-clock",
        "-F",
        "999",
        "-g",
        "-t",
        &thread.to_string(),
        "-o",
        &file,
        "--",
        "sleep",
        "10",
    ];
    let script = ["script", "-i", &file, "-F", "ip,sym", "--no-demangle"];
    let script = [&script[..5], &[]].concat();
    let stacks = match run("perf", &record, "").await {
        Ok(_) => run("perf", &script, "").await?,
        Err(error) => {
            eprintln!("   no profile: {error:#}");
            return Ok(());
        }
    };
    let (mut shares, mut total) = (BTreeMap::<&str, u32>::new(), 0);
    for stack in stacks
        .split("\n\n")
        .filter(|stack| !stack.trim().is_empty())
    {
        let stage = STAGES.iter().find(|(name, _)| stack.contains(name));
        *shares
            .entry(stage.map_or("elsewhere", |(_, stage)| stage))
            .or_default() += 1;
        total += 1;
    }
    let mut shares: Vec<_> = shares.into_iter().collect();
    shares.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    eprintln!("   the media thread by stage:");
    for (stage, count) in shares {
        eprintln!(
            "   {:>5.1} %  {stage}",
            100.0 * f64::from(count) / f64::from(total)
        );
    }
    Ok(())
}
