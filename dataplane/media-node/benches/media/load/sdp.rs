//! As much SDP as one codec needs.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};

/// The payload type that rtpengine gives Opus.
pub(crate) const OPUS: u8 = 96;

/// G.711 and keys.
pub(crate) fn offer(port: u16, crypto: &str) -> String {
    let profile = if crypto.is_empty() {
        "RTP/AVP"
    } else {
        "RTP/SAVP"
    };
    format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} {profile} 0 101\r\n\
         a=rtpmap:101 telephone-event/8000\r\n{crypto}"
    )
}

/// Where media goes by an answer, and its key.
pub(crate) fn read(answer: &str) -> Result<(SocketAddr, Option<&str>)> {
    let value = |name: &str| answer.lines().find_map(|line| line.strip_prefix(name));
    let port = value("m=audio ").and_then(|rest| rest.split(' ').next());
    let address = value("c=IN IP4 ").context("no address")?;
    let port = port.context("no audio")?.parse()?;
    Ok((
        SocketAddr::new(address.trim().parse()?, port),
        value("a=crypto:"),
    ))
}

/// Opus alone, as an answer to an offer that has it, and its payload type.
pub(crate) fn opus(port: u16, offer: &str) -> Result<(String, u8)> {
    let line = offer
        .lines()
        .find(|line| line.starts_with("a=rtpmap:") && line.contains("opus/48000"));
    let number = line.and_then(|line| line["a=rtpmap:".len()..].split(' ').next());
    let number: u8 = number.context("no Opus was offered")?.parse()?;
    let answer = format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP {number}\r\n\
         a=rtpmap:{number} opus/48000/2\r\n"
    );
    Ok((answer, number))
}
