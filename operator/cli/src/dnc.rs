//! `dnc`: do-not-call lists.

use crate::arguments::DncCommand;
use crate::connection::Connection;
use crate::import;
use crate::node::{Node, segment};

pub(crate) async fn run(connection: &Connection, command: &DncCommand) -> anyhow::Result<()> {
    let node = Node::of(connection).await?;
    match command {
        DncCommand::Add { list, numbers } => {
            import::numbers(&node, &format!("/v1/dnc/{}", segment(list)), numbers).await
        }
        DncCommand::Import { list, file } => {
            import::file(&node, &format!("/v1/dnc/{}", segment(list)), file).await
        }
    }
}
