//! SRTP and SRTCP (RFC 3711, RFC 7714) and the SDP text of their keys (RFC 4568).
//!
//! Each direction has its own master key: a [`Protector`] makes protected packets of what we send,
//! an [`Unprotector`] opens what the far end sends. Their [`KeyingMaterial`] comes from a
//! [`CryptoAttribute`] of SDP, or from a DTLS handshake ([`DtlsKeys`]). What rollover counters are
//! known of one key goes on under the next through [`Position`].
//!
//! Packets are changed in place, and nothing here allocates for a packet of a source that is known
//! if the vector that is protected has room. No octets from the network panic. Randomness is an
//! argument: fresh keys come from octets that the caller drew, one by one or out of a [`KeySource`].
//!
//! Left out: master key identifiers, key derivation rates, FEC, header extension encryption
//! (RFC 6904), and streams that are not encrypted or not authenticated. AES in counter mode, AES-GCM
//! and HMAC are those of AWS-LC.

#![forbid(unsafe_code)]

mod counter_mode;
mod derivation;
mod error;
mod gcm;
mod header;
mod key_source;
mod keying;
mod profile;
mod protector;
mod sdes;
mod session_keys;
mod source;
mod unprotector;
mod window;

pub use error::Error;
pub use key_source::KeySource;
pub use keying::{DtlsKeys, KeyingLengthError, KeyingMaterial};
pub use profile::{Profile, UnsupportedSuite};
pub use protector::Protector;
pub use sdes::{CryptoAttribute, CryptoError, CryptoTag, Lifetime, SdesKey};
pub use source::{MAX_SOURCES, Position};
pub use unprotector::Unprotector;
