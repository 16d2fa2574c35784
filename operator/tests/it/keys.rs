//! The data keys of a tenant, from the Secret of the key-encryption key to that of the media nodes.

use std::time::Duration;

use callplane_keys::{DataKey, KeyPurpose, KeyRing, LocalKek, Place};
use callplane_operator::keys::{Keys, Source};
use callplane_operator::names::SECRET_KEY_ENCRYPTION;
use callplane_store::keys::{self as stored, KeyStatus};
use callplane_store::test_util::TestDatabase;
use callplane_store::{Fence, tenants};
use callplane_types::TenantId;
use k8s_openapi::api::core::v1::Secret;
use serde_json::json;
use uuid::Uuid;

use crate::world::{World, with_pool};

/// The ring that media nodes read.
fn ring(world: &World, namespace: &str) -> Option<KeyRing> {
    ring_of(world, namespace, "dataKeys")
}

fn ring_of(world: &World, namespace: &str, name: &str) -> Option<KeyRing> {
    let data = world.secret(namespace)?.data?;
    let text = String::from_utf8(data.get(name)?.0.clone()).ok()?;
    Some(KeyRing::parse(&text).unwrap())
}

/// Of the tenant's keys for a purpose, oldest first.
async fn states(world: &World, tenant: TenantId, purpose: KeyPurpose) -> Vec<KeyStatus> {
    let keys = stored::list(&world.database.operator, Some(tenant)).await;
    let keys = keys.unwrap().into_iter();
    keys.filter(|key| key.holder.purpose == purpose)
        .map(|key| key.status)
        .collect()
}

async fn tenant_id(world: &World, name: &str) -> TenantId {
    let found = tenants::find(&world.database.operator, &name.parse().unwrap()).await;
    found.unwrap().unwrap().id
}

fn keys(world: &World) -> Keys {
    Keys::new(Source::Secret {
        client: world.api.client(),
        namespace: "callplane-system".to_owned(),
    })
}

/// Table, column and row of a value.
type Cell = (&'static str, &'static str, Uuid);

/// A trunk's password and a message of the tenant `rotor`, sealed: rows that change and rows that do not.
async fn seal_rows(world: &World, tenant: TenantId, ring: &KeyRing, name: &str) -> [Cell; 2] {
    let (trunk, talk, message) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    let cells = [
        ("trunks", "password_enc", trunk),
        ("messages", "content_enc", message),
    ];
    let [password, content] = cells.map(|(table, column, row)| {
        let sealed = ring.seal(&Place::cell(tenant, table, column, row), b"open sesame");
        let hex = sealed
            .unwrap()
            .into_iter()
            .map(|octet| format!("{octet:02x}"));
        format!("'\\x{}'", hex.collect::<String>())
    });
    let sql = format!(
        "SET search_path = callplane_rotor, public;
         INSERT INTO trunks (id, name, protocol, password_enc) VALUES ('{trunk}', '{name}', 'sip', {password});
         INSERT INTO conversations (id) VALUES ('{talk}');
         INSERT INTO messages (id, conversation_id, seq, role, content_enc)
         VALUES ('{message}', '{talk}', 1, 'user', {content})"
    );
    world.database.superuser(&sql).await.unwrap();
    cells
}

async fn sealed_in(world: &World, (table, column, row): Cell) -> Vec<u8> {
    let sql =
        format!("SELECT encode({column}, 'hex') FROM callplane_rotor.{table} WHERE id = '{row}'");
    octets(&world.database.ask(&sql).await.unwrap())
}

fn octets(hex: &str) -> Vec<u8> {
    let octet = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(octet).collect()
}

/// Begins a rotation as the command does, and wakes the operator.
async fn rotate(world: &World, name: &str, purpose: KeyPurpose) {
    let id = tenant_id(world, name).await;
    let begun = keys(world)
        .begin_rotation(
            &world.database.operator,
            &Fence::command("database keys"),
            id,
            purpose,
        )
        .await;
    assert!(begun.unwrap());
    world.edit_tenant(name, |tenant| {
        tenant.spec.display_name = Some("Woken".to_owned());
    });
}

#[tokio::test]
async fn a_new_key_is_with_all_readers_before_it_seals_and_the_old_one_goes_after() {
    let world = World::new().await;
    let _operator = world.start();
    world.put_tenant(
        "rotor",
        json!({
            "namespaces": ["rotor"], "plan": "trial",
            "credentialRotation": { "every": "720h", "overlap": "1s" },
        }),
    );
    world.ready("rotor").await;
    let first = ring(&world, "rotor").unwrap();
    let old = first.sealing();
    assert_eq!(first.ids().count(), 1);
    let id = tenant_id(&world, "rotor").await;
    let rows = seal_rows(&world, id, &first, "sealed").await;
    rotate(&world, "rotor", KeyPurpose::Column).await;
    let until = async |what: &str, is_so: &dyn Fn(&KeyRing) -> bool| {
        let found = world.api.until(|_| ring(&world, "rotor").filter(is_so));
        found.await.expect(what)
    };
    let handed_out = until("the Secret has both", &|ring| ring.ids().count() == 2).await;
    assert_eq!(handed_out.sealing(), old, "the new key does not seal yet");
    let promoted = until("the new key seals", &|ring| ring.sealing() != old).await;
    assert!(handed_out.key(promoted.sealing()).is_some());
    assert!(promoted.key(old).is_some(), "what is sealed still opens");
    let alone = until("the old key is gone", &|ring| ring.ids().count() == 1).await;
    assert_eq!(alone.sealing(), promoted.sealing());
    let opens = async |place: Cell| {
        let sealed = sealed_in(&world, place).await;
        let place = Place::cell(id, place.0, place.1, place.2);
        alone
            .open(&place, &sealed)
            .ok()
            .map(|opened| opened.to_vec())
    };
    for place in rows {
        assert_eq!(opens(place).await.unwrap(), b"open sesame");
    }
    let states = async || states(&world, id, KeyPurpose::Column).await;
    assert_eq!(states().await, [KeyStatus::Retired, KeyStatus::Active]);

    // What a spool brought later opens once its key was handed out again.
    let late = seal_rows(&world, id, &first, "late").await;
    assert_eq!(opens(late[1]).await, None);
    let fence = Fence::command("database keys");
    stored::recall(&world.database.operator, &fence, old)
        .await
        .unwrap();
    world.edit_tenant("rotor", |tenant| {
        tenant.spec.display_name = Some("Woken again".to_owned());
    });
    until("the Secret has it again", &|ring| ring.ids().count() == 2).await;
    until("it is gone again", &|ring| ring.ids().count() == 1).await;
    for place in late {
        assert_eq!(opens(place).await.unwrap(), b"open sesame");
    }
    assert_eq!(states().await, [KeyStatus::Retired, KeyStatus::Active]);
}

#[tokio::test]
async fn recordings_have_keys_of_their_own_and_open_however_often_those_change() {
    let world = World::new().await;
    let _operator = world.start();
    world.put_tenant(
        "tape",
        json!({
            "namespaces": ["tape"], "plan": "trial",
            "credentialRotation": { "every": "720h", "overlap": "1s" },
        }),
    );
    world.ready("tape").await;
    let id = tenant_id(&world, "tape").await;
    let recordings = || ring_of(&world, "tape", "recordingKeys");
    let first = recordings().unwrap();
    let columns = ring(&world, "tape").unwrap();
    assert!(
        first.key(columns.sealing()).is_none(),
        "not that of columns"
    );
    rotate(&world, "tape", KeyPurpose::Recording).await;
    let is_next = |ring: &KeyRing| ring.sealing() != first.sealing();
    let next = world.api.until(|_| recordings().filter(is_next)).await;
    assert!(next.unwrap().key(first.sealing()).is_some());
    let purpose = KeyPurpose::Recording;
    let expected = [KeyStatus::Retired, KeyStatus::Active];
    let retired = async {
        while states(&world, id, purpose).await != expected {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), retired)
        .await
        .expect("the former key is retired");
    // A Secret that is made anew has both: what was recorded years ago is played.
    world
        .api
        .delete::<Secret>(Some("tape"), "callplane-database");
    let again = world.api.until(|_| recordings()).await.unwrap();
    assert_eq!(again.ids().count(), 2);
    assert!(again.key(first.sealing()).is_some());
    // So is what was recorded before the database was restored to a moment without its key.
    let lost = format!(
        "DELETE FROM platform.encryption_keys WHERE id = '{}'",
        again.sealing().uuid()
    );
    world.database.superuser(&lost).await.unwrap();
    world.edit_tenant("tape", |tenant| {
        tenant.spec.display_name = Some("Woken again".to_owned());
    });
    let sealing = again.sealing();
    let is_new = |ring: &KeyRing| ring.sealing() != sealing;
    let restored = world.api.until(|_| recordings().filter(is_new)).await;
    assert!(restored.unwrap().key(sealing).is_some());
}

#[tokio::test]
async fn a_secret_that_is_deleted_gets_the_same_keys_from_the_database() {
    let world = World::new().await;
    let operator = world.start();
    world.put_tenant("kept", json!({ "namespaces": ["kept"], "plan": "trial" }));
    world.ready("kept").await;
    let before = ring(&world, "kept").unwrap();
    drop(operator);
    let delete = || {
        world
            .api
            .delete::<Secret>(Some("kept"), "callplane-database");
    };
    delete();
    let operator = world.start();
    let after = world.api.until(|_| ring(&world, "kept")).await.unwrap();
    assert_eq!(after.to_text(), before.to_text());

    // Without the key-encryption key there is nothing to make them of, and no new one is made.
    drop(operator);
    delete();
    world
        .api
        .delete::<Secret>(Some("callplane-system"), SECRET_KEY_ENCRYPTION);
    let _operator = world.start();
    let why = world
        .condition("kept", "CredentialsReady", "False", "KeyUnavailable")
        .await;
    assert!(why.contains("restore it from a backup"), "{why}");
    assert!(ring(&world, "kept").is_none());
}

#[tokio::test]
async fn a_key_encryption_key_that_is_away_stops_nothing_but_the_secret() {
    let world = World::new().await;
    let operator = world.start();
    world.put_tenant("keyless", with_pool("keyless", 1));
    world
        .condition("keyless", "CredentialsReady", "True", "CredentialsIssued")
        .await;
    drop(operator);
    world
        .api
        .delete::<Secret>(Some("callplane-system"), SECRET_KEY_ENCRYPTION);
    world.edit_tenant("keyless", |tenant| {
        tenant.spec.media.dedicated.as_mut().unwrap().replicas = 2;
    });
    let _operator = world.start();
    world
        .pool("keyless", "keyless", |pool| {
            (pool.spec.replicas == 2).then_some(())
        })
        .await;
    world
        .condition("keyless", "CredentialsReady", "False", "KeyUnavailable")
        .await;
}

#[tokio::test]
async fn asking_for_encrypted_transcripts_seals_what_was_said_before() {
    let world = World::new().await;
    let _operator = world.start();
    world.put_tenant(
        "teller",
        json!({ "namespaces": ["teller"], "plan": "trial" }),
    );
    world.ready("teller").await;
    let id = tenant_id(&world, "teller").await;
    let (talk, message) = (Uuid::now_v7(), Uuid::now_v7());
    let rows = format!(
        "SET search_path = callplane_teller, public;
         INSERT INTO conversations (id, context) VALUES ('{talk}', '{{\"pin\": \"4711\"}}');
         INSERT INTO messages (id, conversation_id, seq, role, content)
         VALUES ('{message}', '{talk}', 1, 'user', 'open sesame')"
    );
    world.database.superuser(&rows).await.unwrap();
    world.edit_tenant("teller", |tenant| {
        tenant.spec.security.encrypt_transcripts = true;
    });
    world.ready("teller").await;
    let says = async |sql: &str| {
        let sql = format!("SET search_path = callplane_teller, public; SELECT ({sql})::text");
        world.database.ask(&sql).await.unwrap()
    };
    // Media nodes read it there.
    let setting = says("SELECT settings ->> 'encrypt_transcripts' FROM tenant").await;
    assert_eq!(setting, "true");
    assert_eq!(says("SELECT count(content) FROM messages").await, "0");
    assert_eq!(says("SELECT context FROM conversations").await, "{}");
    let ring = ring(&world, "teller").unwrap();
    for (table, column, row, words) in [
        ("messages", "content_enc", message, "open sesame"),
        ("conversations", "context_enc", talk, "{\"pin\": \"4711\"}"),
    ] {
        let hex = says(&format!("SELECT encode({column}, 'hex') FROM {table}")).await;
        let place = Place::cell(id, table, column, row);
        assert_eq!(*ring.open(&place, &octets(&hex)).unwrap(), words.as_bytes());
    }
}

#[tokio::test]
async fn a_look_that_goes_on_where_another_stopped_does_not_say_that_nothing_is_left() {
    let world = World::new().await;
    let tenant = world.database.tenant("teller").await.unwrap();
    let (operator, fence) = (&world.database.operator, &world.database.fence);
    let say = async |ids: std::ops::RangeInclusive<u32>| {
        let (first, last) = (ids.start(), ids.end());
        let rows = format!(
            "SET search_path = {}, public;
             INSERT INTO conversations (id, context)
             SELECT lpad(n::text, 32, '0')::uuid, '{{\"pin\": \"4711\"}}'
               FROM generate_series({first}, {last}) AS n",
            tenant.schema()
        );
        world.database.superuser(&rows).await.unwrap();
    };
    let ring = KeyRing::new(DataKey::generate().unwrap());
    let keys = keys(&world);
    let look = async |budget| {
        let look = keys.seal_words(operator, fence, tenant.id, &ring, budget);
        look.await.unwrap()
    };
    let all = Duration::from_secs(60);
    say(1001..=2000).await;
    let first = look(Duration::ZERO).await;
    assert_eq!(
        (first.values, first.more, first.nothing_left),
        (500, true, false)
    );
    // Behind what was read.
    say(1..=10).await;
    let rest = look(all).await;
    assert_eq!(
        (rest.values, rest.more, rest.nothing_left),
        (500, false, false)
    );
    let late = look(all).await;
    assert_eq!((late.values, late.nothing_left), (10, false));
    let last = look(all).await;
    assert_eq!((last.values, last.nothing_left), (0, true));
    // Such a one follows a look that stopped at the last row.
    say(3001..=3500).await;
    let stopped = look(Duration::ZERO).await;
    assert_eq!((stopped.values, stopped.more), (500, true));
    say(2001..=2001).await;
    let followed = look(all).await;
    assert_eq!((followed.values, followed.nothing_left), (0, false));
}

/// `callplane-operator database keys`, with a file of key-encryption keys.
fn command(world: &World, file: &std::path::Path, arguments: &[&str]) -> (bool, String) {
    run(world, "keys", file, arguments)
}

fn run(world: &World, command: &str, file: &std::path::Path, rest: &[&str]) -> (bool, String) {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_callplane-operator"))
        .args(["database", command, "--key-encryption-key-file"])
        .arg(file)
        .args(rest)
        .env(
            "CALLPLANE_DATABASE_URL",
            world.database.server.operator_url(&world.database.name),
        )
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_shown_rotated_rewrapped_and_destroyed_by_command() {
    let world = World::new().await;
    let acme = world.database.tenant("acme").await.unwrap();
    let folder = std::env::temp_dir().join(format!("callplane-kek-{}", acme.id));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("keys");
    let [old, new] = [(); 2].map(|()| LocalKek::generate().unwrap());
    std::fs::write(&file, old.as_bytes()).unwrap();
    let keys = Keys::new(Source::File(file.clone()));
    let TestDatabase {
        operator, fence, ..
    } = &world.database;
    let first = keys.of_tenant(operator, fence, acme.id).await.unwrap();
    let name = acme.spec.name.as_str();

    let (ok, said) = command(&world, &file, &["rotate", "--tenant", name]);
    assert!(
        ok && said.contains("waits until all media nodes have it"),
        "{said}"
    );
    let (ok, said) = command(&world, &file, &["rotate", "--tenant", name]);
    assert!(ok && said.contains("under way already"), "{said}");
    let (ok, said) = command(&world, &file, &["rotate", "--tenant", "nobody"]);
    assert!(
        !ok && said.contains("there is no tenant `nobody`"),
        "{said}"
    );

    // The new key-encryption key comes before the old one, which may go afterwards.
    std::fs::write(&file, format!("{}\n{}\n", *new, *old)).unwrap();
    let (ok, said) = command(&world, &file, &["rewrap"]);
    assert!(ok && said.contains("2 of 2 keys wrapped anew"), "{said}");
    let (_, said) = command(&world, &file, &["rewrap"]);
    assert!(said.contains("0 of 2 keys"), "{said}");
    std::fs::write(&file, new.as_bytes()).unwrap();
    let afresh = Keys::new(Source::File(file.clone()));
    let handed = afresh.of_tenant(operator, fence, acme.id).await.unwrap();
    assert_eq!(handed.ring.ids().count(), 2);
    let id = first.ring.sealing();
    assert_eq!(
        handed.ring.key(id).unwrap().expose(),
        first.ring.key(id).unwrap().expose(),
        "a rewrapped key is the same key"
    );

    let id = id.to_string();
    let (ok, said) = command(&world, &file, &["recall", &id]);
    assert!(!ok && said.contains("it is not retired"), "{said}");
    let (ok, said) = command(&world, &file, &["shred", &id, "--confirm", &id]);
    assert!(!ok && said.contains("in use"), "{said}");
    let (ok, said) = command(&world, &file, &["shred", &id, "--confirm", &id, "--force"]);
    assert!(ok && said.contains("is destroyed"), "{said}");
    let (ok, said) = command(&world, &file, &["status"]);
    assert!(
        ok && said.contains("shredded") && said.contains("pending"),
        "{said}"
    );
    for line in [&old, &new] {
        assert!(!said.contains(line.as_str()));
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_archives_have_a_key_encryption_key_and_rotations_of_their_own() {
    let world = World::new().await;
    let acme = world.database.tenant("acme").await.unwrap();
    let (name, operator) = (acme.spec.name.as_str(), &world.database.operator);
    let folder = std::env::temp_dir().join(format!("callplane-archive-kek-{}", acme.id));
    std::fs::create_dir_all(&folder).unwrap();
    let [old, new, other] = [(); 3].map(|()| LocalKek::generate().unwrap());
    let [columns, archives] = ["columns", "archives"].map(|file| folder.join(file));
    std::fs::write(&columns, old.as_bytes()).unwrap();
    std::fs::write(&archives, other.as_bytes()).unwrap();
    let storage = format!("file://{}/objects", folder.display());
    std::fs::create_dir_all(folder.join("objects")).unwrap();
    let maintain = || {
        let rest = ["--tenant", name, "--object-store", &storage];
        let (ok, said) = run(&world, "maintain", &archives, &rest);
        assert!(ok, "{said}");
    };
    maintain();
    let keys = Keys::new(Source::File(columns.clone()));
    let fence = &world.database.fence;
    keys.of_tenant(operator, fence, acme.id).await.unwrap();

    std::fs::write(&columns, format!("{}\n{}\n", *new, *old)).unwrap();
    let (ok, said) = command(&world, &columns, &["rewrap"]);
    assert!(!ok && said.contains("1 of 2 keys wrapped anew"), "{said}");
    assert!(said.contains("1 keys need another"), "{said}");

    let rotate = |file, purpose| {
        command(
            &world,
            file,
            &["rotate", "--tenant", name, "--purpose", purpose],
        )
    };
    let (ok, said) = rotate(&columns, "recording");
    assert!(ok && said.contains("until all media nodes"), "{said}");
    let (ok, said) = rotate(&columns, "archive");
    assert!(!ok && said.contains("not at hand"), "{said}");
    let (ok, said) = rotate(&archives, "archive");
    assert!(ok && said.contains("seals the next archive"), "{said}");
    let archived = async || {
        let mut keys = stored::list(operator, Some(acme.id)).await.unwrap();
        keys.retain(|key| key.holder.purpose == KeyPurpose::Archive);
        keys
    };
    let states = async || {
        let keys = archived().await;
        keys.iter().map(|key| key.status).collect::<Vec<_>>()
    };
    assert_eq!(states().await, [KeyStatus::Retired, KeyStatus::Active]);

    // Who destroyed all keys archives with another one from then on.
    for key in archived().await {
        let id = key.holder.key.to_string();
        let shred = ["shred", &id, "--confirm", &id, "--force"];
        let (ok, said) = command(&world, &archives, &shred);
        assert!(ok, "{said}");
    }
    maintain();
    assert_eq!(
        states().await,
        [KeyStatus::Shredded, KeyStatus::Shredded, KeyStatus::Active]
    );
    std::fs::remove_dir_all(&folder).unwrap();
}
