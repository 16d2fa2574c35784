//! The tenant's data keys, as the mounted Secret has them.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use callplane_keys::KeyRing;

/// Which keys of the Secret: each kind is destroyed by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyFile {
    /// For columns.
    Columns,
    /// For the audio of calls.
    Recordings,
}

impl KeyFile {
    /// Its name in the folder of the Secret.
    const fn name(self) -> &'static str {
        match self {
            Self::Columns => "dataKeys",
            Self::Recordings => "recordingKeys",
        }
    }
}

/// Values that the sealing key must have room for when a call is taken: what the calls of a full node may
/// come to. A key seals only so many in one process.
const RESERVE: u64 = 1 << 18;

/// The keys that open and seal what the tenant keeps secret. Cheap to clone.
///
/// The operator puts a new key into the Secret an hour or so before it seals anything, so a node that
/// reads the file every half minute at least has each key before it meets a value of it.
#[derive(Clone)]
pub(crate) struct TenantKeys {
    path: Arc<PathBuf>,
    ring: Arc<RwLock<Option<KeyRing>>>,
}

impl TenantKeys {
    /// Reads the keys in `folder`. There may be none yet.
    pub(crate) fn open(folder: &Path, file: KeyFile) -> Self {
        let keys = Self {
            path: Arc::new(folder.join(file.name())),
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
                tracing::error!(%error, file = %self.path.display(), "failed to read keys of the tenant; those read before are used");
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
                tracing::error!(%error, file = %self.path.display(), "failed to read keys of the tenant; those read before are used");
            }
        }
    }

    /// Whether a key is there that can seal what the calls of this node come to.
    pub(crate) fn can_seal(&self) -> bool {
        self.ring().is_some_and(|ring| ring.room() >= RESERVE)
    }

    /// The keys as they were read last; `None` when there were none.
    pub(crate) fn ring(&self) -> Option<KeyRing> {
        self.ring
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
