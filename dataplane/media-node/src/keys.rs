//! The tenant's data keys, as the mounted Secret has them.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use callplane_keys::KeyRing;

/// Name of the file in the folder of the Secret.
const FILE: &str = "dataKeys";

/// The keys that open and seal what the tenant keeps secret. Cheap to clone.
///
/// The operator puts a new key into the Secret an hour or so before it seals anything, so a node that
/// reads the file every half minute has each key before it meets a value of it.
#[derive(Clone)]
pub(crate) struct TenantKeys {
    path: Arc<PathBuf>,
    ring: Arc<RwLock<Option<KeyRing>>>,
}

impl TenantKeys {
    /// Reads the keys in `folder`. There may be none yet.
    pub(crate) fn open(folder: &Path) -> Self {
        let keys = Self {
            path: Arc::new(folder.join(FILE)),
            ring: Arc::default(),
        };
        keys.reload();
        keys
    }

    /// Reads them again, because the Secret may have changed. What cannot be read changes nothing.
    pub(crate) fn reload(&self) {
        let text = match std::fs::read_to_string(&*self.path) {
            Ok(text) => zeroize::Zeroizing::new(text),
            Err(error) => {
                tracing::error!(%error, "failed to read the data keys; those read before are used");
                return;
            }
        };
        match KeyRing::parse(&text) {
            Ok(mut read) => {
                let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
                if let Some(known) = &*ring {
                    read.carry_on(known);
                }
                *ring = Some(read);
            }
            Err(error) => {
                tracing::error!(%error, "failed to read the data keys; those read before are used");
            }
        }
    }

    /// The keys as they were read last; `None` when there were none.
    pub(crate) fn ring(&self) -> Option<KeyRing> {
        self.ring
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
