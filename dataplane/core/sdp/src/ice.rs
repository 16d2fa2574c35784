//! ICE in descriptions (RFC 8839). Our side is lite: it has the address that the description says, and no other.

use std::net::SocketAddr;

use callplane_ice::{Candidate, Component, Credentials};

use crate::description::{Attribute, SessionDescription};
use crate::media::MediaDescription;

/// What checks of the other side show: our credentials, and the user name fragment of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IceTerms {
    /// Ours.
    pub ours: Credentials,
    /// Its fragment.
    pub theirs: String,
}

/// What a line of the other side says of ICE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    /// Nothing, or nothing to us: who is lite sends no checks either, and media goes to the addresses of the
    /// descriptions then (RFC 8445 section 6.1.1).
    Nothing,
    /// The address of the line is none of its candidates: something between us has changed it, and media has to go
    /// through that (RFC 8839 section 4.2.5).
    Mismatch,
    /// It speaks ICE.
    Spoken(Credentials),
}

pub(crate) fn read(
    session: &SessionDescription,
    media: &MediaDescription,
    default: SocketAddr,
) -> Said {
    let first = |name| session.values_for(media, name).next();
    let Some((ufrag, password)) = first("ice-ufrag").zip(first("ice-pwd")) else {
        return Said::Nothing;
    };
    let Some(credentials) = Credentials::read(ufrag, password) else {
        return Said::Nothing;
    };
    if session.attributes.iter().any(|a| a.is("ice-lite")) {
        return Said::Nothing;
    }
    let mut candidates = media.values("candidate").filter_map(Candidate::read);
    let is_there = candidates.any(|candidate| {
        candidate.component == Component::Rtp.number() && candidate.address == default
    });
    match is_there || default.ip().is_unspecified() {
        true => Said::Spoken(credentials),
        false => Said::Mismatch,
    }
}

/// What we know of both sides in one dialog.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) ours: Credentials,
    /// Nothing before the answer to our offer.
    theirs: Option<Credentials>,
}

impl Known {
    pub(crate) const fn offered(ours: Credentials) -> Self {
        Self { ours, theirs: None }
    }

    /// The other side's answer to our offer: it has seen ours.
    pub(crate) fn answered(&mut self, theirs: Credentials) -> IceTerms {
        let terms = IceTerms {
            ours: self.ours.clone(),
            theirs: theirs.ufrag.clone(),
        };
        self.theirs = Some(theirs);
        terms
    }

    /// Takes the credentials of an offer. Others than those before are another session of ICE, for which ours are
    /// others as well (RFC 8839 section 4.4.1.1).
    pub(crate) fn meet(
        known: &mut Option<Self>,
        theirs: Credentials,
        fresh: impl FnOnce() -> Credentials,
    ) -> IceTerms {
        let ours = match known.take() {
            Some(Self { ours, theirs: None }) => ours,
            Some(Self {
                ours,
                theirs: Some(former),
            }) if former == theirs => ours,
            _ => fresh(),
        };
        let terms = IceTerms {
            ours: ours.clone(),
            theirs: theirs.ufrag.clone(),
        };
        *known = Some(Self {
            ours,
            theirs: Some(theirs),
        });
        terms
    }
}

/// What our line says: credentials, and where each component is.
pub(crate) fn attributes(
    ours: &Credentials,
    rtp: SocketAddr,
    rtcp_mux: bool,
) -> impl Iterator<Item = Attribute> {
    let rtcp = SocketAddr::new(rtp.ip(), rtp.port().saturating_add(1));
    let rtcp = (!rtcp_mux).then(|| Candidate::host(Component::Rtcp, rtcp));
    let candidates = [Candidate::host(Component::Rtp, rtp)]
        .into_iter()
        .chain(rtcp);
    let credentials = [
        Attribute::with("ice-ufrag", &*ours.ufrag),
        Attribute::with("ice-pwd", &*ours.password),
    ];
    credentials
        .into_iter()
        .chain(candidates.map(|candidate| Attribute::with("candidate", candidate.to_string())))
}
