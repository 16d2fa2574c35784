//! `kubectl callplane`: what kubectl itself cannot show or do.
//!
//! Desired state is applied with kubectl. This plugin reaches what lives in the tenant's database:
//! calls, recipients and do-not-call lists. It talks to a media node of the namespace through the
//! API server's port forwarding, so whoever may `create pods/portforward` there may use it, and no
//! database password leaves the cluster.

mod arguments;
mod call;
mod campaign;
mod chat;
mod connection;
mod dnc;
mod flow;
mod import;
mod join;
mod node;
mod platform_import;
mod recording;
mod scenarios;
mod status;
mod table;
mod talk;
mod token;
mod trace;

use clap::{CommandFactory, Parser};

use crate::arguments::{Arguments, Command};
use crate::connection::Connection;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let Arguments { cluster, command } = Arguments::parse();
    let connect = || Connection::open(&cluster);
    match command {
        Command::Completion { shell } => {
            let mut command = Arguments::command();
            let mut output = std::io::stdout();
            clap_complete::generate(shell, &mut command, "kubectl-callplane", &mut output);
            Ok(())
        }
        Command::Chat(arguments) => chat::run(&arguments).await,
        Command::Flow { command } => flow::run(&command),
        Command::Test(arguments) => {
            let code = i32::from(!scenarios::test(&arguments).await?);
            std::process::exit(code)
        }
        Command::Watch(arguments) => scenarios::watch(&arguments).await,
        Command::Status => status::print(&connect().await?).await,
        Command::Call { command } => call::run(&connect().await?, &command).await,
        Command::Campaign { command } => campaign::run(&connect().await?, &command).await,
        Command::Dnc { command } => dnc::run(&connect().await?, &command).await,
        Command::Token(arguments) => token::run(&connect().await?, &arguments).await,
        Command::Import(arguments) => {
            let code = platform_import::run(&connect().await?, &arguments).await?;
            std::process::exit(code)
        }
    }
}
