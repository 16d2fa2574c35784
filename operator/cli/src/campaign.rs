//! `campaign`: recipients and outcomes.

use serde::Deserialize;
use serde_json::Value;

use crate::arguments::CampaignCommand;
use crate::connection::Connection;
use crate::import;
use crate::node::{Node, segment};
use crate::table::Table;

#[derive(Deserialize)]
struct Shown {
    campaign: Progress,
    recipients: Vec<Recipient>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Progress {
    name: String,
    status: String,
    total_calls: u64,
    completed_calls: u64,
    failed_calls: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recipient {
    number: String,
    name: Option<String>,
    status: String,
    outcome: Option<String>,
    attempts: u32,
    call_id: Option<String>,
}

pub(crate) async fn run(connection: &Connection, command: &CampaignCommand) -> anyhow::Result<()> {
    let node = Node::of(connection).await?;
    match command {
        CampaignCommand::Show { name, json } => {
            let path = format!("/v1/campaigns/{}", segment(name));
            if *json {
                let value: Value = node.get(&path).await?;
                println!("{}", serde_json::to_string_pretty(&value)?);
                return Ok(());
            }
            show(&node.get(&path).await?);
            Ok(())
        }
        CampaignCommand::Import { name, file } => {
            import::file(
                &node,
                &format!("/v1/campaigns/{}/recipients", segment(name)),
                file,
            )
            .await
        }
    }
}

fn show(shown: &Shown) {
    let Progress {
        name,
        status,
        total_calls,
        completed_calls,
        failed_calls,
    } = &shown.campaign;
    println!(
        "Campaign {name} is {status}: {total_calls} recipients, {completed_calls} completed, \
         {failed_calls} failed.\n"
    );
    let mut table = Table::new(&["NUMBER", "NAME", "STATUS", "OUTCOME", "ATTEMPTS", "CALL"]);
    for recipient in &shown.recipients {
        let Recipient {
            number,
            name,
            status,
            outcome,
            attempts,
            call_id,
        } = recipient;
        table.row([
            number.clone(),
            name.clone().unwrap_or_default(),
            status.clone(),
            outcome.clone().unwrap_or_default(),
            attempts.to_string(),
            call_id.clone().unwrap_or_default(),
        ]);
    }
    print!("{table}");
}
