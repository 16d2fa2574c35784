//! Keys that encipher data keys.

mod local;
#[cfg(feature = "vault")]
pub(crate) mod vault;

use callplane_types::TenantId;
use futures::future::BoxFuture;

use crate::{DataKey, KeyId, KeyPurpose};

pub use local::LocalKek;

/// A key that enciphers data keys and nothing else, so that changing it touches no data.
///
/// Whoever has it and the database can read all; media nodes never have it.
pub trait KeyEncryptionKey: Send + Sync + std::fmt::Debug {
    /// Enciphers `key` for `holder`, with the newest version.
    ///
    /// # Errors
    /// [`KekError`].
    fn wrap<'a>(
        &'a self,
        holder: &'a KeyHolder,
        key: &'a DataKey,
    ) -> BoxFuture<'a, Result<WrappedKey, KekError>>;

    /// Deciphers what any version of it enciphered for `holder`.
    ///
    /// # Errors
    /// [`KekError`].
    fn unwrap<'a>(
        &'a self,
        holder: &'a KeyHolder,
        wrapped: &'a WrappedKey,
    ) -> BoxFuture<'a, Result<DataKey, KekError>>;

    /// Enciphers a wrapped key again with the newest version; `None` when it is wrapped with that.
    /// The data key and what it sealed stay as they are: this is all that a rotation of this key takes.
    ///
    /// # Errors
    /// [`KekError`].
    fn rewrap<'a>(
        &'a self,
        holder: &'a KeyHolder,
        wrapped: &'a WrappedKey,
    ) -> BoxFuture<'a, Result<Option<WrappedKey>, KekError>>;
}

/// Whose data key it is. Authenticated with the key: a wrapped key that is moved to another row or
/// tenant does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyHolder {
    /// The tenant; `None` for the installation's own.
    pub tenant: Option<TenantId>,
    /// What it is for.
    pub purpose: KeyPurpose,
    /// Which key.
    pub key: KeyId,
}

impl KeyHolder {
    /// As octets that no other holder has.
    pub(crate) fn context(&self) -> Vec<u8> {
        let Self {
            tenant,
            purpose,
            key,
        } = self;
        let tenant = tenant.map_or_else(String::new, |tenant| tenant.to_string());
        format!("callplane:{tenant}:{purpose}:{key}").into_bytes()
    }
}

/// A data key as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedKey {
    /// Enciphered: `platform.encryption_keys.wrapped_key`.
    pub octets: Vec<u8>,
    /// The key it was enciphered with, version included: `platform.encryption_keys.kek_ref`. No
    /// secret.
    pub kek: String,
}

/// Why a data key was not wrapped or unwrapped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KekError {
    /// It does not answer, or is sealed, or has too much to do. Repeat later.
    #[error("the key-encryption key cannot be used now: {0}")]
    Unavailable(String),

    /// It does not let us.
    #[error("the key-encryption key cannot be used: {0}")]
    Denied(String),

    /// The data key was wrapped with a key that is not at hand.
    #[error(
        "the data key was wrapped with `{0}`, which is not at hand; restore the Secret or name the right key"
    )]
    UnknownKey(String),

    /// The wrapped key was changed, or belongs to another row.
    #[error(
        "the wrapped key does not open: it was changed, or it belongs to another tenant or row"
    )]
    Refused,

    /// The settings are wrong.
    #[error("{0}")]
    Invalid(String),
}

impl KekError {
    /// Whether the same call may succeed later without anybody changing anything.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}
