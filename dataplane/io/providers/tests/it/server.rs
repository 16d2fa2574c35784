//! An HTTP server that follows a script, to the octet.

use std::time::Duration;

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
        let request = self.requests.recv().await.unwrap();
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), serde_json::from_str(body).unwrap())
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
        let text = String::from_utf8_lossy(&octets);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length")
                    .then(|| value.trim().parse::<usize>().unwrap())
            });
            if body.len() >= length.unwrap_or(0) {
                return text.into_owned();
            }
        }
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer).await.unwrap();
        assert!(read > 0, "the request broke off");
        octets.extend_from_slice(&buffer[..read]);
    }
}
