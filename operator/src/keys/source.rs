//! Where the key-encryption key comes from.

use std::path::PathBuf;
use std::sync::Arc;

use callplane_keys::{KekError, KeyEncryptionKey, LocalKek, VaultTransit};
use callplane_store::OperatorDatabase;
use kube::Client;
use zeroize::Zeroizing;

use super::{Error, secret};

/// Where the key-encryption key comes from. A local one is read anew whenever it is needed, which is
/// seldom, so that a changed Secret needs no restart.
#[derive(Clone)]
pub enum Source {
    /// The Secret beside the operator.
    Secret {
        /// For reading it.
        client: Client,
        /// Where it is.
        namespace: String,
    },
    /// A file.
    File(PathBuf),
    /// Vault.
    Vault(Arc<VaultTransit>),
}

impl Source {
    pub(super) async fn kek(
        &self,
        database: &OperatorDatabase,
    ) -> Result<Arc<dyn KeyEncryptionKey>, Error> {
        Ok(match self {
            Self::Secret { client, namespace } => Arc::new(LocalKek::parse(
                &secret::ensure(client, namespace, database).await?,
            )?),
            Self::File(path) => {
                let text = tokio::fs::read_to_string(path).await.map_err(|error| {
                    KekError::Unavailable(format!("cannot read {}: {error}", path.display()))
                })?;
                Arc::new(LocalKek::parse(&Zeroizing::new(text))?)
            }
            Self::Vault(vault) => Arc::clone(vault) as Arc<dyn KeyEncryptionKey>,
        })
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Secret { namespace, .. } => write!(f, "Secret in {namespace}"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Vault(_) => f.write_str("Vault"),
        }
    }
}
