#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]
//! Objects in a folder and in MinIO.

mod folder;
mod minio;
mod upload;

use callplane_keys::{DataKey, KeyRing};
use callplane_types::TenantId;
use uuid::Uuid;

pub(crate) fn keys() -> KeyRing {
    KeyRing::new(DataKey::generate().unwrap())
}

pub(crate) fn tenant() -> TenantId {
    TenantId::new(Uuid::from_u128(7))
}
