//! Media node: answers and places calls.

mod descriptors;

use anyhow::Context as _;
use callplane_media_node::{Config, run};
use callplane_telemetry::{LogFormat, init_logging, shutdown_signal};
use clap::Parser as _;

fn main() -> anyhow::Result<()> {
    let config = Config::parse();
    init_logging(&config.log, LogFormat::detect())?;
    descriptors::take_all();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("failed to start the runtime")?;
    runtime.block_on(async {
        let shutdown = shutdown_signal()?;
        run(config, shutdown).await
    })
}
