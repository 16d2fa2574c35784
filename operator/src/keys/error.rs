//! Why a key is not at hand.

use callplane_keys::KekError;
use callplane_kit::{Class, class_of};
use callplane_store::Error as StoreError;

use crate::database;

/// Why a key is not at hand.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database.
    #[error("failed to read or write data keys")]
    Database(#[from] StoreError),
    /// The key-encryption key.
    #[error(transparent)]
    Kek(#[from] KekError),
    /// A value could not be sealed or opened.
    #[error(transparent)]
    Seal(#[from] callplane_keys::Error),
    /// The Secret of the key-encryption key could not be read or made.
    #[error("failed to read or make the secret of the key-encryption key")]
    Secret(#[source] kube::Error),
    /// The Secret is gone and data keys are wrapped with what was in it.
    #[error(
        "the Secret `{0}` with the key-encryption key is gone, and data keys are wrapped with it: restore it from a backup of the cluster; a new one would open nothing"
    )]
    KekLost(String),
    /// There is no key although one was just made.
    #[error("the tenant has no data key")]
    NoKey,
}

impl Error {
    /// What follows from it.
    #[must_use]
    pub(crate) fn class(&self) -> Class {
        match self {
            Self::Database(error) => database::class_of(error),
            Self::Secret(error) => class_of(error),
            Self::Kek(error) if error.is_transient() => Class::Transient,
            // A person has to act outside the cluster; look again without haste.
            Self::Kek(_) | Self::KekLost(_) => Class::WaitForChange,
            Self::Seal(_) | Self::NoKey => Class::Transient,
        }
    }
}
