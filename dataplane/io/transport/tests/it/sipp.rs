//! Against SIPp, an implementation of SIP that nobody on this project wrote.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use bytes::Bytes;
use callplane_sip::{Challenge, Ending, Event, Transport};
use callplane_transport::sip::{Incoming, IncomingCall};
use tokio::process::Command;

use crate::loopback::{agent, invite, within};

const SDP: &[u8] = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
    m=audio 31400 RTP/AVP 0\r\n";

/// Whether SIPp is installed; says aloud when it is not.
fn installed() -> bool {
    let found = std::process::Command::new("sipp")
        .arg("-v")
        .output()
        .is_ok();
    if !found {
        println!("skipped: sipp is not installed (Debian package sip-tester)");
    }
    found
}

/// Runs SIPp to its end.
async fn sipp(arguments: &[&str]) -> Output {
    let folder = std::env::temp_dir();
    let run = Command::new("sipp")
        .args(arguments)
        .args([
            "-i",
            "127.0.0.1",
            "-nostdin",
            "-timeout",
            "15",
            "-timeout_error",
        ])
        .current_dir(folder)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    within(run).await.unwrap()
}

fn assert_success(output: &Output) {
    assert!(
        output.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

fn scenario(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/sipp");
    folder.join(name).to_str().unwrap().to_owned()
}

/// A port SIPp may listen on; none of those that the system gives to whoever asks for any.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let of_process = (std::process::id() % 100) as u16;
    loop {
        let port = 9_000 + of_process * 10 + NEXT.fetch_add(1, Ordering::Relaxed) % 10;
        let udp = std::net::UdpSocket::bind(("127.0.0.1", port));
        let tcp = std::net::TcpListener::bind(("127.0.0.1", port));
        if udp.is_ok() && tcp.is_ok() {
            return port;
        }
    }
}

/// Waits until somebody listens on a port of the loopback interface, as the system's tables tell
/// without a packet that SIPp would see.
async fn listened_on(port: u16, transport: Transport) {
    let (table, state) = match transport {
        Transport::Udp => ("/proc/net/udp", "07"),
        Transport::Tcp => ("/proc/net/tcp", "0A"),
    };
    let local = format!("0100007F:{port:04X}");
    let bound = |line: &str| {
        let mut columns = line.split_whitespace().skip(1);
        columns.next() == Some(&local) && columns.nth(1) == Some(state)
    };
    let mut looks = tokio::time::interval(Duration::from_millis(5));
    let listens = async {
        while !std::fs::read_to_string(table).unwrap().lines().any(bound) {
            looks.tick().await;
        }
    };
    within(listens).await;
}

/// Answers every call; counts how they end.
async fn answer_calls(mut incoming: Incoming, count: usize) -> Vec<Ending> {
    let mut endings = Vec::new();
    for _ in 0..count {
        let IncomingCall {
            invite: _,
            mut session,
        } = incoming.next().await.unwrap();
        session.handle().ring().await.unwrap();
        session
            .handle()
            .answer(Bytes::from_static(SDP))
            .await
            .unwrap();
        while let Some(event) = session.next_event().await {
            if let Event::Ended(ending) = event {
                endings.push(ending);
            }
        }
    }
    endings
}

#[tokio::test]
async fn sipp_calls_and_hangs_up_over_udp_and_tcp() {
    if !installed() {
        return;
    }
    for transport in ["u1", "t1"] {
        let (bob, bobs) = agent().await;
        let calls = tokio::spawn(answer_calls(bobs, 3));
        let target = bob.local_address().to_string();
        let arguments = [
            "-sn", "uac", &target, "-m", "3", "-l", "1", "-d", "50", "-t", transport,
        ];
        let output = sipp(&arguments).await;
        assert_success(&output);
        let endings = within(calls).await.unwrap();
        assert_eq!(
            endings,
            [Ending::Bye, Ending::Bye, Ending::Bye],
            "{transport}"
        );
    }
}

#[tokio::test]
async fn sipp_answers_our_call_and_our_bye_over_udp_and_tcp() {
    if !installed() {
        return;
    }
    for (name, transport) in [("u1", Transport::Udp), ("t1", Transport::Tcp)] {
        let (alice, _alices) = agent().await;
        let port = free_port();
        let callee = SocketAddr::from(([127, 0, 0, 1], port));
        let port = port.to_string();
        let arguments = ["-sn", "uas", "-p", &port, "-m", "1", "-t", name];
        let call = async {
            listened_on(callee.port(), transport).await;
            let request = invite("to-sipp", callee, transport);
            let mut session = alice.invite(request).await.unwrap();
            let mut ending = None;
            while let Some(event) = session.next_event().await {
                match event {
                    Event::Answered { sdp } => {
                        assert!(sdp.starts_with(b"v=0"));
                        session.handle().hangup().await.unwrap();
                    }
                    Event::Ended(ended) => ending = Some(ended),
                    _ => {}
                }
            }
            ending
        };
        let (ending, output) = tokio::join!(within(call), sipp(&arguments));
        assert_eq!(ending, Some(Ending::Local));
        assert_success(&output);
    }
}

#[tokio::test]
async fn sipp_answers_our_digest_challenge() {
    if !installed() {
        return;
    }
    let (bob, mut bobs) = agent().await;
    let target = bob.local_address().to_string();
    let calls = async {
        let first = bobs.next().await.unwrap();
        assert!(first.invite.credentials.is_none());
        let challenge = Challenge::md5("callplane");
        first.session.handle().challenge(challenge).await.unwrap();
        let mut second = bobs.next().await.unwrap();
        let credentials = second.invite.credentials.take().unwrap();
        assert!(credentials.verify("callplane", "trunk", "s3cret"));
        assert!(!credentials.verify("callplane", "trunk", "other"));
        let handle = second.session.handle().clone();
        handle.answer(Bytes::from_static(SDP)).await.unwrap();
        loop {
            match second.session.next_event().await.unwrap() {
                Event::Ended(ending) => return ending,
                _ => continue,
            }
        }
    };
    let scenario = scenario("digest.xml");
    let arguments = [
        "-sf", &scenario, &target, "-m", "1", "-au", "trunk", "-ap", "s3cret",
    ];
    let (output, ending) = tokio::join!(sipp(&arguments), within(calls));
    assert_success(&output);
    assert_eq!(ending, Ending::Bye);
}

#[tokio::test]
async fn sipp_cancels_while_it_rings() {
    if !installed() {
        return;
    }
    let (bob, mut bobs) = agent().await;
    let target = bob.local_address().to_string();
    let calls = async {
        let mut call = bobs.next().await.unwrap();
        call.session.handle().ring().await.unwrap();
        loop {
            match call.session.next_event().await.unwrap() {
                Event::Ended(ending) => return ending,
                _ => continue,
            }
        }
    };
    let scenario = scenario("cancel.xml");
    let arguments = ["-sf", &scenario, &target, "-m", "1"];
    let (output, ending) = tokio::join!(sipp(&arguments), within(calls));
    assert_success(&output);
    assert_eq!(ending, Ending::Cancelled);
}
