//! Telephones that the node calls: each INVITE gets one that answers at once.

use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::net::UdpSocket as SipSocket;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::load::sdp;
use crate::rtpengine::Second;

/// From one call to the next.
const PATIENCE: Duration = Duration::from_secs(20);

/// A telephone that has answered.
pub(crate) struct Called {
    pub(crate) socket: UdpSocket,
    /// Where it sends to.
    pub(crate) to: SocketAddr,
    pub(crate) payload_type: u8,
}

/// The address of all of them. Dropping it ends the task; the telephones stay.
pub(crate) struct Carrier {
    called: mpsc::UnboundedReceiver<Called>,
    task: JoinHandle<Result<()>>,
}

impl Carrier {
    pub(crate) async fn start(address: SocketAddr, speaks: Second) -> Result<Self> {
        let socket = SipSocket::bind(address).await?;
        let (sender, called) = mpsc::unbounded_channel();
        let task = tokio::spawn(answer(socket, speaks, sender));
        Ok(Self { called, task })
    }

    /// The next so many.
    pub(crate) async fn take(&mut self, count: usize) -> Result<Vec<Called>> {
        let mut taken = Vec::with_capacity(count);
        while taken.len() < count {
            let next = timeout(PATIENCE, self.called.recv()).await;
            let next = next.with_context(|| format!("{} of {count} were called", taken.len()))?;
            taken.push(next.context("the telephones are gone")?);
        }
        Ok(taken)
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(
    socket: SipSocket,
    speaks: Second,
    called: mpsc::UnboundedSender<Called>,
) -> Result<()> {
    let mut answers = HashMap::new();
    let mut buffer = vec![0; 8_192];
    loop {
        let (length, from) = socket.recv_from(&mut buffer).await?;
        let request = String::from_utf8_lossy(&buffer[..length]).into_owned();
        let call = header(&request, "Call-ID").context("no Call-ID")?;
        let answer = match request.split(' ').next() {
            Some("INVITE") => match answers.get(call) {
                Some(answer) => String::clone(answer),
                None => {
                    let (answer, end) = pick_up(&request, socket.local_addr()?, speaks)?;
                    answers.insert(call.to_owned(), answer.clone());
                    let _ = called.send(end);
                    answer
                }
            },
            // An ACK is not answered, nor is an answer.
            Some("ACK" | "SIP/2.0") | None => continue,
            Some(_) => ok(&request, "", ""),
        };
        socket.send_to(answer.as_bytes(), from).await?;
    }
}

fn pick_up(request: &str, here: SocketAddr, speaks: Second) -> Result<(String, Called)> {
    let (_, offer) = request.split_once("\r\n\r\n").context("no offer")?;
    let (to, _) = sdp::read(offer)?;
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_nonblocking(true)?;
    let port = socket.local_addr()?.port();
    let (description, payload_type) = match speaks {
        Second::Pcmu => (sdp::offer(port, ""), 0),
        Second::Opus => sdp::opus(port, offer)?,
    };
    let contact = format!("Contact: <sip:{here}>\r\nContent-Type: application/sdp\r\n");
    let called = Called {
        socket,
        to,
        payload_type,
    };
    Ok((ok(request, &contact, &description), called))
}

fn ok(request: &str, headers: &str, body: &str) -> String {
    let copied = |name: &str| {
        let lines = request.lines().filter(|line| line.starts_with(name));
        lines.map(|line| format!("{line}\r\n")).collect::<String>()
    };
    let to = copied("To:");
    let to = match to.contains(";tag=") {
        true => to,
        false => to.replace("\r\n", ";tag=bench\r\n"),
    };
    let (via, from) = (copied("Via:"), copied("From:"));
    let (call, sequence) = (copied("Call-ID:"), copied("CSeq:"));
    format!(
        "SIP/2.0 200 OK\r\n{via}{from}{to}{call}{sequence}{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn header<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    message.lines().find_map(|line| {
        let value = line.strip_prefix(name)?.strip_prefix(':')?;
        Some(value.trim())
    })
}
