use std::net::SocketAddr;
use std::time::Duration;

use callplane_e2e::until;
use callplane_sip::{Algorithm, Digest};
use callplane_store::seal::Key;
use callplane_store::trunks::{TrunkAuth, TrunkDirection, TrunkSpec, TrunkTransport};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};

use crate::world::{NUMBER, World, digits_flow, json_of, object};

const PATIENCE: Duration = Duration::from_secs(10);

/// A caller that writes its SIP by hand.
struct Hand {
    socket: UdpSocket,
    node: SocketAddr,
}

impl Hand {
    async fn new(world: &World) -> Self {
        Self {
            socket: UdpSocket::bind(("127.0.0.1", 0)).await.unwrap(),
            node: world.sip(),
        }
    }

    async fn send(&self, bytes: &[u8]) {
        self.socket.send_to(bytes, self.node).await.unwrap();
    }

    /// The next final answer.
    async fn answer(&self) -> String {
        let mut buffer = vec![0; 4096];
        loop {
            let received = self.socket.recv(&mut buffer);
            let length = tokio::time::timeout(PATIENCE, received)
                .await
                .unwrap()
                .unwrap();
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if !text.starts_with("SIP/2.0 1") {
                return text;
            }
        }
    }

    fn invite(&self, call_id: &str, cseq: u32, more: &str) -> String {
        let local = self.socket.local_addr().unwrap();
        invite("UDP", local, call_id, cseq, more)
    }

    async fn acknowledge(&self, answer: &str, call_id: &str, cseq: u32) {
        let to = answer.lines().find(|line| line.starts_with("To:")).unwrap();
        let local = self.socket.local_addr().unwrap();
        let ack = format!(
            "ACK sip:{NUMBER}@127.0.0.1 SIP/2.0\r\n\
             Via: SIP/2.0/UDP {local};branch=z9hG4bK{call_id}{cseq}\r\n\
             From: <sip:+15557770001@{local}>;tag=h\r\n{to}\r\nCall-ID: {call_id}\r\n\
             CSeq: {cseq} ACK\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        );
        self.send(ack.as_bytes()).await;
    }
}

fn invite(transport: &str, local: SocketAddr, call_id: &str, cseq: u32, more: &str) -> String {
    let sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
               m=audio 39998 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n";
    format!(
        "INVITE sip:{NUMBER}@127.0.0.1 SIP/2.0\r\n\
         Via: SIP/2.0/{transport} {local};branch=z9hG4bK{call_id}{cseq}\r\n\
         From: <sip:+15557770001@{local}>;tag=h\r\nTo: <sip:{NUMBER}@127.0.0.1>\r\n\
         Call-ID: {call_id}\r\nCSeq: {cseq} INVITE\r\nContact: <sip:h@{local}>\r\n\
         Max-Forwards: 70\r\n{more}Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
        sdp.len()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_over_the_quota_of_the_tenant_is_busy_and_on_record() {
    let world = World::with_quota(digits_flow(), 1).await;
    let node = world.node(&[]).await;
    let hand = Hand::new(&world).await;
    hand.send(hand.invite("one", 1, "").as_bytes()).await;
    assert!(hand.answer().await.starts_with("SIP/2.0 200"));
    let other = Hand::new(&world).await;
    other.send(other.invite("two", 1, "").as_bytes()).await;
    let refusal = other.answer().await;
    assert!(refusal.starts_with("SIP/2.0 486"), "{refusal}");
    assert!(refusal.contains("Retry-After: 5"), "{refusal}");
    let call = until("the refusal is recorded", PATIENCE, async || {
        let calls = json_of(node.control_address(), "/v1/calls").await?;
        let calls = calls["calls"].as_array().cloned().unwrap_or_default();
        let Some(call) = calls.into_iter().find(|call| call["status"] == "blocked") else {
            return Ok(None);
        };
        let path = format!("/v1/calls/{}", call["id"].as_str().unwrap_or_default());
        Ok(Some(json_of(node.control_address(), &path).await?))
    })
    .await
    .unwrap();
    let events = call["events"].as_array().unwrap();
    assert!(events.iter().any(|event| event["type"] == "quota_exceeded"));
    drop(node);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trunk_that_wants_a_login_gets_one() {
    let world = World::new(digits_flow()).await;
    let key = [7; 32];
    let carrier = object("carrier");
    let sealed = Key::new(&key)
        .unwrap()
        .seal(&format!("trunk:{}", carrier.uid), b"open sesame")
        .unwrap();
    let spec = TrunkSpec {
        object: carrier,
        spec_hash: "2".to_owned(),
        addresses: vec![world.carrier().to_string()],
        allowed_cidrs: vec!["127.0.0.0/8".to_owned()],
        transport: TrunkTransport::Udp,
        direction: TrunkDirection::Both,
        max_calls: None,
        auth: Some(TrunkAuth {
            username: "acme".to_owned(),
            sealed_password: sealed,
            challenge_inbound: true,
        }),
    };
    world.replace_trunk(&spec, &key).await;
    let node = world.node(&[]).await;
    let hand = Hand::new(&world).await;
    hand.send(hand.invite("login", 1, "").as_bytes()).await;
    let mut challenge = hand.answer().await;
    assert!(challenge.starts_with("SIP/2.0 401"), "{challenge}");
    hand.acknowledge(&challenge, "login", 1).await;
    for (cseq, password, status) in [(2, "wrong", "401"), (3, "open sesame", "200")] {
        let authorization = authorize(&challenge, password);
        hand.send(hand.invite("login", cseq, &authorization).as_bytes())
            .await;
        let answer = hand.answer().await;
        assert!(answer.starts_with(&format!("SIP/2.0 {status}")), "{answer}");
        hand.acknowledge(&answer, "login", cseq).await;
        // A nonce is good for one try.
        challenge = answer;
    }
    drop(node);
}

/// RFC 2617 without qop, which is how the oldest phones answer.
fn authorize(challenge: &str, password: &str) -> String {
    let header = challenge
        .lines()
        .find(|line| line.starts_with("WWW-Authenticate:") && line.contains("MD5"))
        .unwrap();
    let nonce = header.split("nonce=\"").nth(1).unwrap();
    let nonce = nonce.split('"').next().unwrap();
    let uri = format!("sip:{NUMBER}@127.0.0.1");
    let digest = Digest {
        algorithm: Algorithm::Md5,
        username: b"acme",
        realm: b"callplane",
        method: b"INVITE",
        uri: uri.as_bytes(),
        nonce: nonce.as_bytes(),
        qop: None,
    };
    let response = digest.response(password.as_bytes());
    format!(
        "Authorization: Digest username=\"acme\", realm=\"callplane\", nonce=\"{nonce}\", \
         uri=\"{uri}\", response=\"{response}\", algorithm=MD5\r\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_over_tcp_is_answered() {
    let world = World::new(digits_flow()).await;
    let node = world.node(&[]).await;
    let mut stream = TcpStream::connect(world.sip()).await.unwrap();
    let local = stream.local_addr().unwrap();
    let request = invite("TCP", local, "stream", 1, "");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    let mut buffer = [0; 4096];
    while !text.contains("SIP/2.0 200") {
        let read = stream.read(&mut buffer);
        let length = tokio::time::timeout(PATIENCE, read).await.unwrap().unwrap();
        assert!(length > 0, "{text}");
        text.push_str(&String::from_utf8_lossy(&buffer[..length]));
    }
    drop(node);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_every_piece_of_garbage_the_next_options_is_answered() {
    let world = World::new(digits_flow()).await;
    let node = world.node(&[]).await;
    let valid = {
        let hand = Hand::new(&world).await;
        hand.invite("garbage", 1, "").into_bytes()
    };
    let mut random = 0x2545_F491_4F6C_DD1D_u64;
    for round in 0..200 {
        let hand = Hand::new(&world).await;
        let mut bytes = valid.clone();
        for _ in 0..=round % 7 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let place = (random >> 8) as usize % bytes.len();
            match random % 3 {
                0 => bytes[place] = random as u8,
                1 => bytes.truncate(place.max(1)),
                _ => bytes.insert(place, random as u8),
            }
        }
        hand.send(&bytes).await;
        let asking = Hand::new(&world).await;
        let local = asking.socket.local_addr().unwrap();
        let options = format!(
            "OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bKo{round}\r\n\
             From: <sip:a@{local}>;tag=o\r\nTo: <sip:127.0.0.1>\r\nCall-ID: o{round}\r\n\
             CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        );
        asking.send(options.as_bytes()).await;
        let answer = asking.answer().await;
        assert!(answer.starts_with("SIP/2.0 200"), "round {round}: {answer}");
    }
    drop(node);
}
