//! Programs of others that come from PyPI.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::run;

/// The interpreter that has these packages, each as `NAME==VERSION`, installed if need be.
pub(crate) async fn python(packages: &[&str]) -> Result<PathBuf> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("venv.sh");
    let printed = run(&script.to_string_lossy(), packages, "").await?;
    Ok(PathBuf::from(printed.trim()))
}
