//! What was agreed on in one SIP dialog, and the line that it makes.

use std::net::SocketAddr;

use bytes::Bytes;
use callplane_dtls::Identity;
use callplane_sdp::{LocalMedia, Negotiated, NegotiationError, Session, SessionDescription};
use callplane_types::Instant;

use crate::media::{Early, Leg, Line, Port};
use crate::setup::Secrecy;

/// Our side of the offers and answers of a dialog.
#[derive(Debug)]
pub(super) struct Agreement {
    sdp: Session,
    /// Our 200 held an offer, and the ACK brings its answer.
    offered: bool,
    /// What the last description that could not be used lacked.
    disagreement: Option<NegotiationError>,
    identity: Identity,
    seed: u64,
    early: Early,
}

impl Agreement {
    /// A dialog about which nothing was said; `seed` makes its stream differ from every other.
    pub(super) fn new(seed: u64, local: LocalMedia, secrecy: Secrecy) -> Self {
        let Secrecy {
            security,
            exchange,
            keys,
            identity,
        } = secrecy;
        Self {
            sdp: Session::new(seed, local)
                .secured(security, keys)
                .certified(identity.fingerprint().clone(), exchange),
            offered: false,
            disagreement: None,
            identity,
            seed,
            early: Early::default(),
        }
    }

    /// A datagram that came before there is a line.
    pub(super) fn arrived_early(&mut self, port: Port, from: SocketAddr, datagram: &[u8]) {
        self.early.keep(port, from, datagram);
    }

    pub(super) const fn disagreement(&self) -> Option<NegotiationError> {
        self.disagreement
    }

    pub(super) fn offer(&mut self) -> Bytes {
        self.sdp.offer().to_string().into()
    }

    /// Whether the ACK brings an answer; asked once.
    pub(super) fn takes_answer(&mut self) -> bool {
        std::mem::take(&mut self.offered)
    }

    /// What our 200 says: the answer to an offer, or an offer. Nothing in common gives nothing.
    pub(super) fn describe(
        &mut self,
        now: Instant,
        offer: Option<&[u8]>,
        line: &mut Option<Line>,
    ) -> Option<Bytes> {
        self.offered = offer.is_none();
        let Some(offer) = offer else {
            return Some(self.offer());
        };
        let offer = SessionDescription::parse(offer).ok()?;
        match self.sdp.answer(&offer) {
            Ok((answer, negotiated)) => {
                self.follow(now, negotiated, line);
                Some(answer.to_string().into())
            }
            Err(error) => {
                self.disagreement = Some(error);
                None
            }
        }
    }

    /// Takes an answer to our offer; whether it can be used.
    pub(super) fn accept(&mut self, now: Instant, answer: &[u8], line: &mut Option<Line>) -> bool {
        let Ok(answer) = SessionDescription::parse(answer) else {
            return false;
        };
        match self.sdp.accept(&answer) {
            Ok(negotiated) => {
                self.follow(now, negotiated, line);
                true
            }
            Err(error) => {
                self.disagreement = Some(error);
                false
            }
        }
    }

    fn follow(&mut self, now: Instant, negotiated: Negotiated, line: &mut Option<Line>) {
        match line {
            Some(Line::Rtp(leg)) => leg.renegotiate(now, negotiated),
            line => {
                let mut leg = Leg::new(now, &negotiated, self.seed, &self.identity);
                self.early.hand_to(now, &mut leg);
                *line = Some(Line::Rtp(Box::new(leg)));
            }
        }
    }
}
