//! SIP of all phones, over one socket.

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, Result};

use super::phone::{Phone, State};
use super::{Seen, sdp};
use crate::world::NUMBER;

/// The caller's side of SIP. It knows what the node sends, and no more.
pub(super) struct Signalling {
    socket: UdpSocket,
    local: SocketAddr,
    node: SocketAddr,
    encrypted: bool,
    buffer: Vec<u8>,
}

impl Signalling {
    pub(super) fn bind(node: SocketAddr, encrypted: bool) -> Result<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            local: socket.local_addr()?,
            socket,
            node,
            encrypted,
            buffer: vec![0; 4_096],
        })
    }

    /// Calls from the phone at `place`.
    pub(super) fn invite(&self, place: usize, phone: &mut Phone) -> Result<()> {
        static SERIAL: AtomicU64 = AtomicU64::new(0);
        phone.serial = (SERIAL.fetch_add(1, Ordering::Relaxed) << 16) | place as u64;
        let crypto = if self.encrypted {
            phone.crypto()
        } else {
            String::new()
        };
        let offer = sdp::offer(phone.port()?, &crypto);
        let request = self.request("INVITE", phone.serial, "", &offer);
        phone.asks(request);
        self.repeat(phone)
    }

    /// Hangs up, once.
    pub(super) fn bye(&self, phone: &mut Phone) -> Result<()> {
        if let State::Talking { to, .. } = &phone.state {
            let request = self.request("BYE", phone.serial, to, "");
            phone.asks(request);
            phone.state = State::Leaving;
            self.repeat(phone)?;
        }
        Ok(())
    }

    pub(super) fn repeat(&self, phone: &Phone) -> Result<()> {
        self.send(&phone.request)
    }

    /// Takes what came.
    pub(super) fn read(&mut self, phones: &mut [Option<Phone>], seen: &Seen) -> Result<()> {
        while let Ok(length) = self.socket.recv(&mut self.buffer) {
            let text = String::from_utf8_lossy(&self.buffer[..length]).into_owned();
            self.take(&text, phones, seen)?;
        }
        Ok(())
    }

    fn take(&self, text: &str, phones: &mut [Option<Phone>], seen: &Seen) -> Result<()> {
        let serial = header(text, "Call-ID:").and_then(|id| id.parse::<u64>().ok());
        let place = serial.map(|serial| (serial & 0xFFFF) as usize);
        let Some(found) = place.and_then(|place| phones.get_mut(place)) else {
            return Ok(());
        };
        let Some(phone) = found.as_mut().filter(|phone| Some(phone.serial) == serial) else {
            return Ok(());
        };
        let is_to = |method: &str| header(text, "CSeq:").is_some_and(|line| line.ends_with(method));
        if text.starts_with("BYE") {
            self.send(&ok(text)?)?;
            seen.failed.fetch_add(1, Ordering::Relaxed);
            *found = None;
        } else if text.starts_with("SIP/2.0 200") && is_to("INVITE") {
            let to = header(text, "To:").context("a response has a To")?;
            // Also if the same response came before: then the last ACK was lost.
            self.send(&self.request("ACK", phone.serial, to, ""))?;
            if phone.state == State::Calling {
                let (media, crypto) = sdp::read(text)?;
                phone.answered(to, media, crypto)?;
                seen.answered.fetch_add(1, Ordering::Relaxed);
            }
        } else if text.starts_with("SIP/2.0 200") && is_to("BYE") {
            seen.ended.fetch_add(1, Ordering::Relaxed);
            *found = None;
        } else if text.starts_with("SIP/2.0") && !text.starts_with("SIP/2.0 1") {
            eprintln!("   {}", text.lines().next().unwrap_or_default());
            let to = header(text, "To:").context("a response has a To")?;
            self.send(&self.request("ACK", phone.serial, to, ""))?;
            seen.failed.fetch_add(1, Ordering::Relaxed);
            *found = None;
        }
        Ok(())
    }

    fn request(&self, method: &str, serial: u64, to: &str, body: &str) -> String {
        let local = self.local;
        let usual = format!("<sip:{NUMBER}@127.0.0.1>");
        let to = if to.is_empty() { &usual } else { to };
        let sequence = if method == "BYE" { 2 } else { 1 };
        let kind = if body.is_empty() {
            ""
        } else {
            "Content-Type: application/sdp\r\n"
        };
        // An ACK of a 200 is a transaction of its own; that of a refusal is not, and matters less.
        let branch = if method == "ACK" { "a" } else { "" };
        format!(
            "{method} sip:{NUMBER}@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bK{serial}{sequence}{branch}\r\n\
             From: <sip:+15557770001@{local}>;tag=h\r\nTo: {to}\r\nCall-ID: {serial}\r\nCSeq: {sequence} {method}\r\n\
             Contact: <sip:h@{local}>\r\nMax-Forwards: 70\r\n{kind}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    fn send(&self, text: &str) -> Result<()> {
        // What is lost is sent again.
        let _ = self.socket.send_to(text.as_bytes(), self.node);
        Ok(())
    }
}

fn header<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim())
}

/// The answer to a request.
fn ok(request: &str) -> Result<String> {
    let mut text = "SIP/2.0 200 OK\r\n".to_owned();
    for name in ["Via:", "From:", "To:", "Call-ID:", "CSeq:"] {
        let value = header(request, name).context("a request has this header")?;
        text.push_str(&format!("{name} {value}\r\n"));
    }
    text.push_str("Content-Length: 0\r\n\r\n");
    Ok(text)
}
