//! Session parameters (RFC 4568 section 6.3).

use super::error::CryptoError;
use super::number;

/// Whether media can be as a session parameter says. None asks us to do anything: those that may be
/// ignored are, and the others mean a protection that we do not have.
pub(super) fn check(parameter: &str) -> Result<(), CryptoError> {
    // Whatever the sender does not insist on (section 6.3.7).
    if parameter.starts_with('-') {
        return Ok(());
    }
    let (name, value) = match parameter.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (parameter, None),
    };
    let is = |known: &str| name.eq_ignore_ascii_case(known);
    if is("UNENCRYPTED_SRTP") || is("UNENCRYPTED_SRTCP") || is("UNAUTHENTICATED_SRTP") {
        Err(CryptoError::Unprotected)
    } else if is("KDR") {
        match value.and_then(|value| number(value, 2)) {
            Some(0) => Ok(()),
            Some(_) => Err(CryptoError::DerivationRate),
            None => Err(CryptoError::Malformed),
        }
    } else if is("WSH") {
        // A hint: the window here is twice the least that it may ask for.
        match value.and_then(|value| number(value, 9)) {
            Some(_) => Ok(()),
            None => Err(CryptoError::Malformed),
        }
    } else {
        // FEC_ORDER and FEC_KEY are among them.
        Err(CryptoError::Parameter)
    }
}
