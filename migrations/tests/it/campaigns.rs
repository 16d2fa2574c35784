//! Each recipient is dialled once, and some never.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use callplane_store::campaigns::{
    self, CampaignSpec, Candidate, Claimed, Decision, DesiredState, NewRecipient, Phase,
    RecipientOutcome, RecipientStatus, Refusal,
};
use callplane_store::contacts::{self, Contact};
use callplane_store::media_nodes::NodeEpoch;
use callplane_store::records::CampaignAttempt;
use callplane_store::tenants::TenantSpec;
use callplane_store::test_util::TestTenant;
use callplane_store::{Error, dnc, notify};
use callplane_types::{CampaignId, Pii};

use crate::support::{ask, campaign, campaign_over, database, equip, equipped, node, recipient};

const NUMBERS: [&str; 5] = [
    "+15557000001",
    "+15557000002",
    "+15557000003",
    "+15557000004",
    "+15557000005",
];

#[tokio::test(flavor = "multi_thread")]
async fn twenty_claimers_give_each_recipient_once() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let numbers: Vec<String> = (0..50).map(|n| format!("+1555800{n:04}")).collect();
    let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
    let id = campaign_over(&database, &acme, &campaign("spring"), &numbers).await;
    let node = node(&acme, "acme-media-0").await;
    let claimers = (0..20).map(|_| {
        let (tenant, node) = (acme.database.clone(), node.clone());
        tokio::spawn(async move {
            let mut mine = Vec::new();
            while let Ok(claimed) = campaigns::claim(&tenant, id, &node, 3, dial).await.unwrap() {
                mine.extend(claimed.into_iter().map(|claimed| claimed.recipient_id));
            }
            mine
        })
    });
    let mut all = Vec::new();
    for claimer in claimers.collect::<Vec<_>>() {
        all.extend(claimer.await.unwrap());
    }
    assert_eq!(all.len(), 50);
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 50);
    let keys = format!("SELECT count(*) FROM {}.call_keys", acme.schema());
    assert_eq!(ask(&database, &keys).await, "50");
}

#[tokio::test]
async fn a_claim_commits_what_the_invite_will_say() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let id = campaign_over(&database, &acme, &campaign("spring"), &NUMBERS[..1]).await;
    let node = node(&acme, "acme-media-0").await;
    let active = campaigns::active(&acme.database).await.unwrap();
    assert_eq!((active.len(), active[0].id), (1, id));
    assert_eq!(active[0].caller_number.as_str(), "+15550000001");

    let claimed = claim(&acme, id, &node, 5).await.unwrap().remove(0);
    assert_eq!(claimed.attempt, 1);
    assert_eq!(
        claimed.sip_call_id,
        campaigns::sip_call_id(id, claimed.recipient_id, 1)
    );
    let row = format!(
        "SELECT concat_ws(' ', c.direction, c.status, c.external_call_id, c.to_number,
                c.from_number, c.media_node, c.media_node_epoch, c.campaign_recipient_id, r.status)
           FROM {0}.calls c JOIN {0}.campaign_recipients r ON r.last_call_id = c.id
          WHERE c.id = '{1}'",
        acme.schema(),
        claimed.call_id
    );
    assert_eq!(
        ask(&database, &row).await,
        format!(
            "outbound initiated {} +15557000001 +15550000001 acme-media-0 1 {} dialing",
            claimed.sip_call_id, claimed.recipient_id
        )
    );
}

#[tokio::test]
async fn a_number_on_a_do_not_call_list_is_never_claimed() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let id = campaign_over(&database, &acme, &campaign("spring"), &NUMBERS).await;
    let node = node(&acme, "acme-media-0").await;
    // After the import, and on a list the campaign does not name: opt-outs hold everywhere.
    let entries = [
        dnc::NewEntry {
            line: 2,
            number: Pii::new(NUMBERS[1].to_owned()),
        },
        dnc::NewEntry {
            line: 3,
            number: Pii::new("nonsense".to_owned()),
        },
    ];
    let added = dnc::add(&acme.database, "opt-outs", "test", &entries)
        .await
        .unwrap();
    assert_eq!((added.inserted, added.rejected.len()), (1, 1));
    let person = Contact {
        first_name: Some(Pii::new("Ada".to_owned())),
        last_name: None,
        phone: NUMBERS[3].parse().unwrap(),
        time_zone: None,
        do_not_call: true,
    };
    contacts::add(&acme.database, &person).await.unwrap();
    assert_eq!(
        contacts::by_phone(&acme.database, &person.phone)
            .await
            .unwrap(),
        [person]
    );

    let claimed = claim(&acme, id, &node, 10).await.unwrap();
    let dialled: Vec<&str> = claimed
        .iter()
        .map(|claimed| claimed.number.as_str())
        .collect();
    assert_eq!(dialled, [NUMBERS[0], NUMBERS[2], NUMBERS[4]]);
    assert_eq!(claim(&acme, id, &node, 10).await, Err(Refusal::Nobody));
    let progress = campaigns::progress(&acme.database, id).await.unwrap();
    assert_eq!((progress.suppressed, progress.dialing), (2, 3));
}

#[tokio::test]
async fn a_list_of_another_kind_bars_only_from_campaigns_that_name_it() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let spec = CampaignSpec {
        dnc_lists: vec!["wireless".to_owned()],
        ..campaign("careful")
    };
    let careful = campaign_over(&database, &acme, &spec, &NUMBERS[..1]).await;
    let bold = campaign_over(&database, &acme, &campaign("bold"), &NUMBERS[..1]).await;
    let entry = dnc::NewEntry {
        line: 2,
        number: Pii::new(NUMBERS[0].to_owned()),
    };
    dnc::add(&acme.database, "wireless", "test", &[entry])
        .await
        .unwrap();
    database
        .superuser(&format!(
            "UPDATE {}.dnc_lists SET kind = 'wireless'",
            acme.schema()
        ))
        .await
        .unwrap();
    let node = node(&acme, "acme-media-0").await;
    assert_eq!(claim(&acme, careful, &node, 1).await, Err(Refusal::Nobody));
    assert_eq!(claim(&acme, bold, &node, 1).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_paused_campaign_gives_nobody() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let mut spec = campaign("spring");
    let id = campaign_over(&database, &acme, &spec, &NUMBERS).await;
    let node = node(&acme, "acme-media-0").await;
    claim(&acme, id, &node, 1).await.unwrap();
    for (hash, state) in [
        ("2", DesiredState::Pause),
        ("3", DesiredState::Stop),
        ("4", DesiredState::Draft),
    ] {
        spec.spec_hash = hash.to_owned();
        spec.desired_state = state;
        project(&database, &acme, &spec).await;
        assert_eq!(claim(&acme, id, &node, 1).await, Err(Refusal::NotRunning));
        assert_eq!(campaigns::active(&acme.database).await.unwrap(), []);
    }
    spec.spec_hash = "5".to_owned();
    spec.desired_state = DesiredState::Run;
    project(&database, &acme, &spec).await;
    assert_eq!(claim(&acme, id, &node, 1).await.unwrap().len(), 1);
    assert!(
        campaigns::remove(
            &database.operator,
            &database.fence,
            acme.id,
            spec.object.uid
        )
        .await
        .unwrap()
    );
    assert_eq!(claim(&acme, id, &node, 1).await, Err(Refusal::NotRunning));
}

#[tokio::test]
async fn pace_and_quota_hold_the_claim_back() {
    let database = database().await;
    let spec = TenantSpec {
        quotas: BTreeMap::from([("concurrent_calls".to_owned(), Some(2))]),
        ..database.tenant_spec("acme")
    };
    let acme = database.tenant_of(spec).await.unwrap();
    equip(&database, &acme, "+15550000001").await;
    let node = node(&acme, "acme-media-0").await;
    let spec = CampaignSpec {
        max_concurrent_calls: 1,
        ..campaign("slow")
    };
    let slow = campaign_over(&database, &acme, &spec, &NUMBERS).await;
    assert_eq!(claim(&acme, slow, &node, 5).await.unwrap().len(), 1);
    assert_eq!(claim(&acme, slow, &node, 5).await, Err(Refusal::Paced));
    let spec = CampaignSpec {
        calls_per_minute: Some(2),
        ..campaign("steady")
    };
    let steady = campaign_over(&database, &acme, &spec, &NUMBERS).await;
    // The quota has one slot left; the pace would allow two.
    let claimed = claim(&acme, steady, &node, 5).await.unwrap();
    assert_eq!(claimed.len(), 1);
    assert_eq!(claim(&acme, steady, &node, 5).await, Err(Refusal::Quota));
    finish_attempt(&acme, &claimed[0], RecipientOutcome::Busy).await;
    callplane_store::quotas::release(&acme.database, claimed[0].call_id)
        .await
        .unwrap();
    assert_eq!(claim(&acme, steady, &node, 5).await.unwrap().len(), 1);
    assert_eq!(claim(&acme, steady, &node, 5).await, Err(Refusal::Paced));
}

#[tokio::test]
async fn the_rules_of_the_caller_decide_in_the_same_transaction() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let id = campaign_over(&database, &acme, &campaign("spring"), &NUMBERS[..3]).await;
    let node = node(&acme, "acme-media-0").await;
    let decide = |candidate: &Candidate| match candidate.number.as_str() {
        number if number == NUMBERS[0] => {
            Decision::NotBefore(candidate.now + Duration::from_secs(3600))
        }
        number if number == NUMBERS[1] => Decision::Suppress("no_time_zone"),
        _ => Decision::Dial,
    };
    let claimed = campaigns::claim(&acme.database, id, &node, 1, decide)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(claimed[0].number.as_str(), NUMBERS[2]);
    let rows = campaigns::recipients(&acme.database, id, None, 10)
        .await
        .unwrap();
    assert_eq!(rows[0].status, RecipientStatus::Ready);
    assert!(rows[0].next_attempt_at.is_some());
    assert_eq!(rows[1].status, RecipientStatus::Suppressed);
    assert_eq!(rows[1].reason.as_deref(), Some("no_time_zone"));
    // Put off: not a candidate, whatever the rules say now, until the campaign itself changes.
    assert_eq!(claim(&acme, id, &node, 5).await, Err(Refusal::Nobody));
    let mut spec = campaign("spring");
    spec.object.uid = ask(
        &database,
        &format!("SELECT k8s_uid FROM {}.campaigns", acme.schema()),
    )
    .await
    .parse()
    .unwrap();
    spec.spec_hash = "2".to_owned();
    project(&database, &acme, &spec).await;
    assert_eq!(claim(&acme, id, &node, 5).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_superseded_node_claims_nobody() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let id = campaign_over(&database, &acme, &campaign("spring"), &NUMBERS).await;
    let old = node(&acme, "acme-media-0").await;
    let new = node(&acme, "acme-media-0").await;
    let error = campaigns::claim(&acme.database, id, &old, 1, dial)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Superseded { .. }), "{error}");
    assert_eq!(claim(&acme, id, &new, 1).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_attempt_has_one_outcome() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let id = campaign_over(&database, &acme, &campaign("spring"), &NUMBERS).await;
    let node = node(&acme, "acme-media-0").await;
    let claimed = claim(&acme, id, &node, 5).await.unwrap();
    let outcomes = [
        RecipientOutcome::Answered,
        RecipientOutcome::Busy,
        RecipientOutcome::NoAnswer,
        RecipientOutcome::Failed,
        RecipientOutcome::Cancelled,
    ];
    for (claimed, outcome) in claimed.iter().zip(outcomes) {
        assert!(finish_attempt(&acme, claimed, outcome).await);
        assert!(!finish_attempt(&acme, claimed, RecipientOutcome::Answered).await);
    }
    let progress = campaigns::roll_up(&database.operator, &database.fence, acme.id, id)
        .await
        .unwrap();
    assert_eq!(
        progress,
        campaigns::progress(&acme.database, id).await.unwrap()
    );
    assert_eq!(progress.phase, Phase::Completed);
    assert_eq!(
        (
            progress.answered,
            progress.busy,
            progress.no_answer,
            progress.failed
        ),
        (1, 1, 1, 2)
    );
    let row = format!(
        "SELECT concat_ws(' ', status, total_calls, completed_calls, failed_calls, progress)
           FROM {}.campaigns",
        acme.schema()
    );
    assert_eq!(ask(&database, &row).await, "completed 5 5 2 100.00");
}

#[tokio::test]
async fn an_attempt_that_may_be_repeated_waits_for_its_time() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let id = campaign_over(&database, &acme, &campaign("spring"), &NUMBERS[..1]).await;
    let node = node(&acme, "acme-media-0").await;
    let first = claim(&acme, id, &node, 1).await.unwrap().remove(0);
    let attempt = CampaignAttempt {
        recipient_id: first.recipient_id,
        outcome: RecipientOutcome::Busy,
        retry_at: Some(first.claimed_at + Duration::from_secs(60)),
    };
    campaigns::outcome(&acme.database, first.call_id, &attempt)
        .await
        .unwrap();
    assert_eq!(claim(&acme, id, &node, 1).await, Err(Refusal::Nobody));
    database
        .superuser(&format!(
            "UPDATE {}.campaign_recipients SET next_attempt_at = now()",
            acme.schema()
        ))
        .await
        .unwrap();
    let second = claim(&acme, id, &node, 1).await.unwrap().remove(0);
    assert_eq!(second.attempt, 2);
    assert_ne!(second.sip_call_id, first.sip_call_id);
    // A late word about the first attempt does not touch the second.
    assert!(!finish_attempt(&acme, &first, RecipientOutcome::Answered).await);
}

#[tokio::test]
async fn an_import_reports_duplicates_and_rejected_lines_without_their_values() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let id = campaign_over(&database, &acme, &campaign("spring"), &NUMBERS[..1]).await;
    let mut lines: Vec<NewRecipient> = (2..)
        .zip(&[NUMBERS[0], NUMBERS[1], NUMBERS[1], "555-1234", NUMBERS[2]])
        .map(recipient)
        .collect();
    lines[1].time_zone = Some("Europe/Berlin".to_owned());
    lines[1].name = Some(Pii::new("Ada".to_owned()));
    lines[1].variables.insert("plan".to_owned(), "gold".into());
    lines[4].time_zone = Some("Mars/Olympus".to_owned());
    let imported = campaigns::import(&acme.database, id, &lines).await.unwrap();
    assert_eq!((imported.inserted, imported.duplicates), (1, 2));
    let rejected: Vec<(u64, &str)> = imported
        .rejected
        .iter()
        .map(|r| (r.line, r.field))
        .collect();
    assert_eq!(rejected, [(5, "number"), (6, "timeZone")]);
    assert!(!format!("{imported:?}").contains("555-1234"));

    let page = campaigns::recipients(&acme.database, id, None, 1)
        .await
        .unwrap();
    let rest = campaigns::recipients(&acme.database, id, Some(page[0].id), 10)
        .await
        .unwrap();
    assert_eq!(rest.len(), 1);
    assert_eq!(rest[0].number.expose(), NUMBERS[1]);
    let node = node(&acme, "acme-media-0").await;
    let claimed = claim(&acme, id, &node, 5).await.unwrap();
    assert_eq!(claimed[1].name.as_ref().unwrap().expose(), "Ada");
    assert_eq!(claimed[1].variables["plan"], "gold");
    assert_eq!(campaigns::find(&acme.database, "spring").await.unwrap(), id);
    let missing = campaigns::find(&acme.database, "autumn").await;
    assert!(matches!(
        missing,
        Err(Error::NotFound {
            kind: "campaign",
            ..
        })
    ));
}

async fn claim(
    tenant: &TestTenant,
    id: CampaignId,
    node: &NodeEpoch,
    limit: u32,
) -> Result<Vec<Claimed>, Refusal> {
    campaigns::claim(&tenant.database, id, node, limit, dial)
        .await
        .unwrap()
}

fn dial(_: &Candidate) -> Decision {
    Decision::Dial
}

async fn finish_attempt(tenant: &TestTenant, claimed: &Claimed, outcome: RecipientOutcome) -> bool {
    let attempt = CampaignAttempt {
        recipient_id: claimed.recipient_id,
        outcome,
        retry_at: None,
    };
    campaigns::outcome(&tenant.database, claimed.call_id, &attempt)
        .await
        .unwrap()
}

async fn project(
    database: &callplane_store::test_util::TestDatabase<'_>,
    tenant: &TestTenant,
    spec: &CampaignSpec,
) {
    campaigns::project(&database.operator, &database.fence, tenant.id, spec)
        .await
        .unwrap();
}

#[tokio::test]
async fn projecting_a_campaign_again_tells_nobody() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let (operator, fence) = (&database.operator, &database.fence);
    let mut spec = campaign("spring");
    let first = campaigns::project(operator, fence, acme.id, &spec)
        .await
        .unwrap();
    let taken = format!(
        "SELECT last_value FROM {}.campaigns_row_no_seq",
        acme.schema()
    );
    let before = ask(&database, &taken).await;
    let mut listener =
        sqlx::postgres::PgListener::connect(&database.server.superuser_url(&database.name))
            .await
            .unwrap();
    listener.listen(notify::CAMPAIGNS).await.unwrap();
    let again = campaigns::project(operator, fence, acme.id, &spec).await;
    assert_eq!(again.unwrap(), first);
    assert_eq!(ask(&database, &taken).await, before);
    // Of the two, only the second is heard.
    database
        .superuser("NOTIFY callplane_campaigns, 'end'")
        .await
        .unwrap();
    assert_eq!(listener.recv().await.unwrap().payload(), "end");
    spec.spec_hash = "2".to_owned();
    campaigns::project(operator, fence, acme.id, &spec)
        .await
        .unwrap();
    assert_ne!(listener.recv().await.unwrap().payload(), "end");
}

#[tokio::test]
async fn a_short_code_that_got_past_the_import_is_suppressed_and_holds_nobody_back() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let id = campaign_over(&database, &acme, &campaign("spring"), &NUMBERS[..1]).await;
    // The column itself takes what E.164 allows as digits, an emergency number among them.
    let slipped_in = format!(
        "INSERT INTO {0}.campaign_recipients (campaign_id, phone_number, status)
         VALUES ('{1}', '+112', 'ready')",
        acme.schema(),
        id.uuid()
    );
    database.superuser(&slipped_in).await.unwrap();
    let node = node(&acme, "acme-media-0").await;
    let claimed = claim(&acme, id, &node, 5).await.unwrap();
    let numbers: Vec<&str> = claimed
        .iter()
        .map(|claimed| claimed.number.as_str())
        .collect();
    assert_eq!(numbers, NUMBERS[..1]);
    let recipients = campaigns::recipients(&acme.database, id, None, 5).await;
    let recipients = recipients.unwrap();
    let code = recipients.iter().find(|r| r.number.expose() == "+112");
    let code = code.unwrap();
    assert_eq!(code.outcome, Some(RecipientOutcome::Suppressed));
    assert_eq!(code.reason.as_deref(), Some("invalid_number"));
}
