//! `callplane-operator`: see `run`, `crd` and `render`.

use callplane_operator::{crd, render, run};
use callplane_telemetry::{LogFormat, init_logging};
use clap::{Parser, Subcommand};

/// The Kubernetes operator of Callplane.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    /// What to log, as in `info,callplane_operator=debug`.
    #[arg(long, env = "CALLPLANE_LOG", default_value = "info", global = true)]
    log: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Reconcile the custom resources of the cluster until SIGTERM.
    Run(Box<run::Options>),
    /// Print the definitions of the custom resources, for `kubectl apply --server-side -f -`.
    Crd,
    /// Print what Tenants and MediaPools would become, without a cluster and without a database.
    Render(render::Options),
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    match arguments.command {
        Command::Crd => crd::print(),
        Command::Render(options) => render::print(&options),
        Command::Run(options) => {
            init_logging(&arguments.log, LogFormat::detect())?;
            run::run(*options)
        }
    }
}
