//! Two agents over real sockets on the loopback interface.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use callplane_sip::{
    Command, Config, Ending, Event, InviteRequest, Limits, NameAddr, NextHop, StatusCode, Timers,
    Transport, Uri,
};
use callplane_transport::sip::{self, Incoming, IncomingCall, InviteError, Session, SipHandle};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

pub(crate) fn config() -> Config {
    Config {
        timers: Timers {
            t1: Duration::from_millis(50),
            t2: Duration::from_millis(400),
            ..Timers::default()
        },
        ..Config::new("127.0.0.1:0".parse().unwrap())
    }
}

pub(crate) async fn agent() -> (SipHandle, Incoming) {
    agent_with(config()).await
}

async fn agent_with(config: Config) -> (SipHandle, Incoming) {
    let listen = "127.0.0.1:0".parse().unwrap();
    sip::bind(listen, config, [5; 32]).await.unwrap()
}

pub(crate) fn invite(call_id: &str, to: SocketAddr, transport: Transport) -> InviteRequest {
    let callee = Uri::sip(Some("service"), to);
    InviteRequest {
        call_id: call_id.to_owned(),
        from: NameAddr::new(Uri::sip(Some("caller"), to)),
        to: NameAddr::new(callee.clone()),
        request_uri: callee,
        next_hop: NextHop {
            transport,
            address: to,
        },
        sdp: Bytes::from_static(b"v=0\r\n"),
        login: None,
        headers: Vec::new(),
    }
}

pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(20), future)
        .await
        .expect("within 20 s")
}

async fn until(session: &mut Session, want: impl Fn(&Event) -> bool) -> Event {
    loop {
        let event = within(session.next_event()).await.expect("a live session");
        if want(&event) {
            return event;
        }
    }
}

async fn ending(session: &mut Session) -> Ending {
    match until(session, |event| matches!(event, Event::Ended(_))).await {
        Event::Ended(ending) => ending,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_call_runs_over_udp_and_over_tcp() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let (alice, _alices) = agent().await;
        let (bob, mut bobs) = agent().await;
        let request = invite("c", bob.local_address(), transport);
        let mut hers = within(alice.invite(request)).await.unwrap();
        let IncomingCall {
            invite,
            session: mut his,
        } = within(bobs.next()).await.unwrap();
        assert_eq!(invite.transport, transport);
        his.handle().ring().await.unwrap();
        until(&mut hers, |event| matches!(event, Event::Ringing { .. })).await;
        his.handle()
            .answer(Bytes::from_static(b"v=0\r\n"))
            .await
            .unwrap();
        until(&mut hers, |event| matches!(event, Event::Answered { .. })).await;
        until(&mut his, |event| {
            matches!(event, Event::Acknowledged { .. })
        })
        .await;
        his.handle().try_send(Command::Hangup).unwrap();
        assert_eq!(ending(&mut his).await, Ending::Local);
        assert_eq!(ending(&mut hers).await, Ending::Bye);
        assert!(within(hers.next_event()).await.is_none());
        let stats = alice.stats();
        assert_eq!((stats.agent.malformed, stats.sessions), (0, 0));
        let answered: u64 = stats.agent.responses_received.iter().map(|(_, n)| n).sum();
        assert!(answered >= 2, "180 and 200 at least: {answered}");
    }
}

#[tokio::test]
async fn a_dropped_session_hangs_up() {
    let (alice, _alices) = agent().await;
    let (bob, mut bobs) = agent().await;
    let request = invite("c", bob.local_address(), Transport::Udp);
    let hers = within(alice.invite(request)).await.unwrap();
    let mut call = within(bobs.next()).await.unwrap();
    drop(hers);
    assert_eq!(ending(&mut call.session).await, Ending::Cancelled);
}

#[tokio::test]
async fn calls_that_nobody_takes_are_refused_with_503() {
    let (alice, _alices) = agent().await;
    let (bob, bobs) = agent().await;
    drop(bobs);
    let request = invite("c", bob.local_address(), Transport::Udp);
    let mut hers = within(alice.invite(request)).await.unwrap();
    let ended = ending(&mut hers).await;
    assert_eq!(bob.stats().dropped.incoming_calls, 1);
    assert!(
        matches!(
            ended,
            Ending::Failed {
                status: StatusCode::SERVICE_UNAVAILABLE,
                ..
            }
        ),
        "{ended:?}"
    );
}

#[tokio::test]
async fn a_closed_tcp_port_fails_the_call_at_once() {
    let (alice, _alices) = agent().await;
    let closed = {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        socket.local_addr().unwrap()
    };
    let request = invite("c", closed, Transport::Tcp);
    let mut hers = within(alice.invite(request)).await.unwrap();
    assert_eq!(ending(&mut hers).await, Ending::TransportFailed);
}

#[tokio::test]
async fn a_full_agent_places_no_call() {
    let mut config = config();
    config.limits = Limits {
        sessions: 0,
        ..Limits::default()
    };
    let (alice, _alices) = agent_with(config).await;
    let request = invite("c", alice.local_address(), Transport::Udp);
    let refused = within(alice.invite(request)).await;
    assert!(matches!(refused, Err(InviteError::Refused(_))));
}

#[tokio::test]
async fn after_noise_on_udp_and_tcp_the_next_options_is_answered() {
    let (bob, _bobs) = agent().await;
    let address = bob.local_address();
    let udp = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for noise in [&b"\0\xff\x80"[..], b"INVITE", b"SIP/2.0 999 x\r\n\r\n", b""] {
        udp.send_to(noise, address).await.unwrap();
        let mut tcp = TcpStream::connect(address).await.unwrap();
        tcp.write_all(noise).await.unwrap();
    }
    let local = udp.local_addr().unwrap();
    let options = format!(
        "OPTIONS sip:{address} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bKo;rport\r\n\
         From: <sip:{local}>;tag=1\r\nTo: <sip:{address}>\r\nCall-ID: o\r\nCSeq: 1 OPTIONS\r\n\
         Content-Length: 0\r\n\r\n"
    );
    udp.send_to(options.as_bytes(), address).await.unwrap();
    let mut buffer = [0; 2_000];
    let length = within(udp.recv(&mut buffer)).await.unwrap();
    assert!(buffer[..length].starts_with(b"SIP/2.0 200 "));

    let mut tcp = TcpStream::connect(address).await.unwrap();
    for portion in options.as_bytes().chunks(50) {
        tcp.write_all(portion).await.unwrap();
    }
    let length = within(tcp.read(&mut buffer)).await.unwrap();
    assert!(buffer[..length].starts_with(b"SIP/2.0 200 "));
}

#[tokio::test]
async fn an_answer_that_cannot_be_sent_is_counted_and_the_next_one_is_sent() {
    let (bob, _bobs) = agent().await;
    let address = bob.local_address();
    let udp = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let options = |port: u16| {
        format!(
            "OPTIONS sip:{address} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bKp\r\n\
             From: <sip:x>;tag=1\r\nTo: <sip:{address}>\r\nCall-ID: p\r\nCSeq: 1 OPTIONS\r\n\
             Content-Length: 0\r\n\r\n"
        )
    };
    for port in [0, udp.local_addr().unwrap().port()] {
        udp.send_to(options(port).as_bytes(), address)
            .await
            .unwrap();
    }
    let mut buffer = [0; 2_000];
    let length = within(udp.recv(&mut buffer)).await.unwrap();
    assert!(buffer[..length].starts_with(b"SIP/2.0 200 "));
    assert_eq!(bob.stats().send_failures, 1);
}

#[tokio::test]
async fn a_silent_connection_is_closed() {
    let listen = "127.0.0.1:0".parse().unwrap();
    let idle = Duration::from_millis(100);
    let (bob, _bobs) = sip::start(listen, config(), [6; 32], idle).await.unwrap();
    let mut tcp = TcpStream::connect(bob.local_address()).await.unwrap();
    let mut buffer = [0; 10];
    assert_eq!(within(tcp.read(&mut buffer)).await.unwrap(), 0);
}

#[tokio::test]
async fn a_stream_without_framing_is_answered_and_closed() {
    let (bob, _bobs) = agent().await;
    let mut tcp = TcpStream::connect(bob.local_address()).await.unwrap();
    let text = "OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\n\
        Content-Length: 1\r\nContent-Length: 2\r\n\r\n";
    tcp.write_all(text.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    within(tcp.read_to_end(&mut answer)).await.unwrap();
    assert!(answer.starts_with(b"SIP/2.0 400 "));
}

#[tokio::test]
async fn the_task_ends_when_its_handles_are_gone() {
    let (bob, mut bobs) = agent().await;
    let address = bob.local_address();
    drop(bob);
    assert!(within(bobs.next()).await.is_none());
    assert!(TcpStream::connect(address).await.is_err());
}
