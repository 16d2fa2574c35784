//! A campaign is a row that nodes pull from, and a status that says how far it is.

use callplane_crds::{Campaign, CampaignPhase, DesiredState};
use callplane_store::campaigns::{self, NewRecipient, WindowZone};
use callplane_types::Pii;

use super::world::{World, message};

fn recipient(line: u64) -> NewRecipient {
    NewRecipient {
        line,
        number: Pii::new(format!("+1555010000{line}")),
        name: None,
        time_zone: Some("America/New_York".to_owned()),
        variables: serde_json::Map::new(),
    }
}

#[tokio::test]
async fn a_campaign_dials_nobody_until_it_is_told_to_run() {
    let world = World::start().await;
    world.put_examples("acme");
    let paused = world.ready::<Campaign>("acme", "renewals").await;
    assert_eq!(paused.status.unwrap().phase, Some(CampaignPhase::Paused));
    assert!(
        campaigns::active(&world.acme.database)
            .await
            .unwrap()
            .is_empty()
    );

    world.edit::<Campaign>("acme", "renewals", |campaign| {
        campaign.spec.desired_state = DesiredState::Run;
    });
    let running = world.ready::<Campaign>("acme", "renewals").await;
    assert_eq!(running.status.unwrap().phase, Some(CampaignPhase::Running));
    let active = campaigns::active(&world.acme.database).await.unwrap();
    assert_eq!(active[0].caller_number.as_str(), "+15551230002");
    assert_eq!(active[0].zone, WindowZone::Recipient);
    let window = active[0].window.as_ref().unwrap();
    assert_eq!((window.from_minute, window.to_minute), (0, 1440));
    assert_eq!((active[0].ring_seconds, active[0].max_attempts), (6, 1));
}

#[tokio::test]
async fn progress_comes_back_into_the_status() {
    let world = World::start().await;
    world.put_examples("acme");
    let campaign = world.ready::<Campaign>("acme", "renewals").await;
    let id = campaign
        .status
        .unwrap()
        .campaign_id
        .unwrap()
        .parse()
        .unwrap();
    let recipients: Vec<NewRecipient> = (1..=5).map(recipient).collect();
    let imported = campaigns::import(&world.acme.database, id, &recipients)
        .await
        .unwrap();
    assert_eq!(imported.inserted, 5);

    world.edit::<Campaign>("acme", "renewals", |campaign| {
        campaign.spec.desired_state = DesiredState::Run;
    });
    let counted = world.api.until(|api| {
        let campaign = api.get::<Campaign>(Some("acme"), "renewals")?;
        let progress = campaign.status?.progress?;
        (progress.total == 5).then_some(progress)
    });
    let progress = counted.await.unwrap();
    assert_eq!((progress.done, progress.active), (0, 0));
    assert!(progress.at.is_some());
}

#[tokio::test]
async fn a_number_that_may_not_call_out_holds_the_campaign_back() {
    let world = World::start().await;
    world.put_examples("acme");
    world.ready::<Campaign>("acme", "renewals").await;
    world.edit::<Campaign>("acme", "renewals", |campaign| {
        campaign.spec.caller_number_ref = "front-desk".into();
    });
    let held = world
        .until::<Campaign>(
            "acme",
            "renewals",
            ("ResolvedRefs", "False", "DependencyNotReady"),
        )
        .await;
    assert!(message(&held, "ResolvedRefs").contains("outbound.enabled"));
}
