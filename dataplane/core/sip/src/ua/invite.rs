//! What a client call needs.

use std::fmt;
use std::net::SocketAddr;

use bytes::Bytes;

use crate::auth::Login;
use crate::input::Transport;
use crate::message::{NameAddr, Uri};

/// An outbound call.
#[derive(Clone)]
pub struct InviteRequest {
    /// The Call-ID: the caller's, so that the same attempt has the same one after a crash. One
    /// word without white space; it must be unique among the calls of its time.
    pub call_id: String,
    /// Who calls; the tag is added.
    pub from: NameAddr,
    /// Who is called.
    pub to: NameAddr,
    /// Who is called, for the next hop.
    pub request_uri: Uri,
    /// Where the INVITE goes.
    pub next_hop: NextHop,
    /// The offer.
    pub sdp: Bytes,
    /// The answer to a digest challenge, if the trunk has one.
    pub login: Option<Login>,
    /// More headers, such as `P-Asserted-Identity`. Names must be tokens; line breaks are removed.
    pub headers: Vec<(String, String)>,
}

/// Where to send, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NextHop {
    /// UDP or TCP.
    pub transport: Transport,
    /// The address.
    pub address: SocketAddr,
}

/// Why a call was not even tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// [`crate::Limits`] are reached.
    #[error("too many SIP sessions, transactions or connections at once")]
    Full,
    /// The Call-ID is empty or holds characters it cannot, or a header name is no token.
    #[error("the Call-ID or a header name is malformed")]
    Malformed,
    /// A session with this Call-ID is under way.
    #[error("a call with this Call-ID is under way")]
    Duplicate,
    /// The agent is draining.
    #[error("no new calls while draining")]
    Draining,
}

impl fmt::Debug for InviteRequest {
    /// Without names, numbers and credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InviteRequest")
            .field("call_id", &self.call_id)
            .field("next_hop", &self.next_hop)
            .finish_non_exhaustive()
    }
}
