//! Campaigns: who is rung, how often, and what comes of it.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::Result;
use callplane_e2e::phones::{Callee, Carrier, Sipp};
use callplane_e2e::until;
use serde_json::Value;

use crate::tenant::{Options, Tenant};

const LIMIT: Duration = Duration::from_secs(90);

/// Phones of recipients behind the tenant's carrier.
pub(crate) struct Recipients {
    pub(crate) phones: Vec<(String, Sipp)>,
    _carrier: Carrier,
}

impl Recipients {
    /// One phone for each, and a carrier that knows them.
    pub(crate) async fn start(tenant: &Tenant, callees: &[Callee]) -> Self {
        let mut numbers = HashMap::new();
        let mut phones = Vec::new();
        for (index, callee) in (1_u16..).zip(callees) {
            let (number, address) = (format!("+1555010{index:04}"), tenant.phone(5080 + index));
            phones.push((
                number.clone(),
                Sipp::listen(&tenant.folder, address, callee).await.unwrap(),
            ));
            numbers.insert(number, address);
        }
        let carrier = Carrier::start(tenant.phone(5060), numbers).await.unwrap();
        Self {
            phones,
            _carrier: carrier,
        }
    }

    /// Imports them into the tenant's campaign.
    pub(crate) async fn import(&self, tenant: &Tenant) {
        let mut csv = "number,name,timeZone\n".to_owned();
        for (number, _) in &self.phones {
            csv.push_str(&format!("{number},Ada,America/New_York\n"));
        }
        let file = tenant.folder.join("recipients.csv");
        std::fs::write(&file, csv).unwrap();
        let arguments = [
            "callplane",
            "-n",
            &tenant.name,
            "campaign",
            "import",
            "campaign",
            &file.to_string_lossy(),
        ];
        tenant.cluster.kubectl(&arguments).await.unwrap();
    }

    /// Distinct INVITEs that each phone has seen.
    pub(crate) fn invites(&self) -> Vec<usize> {
        self.phones
            .iter()
            .map(|(_, phone)| phone.report().unwrap().invites())
            .collect()
    }
}

/// Sets the campaign's desired state.
pub(crate) async fn desire(tenant: &Tenant, state: &str) {
    let patch = format!(r#"{{"spec":{{"desiredState":"{state}"}}}}"#);
    let arguments = [
        "-n",
        &tenant.name,
        "patch",
        "campaign",
        "campaign",
        "--type",
        "merge",
        "-p",
        &patch,
    ];
    tenant.cluster.kubectl(&arguments).await.unwrap();
}

/// The recipients as the control interface lists them.
pub(crate) async fn rows(tenant: &Tenant) -> Result<Vec<Value>> {
    let shown = tenant.callplane(&["campaign", "show", "campaign"]).await?;
    Ok(shown["recipients"].as_array().cloned().unwrap_or_default())
}

/// Number and outcome of every recipient, once each has one.
pub(crate) async fn outcomes(tenant: &Tenant) -> HashMap<String, String> {
    until("every recipient has an outcome", LIMIT, async || {
        let rows = rows(tenant).await?;
        let outcomes: HashMap<String, String> = rows
            .iter()
            .filter_map(|row| {
                Some((
                    row["number"].as_str()?.to_owned(),
                    row["outcome"].as_str()?.to_owned(),
                ))
            })
            .collect();
        anyhow::ensure!(outcomes.len() == rows.len() && !rows.is_empty(), "{rows:?}");
        Ok(Some(outcomes))
    })
    .await
    .unwrap()
}

pub(crate) fn answers() -> Callee {
    Callee::Answers {
        ring: 0.5,
        steps: vec![(4.0, "1234".to_owned())],
        hang_up_after: None,
    }
}

#[tokio::test]
#[ignore = "needs a cluster: make test"]
async fn each_recipient_gets_the_outcome_its_phone_gave() {
    let tenant = Tenant::ready("outcomes", &Options::default()).await;
    let callees = [
        answers(),
        Callee::Refuses(486),
        Callee::Rings,
        Callee::Refuses(503),
        answers(),
        answers(),
    ];
    let recipients = Recipients::start(&tenant, &callees).await;
    let dnc = [
        "callplane",
        "-n",
        &tenant.name,
        "dnc",
        "add",
        "internal",
        "+15550100006",
    ];
    tenant.cluster.kubectl(&dnc).await.unwrap();
    recipients.import(&tenant).await;
    desire(&tenant, "Run").await;

    let outcomes = outcomes(&tenant).await;
    for (number, outcome) in [
        ("+15550100001", "answered"),
        ("+15550100002", "busy"),
        ("+15550100003", "no_answer"),
        ("+15550100004", "failed"),
        ("+15550100005", "answered"),
        ("+15550100006", "suppressed"),
    ] {
        assert_eq!(outcomes[number], outcome, "{number}");
    }
    assert_eq!(
        recipients.invites(),
        [1, 1, 1, 1, 1, 0],
        "the number on the list is never rung"
    );

    until("the progress is in the status", LIMIT, async || {
        let campaign = tenant
            .cluster
            .object(&tenant.name, "campaign", "campaign")
            .await?;
        let progress = &campaign["status"]["progress"];
        let seen = ["answered", "busy", "noAnswer", "failed", "onDncList"]
            .map(|key| progress[key].as_i64());
        anyhow::ensure!(seen == [2, 1, 1, 1, 1].map(Some), "{progress}");
        Ok(Some(()))
    })
    .await
    .unwrap();
}

#[tokio::test]
#[ignore = "needs a cluster: make test"]
async fn a_paused_campaign_rings_nobody_new_after_a_second() {
    let tenant = Tenant::ready("paused", &Options::default()).await;
    let callees = vec![Callee::Rings; 8];
    let recipients = Recipients::start(&tenant, &callees).await;
    recipients.import(&tenant).await;
    desire(&tenant, "Run").await;
    until("five phones ring", LIMIT, async || {
        Ok((recipients.invites().iter().sum::<usize>() == 5).then_some(()))
    })
    .await
    .unwrap();
    desire(&tenant, "Pause").await;
    until("the ringing has ended", LIMIT, async || {
        let dialing = rows(&tenant)
            .await?
            .iter()
            .filter(|row| row["status"] == "dialing")
            .count();
        Ok((dialing == 0).then_some(()))
    })
    .await
    .unwrap();
    assert_eq!(recipients.invites().iter().sum::<usize>(), 5);
}
