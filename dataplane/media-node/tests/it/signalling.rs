use std::time::Duration;

use callplane_keys::Place;
use callplane_sip::{Algorithm, Digest};
use callplane_store::trunks::{
    TrunkAuth, TrunkCodec, TrunkDirection, TrunkKeyExchange, TrunkSpec, TrunkSrtp, TrunkTransport,
};
use callplane_types::TrunkId;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use uuid::Uuid;

use crate::hand::{Hand, invite};
use crate::world::{NUMBER, World, digits_flow, keys, object};

const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn a_trunk_that_wants_a_login_gets_one() {
    let world = World::new(digits_flow()).await;
    let keys = keys();
    let id = TrunkId::new(Uuid::now_v7());
    let place = Place::cell(world.tenant.id, "trunks", "password_enc", id.uuid());
    let sealed = keys.seal(&place, b"open sesame").unwrap();
    let spec = TrunkSpec {
        id,
        object: object("carrier"),
        spec_hash: "2".to_owned(),
        addresses: vec![world.carrier().to_string()],
        allowed_cidrs: vec!["127.0.0.0/8".to_owned()],
        transport: TrunkTransport::Udp,
        direction: TrunkDirection::Both,
        srtp: TrunkSrtp::Allowed,
        key_exchange: TrunkKeyExchange::Sdes,
        codecs: TrunkCodec::ALL.to_vec(),
        max_calls: None,
        auth: Some(TrunkAuth {
            username: "acme".to_owned(),
            sealed_password: sealed,
            challenge_inbound: true,
        }),
    };
    world.replace_trunk(&spec, &keys).await;
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
        let answer = asking.ask("OPTIONS", &format!("o{round}")).await;
        assert!(answer.starts_with("SIP/2.0 200"), "round {round}: {answer}");
    }
    drop(node);
}
