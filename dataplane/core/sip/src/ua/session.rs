//! What is known of a call.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use crate::auth::Login;
use crate::dialog::Dialog;
use crate::input::Path;
use crate::message::{Request, StatusCode};
use crate::outgoing::Outgoing;
use crate::transaction::TransactionId;

/// One session, from INVITE to its end.
pub(super) struct Session {
    pub(super) stage: Stage,
    /// There from the start on the server side, from the 2xx on the client side.
    pub(super) dialog: Option<Dialog>,
    /// A re-INVITE that the application has not answered yet.
    pub(super) reinvite: Option<PendingInvite>,
    /// A 200 of ours that waits for its ACK.
    pub(super) unacknowledged: Option<Unacknowledged>,
    /// Under which key it stands in the index that its role uses.
    pub(super) index: Index,
    /// What BYE answers a challenge with.
    pub(super) login: Option<Login>,
}

pub(super) enum Stage {
    /// Server: no final answer yet.
    Incoming(PendingInvite),
    /// Client: no final answer yet.
    Calling(Box<Calling>),
    /// Answered.
    Confirmed,
    /// Over for the application; the BYE waits for the ACK of our 200 (RFC 3261 section 15).
    Closing,
}

/// An INVITE of the peer without final answer.
pub(super) struct PendingInvite {
    pub(super) transaction: TransactionId,
    pub(super) request: Box<Request>,
    pub(super) source: SocketAddr,
    /// Where responses go.
    pub(super) reply_path: Path,
}

/// An INVITE of ours without final answer.
pub(super) struct Calling {
    pub(super) transaction: TransactionId,
    pub(super) invite: Outgoing,
    pub(super) path: Path,
    /// Whether any provisional answer came: only then CANCEL may go (RFC 3261 section 9.1).
    pub(super) provisional: bool,
    pub(super) cancel: Cancel,
    /// Challenges answered so far.
    pub(super) challenges: u8,
}

/// How far a client call is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cancel {
    No,
    /// Wanted, and why; CANCEL waits for a provisional answer.
    Wanted(GivenUp),
    /// CANCEL has been sent.
    Sent(GivenUp),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GivenUp {
    ByApplication,
    RangTooLong,
}

pub(super) struct Unacknowledged {
    pub(super) cseq: u32,
    pub(super) response: Bytes,
    pub(super) path: Path,
    pub(super) interval: Duration,
    /// Whether the ACK must bring the answer to an offer of ours.
    pub(super) expects_answer: bool,
}

/// Where a session can be found besides its id.
#[derive(Clone)]
pub(super) enum Index {
    /// By the INVITE, to tell merged requests (RFC 3261 section 8.2.2.2).
    Server(MergeKey),
    /// By our Call-ID.
    Client(Bytes),
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct MergeKey {
    call_id: Bytes,
    from_tag: Option<Bytes>,
    cseq: u32,
}

// === impl MergeKey ===

impl MergeKey {
    pub(super) fn of(request: &Request) -> Self {
        Self {
            call_id: request.core.call_id.clone(),
            from_tag: request.core.from.tag().cloned(),
            cseq: request.core.cseq.number,
        }
    }
}

// === impl Cancel ===

impl Cancel {
    pub(super) const fn why(self) -> Option<GivenUp> {
        match self {
            Self::No => None,
            Self::Wanted(why) | Self::Sent(why) => Some(why),
        }
    }
}

/// A final failure, or 500 when the caller gave something else.
pub(super) const fn failure_status(status: StatusCode) -> StatusCode {
    if status.code() >= 300 {
        status
    } else {
        StatusCode::SERVER_ERROR
    }
}

/// The session description of a body, when that is what it is.
pub(super) fn sdp_of(content_type: Option<&[u8]>, body: &Bytes) -> Option<Bytes> {
    let is_sdp = content_type.is_none_or(|media| media == b"application/sdp");
    (is_sdp && !body.is_empty()).then(|| body.clone())
}
