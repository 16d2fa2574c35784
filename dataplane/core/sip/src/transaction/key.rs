//! Which transaction a message belongs to (RFC 3261 sections 17.1.3 and 17.2.3).

use bytes::Bytes;

use crate::message::{Host, Method, Request, Response, Via};

/// The key of a server transaction; ACK and CANCEL look for that of their INVITE.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ServerKey {
    /// Branch, sent-by and method.
    Branch {
        branch: Bytes,
        host: Host,
        port: Option<u16>,
        method: Method,
    },
    /// An RFC 2543 peer, whose branch says nothing.
    Legacy {
        call_id: Bytes,
        from_tag: Option<Bytes>,
        cseq: u32,
        via: Bytes,
        method: Method,
    },
}

/// The key of a client transaction: our branches are unique.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ClientKey {
    pub(crate) branch: Bytes,
    pub(crate) method: Method,
}

impl ServerKey {
    /// The key of the transaction that this request opens or repeats.
    pub(crate) fn of(request: &Request) -> Self {
        let method = match &request.method {
            Method::Ack => Method::Invite,
            method => method.clone(),
        };
        Self::with_method(request, method)
    }

    /// The key of the INVITE that a CANCEL is about.
    pub(crate) fn cancelled_by(cancel: &Request) -> Self {
        Self::with_method(cancel, Method::Invite)
    }

    fn with_method(request: &Request, method: Method) -> Self {
        let core = &request.core;
        let Via { host, port, .. } = &core.via;
        match core.via.unique_branch() {
            Some(branch) => Self::Branch {
                branch: branch.clone(),
                host: host.clone(),
                port: *port,
                method,
            },
            None => Self::Legacy {
                call_id: core.call_id.clone(),
                from_tag: core.from.tag().cloned(),
                cseq: core.cseq.number,
                via: core.vias.first().cloned().unwrap_or_default(),
                method,
            },
        }
    }
}

impl ClientKey {
    /// The key of the transaction that this response belongs to.
    pub(crate) fn of(response: &Response) -> Option<Self> {
        Some(Self {
            branch: response.core.via.branch()?.clone(),
            method: response.core.cseq.method.clone(),
        })
    }
}
