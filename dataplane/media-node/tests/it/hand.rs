//! SIP written by hand: what no phone would send, and calls without a pause.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::UdpSocket;

use crate::world::{NUMBER, World};

const PATIENCE: Duration = Duration::from_secs(10);
/// Where it says that it listens.
const MEDIA: u16 = 39_998;

/// A caller that writes its SIP by hand.
pub(crate) struct Hand {
    socket: UdpSocket,
    node: SocketAddr,
}

impl Hand {
    pub(crate) async fn new(world: &World) -> Self {
        Self {
            socket: UdpSocket::bind(("127.0.0.1", 0)).await.unwrap(),
            node: world.sip(),
        }
    }

    pub(crate) async fn send(&self, bytes: &[u8]) {
        self.socket.send_to(bytes, self.node).await.unwrap();
    }

    /// The next final answer.
    pub(crate) async fn answer(&self) -> String {
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

    /// The answer to a request outside any call.
    pub(crate) async fn ask(&self, method: &str, call_id: &str) -> String {
        let local = self.socket.local_addr().unwrap();
        let request = format!(
            "{method} sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bK{call_id}\r\n\
             From: <sip:a@{local}>;tag=o\r\nTo: <sip:127.0.0.1>\r\nCall-ID: {call_id}\r\n\
             CSeq: 1 {method}\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        );
        self.send(request.as_bytes()).await;
        self.answer().await
    }

    pub(crate) fn invite(&self, call_id: &str, cseq: u32, more: &str) -> String {
        let local = self.socket.local_addr().unwrap();
        invite("UDP", local, call_id, cseq, more)
    }

    /// Calls and gives the final answer; a 200 is acknowledged.
    pub(crate) async fn call(&self, call_id: &str) -> String {
        self.send(self.invite(call_id, 1, "").as_bytes()).await;
        let answer = self.answer().await;
        self.acknowledge(&answer, call_id, 1).await;
        answer
    }

    /// As [`Hand::call`], with media at this port.
    pub(crate) async fn call_from(&self, call_id: &str, media: u16) -> String {
        let (from, to) = (format!("audio {MEDIA} "), format!("audio {media} "));
        assert_eq!(from.len(), to.len(), "the INVITE says how long it is");
        let invite = self.invite(call_id, 1, "").replace(&from, &to);
        self.send(invite.as_bytes()).await;
        let answer = self.answer().await;
        self.acknowledge(&answer, call_id, 1).await;
        answer
    }

    /// Calls that are begun at once, and their answers; those that the node refused are left out.
    pub(crate) async fn calls(&self, count: usize) -> Vec<(String, String)> {
        for number in 0..count {
            let invite = self.invite(&format!("call-{number}"), 1, "");
            self.send(invite.as_bytes()).await;
        }
        let mut taken = Vec::new();
        for _ in 0..count {
            let answer = self.answer().await;
            let call = answer
                .lines()
                .find_map(|line| line.strip_prefix("Call-ID: "));
            let call = call.unwrap().trim().to_owned();
            self.acknowledge(&answer, &call, 1).await;
            if answer.starts_with("SIP/2.0 200") {
                taken.push((call, answer));
            }
        }
        taken
    }

    pub(crate) async fn acknowledge(&self, answer: &str, call_id: &str, cseq: u32) {
        self.in_dialog("ACK", answer, call_id, cseq).await;
    }

    /// Ends a call that was answered.
    pub(crate) async fn hang_up(&self, answer: &str, call_id: &str) {
        self.in_dialog("BYE", answer, call_id, 2).await;
        let done = self.answer().await;
        assert!(done.starts_with("SIP/2.0 200"), "{done}");
    }

    async fn in_dialog(&self, method: &str, answer: &str, call_id: &str, cseq: u32) {
        let to = answer.lines().find(|line| line.starts_with("To:")).unwrap();
        let local = self.socket.local_addr().unwrap();
        let request = format!(
            "{method} sip:{NUMBER}@127.0.0.1 SIP/2.0\r\n\
             Via: SIP/2.0/UDP {local};branch=z9hG4bK{call_id}{cseq}\r\n\
             From: <sip:+15557770001@{local}>;tag=h\r\n{to}\r\nCall-ID: {call_id}\r\n\
             CSeq: {cseq} {method}\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        );
        self.send(request.as_bytes()).await;
    }
}

pub(crate) fn invite(
    transport: &str,
    local: SocketAddr,
    call_id: &str,
    cseq: u32,
    more: &str,
) -> String {
    let sdp = format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
         m=audio {MEDIA} RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"
    );
    format!(
        "INVITE sip:{NUMBER}@127.0.0.1 SIP/2.0\r\n\
         Via: SIP/2.0/{transport} {local};branch=z9hG4bK{call_id}{cseq}\r\n\
         From: <sip:+15557770001@{local}>;tag=h\r\nTo: <sip:{NUMBER}@127.0.0.1>\r\n\
         Call-ID: {call_id}\r\nCSeq: {cseq} INVITE\r\nContact: <sip:h@{local}>\r\n\
         Max-Forwards: 70\r\n{more}Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
        sdp.len()
    )
}
