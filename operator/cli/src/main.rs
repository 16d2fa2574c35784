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
    if let Command::Completion { shell } = command {
        let mut command = Arguments::command();
        clap_complete::generate(
            shell,
            &mut command,
            "kubectl-callplane",
            &mut std::io::stdout(),
        );
        return Ok(());
    }
    match &command {
        Command::Chat(arguments) => return chat::run(arguments).await,
        Command::Test(arguments) => {
            let code = i32::from(!scenarios::test(arguments).await?);
            std::process::exit(code)
        }
        Command::Watch(arguments) => return scenarios::watch(arguments).await,
        _ => {}
    }
    let connection = Connection::open(&cluster).await?;
    match command {
        Command::Status => status::print(&connection).await,
        Command::Call { command } => call::run(&connection, &command).await,
        Command::Campaign { command } => campaign::run(&connection, &command).await,
        Command::Dnc { command } => dnc::run(&connection, &command).await,
        Command::Token(arguments) => token::run(&connection, &arguments).await,
        Command::Import(arguments) => {
            let code = platform_import::run(&connection, &arguments).await?;
            std::process::exit(code)
        }
        Command::Chat(_) | Command::Test(_) | Command::Watch(_) | Command::Completion { .. } => {
            Ok(())
        }
    }
}
