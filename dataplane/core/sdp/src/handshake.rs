//! Keys of a handshake: which certificates are vouched for, and who begins (RFC 5763, RFC 8122, RFC 8842).

use callplane_dtls::{Role, Setup, Vouched};

use crate::description::SessionDescription;
use crate::media::MediaDescription;

/// What is agreed on about the handshake of a media line. **The same terms as before are the same association**
/// (RFC 8842 section 5): its keys go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DtlsTerms {
    /// What we are in it.
    pub role: Role,
    /// The certificates of the other side.
    pub vouched: Vouched,
}

/// What a line of the other side says of a handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) vouched: Vouched,
    /// Nothing where it is not said.
    pub(crate) setup: Option<Setup>,
}

/// Nothing if there is no fingerprint that is good enough, or an `a=setup` that leads nowhere.
pub(crate) fn read(session: &SessionDescription, media: &MediaDescription) -> Option<Said> {
    let fingerprints = session
        .values_for(media, "fingerprint")
        .filter_map(|value| value.parse().ok());
    let setup = session.values_for(media, "setup").next();
    Some(Said {
        vouched: Vouched::new(fingerprints)?,
        setup: setup.map(str::parse).transpose().ok()?,
    })
}

impl DtlsTerms {
    /// Our answer to an offer, beside what is agreed on so far. Who says nothing begins (RFC 4145 section 4).
    pub(crate) fn answered(offered: Said, current: Option<&Self>) -> Self {
        let same = current.filter(|terms| terms.vouched == offered.vouched);
        let setup = offered.setup.unwrap_or(Setup::Active);
        Self {
            role: setup.answered(same.map(|terms| terms.role)),
            vouched: offered.vouched,
        }
    }

    /// What an answer to our offer makes of it. Who says nothing waits (RFC 4145 section 4).
    pub(crate) fn accepted(answer: Said) -> Option<Self> {
        let setup = answer.setup.unwrap_or(Setup::Passive);
        Some(Self {
            role: setup.accepted()?,
            vouched: answer.vouched,
        })
    }
}
