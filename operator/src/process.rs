//! What every command that talks to something begins with.

use std::future::Future;

/// Runs `work` on a runtime of its own, with the one cryptography provider installed.
///
/// # Errors
/// Those of `work`, and when the process cannot be set up.
pub(crate) fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .map_err(|_| anyhow::anyhow!("a cryptography provider was installed before"))?;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(work)
}
