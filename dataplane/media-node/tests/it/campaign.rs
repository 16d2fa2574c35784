use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use callplane_e2e::phones::{Callee, Carrier, Sipp};
use callplane_e2e::until;
use callplane_store::calls;
use callplane_store::campaigns::{self, DesiredState, RecipientOutcome, RecipientStatus};
use callplane_store::dnc::{self, NewEntry};
use callplane_store::trunks::{
    TrunkCodec, TrunkDirection, TrunkKeyExchange, TrunkSpec, TrunkSrtp, TrunkTransport,
};
use callplane_types::{Pii, TrunkId};
use uuid::Uuid;

use crate::world::{World, digits_flow, free_port, keys, metrics, object, until_looked};

const PATIENCE: Duration = Duration::from_secs(20);
pub(crate) const ANSWERS: &str = "+15559990001";
const BUSY: &str = "+15559990002";
const DECLINES: &str = "+15559990003";
const RINGS: &str = "+15559990004";
const OPTED_OUT: &str = "+15559990005";

pub(crate) struct Phones {
    phones: Vec<(&'static str, Sipp)>,
    _carrier: Carrier,
}

impl Phones {
    pub(crate) async fn start(world: &World, callees: Vec<(&'static str, Callee)>) -> Self {
        let mut phones = Vec::new();
        let mut routes = HashMap::new();
        for (number, callee) in callees {
            let local = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
            let folder = world.folder.path().join("phones");
            phones.push((number, Sipp::listen(&folder, local, &callee).await.unwrap()));
            routes.insert(number.to_owned(), local);
        }
        Self {
            phones,
            _carrier: Carrier::start(world.carrier(), routes).await.unwrap(),
        }
    }

    pub(crate) fn invites(&self, number: &str) -> usize {
        let phone = self.phones.iter().find(|(known, _)| *known == number);
        phone.unwrap().1.report().unwrap().invites()
    }
}

pub(crate) fn answering() -> Callee {
    Callee::Answers {
        ring: 0.2,
        steps: vec![(1.5, "4321".to_owned())],
        hang_up_after: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_rings_everybody_once_and_tells_how_it_went() {
    let world = World::new(digits_flow()).await;
    let callees = vec![
        (ANSWERS, answering()),
        (BUSY, Callee::Refuses(486)),
        (DECLINES, Callee::Refuses(603)),
        (RINGS, Callee::Rings),
        (OPTED_OUT, answering()),
    ];
    let phones = Phones::start(&world, callees).await;
    let entry = NewEntry {
        line: 2,
        number: Pii::new(OPTED_OUT.to_owned()),
    };
    dnc::add(&world.tenant.database, "optout", "test", &[entry])
        .await
        .unwrap();
    let node = world.node(&[]).await;
    let campaign = world
        .campaign(&[ANSWERS, BUSY, DECLINES, RINGS, OPTED_OUT])
        .await;
    let recipients = world.settled(campaign).await;
    let outcome = |number: &str| {
        let found = recipients.iter().find(|r| r.number.expose() == number);
        found.unwrap().outcome
    };
    assert_eq!(outcome(ANSWERS), Some(RecipientOutcome::Answered));
    assert_eq!(outcome(BUSY), Some(RecipientOutcome::Busy));
    assert_eq!(outcome(DECLINES), Some(RecipientOutcome::Failed));
    assert_eq!(outcome(RINGS), Some(RecipientOutcome::NoAnswer));
    assert_eq!(outcome(OPTED_OUT), Some(RecipientOutcome::Suppressed));
    for (number, invites) in [
        (ANSWERS, 1),
        (BUSY, 1),
        (DECLINES, 1),
        (RINGS, 1),
        (OPTED_OUT, 0),
    ] {
        assert_eq!(phones.invites(number), invites, "{number}");
    }
    let answered = recipients.iter().find(|r| r.number.expose() == ANSWERS);
    let call = answered.unwrap().last_call_id.unwrap();
    let path = format!("/v1/calls/{call}");
    let document = crate::world::json_of(node.control_address(), &path)
        .await
        .unwrap();
    assert_eq!(document["variables"]["pin"], "4321");
    assert_eq!(document["call"]["direction"], "outbound");
    assert_eq!(document["call"]["status"], "completed");
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_campaign_rings_nobody_until_it_runs_again() {
    let world = World::new(digits_flow()).await;
    let phones = Phones::start(&world, vec![(ANSWERS, answering())]).await;
    let node = world.node(&[]).await;
    let paused = world.project_campaign(DesiredState::Pause).await;
    let campaign = {
        let recipient = callplane_store::campaigns::NewRecipient {
            line: 2,
            number: Pii::new(ANSWERS.to_owned()),
            name: None,
            time_zone: None,
            variables: serde_json::Map::new(),
        };
        callplane_store::campaigns::import(&world.tenant.database, paused, &[recipient])
            .await
            .unwrap();
        paused
    };
    until_looked(&node).await;
    let database = &world.tenant.database;
    let waiting = campaigns::recipients(database, campaign, None, 1).await;
    let waiting = waiting.unwrap().remove(0);
    assert_eq!(
        (waiting.status, waiting.attempts),
        (RecipientStatus::Ready, 0)
    );
    assert_eq!(phones.invites(ANSWERS), 0);
    world.project_campaign(DesiredState::Run).await;
    until("the phone rings", Duration::from_secs(5), async || {
        Ok((phones.invites(ANSWERS) == 1).then_some(()))
    })
    .await
    .unwrap();
    let recipients = world.settled(campaign).await;
    assert_eq!(recipients[0].outcome, Some(RecipientOutcome::Answered));
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trunk_that_does_not_resolve_leaves_its_recipients_ready() {
    let world = World::new(digits_flow()).await;
    let trunk = |name: &str, address: String| TrunkSpec {
        id: TrunkId::new(Uuid::now_v7()),
        object: object("carrier"),
        spec_hash: name.to_owned(),
        addresses: vec![address],
        allowed_cidrs: vec!["127.0.0.0/8".to_owned()],
        transport: TrunkTransport::Udp,
        direction: TrunkDirection::Both,
        srtp: TrunkSrtp::Allowed,
        key_exchange: TrunkKeyExchange::Sdes,
        codecs: TrunkCodec::ALL.to_vec(),
        max_calls: None,
        auth: None,
    };
    // RFC 6761: this name never resolves.
    let unknown = trunk("2", "carrier.invalid:5060".to_owned());
    world.replace_trunk(&unknown, &keys()).await;
    let node = world.node(&[]).await;
    let campaign = world.campaign(&[ANSWERS]).await;
    let held_back = ["result=\"unresolved_trunk\""];
    until("the dialer finds no trunk", PATIENCE, async || {
        let looks = metrics(&node).await;
        let looks = looks.sum("callplane_campaign_claims_total", &held_back);
        Ok((looks >= 2.0).then_some(()))
    })
    .await
    .unwrap();
    let recipients = campaigns::recipients(&world.tenant.database, campaign, None, 1).await;
    let recipient = recipients.unwrap().remove(0);
    assert_eq!(
        (recipient.status, recipient.attempts),
        (RecipientStatus::Ready, 0)
    );
    // Nor was anybody given a call that was never placed.
    let calls = calls::list(&world.tenant.database, None, 10).await.unwrap();
    assert!(calls.is_empty(), "{calls:?}");
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn emergency_numbers_and_short_codes_do_not_get_into_a_campaign() {
    let world = World::new(digits_flow()).await;
    let carrier = crate::killed::BusyCarrier::start(&world).await;
    let node = world.node(&[]).await;
    let campaign = world.project_campaign(DesiredState::Run).await;
    let codes = [
        "112", "911", "999", "000", "110", "+112", "+1911", "+49110", "+44999", "+61000",
    ];
    let list = format!("number\n{}\n{ANSWERS}\n", codes.join("\n"));
    let imported = callplane_e2e::request(
        "POST",
        &node.control_address().to_string(),
        "/v1/campaigns/spring/recipients",
        "text/csv",
        &list,
    )
    .await
    .unwrap();
    assert_eq!(imported.status, 200, "{}", imported.body);
    let imported: serde_json::Value = serde_json::from_str(&imported.body).unwrap();
    assert_eq!(imported["inserted"], 1, "{imported}");
    assert_eq!(imported["rejected"].as_array().unwrap().len(), codes.len());
    let recipients = world.settled(campaign).await;
    assert_eq!(recipients.len(), 1);
    assert_eq!((carrier.total(), carrier.times(ANSWERS)), (1, 1));
    node.drain().await;
}
