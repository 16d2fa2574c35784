//! `callplane-operator crd`.

use std::io::Write as _;

/// Prints every definition as YAML.
///
/// # Errors
/// When standard output is closed.
pub fn print() -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    for definition in callplane_crds::all() {
        write!(out, "---\n{}", serde_yaml_ng::to_string(&definition)?)?;
    }
    Ok(())
}
