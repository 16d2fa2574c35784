//! Why a projection failed, and when to try again.

use std::time::Duration;

use callplane_crds::Reason;
use callplane_kit::{Class, ReconcileError, class_of};
use callplane_store::Error as StoreError;

use super::Problem;
use crate::context::FenceError;

/// Another writer changed the object first; the watch is about to tell us.
const AFTER_CONFLICT: Duration = Duration::from_secs(1);

/// Why a projection failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The object, or something it names, has to change.
    #[error(transparent)]
    Problem(#[from] Problem),
    /// Nothing may be written now.
    #[error("failed to write as the leader")]
    Fence(#[from] FenceError),
    /// The database did not take it.
    #[error("failed to write to the database")]
    Database(#[source] StoreError),
    /// The data keys of the tenant.
    #[error("failed to make or unwrap the data keys of the tenant")]
    Keys(#[source] crate::keys::Error),
    /// A Secret could not be read.
    #[error("failed to read a secret")]
    ReadSecret(#[source] kube::Error),
    /// A ConfigMap could not be read.
    #[error("failed to read a config map")]
    ReadConfigMap(#[source] kube::Error),
    /// The finalizer could not be set or removed.
    #[error("failed to change the finalizer")]
    Finalizer(#[source] kube::Error),
    /// The status could not be written.
    #[error("failed to write the status")]
    Status(#[source] kube::Error),
}

impl Error {
    /// What to say in a condition about an error that no change of the object cures.
    pub(crate) fn told(&self) -> (Reason, &'static str) {
        match self {
            Self::Fence(FenceError::NotLeader) => (
                Reason::Progressing,
                "another replica of the operator takes over",
            ),
            Self::Fence(FenceError::Database(error)) | Self::Database(error)
                if error.is_transient() =>
            {
                (
                    Reason::DatabaseUnavailable,
                    "the database does not answer; the operator tries again",
                )
            }
            Self::Problem(_) | Self::Fence(_) | Self::Database(_) => (
                Reason::DatabaseRefused,
                "the database refused the change; the operator's log says why",
            ),
            Self::Keys(_) => (
                Reason::KeyUnavailable,
                "the data keys of the tenant cannot be used; its Tenant says why",
            ),
            Self::ReadSecret(_) | Self::ReadConfigMap(_) | Self::Finalizer(_) | Self::Status(_) => {
                (
                    Reason::ApiServerUnavailable,
                    "the API server did not take a request; the operator tries again",
                )
            }
        }
    }
}

impl From<StoreError> for Error {
    /// Errors that a person can do something about become problems of the object.
    fn from(error: StoreError) -> Self {
        let sentence = error.to_string();
        match &error {
            StoreError::NotFound { kind, name } => match *kind {
                "agent" => Problem::waits_for("Agent", name).into(),
                "flow" => Problem::waits_for("Flow", name).into(),
                "trunk" => Problem::waits_for("Trunk", name).into(),
                "number" => Problem::waits_for("PhoneNumber", name).into(),
                "knowledge base" => Problem::waits_for("KnowledgeBase", name).into(),
                "tenant" => Problem::unresolved(
                    Reason::WaitingForDependency,
                    "the database does not have the Tenant yet",
                )
                .into(),
                _ => Self::Database(error),
            },
            StoreError::NotOwner { .. } => {
                Problem::not_accepted(Reason::NameConflict, sentence).into()
            }
            StoreError::NumberTakenHere { .. } | StoreError::NumberTakenElsewhere => {
                Problem::not_accepted(Reason::NumberConflict, sentence).into()
            }
            StoreError::QuotaExceeded { .. } => {
                Problem::not_accepted(Reason::QuotaExceeded, sentence).into()
            }
            StoreError::Invalid { what, reason } => Problem::invalid(what, reason).into(),
            _ => Self::Database(error),
        }
    }
}

impl ReconcileError for Error {
    fn reason(&self) -> &'static str {
        match self {
            Self::Problem(problem) => problem.reason.as_str(),
            Self::Fence(_) => "Fence",
            Self::Database(_) => "Database",
            Self::Keys(_) => "Keys",
            Self::ReadSecret(_) => "ReadSecret",
            Self::ReadConfigMap(_) => "ReadConfigMap",
            Self::Finalizer(_) => "Finalizer",
            Self::Status(_) => "Status",
        }
    }

    fn class(&self) -> Class {
        match self {
            // Secrets need not be watched (`SecretScope`): then nobody tells that it is there.
            Self::Problem(problem) if problem.reason == Reason::SecretNotFound => Class::Transient,
            Self::Problem(problem) if problem.reason == Reason::Invalid => Class::Terminal,
            Self::Problem(_) => Class::WaitForChange,
            Self::Fence(_) | Self::Database(_) => Class::Transient,
            Self::Keys(error) => error.class(),
            Self::ReadSecret(error)
            | Self::ReadConfigMap(error)
            | Self::Finalizer(error)
            | Self::Status(error) => match error {
                kube::Error::Api(status) if status.is_conflict() => {
                    Class::Throttled(AFTER_CONFLICT)
                }
                _ => class_of(error),
            },
        }
    }
}
