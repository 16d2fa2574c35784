//! The life of data keys, and the rows that they sealed.

use std::time::Duration;

use callplane_keys::{
    DataKey, KeyEncryptionKey as _, KeyHolder, KeyId, KeyPurpose, KeyRing, LocalKek, Place,
};
use callplane_store::keys::{self, KeyStatus, SEALED_COLUMNS, SealedRow};
use callplane_store::test_util::{TestDatabase, TestTenant};
use callplane_store::{Error, Fence, OperatorDatabase, trunks};
use callplane_types::TrunkId;
use uuid::Uuid;

use crate::support::{ask, database, trunk};

/// An operator with a key-encryption key of its own.
struct Operator<'a> {
    database: &'a OperatorDatabase,
    fence: &'a Fence,
    tenant: &'a TestTenant,
    kek: LocalKek,
}

impl<'a> Operator<'a> {
    fn new(database: &'a TestDatabase<'_>, tenant: &'a TestTenant) -> Self {
        Self {
            database: &database.operator,
            fence: &database.fence,
            tenant,
            kek: LocalKek::parse(&LocalKek::generate().unwrap()).unwrap(),
        }
    }

    async fn make(&self, purpose: KeyPurpose, first: bool) -> (DataKey, KeyHolder, bool) {
        let key = DataKey::generate().unwrap();
        let holder = KeyHolder {
            tenant: Some(self.tenant.id),
            purpose,
            key: key.id(),
        };
        let wrapped = self.kek.wrap(&holder, &key).await.unwrap();
        let added = if first {
            keys::add_first(self.database, self.fence, &holder, &wrapped).await
        } else {
            keys::add_pending(self.database, self.fence, &holder, &wrapped).await
        };
        (key, holder, added.unwrap())
    }

    /// A key that retires and the one that seals, of which the Secret does not say so yet.
    async fn rotated(&self) -> (DataKey, KeyHolder, KeyHolder) {
        let (key, old, _) = self.make(KeyPurpose::Column, true).await;
        let (_, new, _) = self.make(KeyPurpose::Column, false).await;
        keys::mark_distributed(self.database, self.fence, &[new.key])
            .await
            .unwrap();
        assert!(self.promote(Duration::ZERO).await);
        (key, old, new)
    }

    async fn states(&self) -> Vec<(i32, KeyStatus)> {
        let keys = keys::list(self.database, Some(self.tenant.id))
            .await
            .unwrap();
        keys.iter().map(|key| (key.version, key.status)).collect()
    }

    async fn promote(&self, overlap: Duration) -> bool {
        let (id, purpose) = (Some(self.tenant.id), KeyPurpose::Column);
        let promoted = keys::promote(self.database, self.fence, id, purpose, overlap).await;
        promoted.unwrap().is_some()
    }

    async fn retire(&self, holder: &KeyHolder) -> bool {
        keys::retire(self.database, self.fence, holder, Duration::ZERO)
            .await
            .unwrap()
    }

    /// A trunk whose password `key` sealed.
    async fn trunk(&self, key: &DataKey) -> TrunkId {
        let mut spec = trunk("sealed");
        let place = Place::cell(self.tenant.id, "trunks", "password_enc", spec.id.uuid());
        spec.auth = Some(trunks::TrunkAuth {
            username: "acme".to_owned(),
            sealed_password: key.seal(&place, b"open sesame").unwrap(),
            challenge_inbound: false,
        });
        trunks::project(self.database, self.fence, self.tenant.id, &spec)
            .await
            .unwrap()
    }
}

#[tokio::test]
async fn the_sealed_columns_are_those_of_the_catalogue() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let found = ask(
        &database,
        &format!(
            "SELECT string_agg(c.relname || '.' || a.attname, ' ' ORDER BY c.relname, a.attname)
               FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped
              WHERE c.relnamespace = '{}'::regnamespace AND c.relkind IN ('r', 'p')
                AND NOT c.relispartition AND a.attname LIKE '%\\_enc'",
            acme.schema()
        ),
    )
    .await;
    let mut known: Vec<String> = SEALED_COLUMNS
        .iter()
        .map(|column| format!("{}.{}", column.table, column.column))
        .collect();
    known.sort_unstable();
    assert_eq!(found, known.join(" "));
}

#[tokio::test]
async fn a_key_seals_only_after_all_readers_had_it_for_the_overlap() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let operator = Operator::new(&database, &acme);
    let (_, _, first) = operator.make(KeyPurpose::Column, true).await;
    let (_, _, again) = operator.make(KeyPurpose::Column, true).await;
    assert!(first && !again, "two processes make one first key");
    let (_, second, added) = operator.make(KeyPurpose::Column, false).await;
    let (_, _, third) = operator.make(KeyPurpose::Column, false).await;
    assert!(added && !third, "one successor at a time");
    // No time is enough before the Secret has it.
    assert!(!operator.promote(Duration::ZERO).await);
    keys::mark_distributed(operator.database, operator.fence, &[second.key])
        .await
        .unwrap();
    assert!(!operator.promote(Duration::from_secs(3600)).await);
    assert!(operator.promote(Duration::ZERO).await);
    assert_eq!(
        operator.states().await,
        [(1, KeyStatus::Retiring), (2, KeyStatus::Active)]
    );
    // Another purpose has a life of its own.
    let (_, _, archive) = operator.make(KeyPurpose::Archive, true).await;
    assert!(archive);
}

#[tokio::test]
async fn a_key_retires_when_no_row_is_sealed_with_it() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let operator = Operator::new(&database, &acme);
    let (old, old_holder, _) = operator.make(KeyPurpose::Column, true).await;
    let row = operator.trunk(&old).await;
    let (new, new_holder, _) = operator.make(KeyPurpose::Column, false).await;
    assert!(!operator.retire(&old_holder).await, "it seals");
    keys::mark_distributed(operator.database, operator.fence, &[new_holder.key])
        .await
        .unwrap();
    assert!(operator.promote(Duration::ZERO).await);
    keys::mark_sealing(operator.database, operator.fence, new_holder.key)
        .await
        .unwrap();
    assert!(!operator.retire(&old_holder).await, "a password needs it");

    let mut ring = KeyRing::new(new);
    ring.add(old);
    let column = *SEALED_COLUMNS
        .iter()
        .find(|column| column.table == "trunks")
        .unwrap();
    let (db, fence, id) = (operator.database, operator.fence, acme.id);
    let sealed = keys::sealed_with(db, fence, id, column, old_holder.key, Uuid::nil(), 10)
        .await
        .unwrap();
    assert_eq!(sealed.len(), 1);
    let place = Place::cell(id, "trunks", "password_enc", row.uuid());
    let anew: Vec<(SealedRow, Vec<u8>)> = sealed
        .into_iter()
        .map(|row| {
            let value = ring.reseal(&place, &row.sealed).unwrap().unwrap();
            (row, value)
        })
        .collect();
    assert_eq!(
        keys::replace(db, fence, id, column, &anew).await.unwrap(),
        1
    );
    let again = keys::replace(db, fence, id, column, &anew).await.unwrap();
    assert_eq!(again, 0, "a row that changed meanwhile keeps its own");
    let listed = trunks::list(&acme.database).await.unwrap();
    let auth = listed.iter().find_map(|trunk| trunk.auth.clone()).unwrap();
    let opened = ring.open(&place, &auth.sealed_password).unwrap();
    assert_eq!(opened.as_slice(), b"open sesame");
    assert!(operator.retire(&old_holder).await);
    assert_eq!(
        operator.states().await,
        [(1, KeyStatus::Retired), (2, KeyStatus::Active)]
    );
}

#[tokio::test]
async fn the_overlap_counts_from_the_secret_that_says_that_the_new_key_seals() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let operator = Operator::new(&database, &acme);
    let (_, old, new) = operator.rotated().await;
    let (db, fence) = (operator.database, operator.fence);
    // The Secret could not be written yet: nodes still seal with the old key.
    assert!(!operator.retire(&old).await);
    keys::mark_sealing(db, fence, new.key).await.unwrap();
    let hour = Duration::from_secs(3600);
    assert!(!keys::retire(db, fence, &old, hour).await.unwrap());
    assert!(operator.retire(&old).await);
}

#[tokio::test]
async fn a_retired_key_is_handed_out_again_for_values_that_came_late_and_no_other() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let operator = Operator::new(&database, &acme);
    let (old, old_holder, new) = operator.rotated().await;
    let (db, fence) = (operator.database, operator.fence);
    keys::mark_sealing(db, fence, new.key).await.unwrap();
    for key in [new.key, old_holder.key] {
        let refused = keys::recall(db, fence, key).await;
        assert!(matches!(refused, Err(Error::Invalid { .. })), "{refused:?}");
    }
    assert!(operator.retire(&old_holder).await);
    // What a spool brings now.
    operator.trunk(&old).await;
    keys::recall(db, fence, old_holder.key).await.unwrap();
    let handed = keys::list(db, Some(acme.id)).await.unwrap();
    assert!(handed.iter().all(|key| key.status.is_handed_out()));
    assert!(!operator.retire(&old_holder).await, "a password needs it");
    let nobody = KeyId::new(Uuid::now_v7());
    let missing = keys::recall(db, fence, nobody).await;
    assert!(
        matches!(missing, Err(Error::NotFound { .. })),
        "{missing:?}"
    );
}

#[tokio::test]
async fn rows_are_sealed_anew_without_reading_those_that_are_not_sealed() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let schema = acme.schema();
    let rows = format!(
        "SET search_path = {schema}, public;
         INSERT INTO conversations (id, channel) SELECT platform.uuid_v7(), 'chat' FROM generate_series(1, 20);
         INSERT INTO messages (conversation_id, seq, role, content)
         SELECT c.id, n, 'user', 'hello' FROM conversations c, generate_series(1, 500) AS n"
    );
    database.superuser(&rows).await.unwrap();
    let analyze = format!("ANALYZE {schema}.messages");
    database.superuser(&analyze).await.unwrap();
    let read = format!(
        "SELECT (sum(seq_tup_read) + sum(idx_tup_fetch))::bigint FROM pg_stat_user_tables
          WHERE relname = 'messages_default' AND schemaname = '{schema}'"
    );
    let read = async || -> i64 {
        ask(&database, &format!("SELECT ({read})::text"))
            .await
            .parse()
            .unwrap()
    };
    let before = read().await;
    // What a session read is told at its end.
    let url = database.server.operator_url(&database.name);
    let operator = OperatorDatabase::connect_lazy(&url, 1).unwrap();
    let key = DataKey::generate().unwrap().id();
    for column in SEALED_COLUMNS {
        let sealed = keys::sealed_with(
            &operator,
            &database.fence,
            acme.id,
            *column,
            key,
            Uuid::nil(),
            10,
        );
        assert_eq!(sealed.await.unwrap(), []);
    }
    operator.close().await;
    let scans = format!(
        "SELECT sum(s.idx_scan)::text FROM pg_stat_user_indexes s
           JOIN pg_inherits i ON i.inhrelid = s.indexrelid
          WHERE i.inhparent = '{schema}.messages_sealed'::regclass"
    );
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while ask(&database, &scans).await == "0" {
        assert!(
            std::time::Instant::now() < deadline,
            "the index was not used"
        );
        tokio::task::yield_now().await;
    }
    let rows = read().await - before;
    assert!(rows < 10_000, "{rows} rows of messages were read");
}

#[tokio::test]
async fn a_key_that_is_shredded_is_nowhere_any_more() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let operator = Operator::new(&database, &acme);
    let (key, holder, _) = operator.make(KeyPurpose::Column, true).await;
    operator.trunk(&key).await;
    let (db, fence) = (operator.database, operator.fence);
    let in_use = keys::shred(db, fence, holder.key, false).await.unwrap_err();
    assert!(in_use.to_string().contains("in use"), "{in_use}");
    let lost = keys::shred(db, fence, holder.key, true).await.unwrap();
    assert_eq!(lost.rows, [("trunks", "password_enc", 1)]);
    let stored = keys::list(db, Some(acme.id)).await.unwrap().remove(0);
    assert_eq!(stored.status, KeyStatus::Shredded);
    assert_eq!(stored.wrapped.octets, b"");
    operator
        .kek
        .unwrap(&holder, &stored.wrapped)
        .await
        .unwrap_err();
    let unknown = keys::shred(db, fence, KeyId::new(Uuid::nil()), true).await;
    assert!(matches!(unknown, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn a_key_that_the_law_or_a_hold_needs_is_not_shredded_by_force_either() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let operator = Operator::new(&database, &acme);
    let (_, archive, _) = operator.make(KeyPurpose::Archive, true).await;
    let manifest = |until: &str| {
        format!(
            "INSERT INTO platform.archive_manifests (tenant_id, tenant_slug, class, source_table,
                    row_count, object_url, sha256, encryption_key_id, retain_until)
             VALUES ('{}', 'acme', 'audit', 'audit_logs', 1, 'archive/1', sha256(''), '{}', {until})",
            acme.id, archive.key
        )
    };
    let (db, fence) = (operator.database, operator.fence);
    let shred = async || keys::shred(db, fence, archive.key, true).await;
    database
        .superuser(&manifest("now() + interval '1 day'"))
        .await
        .unwrap();
    let refused = shred().await.unwrap_err();
    assert!(refused.to_string().contains("1 archives"), "{refused}");
    database
        .superuser("UPDATE platform.archive_manifests SET retain_until = now() - interval '1 day'")
        .await
        .unwrap();
    let needs = shred().await.unwrap();
    assert_eq!((needs.archives, needs.archives_to_be_kept), (1, 0));
}

#[tokio::test]
async fn a_tenant_whose_key_was_destroyed_gets_another_while_an_older_one_still_opens() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let operator = Operator::new(&database, &acme);
    let (db, fence) = (operator.database, operator.fence);
    operator.make(KeyPurpose::Archive, true).await;
    let local = async || keys::any_wrapped_by(db, LocalKek::SCHEME).await.unwrap();
    assert!(
        !local().await,
        "archives have a key-encryption key of their own"
    );
    operator.make(KeyPurpose::Column, true).await;
    assert!(local().await);
    let (_, second, _) = operator.make(KeyPurpose::Column, false).await;
    keys::mark_distributed(db, fence, &[second.key])
        .await
        .unwrap();
    assert!(operator.promote(Duration::ZERO).await);
    keys::shred(db, fence, second.key, true).await.unwrap();
    let (_, _, added) = operator.make(KeyPurpose::Column, true).await;
    assert!(added);
    let mut states = operator.states().await;
    states.retain(|(version, _)| *version > 1);
    assert_eq!(states, [(2, KeyStatus::Shredded), (3, KeyStatus::Active)]);
}

#[tokio::test]
async fn every_word_of_a_held_call_keeps_its_key() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let (schema, call) = (acme.schema(), Uuid::now_v7());
    let talk = Uuid::now_v7();
    let ids: [Uuid; 8] = std::array::from_fn(|_| Uuid::now_v7());
    // An envelope names its key behind the version.
    let [
        variables,
        text,
        segments,
        context,
        content,
        intended,
        summary,
        captured,
    ] = ids.map(|key| format!("'\\x01{}00'", key.simple()));
    let rows = format!(
        "SET search_path = {schema}, public;
         INSERT INTO calls (id, call_sid, direction, variables_enc)
         VALUES ('{call}', 'held', 'inbound', {variables});
         INSERT INTO call_recordings (call_id, legal_hold) VALUES ('{call}', true);
         INSERT INTO transcriptions (call_id, text_enc, segments_enc)
         VALUES ('{call}', {text}, {segments});
         INSERT INTO call_analyses (call_id, summary_enc, captured_data_enc)
         VALUES ('{call}', {summary}, {captured});
         INSERT INTO conversations (id, call_id, context_enc) VALUES ('{talk}', '{call}', {context});
         INSERT INTO messages (conversation_id, seq, role, content_enc, intended_enc)
         VALUES ('{talk}', 1, 'user', {content}, {intended})"
    );
    database.superuser(&rows).await.unwrap();
    let forbidden = async || {
        let mut forbidden = 0;
        for key in ids {
            let holder = KeyHolder {
                tenant: Some(acme.id),
                purpose: KeyPurpose::Column,
                key: KeyId::new(key),
            };
            let needs = keys::needs(&database.operator, &holder).await.unwrap();
            assert_eq!(needs.rows.len(), 1);
            forbidden += usize::from(needs.forbid_shredding());
        }
        forbidden
    };
    assert_eq!(forbidden().await, ids.len());
    let lift = format!("UPDATE {schema}.call_recordings SET legal_hold = false");
    database.superuser(&lift).await.unwrap();
    assert_eq!(forbidden().await, 0);
}
