//! DTLS for the keys of SRTP (RFC 5763, RFC 5764): certificate, fingerprints and handshake.
//!
//! [`Identity`] is the certificate that a process shows, [`Fingerprint`] what a description says of one,
//! [`Association`] one handshake and what is left of it. The protocol is that of the crate `dimpl`, which is
//! sans-IO; it draws its own random numbers.
//!
//! **Keys come out of a handshake only if the certificate of the other side has a fingerprint that its description
//! says**: certificates are self-signed, and the signalling is what vouches for them.
//!
//! DTLS 1.2 alone is spoken, which everybody has who speaks DTLS-SRTP. Certificates are those of elliptic curves
//! (ECDSA on P-256 or P-384): `dimpl` knows no RSA. Left out: DTLS 1.0 and 1.3, resumption, renegotiation, data.

#![forbid(unsafe_code)]

mod association;
mod fingerprint;
mod identity;
mod role;

pub use association::{Association, Failure, Keys};
pub use fingerprint::{Fingerprint, FingerprintError, HashFunction, Vouched};
pub use identity::{Identity, NoCertificate};
pub use role::{Role, Setup, SetupError};
