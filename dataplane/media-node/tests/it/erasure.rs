//! An erasure reaches the disk of a media node.

use std::path::PathBuf;
use std::time::Duration;

use callplane_e2e::phones::Caller;
use callplane_e2e::until;
use callplane_store::erasure::{self, Mode, NodeStanding, Subject};
use callplane_store::test_util::PostgresServer;
use callplane_types::CallId;
use serde_json::Value;
use uuid::Uuid;

use crate::folder::files;
use crate::world::{World, digits_flow};

const PATIENCE: Duration = Duration::from_secs(40);
const PERSON: &str = "+15557770001";
const OTHER: &str = "+15557770002";

async fn call_from(world: &World, number: &str) {
    let caller = Caller {
        steps: vec![(2.0, "1234".to_owned())],
        ..Caller::listening(number)
    };
    world.call(&caller, 1).finish(PATIENCE).await.unwrap();
}

/// As `database erase` does it.
async fn erase(world: &World) {
    let (operator, fence) = (&world.database.operator, &world.database.fence);
    let tenant = world.tenant.id;
    let subject = Subject::Number(PERSON.parse().unwrap());
    let none = |_: &erasure::Erased| Value::Null;
    let found = erasure::erase(operator, fence, tenant, &subject, Mode::Dry, none)
        .await
        .unwrap();
    let erasure = erasure::request(operator, fence, tenant, &found)
        .await
        .unwrap();
    let mode = Mode::For { erasure };
    erasure::erase(operator, fence, tenant, &subject, mode, none)
        .await
        .unwrap();
}

/// What the node has done for the last erasure, once it has confirmed it.
async fn confirmed(world: &World) -> NodeStanding {
    until("the node confirms", PATIENCE, async || {
        let standing = erasure::standing(&world.database.operator, world.tenant.id).await?;
        let node = standing.last().and_then(|last| last.nodes.first().cloned());
        Ok(node.filter(|node| node.confirmed_at.is_some()))
    })
    .await
    .unwrap()
}

/// Rows of the call family in which a number is written somehow.
async fn rows_with(world: &World, number: &str) -> String {
    let tables = [
        "calls",
        "call_legs",
        "call_events",
        "cdrs",
        "call_keys",
        "conversations",
        "messages",
        "transcriptions",
        "events",
        "stir_shaken_statuses",
    ];
    let counts: Vec<String> = tables
        .iter()
        .map(|table| {
            format!(
                "(SELECT count(*) FROM {}.{table} AS row WHERE row::text LIKE '%{}%')",
                world.tenant.schema(),
                &number[1..]
            )
        })
        .collect();
    let sql = format!("SELECT ({})::text", counts.join(" + "));
    world.database.ask(&sql).await.unwrap()
}

async fn calls(world: &World) -> String {
    let sql = format!("SELECT count(*)::text FROM {}.cdrs", world.tenant.schema());
    world.database.ask(&sql).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_and_audio_from_before_an_erasure_lose_the_person_when_their_node_comes_back() {
    let server = Box::leak(Box::new(PostgresServer::start().unwrap()));
    let world = World::on(server, digits_flow()).await;
    let node = world.node(&["--max-drain", "5"]).await;
    server.crash().unwrap();
    call_from(&world, PERSON).await;
    let theirs = files(&world.data().join("recordings"), "sealed");
    call_from(&world, OTHER).await;
    let spool = world.data().join("spool");
    until("the records are spooled", PATIENCE, async || {
        Ok((files(&spool, "json").len() == 2).then_some(()))
    })
    .await
    .unwrap();
    node.drain().await;
    server.resume().unwrap();
    erase(&world).await;
    assert_eq!(files(&world.data().join("recordings"), "sealed").len(), 2);

    world.until_port_is_free().await;
    let node = world.node(&[]).await;
    confirmed(&world).await;
    until("the spool is empty", PATIENCE, async || {
        Ok(files(&spool, "json").is_empty().then_some(()))
    })
    .await
    .unwrap();
    assert_eq!(calls(&world).await, "2", "that there was a call stays");
    assert_eq!(rows_with(&world, PERSON).await, "0");
    assert_ne!(rows_with(&world, OTHER).await, "0", "who was not erased");
    let audio = files(&world.data().join("recordings"), "sealed");
    assert_eq!(audio.len(), 1);
    assert!(!audio.contains(&theirs[0]));
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_deletes_the_audio_of_a_person_who_is_erased_and_keeps_that_of_others() {
    let world = World::new(digits_flow()).await;
    let node = world.node(&[]).await;
    call_from(&world, PERSON).await;
    world.ended_call_from(&node, PERSON).await;
    let theirs = files(&world.data().join("recordings"), "sealed");
    assert_eq!(theirs.len(), 1);
    call_from(&world, OTHER).await;
    world.ended_call_from(&node, OTHER).await;
    erase(&world).await;
    let told = confirmed(&world).await;
    assert_eq!(
        (told.node.as_str(), told.done.recordings),
        ("acme-media-0", 1)
    );
    let audio = files(&world.data().join("recordings"), "sealed");
    assert_eq!(audio.len(), 1);
    assert!(!audio.contains(&theirs[0]));
    let trail = format!(
        "SELECT count(*)::text FROM {}.audit_logs WHERE actor_kind = 'media_node'
            AND after_values ->> 'recordingsDeleted' = '1'",
        world.tenant.schema()
    );
    assert_eq!(world.database.ask(&trail).await.unwrap(), "1");

    // A new call of the same person is nobody's to erase.
    call_from(&world, PERSON).await;
    world.ended_call_from(&node, PERSON).await;
    assert_eq!(files(&world.data().join("recordings"), "sealed").len(), 2);
    node.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_goes_on_while_its_person_is_erased_ends_without_them() {
    let world = World::new(digits_flow()).await;
    let node = world.node(&[]).await;
    let caller = Caller {
        steps: vec![(4.0, "1234".to_owned())],
        ..Caller::listening(PERSON)
    };
    let phone = world.call(&caller, 1);
    let begun = format!("SELECT count(*)::text FROM {}.calls", world.tenant.schema());
    until(
        "audio is written and the call known",
        PATIENCE,
        async || {
            let audio = files(&world.data().join("recordings"), "sealed");
            let known = world.database.ask(&begun).await? == "1";
            Ok((!audio.is_empty() && known).then_some(()))
        },
    )
    .await
    .unwrap();
    erase(&world).await;
    let looked = until("the node looks", PATIENCE, async || {
        let standing = erasure::standing(&world.database.operator, world.tenant.id).await?;
        let node = standing[0].nodes[0].clone();
        Ok((node.done.recordings == 1).then_some(node))
    });
    assert_eq!(looked.await.unwrap().confirmed_at, None, "the call goes on");
    phone.finish(PATIENCE).await.unwrap();
    until("the record is delivered", PATIENCE, async || {
        Ok((calls(&world).await == "1").then_some(()))
    })
    .await
    .unwrap();
    assert_eq!(rows_with(&world, PERSON).await, "0");
    until("the audio is gone", PATIENCE, async || {
        let audio = files(&world.data().join("recordings"), "sealed");
        Ok(audio.is_empty().then_some(()))
    })
    .await
    .unwrap();
    node.drain().await;
}

/// A file of audio as a call of so many days ago left it, and the id of the call.
fn audio_of(world: &World, days: u64) -> (CallId, PathBuf) {
    let now = jiff::Timestamp::now();
    let then = now - jiff::SignedDuration::from_hours(24 * i64::try_from(days).unwrap());
    let seconds = u64::try_from(then.as_second()).unwrap();
    let id = Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, 0));
    let month = then.to_zoned(jiff::tz::TimeZone::UTC).strftime("%Y/%m");
    let folder = world
        .data()
        .join("recordings")
        .join(world.tenant.spec.name.as_str())
        .join(month.to_string());
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(format!("{id}.wav.sealed"));
    std::fs::write(&path, "audio").unwrap();
    (CallId::new(id), path)
}

#[tokio::test(flavor = "multi_thread")]
async fn audio_past_its_age_leaves_a_node_unless_a_legal_hold_keeps_it() {
    let world = World::new(digits_flow()).await;
    let schema = world.tenant.schema();
    let policy = "UPDATE platform.retention_policies SET minimum_days = 0, delete_after_days = 20
                   WHERE class = 'recording'";
    world.database.superuser(policy).await.unwrap();
    let (old, old_path) = audio_of(&world, 40);
    let (held, held_path) = audio_of(&world, 40);
    let (wished, wished_path) = audio_of(&world, 40);
    let (_, archived_path) = audio_of(&world, 80);
    let (kept, kept_path) = audio_of(&world, 150);
    let (_, young_path) = audio_of(&world, 5);
    let rows = format!(
        "SET search_path = {schema}, public;
         CREATE TEMP TABLE made AS SELECT * FROM (VALUES
             ('{old}'::uuid, false, NULL), ('{held}', true, NULL),
             ('{wished}', false, now() + interval '1 day')) AS v (call, hold, until);
         INSERT INTO calls (id, direction, status, initiated_at, ended_at)
         SELECT call, 'inbound', 'completed', platform.uuid_v7_time(call), now() FROM made;
         INSERT INTO call_recordings (call_id, object_url, legal_hold, retain_until, created_at)
         SELECT call, call || '.wav', hold, until, platform.uuid_v7_time(call) FROM made;
         INSERT INTO platform.archive_manifests (tenant_id, tenant_slug, class, source_table, range_start,
                row_count, object_url, sha256, retain_until, audio_until)
         SELECT id, slug, 'recording', 'call_recordings',
                platform.uuid_v7_month('{kept}')::timestamp AT TIME ZONE 'UTC',
                1, 'archives/x', sha256(''), now(), now() + interval '1 day' FROM tenant"
    );
    world.database.superuser(&rows).await.unwrap();
    let node = world.node(&[]).await;
    until("old audio is gone", PATIENCE, async || {
        Ok((!old_path.exists() && !archived_path.exists()).then_some(()))
    })
    .await
    .unwrap();
    assert!(held_path.exists() && wished_path.exists() && young_path.exists());
    assert!(
        kept_path.exists(),
        "somebody wished it before it was archived"
    );
    let marked = format!(
        "SELECT string_agg(call_id::text, ' ') FROM {schema}.call_recordings
          WHERE status = 'deleted' AND deleted_at IS NOT NULL"
    );
    assert_eq!(world.database.ask(&marked).await.unwrap(), old.to_string());
    node.drain().await;
}
