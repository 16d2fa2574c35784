//! One TCP connection: a task that reads into the driver's queue and writes from its own.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use callplane_sip::ConnectionId;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

/// Messages that wait to be written to one connection.
pub(super) const SEND_QUEUE: usize = 64;
/// What is read at once.
const READ_BYTES: usize = 16 * 1_024;
/// How long a new connection may be silent: one that never spoke is nobody's call.
const FIRST_WORD: Duration = Duration::from_secs(30);
/// How long opening a connection, or writing one message, may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a connection tells the driver.
pub(super) enum FromStream {
    Opened {
        connection: ConnectionId,
        peer: SocketAddr,
    },
    Bytes {
        connection: ConnectionId,
        bytes: Bytes,
    },
    Closed {
        connection: ConnectionId,
    },
}

/// Everything a connection task has of the driver.
pub(super) struct StreamTask {
    pub(super) connection: ConnectionId,
    pub(super) idle: Duration,
    pub(super) driver: mpsc::Sender<FromStream>,
    /// Ends when the driver closes the connection.
    pub(super) messages: mpsc::Receiver<Bytes>,
}

impl StreamTask {
    /// Serves a connection that was accepted.
    pub(super) async fn serve(mut self, stream: TcpStream) {
        let _ = self.carry(stream).await;
        self.tell_closed().await;
    }

    /// Opens a connection and serves it.
    pub(super) async fn connect(mut self, peer: SocketAddr) {
        if let Ok(Ok(stream)) = timeout(PATIENCE, TcpStream::connect(peer)).await {
            let connection = self.connection;
            let opened = FromStream::Opened { connection, peer };
            if self.driver.send(opened).await.is_ok() {
                let _ = self.carry(stream).await;
            }
        }
        self.tell_closed().await;
    }

    async fn tell_closed(&self) {
        let connection = self.connection;
        let _ = self.driver.send(FromStream::Closed { connection }).await;
    }

    /// Both directions until one ends. A driver that is slow to take what was read makes this wait,
    /// and so the peer.
    async fn carry(&mut self, stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let (mut reader, mut writer) = stream.into_split();
        let mut deadline = Instant::now() + self.idle.min(FIRST_WORD);
        let mut buffer = BytesMut::new();
        loop {
            tokio::select! {
                read = read_some(&mut reader, &mut buffer) => {
                    let bytes = read?;
                    let connection = self.connection;
                    let message = FromStream::Bytes { connection, bytes };
                    if self.driver.send(message).await.is_err() {
                        return Ok(());
                    }
                }
                message = self.messages.recv() => match message {
                    Some(message) => write_all(&mut writer, &message).await?,
                    None => return writer.shutdown().await,
                },
                () = sleep_until(deadline) => return Ok(()),
            }
            deadline = Instant::now() + self.idle;
        }
    }
}

async fn read_some(reader: &mut OwnedReadHalf, buffer: &mut BytesMut) -> io::Result<Bytes> {
    buffer.reserve(READ_BYTES);
    match reader.read_buf(buffer).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(buffer.split().freeze()),
    }
}

async fn write_all(writer: &mut OwnedWriteHalf, message: &[u8]) -> io::Result<()> {
    let written = timeout(PATIENCE, writer.write_all(message)).await;
    written.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}
