//! As much HTTP as asking a pod needs. Version 1.0: the answer ends where the connection does.

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An answer.
#[derive(Clone, Debug)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Body, as text.
    pub body: String,
}

/// `GET http://address/path`.
pub async fn get(address: &str, path: &str) -> Result<Response> {
    request("GET", address, path, "", "").await
}

/// Sends a request with a body of this media type.
pub async fn request(
    method: &str,
    address: &str,
    path: &str,
    media_type: &str,
    body: &str,
) -> Result<Response> {
    let mut stream = TcpStream::connect(address)
        .await
        .with_context(|| format!("failed to connect to {address}"))?;
    let mut head = format!("{method} {path} HTTP/1.0\r\nHost: {address}\r\n");
    if !media_type.is_empty() {
        head.push_str(&format!(
            "Content-Type: {media_type}\r\nContent-Length: {}\r\n",
            body.len()
        ));
    }
    stream
        .write_all(format!("{head}\r\n{body}").as_bytes())
        .await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    parse(&String::from_utf8_lossy(&answer))
        .with_context(|| format!("bad answer of {address}{path}"))
}

fn parse(answer: &str) -> Result<Response> {
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .context("no end of the header")?;
    let status = head.split(' ').nth(1).context("no status")?.parse()?;
    Ok(Response {
        status,
        body: body.to_owned(),
    })
}
