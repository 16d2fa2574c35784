//! An HTTP server that follows a script, to the octet.

use std::time::Duration;

use callplane_providers::HttpClient;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// What it does with a connection, once it has the request.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// Sends these octets.
    Send(Vec<u8>),
    /// Sends nothing for a while.
    Pause(Duration),
    /// Sends nothing more, and leaves the connection open.
    Hang,
}

/// Sends this text.
pub(crate) fn send(text: impl Into<String>) -> Act {
    Act::Send(text.into().into_bytes())
}

/// A client that may connect to servers of tests.
pub(crate) fn loopback() -> HttpClient {
    HttpClient::new("127.0.0.0/8".parse().unwrap()).unwrap()
}

/// Its address, and the requests as they came.
pub(crate) struct Server {
    pub(crate) base_url: String,
    requests: mpsc::UnboundedReceiver<String>,
}

impl Server {
    /// Serves every connection by the same script, then closes it.
    pub(crate) async fn start(script: Vec<Act>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, requests) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, script.clone(), sender.clone()));
            }
        });
        Self {
            base_url: format!("http://{address}/v1"),
            requests,
        }
    }

    /// The request that came next: its head and its body.
    pub(crate) async fn request(&mut self) -> (String, serde_json::Value) {
        let (head, body) = self.text().await;
        (head, serde_json::from_str(&body).unwrap())
    }

    /// Whether nobody has asked what was not taken yet.
    pub(crate) fn is_idle(&self) -> bool {
        self.requests.is_empty()
    }

    /// As [`Server::request`], with a body that is no JSON; what is no text of it is replaced.
    pub(crate) async fn text(&mut self) -> (String, String) {
        let request = self.requests.recv().await.unwrap();
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    }
}

async fn serve(mut stream: TcpStream, script: Vec<Act>, requests: mpsc::UnboundedSender<String>) {
    let request = read(&mut stream).await;
    requests.send(request).unwrap();
    for act in script {
        match act {
            // A client that had enough has gone.
            Act::Send(octets) => drop(stream.write_all(&octets).await),
            Act::Pause(time) => tokio::time::sleep(time).await,
            Act::Hang => std::future::pending().await,
        }
    }
}

/// A request with a body of a known length.
async fn read(stream: &mut TcpStream) -> String {
    let mut octets = Vec::new();
    loop {
        let end = octets.windows(4).position(|four| four == b"\r\n\r\n");
        if let Some(end) = end {
            let head = String::from_utf8_lossy(&octets[..end]);
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length")
                    .then(|| value.trim().parse::<usize>().unwrap())
            });
            if octets.len() - end - 4 >= length.unwrap_or(0) {
                return String::from_utf8_lossy(&octets).into_owned();
            }
        }
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer).await.unwrap();
        assert!(read > 0, "the request broke off");
        octets.extend_from_slice(&buffer[..read]);
    }
}
