//! The handshakes of one component.

use std::net::SocketAddr;

use callplane_dtls::{Association, Failure, Identity, Keys, Role};
use callplane_sdp::DtlsTerms;
use callplane_types::Instant;

/// Addresses that may try at a time. Where no check of ICE came before, anybody can send a ClientHello, and who is
/// behind a NAT does it from an address that signalling does not know.
const MAX_TRIALS: usize = 4;
/// A DTLS record of a handshake (RFC 6347 section 4.1), and the first message of one behind its header.
const HANDSHAKE: u8 = 22;
const MESSAGE: usize = 13;
const CLIENT_HELLO: u8 = 1;

/// Handshakes until one gives keys, and then that one.
///
/// **Each address has its own**, so that a cookie that comes back proves that very address, and nobody stops the
/// handshake of another. The first that shows the certificate of the description is taken, and the rest dropped.
#[derive(Debug)]
pub(crate) struct Handshakes {
    identity: Identity,
    terms: DtlsTerms,
    since: Instant,
    trials: Vec<Trial>,
    established: Option<Trial>,
    /// Another may take the place of the established one: the other side has moved.
    is_open: bool,
    failure: Option<Failure>,
}

#[derive(Debug)]
struct Trial {
    with: SocketAddr,
    /// It is large, and most calls have none.
    association: Box<Association>,
}

/// A datagram of a handshake.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrived<'a> {
    pub(crate) from: SocketAddr,
    pub(crate) octets: &'a [u8],
    /// Whether the other side is known to be there: that it fails then is its failure, and not that of a stranger.
    pub(crate) is_expected: bool,
}

impl Handshakes {
    pub(crate) fn new(now: Instant, identity: &Identity, terms: DtlsTerms) -> Self {
        Self {
            identity: identity.clone(),
            terms,
            since: now,
            trials: Vec::new(),
            established: None,
            is_open: true,
            failure: None,
        }
    }

    pub(crate) const fn terms(&self) -> &DtlsTerms {
        &self.terms
    }

    /// Since when there should be keys, if there are none.
    pub(crate) fn awaited_since(&self) -> Option<Instant> {
        self.established.is_none().then_some(self.since)
    }

    pub(crate) const fn failure(&self) -> Option<Failure> {
        self.failure
    }

    /// The other side is elsewhere from now on, and may have forgotten the association: who waits for it takes
    /// another one.
    pub(crate) fn reopen(&mut self) {
        self.is_open = true;
    }

    /// As the client: begins with whoever is at `to`.
    pub(crate) fn begin(&mut self, now: Instant, to: SocketAddr) {
        let is_due = self.terms.role == Role::Client
            && self.established.is_none()
            && self.trials.is_empty()
            && self.failure.is_none();
        if is_due {
            self.admit(now, to);
        }
    }

    fn admit(&mut self, now: Instant, with: SocketAddr) {
        let Self {
            identity, terms, ..
        } = self;
        self.trials.push(Trial {
            with,
            association: Box::new(Association::new(
                now,
                identity,
                terms.role,
                terms.vouched.clone(),
            )),
        });
    }

    pub(crate) fn handle(
        &mut self,
        now: Instant,
        arrived: Arrived<'_>,
        send: &mut dyn FnMut(&[u8]),
    ) -> Option<Keys> {
        let Arrived {
            from,
            octets,
            is_expected,
        } = arrived;
        if let Some(established) = &mut self.established
            && established.with == from
            && !(self.is_open && is_client_hello(octets))
        {
            // Our last message may have been lost; keys come no more.
            let _ = established.association.handle(now, octets, send);
            return None;
        }
        let place = self.trial_of(now, &arrived)?;
        let result = self.trials[place].association.handle(now, octets, send);
        self.conclude(place, is_expected, result)
    }

    /// The trial of an address: as the server also a new one, if there is room. Whom signalling names always has it.
    fn trial_of(&mut self, now: Instant, arrived: &Arrived<'_>) -> Option<usize> {
        let mut trials = self.trials.iter();
        if let Some(place) = trials.position(|trial| trial.with == arrived.from) {
            return Some(place);
        }
        let may_begin = self.is_open
            && self.failure.is_none()
            && self.terms.role == Role::Server
            && is_client_hello(arrived.octets);
        if !may_begin {
            return None;
        }
        if self.trials.len() == MAX_TRIALS {
            if !arrived.is_expected {
                return None;
            }
            self.trials.pop();
        }
        self.admit(now, arrived.from);
        Some(self.trials.len() - 1)
    }

    fn conclude(
        &mut self,
        place: usize,
        is_expected: bool,
        result: Result<Option<Keys>, Failure>,
    ) -> Option<Keys> {
        match result {
            Ok(None) => None,
            Ok(Some(keys)) => {
                self.established = Some(self.trials.swap_remove(place));
                self.trials.clear();
                self.is_open = false;
                Some(keys)
            }
            Err(failure) => {
                self.trials.swap_remove(place);
                if self.established.is_none() && (is_expected || self.terms.role == Role::Client) {
                    self.failure = Some(failure);
                }
                None
            }
        }
    }

    /// Time passed. Gives the keys and whose they are.
    pub(crate) fn advance(
        &mut self,
        now: Instant,
        send: &mut dyn FnMut(SocketAddr, &[u8]),
    ) -> Option<(SocketAddr, Keys)> {
        if let Some(Trial { with, association }) = &mut self.established {
            let _ = association.advance(now, &mut |octets| send(*with, octets));
        }
        for place in (0..self.trials.len()).rev() {
            let Trial { with, association } = &mut self.trials[place];
            let with = *with;
            let result = association.advance(now, &mut |octets| send(with, octets));
            if let Some(keys) = self.conclude(place, false, result) {
                return Some((with, keys));
            }
        }
        None
    }
}

pub(super) fn is_client_hello(datagram: &[u8]) -> bool {
    datagram.first() == Some(&HANDSHAKE) && datagram.get(MESSAGE) == Some(&CLIENT_HELLO)
}

#[cfg(test)]
mod tests {
    use super::is_client_hello;

    #[test]
    fn nothing_but_a_client_hello_begins_a_handshake() {
        let mut hello = [0; 60];
        (hello[0], hello[13]) = (22, 1);
        assert!(is_client_hello(&hello));
        assert!(!is_client_hello(&hello[..13]));
        hello[13] = 2;
        assert!(!is_client_hello(&hello));
        assert!(!is_client_hello(&[]));
    }
}
