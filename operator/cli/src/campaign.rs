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
    total: u64,
    waiting: u64,
    dialing: u64,
    answered: u64,
    busy: u64,
    no_answer: u64,
    failed: u64,
    unknown: u64,
    suppressed: u64,
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

/// One sentence: how many recipients there are, and how each of them stands.
impl std::fmt::Display for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            name,
            status,
            total,
            waiting,
            dialing,
            answered,
            busy,
            no_answer,
            failed,
            unknown,
            suppressed,
        } = self;
        let plural = if *total == 1 { "" } else { "s" };
        write!(f, "Campaign {name} is {status}, {total} recipient{plural}")?;
        let mut before = ": ";
        for (count, what) in [
            (waiting, "waiting"),
            (dialing, "being called"),
            (answered, "answered"),
            (busy, "busy"),
            (no_answer, "no answer"),
            (failed, "failed"),
            (unknown, "unknown"),
            (suppressed, "suppressed"),
        ] {
            if *count > 0 {
                write!(f, "{before}{count} {what}")?;
                before = ", ";
            }
        }
        write!(f, ".")
    }
}

fn show(shown: &Shown) {
    println!("{}\n", shown.campaign);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(counts: &serde_json::Value) -> String {
        let mut json = serde_json::json!({
            "name": "renewals", "status": "completed", "total": 0, "waiting": 0, "dialing": 0,
            "answered": 0, "busy": 0, "noAnswer": 0, "failed": 0, "unknown": 0, "suppressed": 0,
        });
        for (key, count) in counts.as_object().unwrap() {
            json[key] = count.clone();
        }
        serde_json::from_value::<Progress>(json)
            .unwrap()
            .to_string()
    }

    #[test]
    fn each_recipient_is_counted_by_what_came_of_it() {
        let counts = serde_json::json!({
            "total": 5, "answered": 2, "busy": 1, "noAnswer": 1, "suppressed": 1,
        });
        assert_eq!(
            progress(&counts),
            "Campaign renewals is completed, 5 recipients: 2 answered, 1 busy, 1 no answer, \
             1 suppressed."
        );
    }

    #[test]
    fn a_campaign_without_recipients_is_one_sentence_too() {
        assert_eq!(
            progress(&serde_json::json!({"status": "running"})),
            "Campaign renewals is running, 0 recipients."
        );
    }
}
