//! A campaign of five recipients, each with a telephone of its own behind the carrier.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use callplane_e2e::phones::{Callee, Carrier, Sipp};
use callplane_e2e::{Cluster, until};
use serde_json::Value;

use crate::console::{fact, heading};
use crate::stage::{Stage, TENANT};

const CAMPAIGN: &str = "renewals";
const LIMIT: Duration = Duration::from_secs(120);

/// A recipient, what the phone does, and what must come of it.
struct Recipient {
    number: &'static str,
    name: &'static str,
    phone: Callee,
    outcome: &'static str,
    invites: usize,
}

fn recipients() -> Vec<Recipient> {
    let answers = |digit: &str| Callee::Answers {
        ring: 1.0,
        steps: vec![(6.0, digit.to_owned())],
        hang_up_after: None,
    };
    let recipient = |number, name, phone, outcome, invites| Recipient {
        number,
        name,
        phone,
        outcome,
        invites,
    };
    vec![
        recipient("+15550100001", "Ada", answers("1"), "answered", 1),
        recipient("+15550100002", "Grace", answers("2"), "answered", 1),
        recipient("+15550100003", "Edsger", Callee::Refuses(486), "busy", 1),
        recipient("+15550100004", "Barbara", Callee::Rings, "no_answer", 1),
        recipient("+15550100005", "Tony", answers("1"), "suppressed", 0),
    ]
}

/// Imports the recipients, starts the campaign, and checks every outcome against what the phones saw.
pub(crate) async fn run(stage: &Stage) -> Result<()> {
    heading("a campaign: five recipients, one of them on the do-not-call list");
    afresh(stage).await?;
    let recipients = recipients();
    let folder = stage.folder().join("campaign");
    let mut phones = Vec::new();
    let mut numbers = HashMap::new();
    for (recipient, port) in recipients.iter().zip(5081..) {
        let address = stage.phone(port);
        phones.push(Sipp::listen(&folder, address, &recipient.phone).await?);
        numbers.insert(recipient.number.to_owned(), address);
    }
    let _carrier = Carrier::start(carrier_address(stage).await?, numbers).await?;

    let csv = folder.join("recipients.csv");
    let mut text = "number,name,timeZone,plan\n".to_owned();
    for recipient in &recipients {
        text.push_str(&format!(
            "{},{},America/New_York,your gold plan\n",
            recipient.number, recipient.name
        ));
    }
    std::fs::write(&csv, text)?;
    stage
        .show(&["dnc", "add", "internal", "+15550100005"])
        .await?;
    stage
        .show(&["campaign", "import", CAMPAIGN, &csv.to_string_lossy()])
        .await?;
    stage
        .cluster
        .kubectl(&[
            "-n",
            TENANT,
            "patch",
            "campaign",
            CAMPAIGN,
            "--type",
            "merge",
            "-p",
            r#"{"spec":{"desiredState":"Run"}}"#,
        ])
        .await?;
    fact("desiredState is Run: the telephones ring");

    let shown = until("every recipient has an outcome", LIMIT, async || {
        let shown = shown(stage).await?;
        let open = rows(&shown)
            .iter()
            .filter(|row| row["outcome"].is_null())
            .count();
        Ok((open == 0 && rows(&shown).len() == recipients.len()).then_some(shown))
    })
    .await?;
    stage.show(&["campaign", "show", CAMPAIGN]).await?;
    for (recipient, phone) in recipients.iter().zip(&phones) {
        let invites = phone.report()?.invites();
        fact(&format!(
            "the telephone of {:<8} {} has seen {invites} INVITE",
            recipient.name, recipient.number
        ));
        ensure!(
            invites == recipient.invites,
            "{} was rung {invites} times",
            recipient.number
        );
        let row = rows(&shown)
            .iter()
            .find(|row| row["number"] == recipient.number)
            .context("a recipient is lost")?;
        ensure!(
            row["outcome"] == recipient.outcome,
            "{} has the outcome {}",
            recipient.number,
            row["outcome"]
        );
    }
    Ok(())
}

/// A completed campaign rings nobody again: the one of an earlier demo makes room for a new one.
async fn afresh(stage: &Stage) -> Result<()> {
    if rows(&shown(stage).await?).is_empty() {
        return Ok(());
    }
    fact("the campaign of an earlier demo is deleted and applied anew");
    stage
        .cluster
        .kubectl(&["-n", TENANT, "delete", "campaign", CAMPAIGN])
        .await?;
    let example = Cluster::repository().join("crds/examples/acme/60-campaign.yaml");
    stage
        .cluster
        .apply(&std::fs::read_to_string(example)?)
        .await?;
    stage
        .cluster
        .wait_for(TENANT, "campaign", CAMPAIGN, "Ready", LIMIT)
        .await
}

/// The campaign and its recipients.
async fn shown(stage: &Stage) -> Result<Value> {
    let json = stage
        .callplane(&["campaign", "show", CAMPAIGN, "--json"])
        .await?;
    Ok(serde_json::from_str(&json)?)
}

fn rows(shown: &Value) -> &[Value] {
    shown["recipients"].as_array().map_or(&[], Vec::as_slice)
}

/// Where the example's trunk sends calls.
async fn carrier_address(stage: &Stage) -> Result<SocketAddr> {
    let trunk = stage.cluster.object(TENANT, "trunk", "carrier").await?;
    let address = trunk["spec"]["addresses"][0]
        .as_str()
        .context("the trunk has no address")?;
    address
        .parse()
        .with_context(|| format!("the trunk's address {address} is no IP address and port"))
}
