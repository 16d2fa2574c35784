//! A browser whose network lets no UDP through: ICE over TCP by str0m, which is the other side of RFC 6544 here,
//! and by hand.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use callplane_e2e::until;
use callplane_webrtc::{Deframer, frame_header};
use serde_json::json;
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::format::{Codec, FormatParams};
use str0m::media::{Direction, Frequency, MediaKind, Mid, Pt};
use str0m::net::{Protocol, Receive, TcpType};
use str0m::rtp::RtpWrite;
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep_until, timeout};

use crate::webrtc::{Open, PATIENCE};
use crate::world::{digits_flow, metrics};

const FRAME: Duration = Duration::from_millis(20);
/// Payload type of telephone events at 8 kHz.
const EVENTS: u8 = 126;

/// The browser's end.
struct TcpBrowser {
    rtc: Rtc,
    mid: Mid,
    stream: TcpStream,
    here: SocketAddr,
    there: SocketAddr,
    deframer: Deframer,
    connected: bool,
    heard: u32,
    sequence: u64,
    frames: u32,
    /// Keys still to be pressed, one after the other.
    keys: Vec<u8>,
}

fn offer() -> (Rtc, Mid, String, SdpPendingOffer) {
    let mut config = RtcConfig::new()
        .set_rtp_mode(true)
        .clear_codecs()
        .enable_pcmu(true, false);
    config.codec_config().add_config(
        EVENTS.into(),
        None,
        Codec::Tele,
        Frequency::EIGHT_KHZ,
        None,
        FormatParams::default(),
    );
    let mut rtc = config.build(now());
    let mut changes = rtc.sdp_api();
    let mid = changes.add_media(MediaKind::Audio, Direction::SendRecv, None, None, None);
    let (offer, pending) = changes.apply().unwrap();
    (rtc, mid, offer.to_sdp_string(), pending)
}

#[allow(
    clippy::disallowed_methods,
    reason = "the browser lives in the time of the test"
)]
fn now() -> Instant {
    Instant::now()
}

/// Where the answer says that TCP is taken.
fn tcp_of(answer: &str) -> SocketAddr {
    let candidate = answer
        .lines()
        .find(|line| line.starts_with("a=candidate:") && line.contains(" tcp "))
        .unwrap();
    assert!(candidate.contains("tcptype passive"), "{candidate}");
    let parts: Vec<&str> = candidate.split(' ').collect();
    format!("{}:{}", parts[4], parts[5]).parse().unwrap()
}

impl TcpBrowser {
    async fn call(open: &Open) -> Self {
        let token = open.token(json!({})).await;
        let (mut rtc, mid, offer, pending) = offer();
        let answered = open
            .post("/whip/reception", &token, "application/sdp", &offer)
            .await;
        assert_eq!(answered.status, 201, "{}", answered.body);
        let answer: String = answered
            .body
            .lines()
            .filter(|line| !line.contains(" udp "))
            .map(|line| format!("{line}\r\n"))
            .collect();
        let there = tcp_of(&answer);
        let stream = TcpStream::connect(there).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let here = stream.local_addr().unwrap();
        let candidate = Candidate::builder()
            .tcp()
            .host(here)
            .tcptype(TcpType::Active)
            .build();
        rtc.add_local_candidate(candidate.unwrap());
        let answer = SdpAnswer::from_sdp_string(&answer).unwrap();
        rtc.sdp_api().accept_answer(pending, answer).unwrap();
        Self {
            rtc,
            mid,
            stream,
            here,
            there,
            deframer: Deframer::default(),
            connected: false,
            heard: 0,
            sequence: 1,
            frames: 0,
            keys: Vec::new(),
        }
    }

    /// Lives until it is so.
    async fn live_until(&mut self, is_so: impl Fn(&Self) -> bool) {
        let lived = timeout(PATIENCE, async {
            let mut next_frame = tokio::time::Instant::now();
            while !is_so(self) {
                self.drain().await;
                tokio::select! {
                    () = sleep_until(next_frame) => {
                        next_frame += FRAME;
                        self.speak();
                        self.rtc.handle_input(Input::Timeout(now())).unwrap();
                    }
                    read = self.stream.read(self.deframer.space()) => {
                        self.deframer.filled(read.unwrap());
                        self.receive();
                    }
                }
            }
        });
        lived.await.unwrap();
    }

    fn receive(&mut self) {
        while let Some(datagram) = self.deframer.next_datagram().unwrap() {
            let received = Receive::new(Protocol::Tcp, self.there, self.here, datagram).unwrap();
            self.rtc
                .handle_input(Input::Receive(now(), received))
                .unwrap();
            // Each input wants its outputs taken.
            let (rtc, stream) = (&mut self.rtc, &self.stream);
            let (connected, heard) = drain(rtc, stream);
            self.connected |= connected;
            self.heard += heard;
        }
    }

    async fn drain(&mut self) {
        self.stream.writable().await.unwrap();
        let (connected, heard) = drain(&mut self.rtc, &self.stream);
        self.connected |= connected;
        self.heard += heard;
    }

    /// 20 ms of silence, or of a key: five frames of each, then as many of nothing.
    fn speak(&mut self) {
        if !self.connected {
            return;
        }
        self.frames += 1;
        let timestamp = self.frames * 160;
        let place = (self.frames % 20) as u16;
        match self.keys.first().copied() {
            Some(key) if (1..=5).contains(&place) => {
                let began = timestamp - u32::from(place - 1) * 160;
                let ends = if place >= 3 { 0x8A } else { 0x0A };
                let [high, low] = (160 * place.min(3)).to_be_bytes();
                self.write(EVENTS.into(), began, &[key, ends, high, low]);
                if place == 5 {
                    self.keys.remove(0);
                }
            }
            _ => self.write(0.into(), timestamp, &[0xFF; 160]),
        }
    }

    fn write(&mut self, payload_type: Pt, timestamp: u32, payload: &[u8]) {
        let write = RtpWrite::new(
            payload_type,
            self.sequence.into(),
            timestamp,
            now(),
            payload,
        );
        self.sequence += 1;
        let mut api = self.rtc.direct_api();
        api.stream_tx_by_mid(self.mid, None)
            .unwrap()
            .write_rtp(write);
    }
}

/// Whether it was connected, and packets heard. A write that does not fit is lost: the queue of loopback is long.
fn drain(rtc: &mut Rtc, stream: &TcpStream) -> (bool, u32) {
    let (mut connected, mut heard) = (false, 0);
    loop {
        match rtc.poll_output().unwrap() {
            Output::Timeout(_) => return (connected, heard),
            Output::Transmit(sent) => {
                assert_eq!(sent.proto, Protocol::Tcp);
                let mut framed = frame_header(&sent.contents).unwrap().to_vec();
                framed.extend(sent.contents.iter());
                if let Ok(written) = stream.try_write(&framed) {
                    assert_eq!(written, framed.len());
                }
            }
            Output::Event(Event::Connected) => connected = true,
            Output::Event(Event::RtpPacket(_)) => heard += 1,
            Output::Event(_) => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_can_only_use_tcp_talks_to_the_agent() {
    let speech = crate::speech::speech_program().display().to_string();
    let mut flow = digits_flow();
    flow["nodes"]["pin"]["collect"]["timeoutSeconds"] = 60.into();
    let open = Open::new(flow, &["--speech", &speech]).await;
    let mut browser = TcpBrowser::call(&open).await;
    browser.live_until(|browser| browser.connected).await;
    browser.live_until(|browser| browser.heard > 50).await;
    browser.keys = vec![1, 2, 3, 4];
    // The agent takes them, says goodbye and hangs up.
    browser.live_until(|browser| !browser.rtc.is_alive()).await;
    drop(browser);
    open.until_idle().await;
    let call = open.world.ended_call(&open.node).await;
    assert_eq!(call["variables"]["pin"], "1234", "{call}");
    assert_eq!(call["call"]["outcome"], "ordered", "{call}");
    assert_eq!(call["legs"][0]["codec"], "PCMU");
    let lost = call["quality"]["packetsLost"].as_u64().unwrap();
    assert_eq!(lost, 0, "a stream loses nothing: {call}");
    open.node.drain().await;
}

/// What a connection is sent until it is closed.
async fn closed(mut stream: TcpStream) -> Vec<u8> {
    let mut sent = Vec::new();
    let ended = timeout(Duration::from_secs(20), stream.read_to_end(&mut sent)).await;
    // Closed with something unread, it is a reset.
    drop(ended.expect("the connection is closed"));
    sent
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_prove_nothing_are_closed_and_keep_nobody_out() {
    let mut flow = digits_flow();
    flow["nodes"]["pin"]["collect"]["timeoutSeconds"] = 60.into();
    let open = Open::new(flow, &[]).await;
    let mut browser = TcpBrowser::call(&open).await;
    browser.live_until(|browser| browser.connected).await;
    let there = browser.there;
    let begin = async |octets: &[u8]| {
        let mut stream = TcpStream::connect(there).await.unwrap();
        stream.write_all(octets).await.unwrap();
        stream
    };
    // A check of nobody, a request of HTTP (a frame of 18245 octets), and media without a check before it.
    let mut check = vec![0, 36, 0, 1, 0, 16, 0x21, 0x12, 0xA4, 0x42];
    check.extend([7; 12]);
    check.extend([0, 6, 0, 11]);
    check.extend(b"nobody:them\0");
    let mut media = vec![0, 172];
    media.extend([0x80; 172]);
    // One that says nothing is given some seconds; more of them than are let wait, not even that.
    let quiet = begin(b"").await;
    let mut many = Vec::new();
    for _ in 0..300 {
        many.push(begin(b"\0").await);
    }
    let strangers = [
        begin(&check).await,
        begin(b"GET / HTTP/1.1\r\n\r\n").await,
        begin(&media).await,
    ];
    let (browser_lives, strangers_do_not) =
        tokio::join!(browser.live_until(|browser| browser.heard > 40), async {
            for stranger in strangers.into_iter().chain([quiet]).chain(many) {
                assert_eq!(closed(stranger).await, b"", "a stranger was answered");
            }
        },);
    let ((), ()) = (browser_lives, strangers_do_not);
    let refused = metrics(&open.node)
        .await
        .sum("callplane_webrtc_datagrams_refused_total", &[]);
    assert!(refused >= 2.0, "{refused}");
    browser.rtc.close().unwrap();
    browser.drain().await;
    until("the call is over", PATIENCE, async || {
        let active = metrics(&open.node).await.sum("callplane_calls_active", &[]);
        Ok((active == 0.0).then_some(()))
    })
    .await
    .unwrap();
    open.node.drain().await;
}
