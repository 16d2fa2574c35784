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
        import(tenant, "campaign", &self.phones).await;
    }

    /// Distinct INVITEs that each phone has seen.
    pub(crate) fn invites(&self) -> Vec<usize> {
        self.phones
            .iter()
            .map(|(_, phone)| phone.report().unwrap().invites())
            .collect()
    }

    /// Those of all phones together.
    pub(crate) fn total(&self) -> usize {
        self.invites().iter().sum()
    }
}

async fn import(tenant: &Tenant, campaign: &str, phones: &[(String, Sipp)]) {
    let mut csv = "number,name,timeZone\n".to_owned();
    for (number, _) in phones {
        csv.push_str(&format!("{number},Ada,America/New_York\n"));
    }
    let file = tenant.folder.join("recipients.csv");
    std::fs::write(&file, csv).unwrap();
    let file = file.to_string_lossy();
    let space = &tenant.name;
    let arguments = [
        "callplane",
        "-n",
        space,
        "campaign",
        "import",
        campaign,
        &file,
    ];
    tenant.cluster.kubectl(&arguments).await.unwrap();
}

/// Changes the spec of the tenant's campaign.
async fn patch(tenant: &Tenant, spec: &str) {
    let patch = format!(r#"{{"spec":{spec}}}"#);
    let space = &tenant.name;
    let arguments = [
        "-n", space, "patch", "campaign", "campaign", "--type", "merge", "-p", &patch,
    ];
    tenant.cluster.kubectl(&arguments).await.unwrap();
}

/// Sets the campaign's desired state.
pub(crate) async fn desire(tenant: &Tenant, state: &str) {
    patch(tenant, &format!(r#"{{"desiredState":"{state}"}}"#)).await;
}

/// Lets the campaign have this many calls at once.
pub(crate) async fn pace(tenant: &Tenant, calls: u32) {
    patch(
        tenant,
        &format!(r#"{{"pacing":{{"maxConcurrentCalls":{calls}}}}}"#),
    )
    .await;
}

/// The recipients of a campaign as the control interface lists them.
async fn rows(tenant: &Tenant, campaign: &str) -> Result<Vec<Value>> {
    let shown = tenant.callplane(&["campaign", "show", campaign]).await?;
    Ok(shown["recipients"].as_array().cloned().unwrap_or_default())
}

/// Number and outcome of every recipient of the tenant's campaign, once each has one.
pub(crate) async fn outcomes(tenant: &Tenant) -> HashMap<String, String> {
    outcomes_of(tenant, "campaign").await
}

async fn outcomes_of(tenant: &Tenant, campaign: &str) -> HashMap<String, String> {
    until("every recipient has an outcome", LIMIT, async || {
        let rows = rows(tenant, campaign).await?;
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

/// A second campaign of the tenant, which calls.
const OTHER: &str = r#"
apiVersion: callplane.dev/v1alpha1
kind: Campaign
metadata: {name: other, namespace: $NAME}
spec:
  agentRef: {name: agent}
  callerNumberRef: {name: line}
  schedule:
    timeZone: Recipient
    window: {from: "00:00", to: "24:00", days: [Mon, Tue, Wed, Thu, Fri, Sat, Sun]}
  desiredState: Run
"#;

#[tokio::test]
#[ignore = "needs a cluster: make test"]
async fn a_paused_campaign_rings_nobody_new_after_a_second() {
    const RECIPIENTS: usize = 20;
    let tenant = Tenant::ready("paused", &Options::default()).await;
    let callees = vec![Callee::Refuses(486); RECIPIENTS + 1];
    let recipients = Recipients::start(&tenant, &callees).await;
    let (called, other) = recipients.phones.split_at(RECIPIENTS);
    // One at a time, so that there is always somebody left whom it would ring next.
    pace(&tenant, 1).await;
    import(&tenant, "campaign", called).await;
    desire(&tenant, "Run").await;
    until("phones ring", LIMIT, async || {
        Ok((recipients.total() >= 2).then_some(()))
    })
    .await
    .unwrap();
    desire(&tenant, "Pause").await;
    // The second that a pause may take.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let rung = recipients.total();

    // Whoever dials for a campaign that was made after the pause has seen the pause, too.
    let yaml = OTHER.replace("$NAME", &tenant.name);
    tenant.cluster.apply(&yaml).await.unwrap();
    tenant
        .cluster
        .wait_for(&tenant.name, "campaign", "other", "Ready", LIMIT)
        .await
        .unwrap();
    import(&tenant, "other", other).await;
    assert_eq!(outcomes_of(&tenant, "other").await.len(), 1);
    assert!(rung < RECIPIENTS, "nobody was left to be rung");
    assert_eq!(recipients.total(), rung + 1);
}
