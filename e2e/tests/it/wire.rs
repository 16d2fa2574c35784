//! What is on the wire: rubbish, many calls at once, and how late anything is.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use callplane_e2e::phones::Caller;
use callplane_e2e::{PodProcesses, figure, until};

use crate::tenant::{CALL, MEDIA_NODE, Options, Tenant};

fn options(from: SocketAddr, to: SocketAddr, count: u32) -> String {
    format!(
        "OPTIONS sip:{to} SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bKping{count};rport\r\nMax-Forwards: 70\r\n\
         From: <sip:test@{from}>;tag=t{count}\r\nTo: <sip:{to}>\r\nCall-ID: ping-{count}@{from}\r\nCSeq: 1 OPTIONS\r\n\
         Content-Length: 0\r\n\r\n"
    )
}

#[tokio::test]
#[ignore = "needs a cluster: make test"]
async fn after_malformed_sip_the_next_options_is_answered() {
    let tenant = Tenant::ready("rubbish", &Options::default()).await;
    let (pod, node) = tenant.node().await;
    let processes = PodProcesses::of(&tenant.cluster, &tenant.name, &pod)
        .await
        .unwrap();
    let before = processes.running(MEDIA_NODE).unwrap();
    assert_eq!(before.len(), 1);
    let local = tenant.phone(5099);
    let good = options(local, node, 0);
    let mut rubbish: Vec<Vec<u8>> = vec![
        Vec::new(),
        b"\r\n\r\n".to_vec(),
        vec![0xff; 1400],
        b"INVITE".to_vec(),
        b"INVITE sip:x SIP/2.0\r\n\r\n".to_vec(),
        good.replace("CSeq: 1", "CSeq: 99999999999999999999")
            .into_bytes(),
        good.replace("Content-Length: 0", "Content-Length: -1")
            .into_bytes(),
        good.replace("Content-Length: 0", "Content-Length: 70000")
            .into_bytes(),
        good.replace("Via: SIP/2.0/UDP", "Via: SIP/2.0/\u{0}")
            .into_bytes(),
        good.replace("OPTIONS", "\u{20ac}\u{20ac}").into_bytes(),
        format!("SIP/2.0 200 OK\r\n{}", good.split_once("\r\n").unwrap().1).into_bytes(),
    ];
    // Every prefix of a good request, and the request with each byte flipped.
    rubbish.extend(
        (0..good.len())
            .step_by(7)
            .map(|end| good.as_bytes()[..end].to_vec()),
    );
    rubbish.extend((0..good.len()).map(|at| {
        let mut bytes = good.clone().into_bytes();
        bytes[at] ^= 0x80;
        bytes
    }));

    let answered = tokio::task::spawn_blocking(move || {
        let socket = UdpSocket::bind(local).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(200)))
            .unwrap();
        for message in &rubbish {
            socket.send_to(message, node).unwrap();
        }
        (1..50).any(|count| {
            socket
                .send_to(options(local, node, count).as_bytes(), node)
                .unwrap();
            let mut buffer = [0; 4096];
            let deadline = Instant::now() + Duration::from_millis(300);
            while Instant::now() < deadline {
                let Ok(length) = socket.recv(&mut buffer) else {
                    continue;
                };
                let answer = String::from_utf8_lossy(&buffer[..length]);
                if answer.starts_with("SIP/2.0 200") && answer.contains(&format!("ping-{count}@")) {
                    return true;
                }
            }
            false
        })
    })
    .await
    .unwrap();
    assert!(answered);
    // It would answer after a restart, too.
    assert_eq!(processes.running(MEDIA_NODE).unwrap(), before);
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// How late the packets of one stream were against the clock of its own RTP timestamps.
struct Stream {
    packets: usize,
    latest: Duration,
}

fn listen(address: SocketAddr, until: Instant) -> Stream {
    let socket = UdpSocket::bind(address).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_millis(100)))
        .unwrap();
    let mut buffer = [0; 2048];
    let mut arrivals: Vec<(Duration, u32)> = Vec::new();
    let start = Instant::now();
    while Instant::now() < until {
        let Ok(length) = socket.recv(&mut buffer) else {
            continue;
        };
        let now = start.elapsed();
        if length > 12 && buffer[1] & 0x7f == 0 {
            arrivals.push((
                now,
                u32::from_be_bytes([buffer[4], buffer[5], buffer[6], buffer[7]]),
            ));
        }
    }
    let Some((_, origin)) = arrivals.first().copied() else {
        return Stream {
            packets: 0,
            latest: Duration::ZERO,
        };
    };
    // The earliest packet against its timestamp is the pacing clock; the others are late against it.
    let offsets: Vec<Duration> = arrivals
        .iter()
        .map(|(at, timestamp)| {
            let media = Duration::from_micros(u64::from(timestamp.wrapping_sub(origin)) * 125);
            (*at + Duration::from_secs(3600)).saturating_sub(media)
        })
        .collect();
    let first = offsets.iter().min().copied().unwrap_or_default();
    let last = offsets.iter().max().copied().unwrap_or_default();
    Stream {
        packets: arrivals.len(),
        latest: last.saturating_sub(first),
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a cluster: make test"]
async fn twenty_calls_at_once_are_paced() {
    const CALLS: u32 = 20;
    let tenant = Tenant::ready("twenty", &Options::default()).await;
    let caller = Caller {
        steps: vec![(10.0, String::new())],
        hang_up_after: Some(0.1),
        audio_to: Some(tenant.ear(0).ip()),
        ..Caller::listening("+15550109999")
    };
    let port = 5070;
    let end = Instant::now() + Duration::from_secs(14);
    let listeners: Vec<_> = (0..CALLS)
        .map(|call| {
            let address = tenant.ear(Caller::media_port(port) + 4 * u16::try_from(call).unwrap());
            std::thread::spawn(move || listen(address, end))
        })
        .collect();
    tenant
        .calls(port, &caller, CALLS)
        .await
        .finish(CALL)
        .await
        .unwrap();
    let streams: Vec<Stream> = listeners
        .into_iter()
        .map(|listener| listener.join().unwrap())
        .collect();
    let latest = streams.iter().map(|stream| stream.latest).max().unwrap();
    figure(
        "20 calls at once: latest packet behind the pacing clock",
        format_args!("{:.1}", milliseconds(latest)),
        "ms",
        "<= 40",
    )
    .unwrap();
    figure(
        "20 calls at once: packets of the call with the fewest",
        streams.iter().map(|stream| stream.packets).min().unwrap(),
        "",
        "> 100",
    )
    .unwrap();
    assert!(
        streams.iter().all(|stream| stream.packets > 100),
        "every call is spoken to"
    );
    assert!(latest <= Duration::from_millis(40), "{latest:?}");
    until("all calls are recorded", CALL, async || {
        Ok((tenant
            .sql("select count(*) from calls where status = 'completed'")
            .await
            == CALLS.to_string())
        .then_some(()))
    })
    .await
    .unwrap();
}

/// A bare caller: an INVITE, and a BYE as soon as it is answered. Returns what passed between INVITE and 200.
fn setup_time(socket: &UdpSocket, node: SocketAddr, number: &str, count: u32) -> Duration {
    let local = socket.local_addr().unwrap();
    let sdp = format!(
        "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0 101\r\n\
         a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n",
        ip = local.ip()
    );
    let request = |method: &str, uri: &str, cseq: u32, to: &str, body: &str| {
        let content = if body.is_empty() {
            ""
        } else {
            "Content-Type: application/sdp\r\n"
        };
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bK{method}{count};rport\r\nMax-Forwards: 70\r\n\
             From: <sip:+15550107777@{local}>;tag=s{count}\r\nTo: {to}\r\nCall-ID: setup-{count}@{local}\r\nCSeq: {cseq} {method}\r\n\
             Contact: <sip:+15550107777@{local}>\r\n{content}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let uri = format!("sip:{number}@{node}");
    let started = Instant::now();
    socket
        .send_to(
            request("INVITE", &uri, 1, &format!("<{uri}>"), &sdp).as_bytes(),
            node,
        )
        .unwrap();
    let answer = answer_to(socket, count, "INVITE");
    let took = started.elapsed();
    let header = |name: &str| {
        let line = answer.lines().find(|line| line.starts_with(name)).unwrap();
        line[name.len()..].trim().to_owned()
    };
    let (to, contact) = (header("To:"), header("Contact:"));
    let target = contact.trim_start_matches('<').split('>').next().unwrap();
    socket
        .send_to(request("ACK", target, 1, &to, "").as_bytes(), node)
        .unwrap();
    socket
        .send_to(request("BYE", target, 2, &to, "").as_bytes(), node)
        .unwrap();
    answer_to(socket, count, "BYE");
    took
}

/// The final answer to a request of a call, which must be 200.
fn answer_to(socket: &UdpSocket, count: u32, method: &str) -> String {
    let mut buffer = [0; 4096];
    loop {
        let length = socket
            .recv(&mut buffer)
            .expect("an answer within the time of the socket");
        let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
        let ours = message.contains(&format!("setup-{count}@"))
            && message.contains(&format!(" {method}\r\n"));
        if ours && !message.starts_with("SIP/2.0 1") {
            assert!(message.starts_with("SIP/2.0 200"), "{message}");
            return message;
        }
    }
}

#[tokio::test]
#[ignore = "needs a cluster: make test"]
async fn a_warm_node_answers_within_fifty_milliseconds() {
    const CALLS: u32 = 100;
    // A call's slot of the quota is given back with its record, which may take longer than the next calls.
    let options = Options {
        slots: 150,
        concurrent_calls: 150,
        ..Options::default()
    };
    let tenant = Tenant::ready("warm", &options).await;
    let (_, node) = tenant.node().await;
    let (local, number) = (tenant.phone(5099), tenant.number());
    let mut times = tokio::task::spawn_blocking(move || {
        let socket = UdpSocket::bind(local).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(5)))
            .unwrap();
        setup_time(&socket, node, &number, 0);
        (1..=CALLS)
            .map(|count| setup_time(&socket, node, &number, count))
            .collect::<Vec<_>>()
    })
    .await
    .unwrap();
    times.sort_unstable();
    let p99 = times[times.len() * 99 / 100 - 1];
    for (name, time, limit) in [
        ("median", times[times.len() / 2], ""),
        ("p99", p99, "<= 50"),
        ("longest", times[times.len() - 1], ""),
    ] {
        figure(
            &format!("INVITE to 200 OK, {CALLS} calls to a warm node: {name}"),
            format_args!("{:.1}", milliseconds(time)),
            "ms",
            limit,
        )
        .unwrap();
    }
    assert!(p99 <= Duration::from_millis(50), "{p99:?}");
}
