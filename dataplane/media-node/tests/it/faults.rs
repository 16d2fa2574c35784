use std::path::PathBuf;
use std::time::Duration;

use callplane_e2e::phones::Caller;
use callplane_e2e::until;
use callplane_store::campaigns::RecipientStatus;
use callplane_store::records::{Call, CallRecord, Cost, CostComponent, start};
use callplane_store::test_util::PostgresServer;
use callplane_store::{calls, media_nodes};
use callplane_types::{CallId, CallStatus, Currency, Direction, Micros, WallTime};
use serde_json::Value;
use uuid::Uuid;

use crate::hand::Hand;
use crate::world::{World, digits_flow};

const PATIENCE: Duration = Duration::from_secs(40);

fn presses(digits: &str) -> Caller {
    Caller {
        steps: vec![(2.0, digits.to_owned())],
        ..Caller::listening("+15557770001")
    }
}

fn spooled(world: &World) -> usize {
    let folder = world.data().join("spool");
    std::fs::read_dir(folder)
        .unwrap()
        .filter(|entry| {
            let path = entry.as_ref().unwrap().path();
            path.extension().is_some_and(|e| e == "json")
        })
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_without_postgresql_is_answered_and_recorded_once_when_it_is_back() {
    let server = Box::leak(Box::new(PostgresServer::start().unwrap()));
    let world = World::on(server, digits_flow()).await;
    let node = world.node(&[]).await;
    server.crash().unwrap();
    let phone = world.call(&presses("1234"), 1);
    phone.finish(PATIENCE).await.unwrap();
    until("the record is spooled", PATIENCE, async || {
        Ok((spooled(&world) == 1).then_some(()))
    })
    .await
    .unwrap();
    server.resume().unwrap();
    let call = world.ended_call(&node).await;
    assert_eq!(call["variables"]["pin"], "1234");
    until("the spool is empty", PATIENCE, async || {
        Ok((spooled(&world) == 0).then_some(()))
    })
    .await
    .unwrap();
    let calls = crate::world::json_of(node.control_address(), "/v1/calls?limit=10").await;
    assert_eq!(calls.unwrap()["calls"].as_array().unwrap().len(), 1);
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_a_dead_node_left_is_delivered_by_the_next_one() {
    let server = Box::leak(Box::new(PostgresServer::start().unwrap()));
    let world = World::on(server, digits_flow()).await;
    let node = world.node(&["--max-drain", "5"]).await;
    server.crash().unwrap();
    world
        .call(&presses("1234"), 1)
        .finish(PATIENCE)
        .await
        .unwrap();
    until("the record is spooled", PATIENCE, async || {
        Ok((spooled(&world) == 1).then_some(()))
    })
    .await
    .unwrap();
    node.drain().await;
    assert_eq!(spooled(&world), 1, "nobody could take it");
    server.resume().unwrap();
    world.until_port_is_free().await;
    let node = world.node(&[]).await;
    let call = world.ended_call(&node).await;
    assert_eq!(call["variables"]["pin"], "1234");
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_a_restored_database_does_not_know_registers_again_and_keeps_its_call() {
    let world = World::new(digits_flow()).await;
    let node = world.node(&[]).await;
    let running = world.call(&presses("1234"), 1);
    let admin = node.admin_address().to_string();
    until("the call runs", PATIENCE, async || {
        let metrics = callplane_e2e::get(&admin, "/metrics").await?.body;
        Ok(metrics
            .lines()
            .any(|line| line.starts_with("callplane_calls_active{") && line.ends_with(" 1"))
            .then_some(()))
    })
    .await
    .unwrap();
    // As it was before the node began.
    let before = "DELETE FROM platform.media_nodes";
    world.database.superuser(before).await.unwrap();
    until("it has registered again", PATIENCE, async || {
        let nodes = media_nodes::list(&world.database.operator, world.tenant.id).await?;
        Ok((nodes.len() == 1 && nodes[0].alive).then_some(()))
    })
    .await
    .unwrap();
    running.finish(PATIENCE).await.unwrap();
    // For a moment it counts as lost, and then its record takes the place of that.
    until("the record is stored", PATIENCE, async || {
        let call = world.ended_call(&node).await;
        Ok((call["variables"]["pin"] == "1234").then_some(()))
    })
    .await
    .unwrap();
    // And it takes the next one.
    world
        .call(&presses("5678"), 1)
        .finish(PATIENCE)
        .await
        .unwrap();
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn draining_refuses_new_calls_and_lets_those_that_run_end() {
    let world = World::new(digits_flow()).await;
    let node = world.node(&[]).await;
    let admin = node.admin_address().to_string();
    let running = world.call(&presses("1234"), 1);
    until("the call runs", PATIENCE, async || {
        let metrics = callplane_e2e::get(&admin, "/metrics").await?.body;
        Ok(metrics
            .lines()
            .any(|line| line.starts_with("callplane_calls_active{") && line.ends_with(" 1"))
            .then_some(()))
    })
    .await
    .unwrap();
    let draining = tokio::spawn(node.drain());
    until("the node is not ready", PATIENCE, async || {
        let status = callplane_e2e::get(&admin, "/readyz").await?.status;
        Ok((status == 503).then_some(()))
    })
    .await
    .unwrap();
    let refused = world.call(&presses("1234"), 1).finish(PATIENCE).await;
    assert!(refused.unwrap_err().to_string().contains("503"));
    running.finish(PATIENCE).await.unwrap();
    draining.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_takes_nothing_costs_no_record() {
    let world = World::new(digits_flow()).await;
    let node = world.node(&[]).await;
    // As good as full: nothing can be made in a folder that is a file.
    let spool = world.data().join("spool");
    std::fs::remove_dir_all(&spool).unwrap();
    std::fs::write(&spool, "").unwrap();
    world
        .call(&presses("1234"), 1)
        .finish(PATIENCE)
        .await
        .unwrap();
    let call = world.ended_call(&node).await;
    assert_eq!(call["variables"]["pin"], "1234");
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_rings_whom_it_has_claimed_and_claims_nobody_more() {
    let world = World::new(digits_flow()).await;
    let carrier = crate::killed::BusyCarrier::start(&world).await;
    let node = world.node(&[]).await;
    let numbers: Vec<String> = (0..30).map(|n| format!("+155577700{n:02}")).collect();
    let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
    let campaign = world.paced_campaign(&numbers, 3).await;
    until("the first phones ring", PATIENCE, async || {
        Ok((carrier.total() > 3).then_some(()))
    })
    .await
    .unwrap();
    node.drain().await;
    let recipients =
        callplane_store::campaigns::recipients(&world.tenant.database, campaign, None, 100)
            .await
            .unwrap();
    for recipient in recipients {
        let times = carrier.times(recipient.number.expose());
        match recipient.status {
            RecipientStatus::Ready => assert_eq!(times, 0),
            RecipientStatus::Failed => assert_eq!(times, 1, "{:?}", recipient.outcome),
            other => panic!("{other:?}"),
        }
    }
}

/// A call that ends as soon as it is answered.
async fn short_call(world: &World, call_id: &str) {
    let hand = Hand::new(world).await;
    let answer = hand.call(call_id).await;
    assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
    hand.hang_up(&answer, call_id).await;
}

/// Everything the database has of the tenant's calls.
async fn delivered(world: &World) -> Vec<Value> {
    let database = &world.tenant.database;
    let mut documents = Vec::new();
    for call in calls::list(database, None, 10).await.unwrap() {
        documents.push(calls::show(database, call.id).await.unwrap());
    }
    documents
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_delivers_what_was_spooled_and_a_second_delivery_changes_nothing() {
    let server = Box::leak(Box::new(PostgresServer::start().unwrap()));
    let world = World::on(server, digits_flow()).await;
    let node = world.node(&["--max-drain", "60"]).await;
    server.crash().unwrap();
    short_call(&world, "one").await;
    short_call(&world, "two").await;
    until("the records are spooled", PATIENCE, async || {
        Ok((spooled(&world) == 2).then_some(()))
    })
    .await
    .unwrap();
    let admin = node.admin_address().to_string();
    let draining = tokio::spawn(node.drain());
    until("the node drains", PATIENCE, async || {
        let status = callplane_e2e::get(&admin, "/readyz").await?.status;
        Ok((status == 503).then_some(()))
    })
    .await
    .unwrap();
    let spool = world.data().join("spool");
    let kept: Vec<(PathBuf, Vec<u8>)> = std::fs::read_dir(&spool)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.clone(), std::fs::read(&path).unwrap()))
        .collect();
    assert_eq!(kept.len(), 2, "nobody can take them");
    server.resume().unwrap();
    draining.await.unwrap();
    assert_eq!(spooled(&world), 0);
    let once = delivered(&world).await;
    assert_eq!(once.len(), 2);
    assert!(once.iter().all(|call| !call["ended_at"].is_null()));

    // As a node leaves it that dies between the delivery of a record and its removal.
    for (path, record) in &kept {
        std::fs::write(path, record).unwrap();
    }
    world.until_port_is_free().await;
    let node = world.node(&[]).await;
    until("the spool is empty", PATIENCE, async || {
        Ok((spooled(&world) == 0).then_some(()))
    })
    .await
    .unwrap();
    node.drain().await;
    assert_eq!(delivered(&world).await, once);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_the_database_refuses_is_set_aside_with_a_sentence_and_keeps_back_no_other() {
    let world = World::new(digits_flow()).await;
    let spool = world.data().join("spool");
    std::fs::create_dir_all(&spool).unwrap();
    // As a node before left them: the second breaks a rule of the database.
    let mut records: Vec<CallRecord> = (0..3).map(|_| missed_call(&world)).collect();
    let cost = Cost {
        component: CostComponent::Stt,
        provider: String::new(),
        quantity_micros: 1,
        unit: "second".to_owned(),
        unit_rate: Micros(1),
        amount: Micros(1),
        currency: Currency::default(),
    };
    records[1].costs = vec![cost.clone(), cost];
    let path = |n: usize, end: &str| spool.join(format!("{}.{end}", records[n].call.id));
    for (n, record) in records.iter().enumerate() {
        std::fs::write(path(n, "json"), serde_json::to_vec(record).unwrap()).unwrap();
    }
    let node = world.node(&[]).await;
    until("the spool is empty", PATIENCE, async || {
        Ok((spooled(&world) == 0).then_some(()))
    })
    .await
    .unwrap();
    assert_eq!(delivered(&world).await.len(), 2);
    assert!(path(1, "refused").exists());
    let reason = std::fs::read_to_string(path(1, "reason")).unwrap();
    assert!(reason.contains("call_costs"), "{reason}");
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_somebody_holds_keeps_back_no_other_record() {
    let world = World::new(digits_flow()).await;
    let spool = world.data().join("spool");
    std::fs::create_dir_all(&spool).unwrap();
    let records: Vec<CallRecord> = (0..3).map(|_| missed_call(&world)).collect();
    for record in &records {
        let path = spool.join(format!("{}.json", record.call.id));
        std::fs::write(path, serde_json::to_vec(record).unwrap()).unwrap();
    }
    let mut begun = records[0].call.clone();
    (begun.status, begun.ended_at) = (CallStatus::Initiated, None);
    let database = &world.tenant.database;
    start(database, &begun).await.unwrap();
    let held = world
        .database
        .hold_call(&world.tenant, begun.id)
        .await
        .unwrap();
    let node = world.node(&[]).await;
    until("the others are delivered", PATIENCE, async || {
        Ok((spooled(&world) == 1).then_some(()))
    })
    .await
    .unwrap();
    held.end().await.unwrap();
    node.drain().await;
    assert_eq!(spooled(&world), 0);
    assert_eq!(delivered(&world).await.len(), 3);
}

/// The record of a call that nobody answered.
fn missed_call(world: &World) -> CallRecord {
    let id = Uuid::now_v7();
    let milliseconds = i64::try_from(id.as_u128() >> 80).unwrap();
    let mut call = Call::begin(
        CallId::new(id),
        world.tenant.id,
        Direction::Inbound,
        WallTime::from_unix_micros(milliseconds * 1_000),
    );
    call.status = CallStatus::NoAnswer;
    call.ended_at = Some(call.initiated_at);
    CallRecord::new(call)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_caller_writes_into_its_headers_costs_no_record() {
    let world = World::new(digits_flow()).await;
    // Drained while the call goes on: it is hung up and recorded.
    let node = world.node(&["--max-drain", "0"]).await;
    let hand = Hand::new(&world).await;
    // Longer than an index of the database takes, and nothing it could shorten.
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    let call_id: String = (0..7_000)
        .map(|_| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let letter = char::from(b'a' + (random >> 40) as u8 % 26);
            match random >> 63 {
                0 => letter,
                _ => letter.to_ascii_uppercase(),
            }
        })
        .collect();
    let invite = hand
        .invite(&call_id, 1, "")
        .replace(&format!("branch=z9hG4bK{call_id}1"), "branch=z9hG4bKlong");
    let invite = invite.replace(
        "<sip:+15557770001@",
        "\"\u{0}\u{1}x\" <sip:+1555777%000001@",
    );
    hand.send(invite.as_bytes()).await;
    let answer = hand.answer().await;
    assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
    node.drain().await;
    assert_eq!(spooled(&world), 0, "the database took the record");
    assert_eq!(delivered(&world).await.len(), 1);
}
