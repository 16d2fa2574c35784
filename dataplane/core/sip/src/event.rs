//! What the application learns.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use crate::auth::Credentials;
use crate::input::Transport;
use crate::message::{Headers, NameAddr, StatusCode, Uri};

/// What happened in a session.
///
/// **Every session ends with exactly one [`Event::Ended`], and nothing follows it.** A server
/// session begins with [`Event::Incoming`].
#[derive(Clone, Debug)]
pub enum Event {
    /// Server: somebody calls. 100 has been sent; the application rings, answers, challenges or
    /// rejects.
    Incoming(Box<IncomingInvite>),
    /// Server: the peer acknowledged our 200 (to the INVITE or to a re-INVITE).
    Acknowledged {
        /// The answer, where our 200 carried the offer.
        sdp: Option<Bytes>,
    },
    /// Client: 180 or another provisional answer without a session description.
    Ringing {
        /// 101 to 199.
        status: StatusCode,
    },
    /// Client: a provisional answer with a session description.
    EarlyMedia {
        /// The answer to our offer, which the final answer may repeat.
        sdp: Bytes,
    },
    /// Client: the callee answered; the ACK is sent.
    Answered {
        /// The answer to our offer; empty if the callee sent none although it had to.
        sdp: Bytes,
    },
    /// Both: the peer wants to change the session. Answer with
    /// [`crate::Command::AnswerReinvite`] or [`crate::Command::RejectReinvite`].
    Reinvite {
        /// Its offer; `None`: it wants ours.
        offer: Option<Bytes>,
    },
    /// Both: an INFO request, already answered with 200: `application/dtmf-relay`,
    /// `application/dtmf` and the like.
    Info {
        /// The media type in lower case, without parameters.
        content_type: Vec<u8>,
        /// The body.
        body: Bytes,
    },
    /// Both: the session is over.
    Ended(Ending),
}

/// Why a session is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The peer hung up.
    Bye,
    /// The application hung up, rejected or challenged.
    Local,
    /// Server: the caller gave up before the answer. Client: the application cancelled and the
    /// callee did not answer before.
    Cancelled,
    /// Client: the callee, or the way to it, refused.
    Failed {
        /// 300 to 699.
        status: StatusCode,
        /// Its reason phrase, made valid UTF-8.
        reason: String,
        /// What the peer asks us to wait.
        retry_after: Option<Duration>,
    },
    /// Client: nobody answered the INVITE at all (timer B), or ringing took longer than
    /// [`crate::Timers::ringing`].
    Timeout,
    /// Server: our 200 was never acknowledged; a BYE has been sent (RFC 3261 section 13.3.1.4).
    NotAcknowledged,
    /// The network would not carry our messages.
    TransportFailed,
}

/// An INVITE that opens a session.
#[derive(Clone, Debug)]
pub struct IncomingInvite {
    /// Who sent it: the peer's address as the socket saw it.
    pub source: SocketAddr,
    /// How it came.
    pub transport: Transport,
    /// Who is called: the number is [`Uri::user`].
    pub request_uri: Uri,
    /// Who calls, as the caller says.
    pub from: NameAddr,
    /// Who was called at first.
    pub to: NameAddr,
    /// Who calls, as the trunk says (RFC 3325); believe it from trusted peers only.
    pub asserted_identity: Option<NameAddr>,
    /// The Call-ID.
    pub call_id: Bytes,
    /// The offer; `None`: the peer wants ours in the 200 and answers in its ACK.
    pub offer: Option<Bytes>,
    /// Digest credentials made with a nonce of ours; [`Credentials::verify`] tells whether they
    /// are right. Absent or stale ones deserve a [`crate::Command::Challenge`].
    pub credentials: Option<Credentials>,
    /// Every header.
    pub headers: Headers,
}
