//! A certificate of an elliptic curve for baresip 1.0, which makes those of RSA alone.

use std::ffi::OsString;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use tokio::process::Command;

const SOURCE: &str = include_str!("curve.c");

/// Makes a certificate in `folder`: the environment in which baresip shows it.
pub(super) async fn certificate(folder: &Path) -> Result<[(&'static str, OsString); 2]> {
    let file = |name: &str| folder.join(name).into_os_string();
    let (source, library) = (file("curve.c"), file("curve.so"));
    let (key, shown, both) = (file("key.pem"), file("shown.pem"), file("both.pem"));
    std::fs::write(&source, SOURCE)?;
    let mut compile = Command::new("cc");
    run(compile
        .args(["-shared", "-fPIC", "-o"])
        .args([&library, &source]))
    .await?;
    let mut make = Command::new("openssl");
    make.args([
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
    ])
    .args(["-nodes", "-subj", "/CN=phone", "-days", "2"])
    .arg("-keyout")
    .arg(&key)
    .arg("-out")
    .arg(&shown);
    run(&mut make).await?;
    let pem = [std::fs::read(&shown)?, std::fs::read(&key)?].concat();
    std::fs::write(&both, pem)?;
    Ok([("LD_PRELOAD", library), ("DTLS_CERTIFICATE", both)])
}

async fn run(command: &mut Command) -> Result<()> {
    let output = command.output().await;
    let output = output.with_context(|| format!("failed to start {command:?}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {said}");
    Ok(())
}
