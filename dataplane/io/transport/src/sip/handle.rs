//! What the rest of a daemon holds of the SIP task.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use callplane_sip::{
    Challenge, Command, Event, IncomingInvite, InviteRequest, Refused, SessionId, StatusCode,
    Traced,
};
use tokio::sync::{mpsc, oneshot, watch};

use super::stats::Stats;

/// The task is gone: it was told to stop, or its sockets failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the SIP task has stopped")]
pub struct Stopped;

/// Places calls and steers the agent. Cheap to clone; the task ends when the last one and every
/// session is dropped, and the last BYE is answered.
#[derive(Clone, Debug)]
pub struct SipHandle {
    pub(super) requests: mpsc::Sender<ToDriver>,
    pub(super) local: SocketAddr,
    pub(super) stats: watch::Receiver<Stats>,
}

/// The calls that come in.
#[derive(Debug)]
pub struct Incoming {
    pub(super) calls: mpsc::Receiver<IncomingCall>,
    pub(super) tracing: Option<Tracing>,
}

/// What the task received and sent. **The task never waits for whoever reads it**: what does not fit is left out.
#[derive(Debug)]
pub struct Tracing {
    pub(super) traced: mpsc::Receiver<Seen>,
}

/// A message, and when it was on the wire.
#[derive(Debug)]
pub struct Seen {
    /// By the clock of the system.
    pub at: SystemTime,
    /// The message, with all that is in it.
    pub message: Traced,
}

/// A call that came in and waits for ring, answer, challenge or reject.
#[derive(Debug)]
pub struct IncomingCall {
    /// What the INVITE says.
    pub invite: Box<IncomingInvite>,
    /// Its session. Dropping it hangs up.
    pub session: Session,
}

/// One call: its events, and commands through [`Session::handle`]. Dropping it hangs up, so that
/// a task that panics leaves no call behind.
#[derive(Debug)]
pub struct Session {
    pub(super) handle: SessionHandle,
    pub(super) events: mpsc::Receiver<Event>,
}

/// Commands to one session, from any task.
#[derive(Clone, Debug)]
pub struct SessionHandle {
    pub(super) id: SessionId,
    pub(super) requests: mpsc::Sender<ToDriver>,
}

/// What handles ask of the task.
#[derive(Debug)]
pub(super) enum ToDriver {
    Invite {
        invite: Box<InviteRequest>,
        reply: oneshot::Sender<Result<Session, Refused>>,
    },
    Command {
        session: SessionId,
        command: Command,
    },
    Drain(bool),
}

/// Why a command was not taken at once.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NotSent {
    /// The task is busy; the command comes back, to be tried again.
    #[error("the queue to the SIP task is full")]
    Full(Command),
    /// The task is gone.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// Why a call could not be placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InviteError {
    /// The agent would not take it.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The task is gone.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

// === impl SipHandle ===

impl SipHandle {
    /// Sends an INVITE. Its events, the final one included, come through the session.
    ///
    /// # Errors
    ///
    /// [`InviteError`]; no INVITE has left then.
    pub async fn invite(&self, invite: InviteRequest) -> Result<Session, InviteError> {
        let (reply, answer) = oneshot::channel();
        let invite = Box::new(invite);
        self.send(ToDriver::Invite { invite, reply }).await?;
        Ok(answer.await.map_err(|_| Stopped)??)
    }

    /// Where UDP and TCP are bound.
    #[must_use]
    pub const fn local_address(&self) -> SocketAddr {
        self.local
    }

    /// Refuses new calls with 503 from now on, or takes them again.
    ///
    /// # Errors
    ///
    /// [`Stopped`].
    pub async fn drain(&self, draining: bool) -> Result<(), Stopped> {
        self.send(ToDriver::Drain(draining)).await
    }

    /// What the task counted and holds.
    #[must_use]
    pub fn stats(&self) -> Stats {
        *self.stats.borrow()
    }

    /// As [`SipHandle::stats`], for somebody who shall not keep the task alive.
    #[must_use]
    pub fn watch_stats(&self) -> watch::Receiver<Stats> {
        self.stats.clone()
    }

    async fn send(&self, request: ToDriver) -> Result<(), Stopped> {
        self.requests.send(request).await.map_err(|_| Stopped)
    }
}

// === impl Incoming ===

impl Tracing {
    /// The next message; `None` when the task has ended, and at once unless [`callplane_sip::Config::traces`].
    pub async fn next(&mut self) -> Option<Seen> {
        self.traced.recv().await
    }
}

impl Incoming {
    /// The messages of all calls; nothing the second time.
    pub fn tracing(&mut self) -> Option<Tracing> {
        self.tracing.take()
    }

    /// The next call; `None` when the task has stopped.
    pub async fn next(&mut self) -> Option<IncomingCall> {
        self.calls.recv().await
    }
}

// === impl Session ===

impl Session {
    /// The next event; `None` after [`Event::Ended`], when the task has stopped, or when so many
    /// events waited that the call was hung up.
    pub async fn next_event(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// Commands, for this task and others.
    #[must_use]
    pub const fn handle(&self) -> &SessionHandle {
        &self.handle
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // The receiver is closed first, so when the queue to the task is full right now the task
        // still sees that nobody listens, and hangs up at the next event.
        self.events.close();
        let _ = self.handle.requests.try_send(ToDriver::Command {
            session: self.handle.id,
            command: Command::Hangup,
        });
    }
}

// === impl SessionHandle ===

impl SessionHandle {
    /// The session.
    #[must_use]
    pub const fn id(&self) -> SessionId {
        self.id
    }

    /// Any command.
    ///
    /// # Errors
    ///
    /// [`Stopped`].
    pub async fn send(&self, command: Command) -> Result<(), Stopped> {
        let session = self.id;
        let request = ToDriver::Command { session, command };
        self.requests.send(request).await.map_err(|_| Stopped)
    }

    /// Any command, from a thread that cannot wait.
    ///
    /// # Errors
    ///
    /// [`NotSent`]; nothing has happened then.
    pub fn try_send(&self, command: Command) -> Result<(), NotSent> {
        let session = self.id;
        let request = ToDriver::Command { session, command };
        match self.requests.try_send(request) {
            Ok(()) => Ok(()),
            Err(mpsc::error::TrySendError::Full(ToDriver::Command { command, .. })) => {
                Err(NotSent::Full(command))
            }
            Err(_) => Err(NotSent::Stopped(Stopped)),
        }
    }

    /// [`Command::Ring`] with 180.
    ///
    /// # Errors
    ///
    /// [`Stopped`].
    pub async fn ring(&self) -> Result<(), Stopped> {
        let status = StatusCode::RINGING;
        self.send(Command::Ring { status, sdp: None }).await
    }

    /// [`Command::Answer`].
    ///
    /// # Errors
    ///
    /// [`Stopped`].
    pub async fn answer(&self, sdp: Bytes) -> Result<(), Stopped> {
        self.send(Command::Answer { sdp }).await
    }

    /// [`Command::Reject`] with the usual reason phrase.
    ///
    /// # Errors
    ///
    /// [`Stopped`].
    pub async fn reject(
        &self,
        status: StatusCode,
        retry_after: Option<Duration>,
    ) -> Result<(), Stopped> {
        let reason = String::new();
        self.send(Command::Reject {
            status,
            reason,
            retry_after,
        })
        .await
    }

    /// [`Command::TurnAway`].
    ///
    /// # Errors
    ///
    /// [`Stopped`].
    pub async fn turn_away(&self, status: StatusCode) -> Result<(), Stopped> {
        self.send(Command::TurnAway { status }).await
    }

    /// [`Command::Challenge`].
    ///
    /// # Errors
    ///
    /// [`Stopped`].
    pub async fn challenge(&self, challenge: Challenge) -> Result<(), Stopped> {
        self.send(Command::Challenge(challenge)).await
    }

    /// [`Command::Cancel`].
    ///
    /// # Errors
    ///
    /// [`Stopped`].
    pub async fn cancel(&self) -> Result<(), Stopped> {
        self.send(Command::Cancel).await
    }

    /// [`Command::Hangup`].
    ///
    /// # Errors
    ///
    /// [`Stopped`].
    pub async fn hangup(&self) -> Result<(), Stopped> {
        self.send(Command::Hangup).await
    }
}
