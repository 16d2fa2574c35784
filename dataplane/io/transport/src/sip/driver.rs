//! The task: sockets in, agent, sockets and queues out.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use callplane_sip::{
    Command, ConnectionId, Event, Input, Instant, InviteRequest, Output, Path, Refused, SessionId,
    StatusCode, UserAgent,
};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Interval, MissedTickBehavior, interval, sleep_until};

use super::handle::{IncomingCall, Seen, Session, SessionHandle, ToDriver};
use super::stats::{Dropped, Stats};
use super::stream::{FromStream, SEND_QUEUE, StreamTask};

/// Events of one session that wait to be taken.
const EVENTS: usize = 64;
/// Reads of all connections that wait for the agent.
const STREAM_READS: usize = 256;
/// The largest UDP payload.
const DATAGRAM_BYTES: usize = 65_535;
/// How long the agent goes on repeating its last BYEs after the last handle is gone.
const LAST_WORDS: Duration = Duration::from_secs(4);
/// How often sessions are looked for whose owner dropped them while the queue to us was full.
const SWEEP: Duration = Duration::from_secs(1);
/// The pause after the system refused to accept a connection (no file descriptors left).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

pub(super) struct Driver {
    agent: UserAgent,
    udp: UdpSocket,
    tcp: TcpListener,
    tcp_idle: Duration,
    origin: tokio::time::Instant,
    queues: Queues,
    /// Nothing while nobody asked for them.
    traces: Option<mpsc::Sender<Seen>>,
    dropped: Dropped,
    send_failures: u64,
    sessions: HashMap<SessionId, mpsc::Sender<Event>>,
    streams: HashMap<ConnectionId, mpsc::Sender<Bytes>>,
    accepted: u64,
    from_streams: mpsc::Sender<FromStream>,
    stream_reads: mpsc::Receiver<FromStream>,
}

/// The ways from the task to those who hold a handle.
pub(super) struct Queues {
    /// Weak: the task ends when nobody else can reach it.
    pub(super) handles: mpsc::WeakSender<ToDriver>,
    pub(super) calls: mpsc::Sender<IncomingCall>,
    pub(super) stats: watch::Sender<Stats>,
}

/// What woke the task.
enum Wake {
    Datagram(io::Result<(usize, SocketAddr)>),
    Accepted(io::Result<(TcpStream, SocketAddr)>),
    Stream(Option<FromStream>),
    Request(Option<ToDriver>),
    Timeout,
    Sweep,
}

impl Driver {
    pub(super) fn new(
        agent: UserAgent,
        udp: UdpSocket,
        tcp: TcpListener,
        tcp_idle: Duration,
        queues: Queues,
        traces: Option<mpsc::Sender<Seen>>,
    ) -> Self {
        let (from_streams, stream_reads) = mpsc::channel(STREAM_READS);
        Self {
            agent,
            udp,
            tcp,
            tcp_idle,
            origin: tokio::time::Instant::now(),
            queues,
            traces,
            dropped: Dropped::default(),
            send_failures: 0,
            sessions: HashMap::new(),
            streams: HashMap::new(),
            accepted: 0,
            from_streams,
            stream_reads,
        }
    }

    /// Runs until every handle and session is dropped and the last BYE is answered.
    pub(super) async fn run(mut self, mut requests: mpsc::Receiver<ToDriver>) {
        let mut buffer = vec![0; DATAGRAM_BYTES];
        let mut sweep = interval(SWEEP);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut accept_from = self.origin;
        let mut leave_at = None;
        loop {
            match self
                .wake(
                    &mut requests,
                    &mut buffer,
                    &mut sweep,
                    accept_from,
                    leave_at,
                )
                .await
            {
                Wake::Datagram(Ok((length, source))) => {
                    let bytes = Bytes::copy_from_slice(&buffer[..length]);
                    self.handle(Input::Datagram { source, bytes });
                }
                Wake::Datagram(Err(error)) => {
                    tracing::warn!(%error, "failed to receive a SIP datagram");
                }
                Wake::Accepted(Ok((stream, peer))) => self.accept(stream, peer),
                Wake::Accepted(Err(error)) => {
                    tracing::warn!(%error, "failed to accept a SIP connection");
                    accept_from = tokio::time::Instant::now() + ACCEPT_PAUSE;
                }
                Wake::Stream(Some(from)) => self.stream(from),
                Wake::Request(Some(request)) => self.request(request),
                Wake::Request(None) => {
                    self.handle(Input::Drain(true));
                    leave_at = Some(tokio::time::Instant::now() + LAST_WORDS);
                }
                Wake::Timeout | Wake::Stream(None) => self.handle(Input::Timeout),
                Wake::Sweep => self.sweep(),
            }
            self.flush().await;
            let left = leave_at.is_some_and(|at| at <= tokio::time::Instant::now());
            if left || (leave_at.is_some() && self.agent.transaction_count() == 0) {
                return;
            }
        }
    }

    async fn wake(
        &mut self,
        requests: &mut mpsc::Receiver<ToDriver>,
        buffer: &mut [u8],
        sweep: &mut Interval,
        accept_from: tokio::time::Instant,
        leave_at: Option<tokio::time::Instant>,
    ) -> Wake {
        let due = self.agent.next_timeout();
        let due = due.map(|at| self.origin + at.since_origin());
        let accepting = accept_from <= tokio::time::Instant::now();
        tokio::select! {
            received = self.udp.recv_from(buffer) => Wake::Datagram(received),
            accepted = self.tcp.accept(), if accepting => Wake::Accepted(accepted),
            from = self.stream_reads.recv() => Wake::Stream(from),
            request = requests.recv(), if leave_at.is_none() => Wake::Request(request),
            () = sleep_until(due.unwrap_or(self.origin)), if due.is_some() => Wake::Timeout,
            _ = sweep.tick() => Wake::Sweep,
        }
    }

    fn now(&self) -> Instant {
        Instant::from_origin(self.origin.elapsed())
    }

    fn handle(&mut self, input: Input) {
        let now = self.now();
        self.agent.handle(now, input);
        self.tell();
        self.trace();
    }

    /// Hands out what was received and sent.
    fn trace(&mut self) {
        let Some(traces) = &self.traces else {
            return;
        };
        let at = SystemTime::now();
        while let Some(message) = self.agent.poll_traced() {
            if let Err(TrySendError::Full(_)) = traces.try_send(Seen { at, message }) {
                self.dropped.traced_messages += 1;
            }
        }
    }

    /// Publishes what was counted, before anybody sees what it led to.
    fn tell(&self) {
        self.queues.stats.send_replace(Stats {
            agent: self.agent.counters(),
            sessions: self.agent.session_count(),
            transactions: self.agent.transaction_count(),
            connections: self.streams.len(),
            dropped: self.dropped,
            send_failures: self.send_failures,
        });
    }

    // === in ===

    fn accept(&mut self, stream: TcpStream, peer: SocketAddr) {
        self.accepted += 1;
        let connection = ConnectionId::accepted(self.accepted);
        let task = self.stream_task(connection);
        tokio::spawn(task.serve(stream));
        self.handle(Input::StreamOpened { connection, peer });
    }

    fn stream_task(&mut self, connection: ConnectionId) -> StreamTask {
        let (sender, messages) = mpsc::channel(SEND_QUEUE);
        self.streams.insert(connection, sender);
        StreamTask {
            connection,
            idle: self.tcp_idle,
            driver: self.from_streams.clone(),
            messages,
        }
    }

    fn stream(&mut self, from: FromStream) {
        match from {
            FromStream::Opened { connection, peer } => {
                self.handle(Input::StreamOpened { connection, peer });
            }
            FromStream::Bytes { connection, bytes } => {
                self.handle(Input::StreamBytes { connection, bytes });
            }
            FromStream::Closed { connection } => {
                self.streams.remove(&connection);
                self.handle(Input::StreamClosed { connection });
            }
        }
    }

    fn request(&mut self, request: ToDriver) {
        match request {
            ToDriver::Invite { invite, reply } => self.invite(*invite, reply),
            ToDriver::Command { session, command } => {
                self.handle(Input::Command { session, command });
            }
            ToDriver::Drain(draining) => self.handle(Input::Drain(draining)),
        }
    }

    fn invite(&mut self, invite: InviteRequest, reply: oneshot::Sender<Result<Session, Refused>>) {
        let now = self.now();
        let placed = self.agent.invite(now, invite);
        self.tell();
        self.trace();
        // A caller that went away meanwhile drops the session, which hangs up.
        let _ = match placed {
            Ok(id) => match self.open_session(id) {
                Some(session) => reply.send(Ok(session)),
                None => return self.hang_up(id),
            },
            Err(refused) => reply.send(Err(refused)),
        };
    }

    /// The channel of a session; `None` when nobody is left who could hold its other end.
    fn open_session(&mut self, id: SessionId) -> Option<Session> {
        let requests = self.queues.handles.upgrade()?;
        let (sender, events) = mpsc::channel(EVENTS);
        self.sessions.insert(id, sender);
        let handle = SessionHandle { id, requests };
        Some(Session { handle, events })
    }

    fn sweep(&mut self) {
        let abandoned: Vec<SessionId> = self
            .sessions
            .iter()
            .filter(|(_, events)| events.is_closed())
            .map(|(id, _)| *id)
            .collect();
        for id in abandoned {
            self.sessions.remove(&id);
            self.hang_up(id);
        }
    }

    fn hang_up(&mut self, session: SessionId) {
        let command = Command::Hangup;
        self.handle(Input::Command { session, command });
    }

    // === out ===

    async fn flush(&mut self) {
        while let Some(output) = self.agent.poll() {
            match output {
                Output::Transmit { path, bytes } => self.transmit(path, bytes).await,
                Output::Connect { connection, peer } => {
                    let task = self.stream_task(connection);
                    tokio::spawn(task.connect(peer));
                }
                // Its task ends when it has written what is queued.
                Output::Close { connection } => {
                    self.streams.remove(&connection);
                }
                Output::Event { session, event } => self.event(session, event),
            }
        }
    }

    async fn transmit(&mut self, path: Path, bytes: Bytes) {
        match path {
            Path::Udp(peer) => {
                if let Err(error) = self.udp.send_to(&bytes, peer).await {
                    // Strangers choose where answers go: counted, and no line in the log for each.
                    tracing::debug!(%error, "failed to send a SIP datagram");
                    self.send_failures += 1;
                    self.handle(Input::SendFailed { path });
                }
            }
            Path::Tcp(connection) => {
                let sent = self
                    .streams
                    .get(&connection)
                    .is_some_and(|stream| stream.try_send(bytes).is_ok());
                if !sent {
                    self.dropped.to_connection += 1;
                    self.streams.remove(&connection);
                    self.handle(Input::StreamClosed { connection });
                }
            }
        }
    }

    fn event(&mut self, id: SessionId, event: Event) {
        if let Event::Incoming(invite) = event {
            let session = self.open_session(id);
            let call = session.map(|session| IncomingCall { invite, session });
            let taken = call.is_some_and(|call| self.queues.calls.try_send(call).is_ok());
            if !taken {
                self.dropped.incoming_calls += 1;
                self.sessions.remove(&id);
                self.refuse(id);
            }
            return;
        }
        let over = matches!(event, Event::Ended(_));
        let Some(events) = self.sessions.get(&id) else {
            return;
        };
        let taken = events.try_send(event).is_ok();
        if over || !taken {
            self.sessions.remove(&id);
        }
        if !taken && !over {
            self.dropped.session_events += 1;
            tracing::debug!("nobody takes the events of a SIP session; hanging up");
            self.hang_up(id);
        }
    }

    fn refuse(&mut self, session: SessionId) {
        let command = Command::Reject {
            status: StatusCode::SERVICE_UNAVAILABLE,
            reason: String::new(),
            retry_after: Some(Duration::from_secs(5)),
        };
        self.handle(Input::Command { session, command });
    }
}
