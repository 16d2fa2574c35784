//! Dialogs (RFC 3261 section 12): the peer-to-peer relation that an answered INVITE leaves.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;

use crate::input::{Path, Transport};
use crate::link::Link;
use crate::message::{HeaderName, Headers, Method, NameAddr, Request, Response, Uri};
use crate::outgoing::{Outgoing, branch};
use crate::random::Random;

/// What identifies a dialog on our side.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct DialogKey {
    pub(crate) call_id: Bytes,
    pub(crate) local_tag: Bytes,
    /// Empty with RFC 2543 peers.
    pub(crate) remote_tag: Bytes,
}

/// The state of a dialog.
#[derive(Clone)]
pub(crate) struct Dialog {
    pub(crate) key: DialogKey,
    /// Our From or To value, tag included.
    local: Bytes,
    /// The peer's, tag included.
    remote: Bytes,
    /// The number of our latest request.
    local_cseq: u32,
    /// The number of the peer's latest request.
    pub(crate) remote_cseq: Option<u32>,
    /// Where the peer wants requests.
    target: Uri,
    /// The proxies on the way, raw, the first hop first.
    routes: Vec<Bytes>,
    /// The way the peer's messages came.
    path: Path,
}

impl DialogKey {
    /// The key that an in-dialog request names.
    pub(crate) fn of(request: &Request) -> Option<Self> {
        let core = &request.core;
        Some(Self {
            call_id: core.call_id.clone(),
            local_tag: core.to.tag()?.clone(),
            remote_tag: core.from.tag().cloned().unwrap_or_default(),
        })
    }
}

impl Dialog {
    /// The dialog that our answer to `invite` opens (RFC 3261 section 12.1.1).
    pub(crate) fn of_server(invite: &Request, local_tag: &Bytes, path: Path) -> Self {
        let core = &invite.core;
        let from = invite.headers.get(&HeaderName::From);
        let mut local = invite
            .headers
            .get(&HeaderName::To)
            .map_or(Vec::new(), |to| to.to_vec());
        local.extend_from_slice(b";tag=");
        local.extend_from_slice(local_tag);
        Self {
            key: DialogKey {
                call_id: core.call_id.clone(),
                local_tag: local_tag.clone(),
                remote_tag: core.from.tag().cloned().unwrap_or_default(),
            },
            local: Bytes::from(local),
            remote: from.cloned().unwrap_or_default(),
            local_cseq: 0,
            remote_cseq: Some(core.cseq.number),
            target: contact_uri(&invite.headers).unwrap_or_else(|| core.from.uri.clone()),
            routes: raw_routes(&invite.headers),
            path,
        }
    }

    /// The dialog that a 2xx to our INVITE opens (RFC 3261 section 12.1.2).
    pub(crate) fn of_client(invite: &Outgoing, response: &Response, path: Path) -> Self {
        let core = &response.core;
        let to = response.headers.get(&HeaderName::To);
        let mut routes = raw_routes(&response.headers);
        routes.reverse();
        Self {
            key: DialogKey {
                call_id: core.call_id.clone(),
                local_tag: core.from.tag().cloned().unwrap_or_default(),
                remote_tag: core.to.tag().cloned().unwrap_or_default(),
            },
            local: invite.from.clone(),
            remote: to.cloned().unwrap_or_default(),
            local_cseq: invite.cseq,
            remote_cseq: None,
            target: contact_uri(&response.headers).unwrap_or_else(|| invite.uri.clone()),
            routes,
            path,
        }
    }

    /// Takes the Contact of a request or answer that refreshes the target.
    pub(crate) fn refresh_target(&mut self, headers: &Headers) {
        if let Some(target) = contact_uri(headers) {
            self.target = target;
        }
    }

    /// A request in this dialog with the next number.
    pub(crate) fn request(
        &mut self,
        method: Method,
        link: &mut Link,
        random: &mut Random,
    ) -> (Outgoing, Path) {
        self.local_cseq += 1;
        self.outgoing(method, self.local_cseq, link, random)
    }

    /// The ACK of a 2xx to our INVITE: a request of its own with the INVITE's number and its
    /// credentials (RFC 3261 section 13.2.2.4).
    pub(crate) fn ack(
        &self,
        invite: &Outgoing,
        link: &mut Link,
        random: &mut Random,
    ) -> (Outgoing, Path) {
        let (mut ack, path) = self.outgoing(Method::Ack, invite.cseq, link, random);
        ack.authorization.clone_from(&invite.authorization);
        (ack, path)
    }

    fn outgoing(
        &self,
        method: Method,
        cseq: u32,
        link: &mut Link,
        random: &mut Random,
    ) -> (Outgoing, Path) {
        let (uri, routes, hop) = self.route();
        let path = self.path_to(&hop, link);
        let outgoing = Outgoing {
            method,
            uri,
            transport: path.transport(),
            branch: branch(&random.word()),
            from: self.local.clone(),
            to: self.remote.clone(),
            call_id: self.key.call_id.clone(),
            cseq,
            routes,
            authorization: None,
            extra: Vec::new(),
            sdp: Bytes::new(),
        };
        (outgoing, path)
    }

    /// Request-URI, Route values and first hop (RFC 3261 section 12.2.1.1): loose routing, or
    /// strict where the first proxy does not say `lr`.
    fn route(&self) -> (Uri, Vec<Bytes>, Uri) {
        let first = self.routes.first().and_then(NameAddr::parse);
        let Some(first) = first else {
            return (self.target.clone(), Vec::new(), self.target.clone());
        };
        let loose = first
            .uri
            .as_sip()
            .is_some_and(|uri| uri.param("lr").is_some());
        if loose {
            return (self.target.clone(), self.routes.clone(), first.uri);
        }
        let mut routes = self.routes[1..].to_vec();
        let mut target = b"<".to_vec();
        target.extend_from_slice(&self.target.to_bytes());
        target.push(b'>');
        routes.push(Bytes::from(target));
        (first.uri.clone(), routes, first.uri)
    }

    /// The way to a hop. A live connection of the dialog is kept; names, which nobody here can
    /// resolve, and private addresses behind a public one mean the way the peer came.
    fn path_to(&self, hop: &Uri, link: &mut Link) -> Path {
        let came_from = link.peer(self.path);
        if matches!(self.path, Path::Tcp(_)) && link.is_usable(self.path) {
            return self.path;
        }
        let named = hop.as_sip().and_then(|uri| {
            let address = SocketAddr::new(uri.host.ip()?, uri.port_or_default());
            let tcp = uri
                .param("transport")
                .flatten()
                .is_some_and(|transport| transport.eq_ignore_ascii_case(b"tcp"));
            Some((address, if tcp { Transport::Tcp } else { Transport::Udp }))
        });
        match (named, came_from) {
            (Some((address, _)), Some(source)) if is_behind_nat(address.ip(), source.ip()) => {
                self.path
            }
            (Some((address, Transport::Udp)), _) => Path::Udp(address),
            (Some((address, Transport::Tcp)), _) => {
                link.connection_to(address).map_or(self.path, Path::Tcp)
            }
            (None, _) => self.path,
        }
    }
}

/// Whether a peer that talks from `source` cannot mean `claimed`: a private address written by
/// somebody whose packets come from a public one.
fn is_behind_nat(claimed: IpAddr, source: IpAddr) -> bool {
    let private = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => ip.is_private() || ip.is_loopback() || ip.is_unspecified(),
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_loopback() || ip.is_unspecified(),
    };
    claimed != source && private(claimed) && !private(source)
}

fn contact_uri(headers: &Headers) -> Option<Uri> {
    let contact = headers.addresses(&HeaderName::Contact)?;
    contact.into_iter().next().map(|contact| contact.uri)
}

fn raw_routes(headers: &Headers) -> Vec<Bytes> {
    headers.list(&HeaderName::RecordRoute).unwrap_or_default()
}
