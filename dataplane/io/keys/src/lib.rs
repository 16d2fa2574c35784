//! What keeps secrets: keys that seal them, keys that wrap those keys, and hashes.
//!
//! - [`KeyRing`] seals a value that must be readable again (data model, class E2) into an
//!   [`Envelope`], with a [`DataKey`] and for one [`Place`]: a row and column of a tenant.
//! - [`StreamSealer`] does so with what grows, such as audio; [`StreamReader`] reads it from any place.
//! - A [`KeyEncryptionKey`] wraps data keys, so that the database holds none in the clear: a key of
//!   a Kubernetes Secret ([`LocalKek`]), or one that Vault keeps (`VaultTransit`, feature `vault`).
//! - [`Passwords`] and [`Tokens`] make what is only compared (class E3).
//! - [`CallTokens`] let a browser start a call, or join one: signed with a key derived from a data key.
//!
//! It has no SQL and knows no cluster: others store what it makes. **Nothing here shows a key, a
//! token or a plaintext in `Debug` or in an error.**

#![forbid(unsafe_code)]

mod api_key;
mod call_token;
mod data_key;
mod envelope;
mod error;
mod kek;
mod key_id;
mod password;
mod place;
mod purpose;
mod random;
mod ring;
mod stream;
mod token;

pub use api_key::{ApiKey, ApiKeyEnvironment, ParseApiKeyError};
pub use call_token::{CallClaims, CallTokenError, CallTokens, ObserverClaims};
pub use data_key::DataKey;
pub use envelope::{Envelope, ParseEnvelopeError};
pub use error::{Error, Result};
#[cfg(feature = "vault")]
pub use kek::vault::{VaultOptions, VaultTransit};
pub use kek::{KekError, KeyEncryptionKey, KeyHolder, LocalKek, WrappedKey};
pub use key_id::KeyId;
pub use password::{HashPasswordError, Passwords, Verdict};
pub use place::Place;
pub use purpose::{KeyPurpose, ParseKeyPurposeError};
pub use ring::{KeyRing, ParseKeyRingError};
pub use stream::{STREAM_HEADER, StreamChunk, StreamOpener, StreamReader, StreamSealer};
pub use token::{ParsePepperError, TokenHash, Tokens, new_token};
