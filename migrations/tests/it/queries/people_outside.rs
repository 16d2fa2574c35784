//! The address book, lists, opt-outs, and who did what.

use callplane_store::audit::{self, ActorKind, AuditAction, Entry};
use callplane_store::contacts::{self, Contact};
use callplane_store::{Error, Page, contact_lists, dnc};
use callplane_types::Pii;
use serde_json::json;

use crate::support::{campaign, campaign_over, database, equipped, people};

fn contact(phone: &str) -> Contact {
    Contact {
        first_name: Some(Pii::new("Robert'); DROP TABLE contacts; --".to_owned())),
        last_name: None,
        phone: phone.parse().unwrap(),
        time_zone: None,
        do_not_call: false,
    }
}

#[tokio::test]
async fn people_are_listed_changed_and_put_on_lists() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let people = people(&database, &acme).await;
    let mut ids = Vec::new();
    for n in 0..3 {
        let contact = contact(&format!("+1555000000{n}"));
        ids.push(contacts::add(&people, &contact).await.unwrap());
    }
    let first = contacts::list(&people, Page::first(2)).await.unwrap();
    assert_eq!(first.len(), 2);
    let rest = contacts::list(&people, Page::after(first[1].0, 2))
        .await
        .unwrap();
    assert_eq!(rest, [(ids[0], contact("+15550000000"))]);
    let mut changed = contact("+15550000009");
    changed.do_not_call = true;
    contacts::update(&people, ids[0], &changed).await.unwrap();
    assert_eq!(
        contacts::by_phone(&people, &changed.phone).await.unwrap(),
        [changed]
    );
    let list = contact_lists::add(&people, "Friends", None).await.unwrap();
    let again = contact_lists::add(&people, "Friends", None)
        .await
        .unwrap_err();
    let said = again.to_string();
    assert!(
        said.contains("contact_lists (") && said.contains("already"),
        "{said}"
    );
    assert_eq!(contact_lists::put_on(&people, list, &ids).await.unwrap(), 3);
    assert_eq!(contact_lists::put_on(&people, list, &ids).await.unwrap(), 0);
    assert_eq!(
        contact_lists::take_off(&people, list, &ids[..1])
            .await
            .unwrap(),
        1
    );
    let members = contact_lists::members(&people, list, Page::first(10))
        .await
        .unwrap();
    assert_eq!(members.len(), 2);
    assert_eq!(contact_lists::list(&people).await.unwrap()[0].members, 2);
    contact_lists::remove(&people, list).await.unwrap();
    let gone = contact_lists::remove(&people, list).await;
    assert!(matches!(gone, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn a_number_is_barred_while_it_is_on_an_internal_list() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let id = campaign_over(&database, &acme, &campaign("spring"), &[]).await;
    let people = people(&database, &acme).await;
    let number = "+15557000001".parse().unwrap();
    assert!(!dnc::is_barred(&people, id, &number).await.unwrap());
    let entry = dnc::NewEntry {
        line: 1,
        number: Pii::new("+15557000001".to_owned()),
    };
    dnc::add(&people, "opt-outs", "test", &[entry])
        .await
        .unwrap();
    assert!(dnc::is_barred(&people, id, &number).await.unwrap());
    assert!(dnc::remove(&people, "opt-outs", &number).await.unwrap());
    assert!(!dnc::remove(&people, "opt-outs", &number).await.unwrap());
    assert!(!dnc::is_barred(&people, id, &number).await.unwrap());
}

#[tokio::test]
async fn what_was_done_is_found_by_who_did_it_and_by_what_it_was_done_with() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let people = people(&database, &acme).await;
    let entry = |id: &str| Entry {
        actor: ActorKind::System,
        member: None,
        action: AuditAction::Update,
        entity_type: "contact".to_owned(),
        entity_id: id.to_owned(),
        before: Some(json!({"status": "active"})),
        after: Some(json!({"status": "unsubscribed"})),
        request_id: None,
    };
    for id in ["1", "2", "1"] {
        audit::add(&people, &entry(id)).await.unwrap();
    }
    let kept = audit::of_entity(&people, "contact", "1", Page::first(10))
        .await
        .unwrap();
    assert_eq!(kept.len(), 2);
    assert_eq!(kept[0].entry, entry("1"));
    let page = Page::after(kept[0].id, 10);
    let rest = audit::of_entity(&people, "contact", "1", page)
        .await
        .unwrap();
    assert_eq!(rest, kept[1..]);
}
