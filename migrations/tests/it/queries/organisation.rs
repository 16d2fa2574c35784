//! The people, hours, queues and layouts of a tenant; what agents know; call tracking; messages.

use callplane_store::buyers::{self, Endpoint};
use callplane_store::consent::{self, ConsentProvider, ConsentStatus};
use callplane_store::knowledge::{self, Chunk, DocumentKind, DocumentStatus, NewDocument};
use callplane_store::members::{self, Member, MemberRole, Presence};
use callplane_store::messaging::{self, Email, MessageStatus, Sms};
use callplane_store::queues::{self, Queue, QueueStrategy, Server};
use callplane_store::records::EndpointKind;
use callplane_store::schedules::{self, Rule};
use callplane_store::{Page, TenantDatabase, dashboards, publishers};
use callplane_types::{Direction, Micros, Pii, Seconds};
use serde_json::json;
use uuid::Uuid;

use super::hours;
use crate::support::{ask, database, people};

async fn member(people: &TenantDatabase, row_no: i64) -> Member {
    let member = Member {
        id: Uuid::now_v7(),
        row_no,
        email: Pii::new(format!("m{row_no}@example.com")),
        first_name: Some(Pii::new("Ada".to_owned())),
        last_name: None,
        role: MemberRole::Agent,
        presence: Presence::Offline,
    };
    members::copy(people, &member).await.unwrap();
    member
}

#[tokio::test]
async fn people_teams_hours_queues_and_layouts_are_kept() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let people = people(&database, &acme).await;
    let (one, two) = (member(&people, 1).await, member(&people, 2).await);
    members::set_presence(&people, one.id, Presence::Online)
        .await
        .unwrap();
    members::copy(&people, &one).await.unwrap();
    let listed = members::list(&people, Page::first(10)).await.unwrap();
    assert_eq!((listed.len(), listed[1].presence), (2, Presence::Online));
    let team = members::set_team(&people, "Sales", &[one.id, two.id])
        .await
        .unwrap();
    assert_eq!(
        members::set_team(&people, "Sales", &[two.id])
            .await
            .unwrap(),
        team
    );
    assert_eq!(members::of_team(&people, team).await.unwrap(), [two.id]);

    let rules = [
        Rule::Weekly {
            days: vec![1, 2, 3],
            opens: "09:00".to_owned(),
            closes: "17:30".to_owned(),
        },
        Rule::Holiday {
            on: "2026-12-25".to_owned(),
            label: None,
        },
    ];
    let schedule = schedules::put(&people, "Office", "Europe/Berlin", &rules)
        .await
        .unwrap();
    assert_eq!(
        schedules::put(&people, "Office", "UTC", &rules)
            .await
            .unwrap(),
        schedule
    );
    let shown = schedules::show(&people, schedule).await.unwrap();
    assert_eq!(shown, ("UTC".to_owned(), rules.to_vec()));

    let queue = Queue {
        name: "Support".to_owned(),
        strategy: QueueStrategy::LongestIdle,
        max_wait: Seconds(300),
        max_size: Some(20),
        schedule: Some(schedule),
    };
    let id = queues::put(&people, &queue).await.unwrap();
    queues::serve(&people, id, Server::Member(one.id), 1)
        .await
        .unwrap();
    queues::serve(&people, id, Server::Member(two.id), 0)
        .await
        .unwrap();
    let servers = queues::servers(&people, id).await.unwrap();
    assert_eq!(servers, [Server::Member(two.id), Server::Member(one.id)]);
    assert_eq!(queues::list(&people).await.unwrap(), [(id, queue)]);
    queues::remove(&people, id).await.unwrap();
    assert_eq!(queues::list(&people).await.unwrap(), []);

    let layout = dashboards::add(&people, Some(one.id), "Mine", &json!({}))
        .await
        .unwrap();
    dashboards::update(&people, layout, &json!({"rows": 2}))
        .await
        .unwrap();
    let seen = dashboards::of(&people, one.id).await.unwrap();
    assert_eq!(seen, [(layout, "Mine".to_owned(), json!({"rows": 2}))]);
    assert_eq!(dashboards::of(&people, two.id).await.unwrap(), []);
    dashboards::remove(&people, layout).await.unwrap();

    members::anonymise(&people, one.id).await.unwrap();
    assert_eq!(
        members::list(&people, Page::first(10)).await.unwrap().len(),
        1
    );
    let left = format!(
        "SELECT first_name IS NULL AND email::text LIKE '%@invalid' FROM {}.members WHERE id = '{}'",
        acme.schema(),
        one.id
    );
    assert_eq!(ask(&database, &left).await, "true");
}

#[tokio::test]
async fn a_document_is_read_into_chunks_and_counted() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    // The operator makes knowledge bases; its part waits for the resource.
    let make = format!(
        "INSERT INTO {}.knowledge_bases (name, document_limit) VALUES ('Manual', 2)",
        acme.schema()
    );
    database.superuser(&make).await.unwrap();
    let people = people(&database, &acme).await;
    let base = knowledge::base(&people, "Manual").await.unwrap().unwrap();
    let text = NewDocument {
        name: "Prices".to_owned(),
        kind: DocumentKind::Text,
        url: None,
        content: Some(Pii::new("A call is a cent.".to_owned())),
    };
    let document = knowledge::add(&people, base, &text).await.unwrap();
    let chunk = Chunk {
        content: Pii::new("A call is a cent.".to_owned()),
        tokens: 6,
        embedding: Some(vec![0.5, -0.5]),
    };
    knowledge::set_chunks(&people, document, Some("m"), &[chunk.clone(), chunk])
        .await
        .unwrap();
    assert_eq!(
        knowledge::chunks(&people, base, "m").await.unwrap().len(),
        2
    );
    let other = knowledge::add(&people, base, &text).await.unwrap();
    knowledge::failed(&people, other, "no text").await.unwrap();
    let full = knowledge::add(&people, base, &text).await.unwrap_err();
    assert_eq!(full.sqlstate().as_deref(), Some("23514"));
    let listed = knowledge::documents(&people, base, Page::first(10))
        .await
        .unwrap();
    assert_eq!(
        (listed[0].status, listed[1].status),
        (DocumentStatus::Error, DocumentStatus::Ready)
    );
    knowledge::remove(&people, other).await.unwrap();
    let counted = format!(
        "SELECT text_count || ' ' || status FROM {}.knowledge_bases",
        acme.schema()
    );
    assert_eq!(ask(&database, &counted).await, "1 ready");
}

#[tokio::test]
async fn targets_messages_and_consent_are_kept() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let people = people(&database, &acme).await;
    let buyer = buyers::add(&people, "Buyer", Some(10)).await.unwrap();
    let mut endpoint = Endpoint {
        name: "Desk".to_owned(),
        kind: EndpointKind::Pstn,
        destination: "+15550000001".to_owned(),
        priority: 1,
        concurrency_cap: None,
    };
    let id = buyers::put_endpoint(&people, buyer, &endpoint)
        .await
        .unwrap();
    let group = buyers::set_group(&people, "Loans", &[id]).await.unwrap();
    let targets = buyers::targets(&people, group).await.unwrap();
    assert_eq!(targets, [("Buyer".to_owned(), "+15550000001".to_owned())]);
    endpoint.destination = "somewhere".to_owned();
    let said = buyers::put_endpoint(&people, buyer, &endpoint)
        .await
        .unwrap_err()
        .to_string();
    assert!(said.contains("buyer_endpoints_destination"), "{said}");
    let publisher = publishers::add(&people, "Ads", Some("ads@example.com"))
        .await
        .unwrap();
    assert_eq!(
        publishers::list(&people, Page::first(10))
            .await
            .unwrap()
            .len(),
        1
    );
    publishers::remove(&people, publisher).await.unwrap();
    assert_eq!(
        publishers::list(&people, Page::first(10)).await.unwrap(),
        []
    );

    let number: callplane_types::E164 = "+15550000002".parse().unwrap();
    let sms = Sms {
        direction: Direction::Outbound,
        from: "+15550000001".parse().unwrap(),
        to: number.clone(),
        body: Pii::new("See you at ten.".to_owned()),
        status: MessageStatus::Queued,
    };
    let id = messaging::add_sms(&people, &sms).await.unwrap();
    messaging::settle_sms(&people, id, MessageStatus::Delivered, Micros(7_900))
        .await
        .unwrap();
    assert_eq!(
        messaging::list_sms(&people, Page::first(10)).await.unwrap()[0].2,
        MessageStatus::Delivered
    );
    let email = Email {
        direction: Direction::Outbound,
        from: Pii::new("a@example.com".to_owned()),
        to: vec!["b@example.com".to_owned()],
        subject: Some(Pii::new("Invoice".to_owned())),
        body: None,
        status: MessageStatus::Queued,
    };
    let id = messaging::add_email(&people, &email).await.unwrap();
    messaging::settle_email(&people, id, MessageStatus::Failed, Some("bounced"))
        .await
        .unwrap();
    assert_eq!(
        messaging::list_emails(&people, Page::first(10))
            .await
            .unwrap()[0]
            .1,
        MessageStatus::Failed
    );

    let provider = ConsentProvider::Trustedform;
    for _ in 0..2 {
        consent::add(&people, provider, "tf-1", &number, Some(hours(1)))
            .await
            .unwrap();
    }
    assert_eq!(consent::valid(&people, &number).await.unwrap(), None);
    consent::settle(&people, provider, "tf-1", ConsentStatus::Valid)
        .await
        .unwrap();
    assert!(consent::valid(&people, &number).await.unwrap().is_some());
}
