//! `make demo`: calls the example tenant with telephones of others and shows what becomes of it.
//!
//! Runs inside the cluster's network namespace, after Callplane is installed and the example is applied.

mod calls;
mod campaign;
mod console;
mod stage;

use anyhow::Result;

use crate::stage::Stage;

#[tokio::main]
async fn main() {
    let told = tokio::select! {
        told = run() => told,
        // The phones have hung up with the future above; demo.sh says what is still there.
        _ = tokio::signal::ctrl_c() => std::process::exit(130),
    };
    if let Err(error) = told {
        eprintln!("error: {error:#}");
        std::process::exit(1);
    }
}

async fn run() -> Result<()> {
    let stage = Stage::set().await?;
    calls::speak(&stage).await?;
    calls::press(&stage).await?;
    console::heading("the metrics of these calls");
    stage.show_metrics().await?;
    campaign::run(&stage).await?;
    console::farewell(&stage);
    Ok(())
}
