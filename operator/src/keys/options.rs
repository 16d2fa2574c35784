//! Where the key-encryption key is, as options.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use callplane_keys::{VaultOptions, VaultTransit};
use clap::Args;
use kube::Client;

use super::{KeyRotation, Keys, Source};

/// Which key wraps the data keys of tenants.
// A name of its own: clap names the group of options after the type, and others are `Options` too.
#[derive(Debug, Args)]
#[group(id = "key-encryption-key")]
pub struct Options {
    /// Address of Vault or OpenBao, as in `https://vault.example:8200`. Data keys are wrapped by its
    /// transit engine then. Without it by the Secret `callplane-key-encryption` in the namespace of the
    /// operator, which is made when it is needed first.
    #[arg(long, env = "CALLPLANE_VAULT_ADDRESS")]
    vault_address: Option<String>,
    /// Path of the transit engine.
    #[arg(long, env = "CALLPLANE_VAULT_MOUNT", default_value = "transit")]
    vault_mount: String,
    /// Name of the key in it; it has to be derived.
    #[arg(long, env = "CALLPLANE_VAULT_KEY", default_value = "callplane")]
    vault_key: String,
    /// Namespace in Vault.
    #[arg(long, env = "CALLPLANE_VAULT_NAMESPACE")]
    vault_namespace: Option<String>,
    /// File with the token, read at every request.
    #[arg(
        long,
        env = "CALLPLANE_VAULT_TOKEN_FILE",
        default_value = "/var/run/secrets/callplane/vault/token"
    )]
    vault_token_file: PathBuf,
    /// PEM file with the certificates that vouch for Vault. Those of the system when the file does not
    /// exist.
    #[arg(long, env = "CALLPLANE_VAULT_CA")]
    vault_ca: Option<PathBuf>,
    /// File with key-encryption keys instead of Secret and Vault: 32 octets in base64, one a line, the
    /// newest first.
    #[arg(
        long,
        env = "CALLPLANE_KEY_ENCRYPTION_KEY_FILE",
        conflicts_with = "vault_address"
    )]
    key_encryption_key_file: Option<PathBuf>,
    /// Age in days at which a tenant's data key gets a successor; 0 for never by itself.
    #[arg(long, env = "CALLPLANE_DATA_KEY_DAYS", default_value_t = 90)]
    data_key_days: u32,
}

impl Options {
    /// The keys, with a client for the Secret where neither Vault nor a file is named.
    ///
    /// # Errors
    /// Settings of Vault that cannot be, or no cluster.
    pub async fn open(&self, namespace: &str) -> anyhow::Result<Keys> {
        if self.needs_cluster() {
            let client = Client::try_default()
                .await
                .context("cannot find a cluster with the Secret of the key-encryption key")?;
            return self.with(&client, namespace);
        }
        self.source().map(Keys::new)
    }

    /// The keys where Vault or a file is named; no cluster is asked.
    ///
    /// # Errors
    /// Settings of Vault that cannot be.
    pub fn named(&self) -> anyhow::Result<Option<Keys>> {
        if self.needs_cluster() {
            return Ok(None);
        }
        self.source().map(Keys::new).map(Some)
    }

    /// [`Options::open`] with a client that is there.
    ///
    /// # Errors
    /// Settings of Vault that cannot be.
    pub fn with(&self, client: &Client, namespace: &str) -> anyhow::Result<Keys> {
        if self.needs_cluster() {
            return Ok(Keys::new(Source::Secret {
                client: client.clone(),
                namespace: namespace.to_owned(),
            }));
        }
        self.source().map(Keys::new)
    }

    /// When data keys are replaced; the overlap is the tenant's.
    #[must_use]
    pub fn rotate_every(&self) -> Option<Duration> {
        let day = Duration::from_secs(24 * 3600);
        (self.data_key_days > 0).then(|| day * self.data_key_days)
    }

    fn needs_cluster(&self) -> bool {
        self.vault_address.is_none() && self.key_encryption_key_file.is_none()
    }

    fn source(&self) -> anyhow::Result<Source> {
        if let Some(path) = &self.key_encryption_key_file {
            return Ok(Source::File(path.clone()));
        }
        let address = self.vault_address.as_deref().unwrap_or_default();
        let options = VaultOptions {
            namespace: self.vault_namespace.clone(),
            ca_file: self.vault_ca.clone().filter(|path| path.exists()),
            ..VaultOptions::new(
                address,
                &self.vault_mount,
                &self.vault_key,
                self.vault_token_file.clone(),
            )
        };
        Ok(Source::Vault(Arc::new(VaultTransit::new(options)?)))
    }
}

impl KeyRotation {
    /// With the overlap of a tenant.
    #[must_use]
    pub const fn new(every: Option<Duration>, overlap: Duration) -> Self {
        Self { every, overlap }
    }
}
