//! What trickles in after the offer: `application/trickle-ice-sdpfrag` (RFC 8840 section 9).

use std::fmt::Write as _;

use str0m::Candidate;

use crate::Reoffer;
use callplane_ice::Credentials;

/// Longest fragment that is read.
const MAX_FRAGMENT: usize = 16 * 1024;
/// Candidates taken of one fragment; a browser has a handful.
const MAX_CANDIDATES: usize = 32;

/// A fragment of SDP: candidates, and the ICE credentials they belong to.
#[derive(Debug, Default)]
pub struct Fragment {
    pub(crate) ufrag: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) candidates: Vec<Candidate>,
    /// The offer that its credentials come to, where they are others than before.
    pub(crate) restart: Option<Box<Reoffer>>,
}

/// Why a fragment is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FragmentError {
    /// Too long.
    #[error("a fragment has at most 16 KiB")]
    TooLong,
    /// RFC 9725 section 4.3.1 wants both.
    #[error(
        "the fragment has no a=ice-ufrag and a=ice-pwd: they say which gathering it belongs to"
    )]
    NoCredentials,
    /// The new credentials could not be taken.
    #[error("ICE could not be restarted with the fragment: make a new offer")]
    NoRestart,
    /// It was read against an offer that another has replaced meanwhile.
    #[error("another offer was taken meanwhile, and the fragment is of the one before")]
    Outdated,
}

impl Fragment {
    /// Reads a fragment. Candidates that are not understood, such as names that only the browser's own
    /// network resolves (mDNS), are passed over: a lite agent needs none of them.
    ///
    /// # Errors
    /// [`FragmentError`].
    pub fn parse(text: &str) -> Result<Self, FragmentError> {
        if text.len() > MAX_FRAGMENT {
            return Err(FragmentError::TooLong);
        }
        let mut fragment = Self::default();
        for line in text.lines().map(str::trim_end) {
            let value = |name: &str| line.strip_prefix(name).map(str::to_owned);
            if let Some(ufrag) = value("a=ice-ufrag:") {
                fragment.ufrag = Some(ufrag);
            } else if let Some(password) = value("a=ice-pwd:") {
                fragment.password = Some(password);
            } else if let Some(candidate) = line.strip_prefix("a=candidate:")
                && fragment.candidates.len() < MAX_CANDIDATES
                && let Ok(candidate) = Candidate::from_sdp_string(&format!("candidate:{candidate}"))
            {
                fragment.candidates.push(candidate);
            }
        }
        match (&fragment.ufrag, &fragment.password) {
            (Some(_), Some(_)) => Ok(fragment),
            _ => Err(FragmentError::NoCredentials),
        }
    }

    /// What a restart is answered with: our new credentials and where we are.
    pub(crate) fn answer(credentials: &Credentials, candidates: &[String]) -> String {
        let Credentials { ufrag, password } = credentials;
        let mut text = format!("a=ice-lite\r\na=ice-ufrag:{ufrag}\r\na=ice-pwd:{password}\r\n");
        for candidate in candidates {
            let _ = write!(text, "a={candidate}\r\n");
        }
        text.push_str("a=end-of-candidates\r\n");
        text
    }
}
