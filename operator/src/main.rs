//! `callplane-operator`: see `run`, `crd`, `render` and `admin`.

use std::process::ExitCode;

use callplane_operator::{admin, crd, render, run};
use callplane_telemetry::{LogFormat, init_logging};
use clap::{CommandFactory, Parser, Subcommand};

/// The Kubernetes operator of Callplane.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    /// What to log, as in `info,callplane_operator=debug`; `info` for run, else `warn`.
    #[arg(long, env = "CALLPLANE_LOG", global = true)]
    log: Option<String>,
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
    /// Look after the database: migrations and what belongs to them.
    Database(admin::Options),
    /// Write a completion script: `source <(callplane-operator completion bash)`.
    Completion {
        /// The shell it is for.
        shell: clap_complete::Shell,
    },
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let log = |or| init_logging(arguments.log.as_deref().unwrap_or(or), LogFormat::detect());
    match arguments.command {
        Command::Crd => crd::print()?,
        Command::Render(options) => render::print(&options)?,
        Command::Run(options) => {
            log("info")?;
            run::run(*options)?;
        }
        Command::Database(options) => {
            log("warn")?;
            return admin::run(&options);
        }
        Command::Completion { shell } => {
            let mut command = Arguments::command();
            let mut out = std::io::stdout();
            clap_complete::generate(shell, &mut command, "callplane-operator", &mut out);
        }
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
