//! As much HTTP as asking a pod needs. Version 1.0: the answer ends where the connection does.

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An answer.
#[derive(Clone, Debug)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Header lines, as they came.
    pub head: String,
    /// Body, as text.
    pub body: String,
}

impl Response {
    /// The value of a header, the first if there are several.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// `GET http://address/path`.
pub async fn get(address: &str, path: &str) -> Result<Response> {
    request("GET", address, path, "", "").await
}

/// `GET http://address/path` of something that is no text; `range` as in `Range: bytes=range`. Status and body.
pub async fn download(address: &str, path: &str, range: Option<&str>) -> Result<(u16, Vec<u8>)> {
    let range = range.map_or_else(String::new, |range| format!("Range: bytes={range}\r\n"));
    let head = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n{range}\r\n");
    let answer = exchange(address, &head).await?;
    let end = answer
        .windows(4)
        .position(|octets| octets == b"\r\n\r\n")
        .context("no end of the header")?;
    let head = String::from_utf8_lossy(&answer[..end]);
    let status = head.split(' ').nth(1).context("no status")?.parse()?;
    Ok((status, answer[end + 4..].to_vec()))
}

/// Sends a request with a body of this media type.
pub async fn request(
    method: &str,
    address: &str,
    path: &str,
    media_type: &str,
    body: &str,
) -> Result<Response> {
    request_with(method, address, path, &[("Content-Type", media_type)], body).await
}

/// Sends a request with these headers; those that are empty are left out.
pub async fn request_with(
    method: &str,
    address: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Result<Response> {
    let mut head = format!("{method} {path} HTTP/1.0\r\nHost: {address}\r\n");
    for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() || method == "POST" {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    let answer = exchange(address, &format!("{head}\r\n{body}")).await?;
    parse(&String::from_utf8_lossy(&answer))
        .with_context(|| format!("bad answer of {address}{path}"))
}

async fn exchange(address: &str, request: &str) -> Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address)
        .await
        .with_context(|| format!("failed to connect to {address}"))?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer)
}

fn parse(answer: &str) -> Result<Response> {
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .context("no end of the header")?;
    let status = head.split(' ').nth(1).context("no status")?.parse()?;
    Ok(Response {
        status,
        head: head.to_owned(),
        body: body.to_owned(),
    })
}
