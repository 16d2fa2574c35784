//! A network and mounts of a test's own, in which it may break what it likes.

use std::panic::resume_unwind;
use std::process::Command;
use std::thread;

use anyhow::{Context, Result, ensure};
use nix::sched::{CloneFlags, unshare};

use crate::run;

/// Runs `test` on threads of its own, in a network namespace with nothing but a loopback interface and in a mount
/// namespace whose mounts nobody else sees. Threads and processes that it starts are there as well. Both are gone with
/// the last of them, also after a panic, so there is nothing to clear away.
///
/// **A server that was started elsewhere cannot be reached by its address**: what the test wants, such as PostgreSQL,
/// it starts itself. Files and sockets by path are shared. It comes before the other work of the machine, as far as
/// it may: what is measured here is what the test does to the network, not what else is built meanwhile.
///
/// # Panics
///
/// As `test` does; and where there can be no namespace, which needs root.
pub fn apart<T: Send>(test: impl AsyncFnOnce() -> T + Send) -> T {
    let name = thread::current().name().unwrap_or("apart").to_owned();
    let done = thread::scope(|scope| {
        let inside = thread::Builder::new().name(name).spawn_scoped(scope, || {
            enter().expect("a network of one's own needs root");
            let mut runtime = tokio::runtime::Builder::new_multi_thread();
            // Its threads are children of this one, and so in the same place.
            let runtime = runtime.enable_all().build().expect("threads can be made");
            runtime.block_on(test())
        });
        inside.expect("a thread can be made").join()
    });
    done.unwrap_or_else(|panic| resume_unwind(panic))
}

/// Moves this thread, and no other of the process.
fn enter() -> Result<()> {
    unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS).context("unshare")?;
    // Without this, what is mounted here would be seen outside.
    command("mount", &["--make-rprivate", "/"])?;
    command("ip", &["link", "set", "lo", "up"])?;
    let thread = std::fs::read_link("/proc/thread-self")?;
    let id = thread.file_name().context("a thread has a number")?;
    command("renice", &["-n", "-10", "-p", &id.to_string_lossy()])
}

fn command(program: &str, arguments: &[&str]) -> Result<()> {
    let output = Command::new(program).args(arguments).output();
    let output = output.with_context(|| format!("failed to start {program}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program}: {said}");
    Ok(())
}

/// Gives the network these rules of nftables.
///
/// # Errors
///
/// What `nft` says of them.
pub async fn rules(text: &str) -> Result<()> {
    run("nft", &["-f", "-"], text).await.map(drop)
}

/// Packets that the named counter of the table `inet` `table` has counted.
///
/// # Errors
///
/// There is no such counter.
pub async fn counted(table: &str, counter: &str) -> Result<u64> {
    let listed = run("nft", &["list", "counter", "inet", table, counter], "").await?;
    let packets = listed
        .split_once("packets ")
        .and_then(|(_, rest)| rest.split_whitespace().next()?.parse().ok());
    packets.with_context(|| format!("no packets in {listed}"))
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, UdpSocket};
    use std::time::Duration;

    use super::*;

    const RULES: &str = "table inet test {\ncounter lost { }\nchain arrives {\ntype filter hook input priority 0;\n\
                         meta l4proto udp counter name lost drop\n}\n}\n";

    /// Whether a datagram to this machine itself arrives.
    fn arrives() -> bool {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = socket.local_addr().unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(200)))
            .unwrap();
        socket.send_to(b"hello", address).unwrap();
        socket.recv(&mut [0; 16]).is_ok()
    }

    #[test]
    fn what_a_test_does_to_its_network_and_its_mounts_is_seen_by_it_and_by_what_it_starts_alone() {
        let folder = std::env::temp_dir().join(format!("callplane-apart-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let place = folder.display().to_string();
        apart(async || {
            assert!(arrives());
            rules(RULES).await.unwrap();
            run("mount", &["-t", "tmpfs", "tmpfs", &place], "")
                .await
                .unwrap();
            std::fs::write(folder.join("inside"), "").unwrap();
            let elsewhere = tokio::task::spawn_blocking(arrives);
            assert!(!elsewhere.await.unwrap());
            assert_eq!(counted("test", "lost").await.unwrap(), 1);
        });
        assert!(arrives());
        assert!(!folder.join("inside").exists());
        std::fs::remove_dir(&folder).unwrap();
        let end = std::panic::catch_unwind(|| apart(async || panic!("as a test does")));
        assert!(end.is_err());
    }
}
