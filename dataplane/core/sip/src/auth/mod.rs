//! Digest authentication (RFC 7616, RFC 8760): MD5 and SHA-256 with and without `qop=auth`.
//!
//! As a server the agent makes and recognises nonces and hands [`Credentials`] to the application,
//! which knows the secrets and calls [`Credentials::verify`]. As a client it answers one challenge
//! with the [`Login`] it was given. `auth-int` and session variants are not spoken.

mod client;
mod digest;
mod fields;
mod nonce;
mod server;

pub use client::Login;
pub use digest::{Algorithm, Digest};
pub use server::{Challenge, Credentials};

pub(crate) use client::answer_challenge;
pub(crate) use nonce::NonceBook;
pub(crate) use server::read_credentials;
