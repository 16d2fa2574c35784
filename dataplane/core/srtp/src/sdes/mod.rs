//! Keys in SDP: the `crypto` attribute (RFC 4568) for SRTP.

mod attribute;
mod error;
mod key;
mod lifetime;
mod parameter;

pub use attribute::{CryptoAttribute, CryptoTag};
pub use error::CryptoError;
pub use key::SdesKey;
pub use lifetime::Lifetime;

/// A number of one to `longest` digits; no signs, as `parse` alone would take them.
fn number(text: &str, longest: usize) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
    match digits && text.len() <= longest {
        true => text.parse().ok(),
        false => None,
    }
}
