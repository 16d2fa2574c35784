//! A person is erased everywhere, and nobody else.

use callplane_operator::maintenance::{Erasure, Error, Signer};
use callplane_store::erasure::{Mode, Subject};
use callplane_store::{Error as StoreError, Fence};
use serde_json::{Value, json};

use crate::maintenance::{OLD, Scene};

const NUMBER: &str = "15557000001";
const OTHER: &str = "15557000002";

async fn attempt(scene: &Scene, dry: bool) -> Result<Value, Error> {
    let signer = Signer::new(b"secret").unwrap();
    let erasure = Erasure {
        database: &scene.database.operator,
        fence: &Fence::command("test"),
        tenant: scene.tenant.id,
        name: &scene.tenant.spec.name,
        subject: &Subject::Number(format!("+{NUMBER}").parse().unwrap()),
        requested_by: "case 7",
        vault: Some(scene.vault()),
        signer: &signer,
        dry,
    };
    erasure.run().await
}

async fn erase(scene: &Scene, dry: bool) -> Value {
    loop {
        match attempt(scene, dry).await {
            // A job that ended keeps its lock until its connection is found to be idle.
            Err(Error::Busy) => tokio::task::yield_now().await,
            receipt => return receipt.unwrap(),
        }
    }
}

/// Two callers, and the first one's number in every text and document of every table with personal data.
async fn planted(scene: &Scene) -> i64 {
    scene.call(1, 2).await;
    scene.sql(include_str!("erasure/people.sql")).await;
    scene
        .count(&format!(
            "{} SELECT count(*) FROM planted",
            include_str!("erasure/plant.sql")
        ))
        .await
}

/// The tables in which a text is, with the number of rows.
async fn found(scene: &Scene, text: &str) -> String {
    let sql = include_str!("erasure/find.sql").replace("{text}", text);
    let path = format!("SET search_path = {}, public;", scene.tenant.schema());
    scene.database.ask(&(path + &sql)).await.unwrap()
}

#[tokio::test]
async fn a_person_is_found_nowhere_after_the_erasure_and_others_are() {
    let scene = Scene::new().await;
    let columns = planted(&scene).await;
    assert!(columns > 150, "{columns} columns hold the number");
    let others = found(&scene, OTHER).await;
    assert!(others.contains("calls=1"), "{others}");
    assert!(found(&scene, NUMBER).await.contains("transcriptions=1"));

    let dry = erase(&scene, true).await;
    assert_eq!(dry["rows"]["transcriptions"], 1);
    assert!(found(&scene, NUMBER).await.contains("transcriptions=1"));

    let receipt = erase(&scene, false).await;
    assert_eq!(found(&scene, NUMBER).await, "");
    assert_eq!(found(&scene, OTHER).await, others);
    assert_eq!(receipt["rows"]["calls"], 1);
    assert!(!receipt.to_string().contains(NUMBER));
    for words in [
        "SELECT count(*) FROM transcriptions WHERE text LIKE 'hello%'",
        "SELECT count(*) FROM messages WHERE content IS NOT NULL",
        "SELECT count(*) FROM calls WHERE customer_name IS NOT NULL",
    ] {
        assert_eq!(scene.count(words).await, 1, "{words}");
    }
    let trail = "SELECT count(*) FROM audit_logs WHERE entity_type = 'person'
                    AND after_values ->> 'signature' IS NOT NULL";
    assert_eq!(scene.count(trail).await, 1);
    // The search would see a table that was left out.
    scene
        .sql(&format!("UPDATE dashboards SET name = 'of +{NUMBER}'"))
        .await;
    assert_eq!(found(&scene, NUMBER).await, "dashboards=1");
}

#[tokio::test]
async fn who_opted_out_is_not_called_after_the_erasure_either() {
    let scene = Scene::new().await;
    scene.call(1, 1).await;
    scene
        .sql(
            "INSERT INTO dnc_lists (name) VALUES ('internal');
              INSERT INTO dnc_list_entries (dnc_list_id, phone_number)
              SELECT id, '+15557000001' FROM dnc_lists;
              INSERT INTO contacts (phone, do_not_call) VALUES ('+15557000001', true)",
        )
        .await;
    let barred = "SELECT do_not_call(platform.uuid_v7(), '+15557000001')::int";
    for _ in 0..2 {
        assert_eq!(scene.count(barred).await, 1);
        erase(&scene, false).await;
    }
    assert_eq!(scene.count(barred).await, 1);
    assert_eq!(found(&scene, NUMBER).await, "");
}

#[tokio::test]
async fn what_a_legal_hold_keeps_is_told_and_stays() {
    let scene = Scene::new().await;
    scene.call(1, 1).await;
    scene
        .sql("UPDATE call_recordings SET legal_hold = true, retain_until = '2033-01-01'")
        .await;
    let receipt = erase(&scene, false).await;
    let held = &receipt["keptUnderLegalHold"][0];
    assert_eq!(held["atLeastUntil"], "2033-01-01T00:00:00Z");
    assert!(found(&scene, NUMBER).await.contains("calls=1"));
    scene
        .sql("UPDATE call_recordings SET legal_hold = false")
        .await;
    erase(&scene, false).await;
    assert_eq!(found(&scene, NUMBER).await, "");
}

/// `database erase --status`: whether all is done, and what it printed.
fn status(scene: &Scene) -> (bool, String) {
    let database = &scene.database;
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_callplane-operator"))
        .args(["database", "erase", "--status", "--tenant"])
        .arg(scene.tenant.spec.name.as_str())
        .env(
            "CALLPLANE_DATABASE_URL",
            database.server.operator_url(&database.name),
        )
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

#[tokio::test]
async fn media_nodes_are_asked_for_their_disks_and_what_they_answer_is_shown() {
    let scene = Scene::new().await;
    scene.call(1, 1).await;
    let nodes = format!(
        "UPDATE calls SET media_node = 'acme-media-0';
         INSERT INTO platform.media_nodes (tenant_id, pod_name, namespace, pool_name, status)
         VALUES ('{id}', 'acme-media-1', 'acme', 'acme', 'ready'), ('{id}', 'acme-media-2', 'acme', 'acme', 'gone')",
        id = scene.tenant.id
    );
    scene.sql(&nodes).await;
    assert!(status(&scene).0, "there is nothing to wait for");
    assert_eq!(erase(&scene, true).await["mediaNodesToConfirm"], json!([]));
    assert_eq!(scene.count("SELECT count(*) FROM erasures").await, 0);
    let receipt = erase(&scene, false).await;
    let asked = json!(["acme-media-0", "acme-media-1"]);
    assert_eq!(receipt["mediaNodesToConfirm"], asked);
    let (done, said) = status(&scene);
    let erasure = receipt["erasure"].as_str().unwrap();
    assert!(
        !done && said.matches(erasure).count() == 2 && said.contains("forgotten"),
        "{said}"
    );
    assert!(!said.contains(NUMBER), "{said}");
    scene
        .sql("UPDATE erasure_nodes SET confirmed_at = now()")
        .await;
    let (done, said) = status(&scene);
    assert!(done, "{said}");
}

#[tokio::test]
async fn a_person_leaves_the_archives_too() {
    let scene = Scene::new().await;
    scene.call(OLD, 2).await;
    scene.run().await.unwrap();
    let rows = async |number: &str| {
        let sheets = scene.archived().await;
        let values = sheets.iter().flat_map(|(_, sheet)| &sheet.rows);
        values
            .flatten()
            .filter(|value| value.contains(number))
            .count()
    };
    let others = rows(OTHER).await;
    assert!(others > 0 && rows(NUMBER).await > 0);
    let receipt = erase(&scene, false).await;
    assert_eq!(receipt["archivesRewritten"].as_array().unwrap().len(), 12);
    assert_eq!((rows(NUMBER).await, rows(OTHER).await), (0, others));
    // Of every table the other one's row is left, and what the person's call cost.
    assert_eq!(scene.counts().await, (0, 14));
    assert_eq!(scene.storage_names().await.len(), 13);
}

#[tokio::test]
async fn the_audio_of_an_archived_call_is_deleted_and_no_other_object() {
    let scene = Scene::new().await;
    scene.call(OLD, 2).await;
    let (vault, tenant) = (scene.vault(), scene.tenant.id);
    let audio = format!("{tenant}/audio/1.ogg");
    for name in [audio.as_str(), "another/audio/1.ogg"] {
        vault
            .storage
            .put(vault.keys, tenant, name, b"audio")
            .await
            .unwrap();
    }
    let sql = format!(
        "UPDATE call_recordings r SET object_url = 'test://archive/{audio}'
           FROM calls c WHERE c.id = r.call_id AND c.customer_number = '+{NUMBER}';
         INSERT INTO call_recordings (call_id, object_url)
         SELECT id, 'test://archive/another/audio/1.ogg' FROM calls WHERE customer_number = '+{NUMBER}'"
    );
    scene.sql(&sql).await;
    scene.settle().await;
    scene.run().await.unwrap();
    assert_eq!(scene.counts().await.0, 0);
    let receipt = erase(&scene, false).await;
    let told = |what: &str| receipt[what].as_array().unwrap().clone();
    assert_eq!(
        told("recordingsDeleted"),
        [format!("test://archive/{audio}")]
    );
    assert_eq!(
        told("recordingsToDelete"),
        ["test://archive/another/audio/1.ogg"]
    );
    assert!(!scene.storage_names().await.contains(&audio));
    assert_eq!(vault.storage.list("another").await.unwrap().len(), 1);
}

#[tokio::test]
async fn others_whose_words_contain_those_of_the_person_keep_theirs() {
    let scene = Scene::new().await;
    scene
        .sql(
            "INSERT INTO contacts (phone, phone_2, email, title)
             VALUES ('+15557000002', 'unknown', 'mojo@example.com', 'jo@example.com.au 12345');
             INSERT INTO dashboards (name) VALUES ('<Jo@example.com>')",
        )
        .await;
    for typed in ["unknown", "12345"] {
        let sql = format!(
            "INSERT INTO contacts (phone, phone_2, email) VALUES ('+{NUMBER}', '{typed}', 'jo@example.com')"
        );
        scene.sql(&sql).await;
        erase(&scene, false).await;
    }
    let theirs =
        "SELECT count(*) FROM contacts WHERE phone_2 = 'unknown' AND email = 'mojo@example.com'
                    AND title = 'jo@example.com.au 12345'";
    assert_eq!(scene.count(theirs).await, 1);
    assert_eq!(found(&scene, "Jo@example").await, "");
}

#[tokio::test]
async fn a_number_that_came_back_after_its_erasure_is_erased_again() {
    let scene = Scene::new().await;
    scene
        .sql(
            "INSERT INTO campaigns (name, k8s_name) VALUES ('spring', 'spring');
             INSERT INTO dnc_lists (name) VALUES ('internal')",
        )
        .await;
    for expires in ["now() - interval '1 day'", "NULL"] {
        let sql = format!(
            "INSERT INTO campaign_recipients (campaign_id, phone_number) SELECT id, '+{NUMBER}' FROM campaigns;
             INSERT INTO dnc_list_entries (dnc_list_id, phone_number, expires_at)
             SELECT id, '+{NUMBER}', {expires} FROM dnc_lists"
        );
        scene.sql(&sql).await;
        erase(&scene, false).await;
    }
    assert_eq!(found(&scene, NUMBER).await, "");
    assert_eq!(
        scene
            .count("SELECT count(*) FROM campaign_recipients")
            .await,
        1
    );
    let barred = "SELECT do_not_call(platform.uuid_v7(), '+15557000001')::int";
    assert_eq!(scene.count(barred).await, 1);
}

#[tokio::test]
async fn nobody_is_erased_while_maintenance_is_at_work() {
    let scene = Scene::new().await;
    let alone = callplane_store::retention::alone(&scene.database.operator, scene.tenant.id).await;
    let alone = alone.unwrap().unwrap();
    let refused = attempt(&scene, false).await;
    assert!(matches!(refused, Err(Error::Busy)), "{refused:?}");
    alone.end().await.unwrap();
    erase(&scene, false).await;
}

#[tokio::test]
async fn a_number_of_the_tenant_itself_is_refused() {
    let scene = Scene::new().await;
    scene
        .sql("INSERT INTO phone_numbers (id, e164) VALUES (platform.uuid_v7(), '+15557000001')")
        .await;
    let fence = Fence::command("test");
    let subject = Subject::Number(format!("+{NUMBER}").parse().unwrap());
    let (operator, tenant) = (&scene.database.operator, scene.tenant.id);
    let refused =
        callplane_store::erasure::erase(operator, &fence, tenant, &subject, Mode::Dry, |_| {
            Value::Null
        })
        .await;
    assert!(
        matches!(refused, Err(StoreError::Invalid { .. })),
        "{refused:?}"
    );
}
