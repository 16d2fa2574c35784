//! What follows from an error of the database.

use callplane_kit::Class;
use callplane_store::Error;

/// When to try again.
pub(crate) fn class_of(error: &Error) -> Class {
    match error {
        // The Lease is gone too, or about to be.
        Error::Fenced { .. } => Class::Transient,
        error if error.is_transient() => Class::Transient,
        // A person has to change something, here or in another object.
        Error::Invalid { .. } => Class::Terminal,
        Error::NotFound { .. }
        | Error::NotOwner { .. }
        | Error::SchemaTaken { .. }
        | Error::Retained { .. }
        | Error::ChangedMigration { .. } => Class::WaitForChange,
        // What the server refuses now it may take after the administrator granted a right.
        _ => Class::Transient,
    }
}
