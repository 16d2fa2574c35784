//! A carrier with one address and many phones behind it: it hands each request to the phone with the dialled
//! number. It keeps no state of a call and changes no byte, so that the phones meet Callplane itself.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

/// A running carrier. Dropping it ends it.
#[derive(Debug)]
pub struct Carrier {
    task: JoinHandle<()>,
}

impl Carrier {
    /// Listens at `address` for the numbers of `phones`.
    pub async fn start(address: SocketAddr, phones: HashMap<String, SocketAddr>) -> Result<Self> {
        let socket = UdpSocket::bind(address)
            .await
            .with_context(|| format!("the carrier cannot listen at {address}"))?;
        Ok(Self {
            task: tokio::spawn(forward(Arc::new(socket), phones)),
        })
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn forward(socket: Arc<UdpSocket>, phones: HashMap<String, SocketAddr>) {
    let mut buffer = vec![0; 65_535];
    loop {
        let Ok((length, _)) = socket.recv_from(&mut buffer).await else {
            return;
        };
        let message = String::from_utf8_lossy(&buffer[..length]);
        if let Some(target) = target(&message, &phones) {
            // A phone that is gone is silent, as on any network.
            let _ = socket.send_to(&buffer[..length], target).await;
        }
    }
}

/// A response goes to its topmost Via (RFC 3261 section 18.2.2); a request to the phone with its number, else to
/// the address in its Request-URI, which is where a phone's own request inside a call wants to go.
fn target(message: &str, phones: &HashMap<String, SocketAddr>) -> Option<SocketAddr> {
    let mut lines = message.lines();
    let first = lines.next()?;
    if first.starts_with("SIP/2.0") {
        let via = lines.find(|line| line.to_ascii_lowercase().starts_with("via:"))?;
        return via
            .split_whitespace()
            .find_map(|word| word.split(';').next()?.parse().ok());
    }
    let uri = first.split(' ').nth(1)?.strip_prefix("sip:")?;
    let uri = uri.split([';', '?', '>']).next()?;
    let (user, host) = uri.split_once('@').unwrap_or(("", uri));
    phones.get(user).copied().or_else(|| host.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phones() -> HashMap<String, SocketAddr> {
        HashMap::from([("+1".to_owned(), SocketAddr::from(([10, 0, 0, 9], 5060)))])
    }

    #[test]
    fn a_request_goes_to_the_phone_with_the_number() {
        let invite = "INVITE sip:+1@10.0.0.1:5060 SIP/2.0\r\n";
        assert_eq!(
            target(invite, &phones()),
            Some(([10, 0, 0, 9], 5060).into())
        );
    }

    #[test]
    fn a_request_inside_a_call_goes_to_its_address() {
        let bye = "BYE sip:node@10.0.0.7:5060;transport=udp SIP/2.0\r\n";
        assert_eq!(target(bye, &phones()), Some(([10, 0, 0, 7], 5060).into()));
    }

    #[test]
    fn a_response_goes_to_its_topmost_via() {
        let ok = "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.0.0.7:5060;branch=z9hG4bK1;rport\r\nVia: SIP/2.0/UDP 1.1.1.1:1\r\n";
        assert_eq!(target(ok, &phones()), Some(([10, 0, 0, 7], 5060).into()));
    }
}
