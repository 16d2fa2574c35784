//! Encrypted objects (data model, class E4): archives and audio, in a folder or in S3.
//!
//! [`ObjectStorage::put`] seals an object with a key of the tenant, writes it, **reads it back and
//! opens it before it says that it is there**: who removes rows afterwards relies on that. The name
//! of an object and its tenant are authenticated with it, so an object that was moved to another
//! name or tenant does not open. The SHA-256 is of the sealed octets, so that anybody can check an
//! object without its key.
//!
//! [`ObjectStorage::upload`] writes a file that is sealed already, [`ObjectStorage::part`] reads from any place of
//! it: audio is too long to be in memory.
//!
//! Nothing here knows what is in an object.

#![forbid(unsafe_code)]

mod error;
mod file;
mod open;
mod storage;

pub use error::{Error, Result};
pub use file::UPLOAD_PART;
pub use storage::{MAX_LEN, ObjectStorage, Stored};
