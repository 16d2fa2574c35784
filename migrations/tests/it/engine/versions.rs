//! Expand, then contract: code and schema a release apart work with each other.

use callplane_store::migrate::{self, RELEASED};
use callplane_store::test_util::{PostgresServer, TestDatabase};
use callplane_store::{Error, calls, tenants, trunks};

use super::{next, scenario};
use crate::records::record;
use crate::support::{database, equipped};

/// What an expansion may do, to every table and every enum: columns that code of now does not know,
/// with and without a default, and words before those that it knows.
const PLATFORM: &str = "
DO $$ DECLARE t regclass; e regtype; BEGIN
  FOR t IN SELECT oid FROM pg_class WHERE relnamespace = 'platform'::regnamespace
              AND relkind IN ('r', 'p') AND NOT relispartition LOOP
    EXECUTE format('ALTER TABLE %s ADD COLUMN next_text text, ADD COLUMN next_count integer NOT NULL DEFAULT 0', t);
  END LOOP;
  FOR e IN SELECT oid FROM pg_type WHERE typnamespace = 'platform'::regnamespace AND typtype = 'e' LOOP
    EXECUTE format('ALTER TYPE %s ADD VALUE ''next_word'' BEFORE %L', e,
                   (SELECT enumlabel FROM pg_enum WHERE enumtypid = e ORDER BY enumsortorder LIMIT 1));
  END LOOP;
END $$;
CREATE TABLE platform.next_things (id uuid PRIMARY KEY);";

const TENANT: &str = "
DO $$ DECLARE t regclass; BEGIN
  FOR t IN SELECT oid FROM pg_class WHERE relnamespace = '{{schema}}'::regnamespace
              AND relkind IN ('r', 'p') AND NOT relispartition LOOP
    EXECUTE format('ALTER TABLE %s ADD COLUMN next_text text, ADD COLUMN next_count integer NOT NULL DEFAULT 0', t);
  END LOOP;
END $$;
CREATE TABLE next_things (id uuid PRIMARY KEY, call_id uuid REFERENCES calls (id));";

#[tokio::test]
async fn the_code_of_now_works_on_the_schema_of_the_next_version() {
    let database = database().await;
    database.migrate_platform_on(&next(PLATFORM)).await.unwrap();
    let acme = database.tenant("acme").await.unwrap();
    database.migrate_on(&acme, &next(TENANT)).await.unwrap();
    scenario::run(&database, &acme).await;
    // An operator of now, after one of the next version was here, applies and complains of nothing.
    let again = migrate::tenant(&database.operator, &database.fence, acme.id);
    assert_eq!(again.await.unwrap().applied, Vec::<&str>::new());
    let state = migrate::state(&database.operator, acme.id).await.unwrap();
    assert!(state.is_current(), "{state:?}");
    assert_eq!(state.version as usize, migrate::TENANT.len() + 1);
}

#[tokio::test]
async fn the_code_of_now_works_on_the_schema_of_the_last_release() {
    let server = PostgresServer::shared().unwrap();
    let database = TestDatabase::of_release(server).await.unwrap();
    let acme = database.tenant_of_release("acme").await.unwrap();
    let state = migrate::state(&database.operator, acme.id).await.unwrap();
    assert_eq!(state.version as usize, RELEASED.tenant);
    assert!(
        !state.pending.is_empty(),
        "the release is the version of now"
    );
    scenario::run(&database, &acme).await;
    // And with all that was written on it, it becomes the schema of now.
    let migrated = migrate::tenant(&database.operator, &database.fence, acme.id);
    assert_eq!(migrated.await.unwrap().applied, state.pending);
}

#[tokio::test]
async fn a_word_of_a_later_version_hides_its_own_row_and_no_other() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let beta = database.tenant("beta").await.unwrap();
    let known = record(&acme).await;
    for record in [&known, &record(&acme).await] {
        callplane_store::records::finish(&acme.database, record)
            .await
            .unwrap();
    }
    database.migrate_platform_on(&next(PLATFORM)).await.unwrap();
    let schema = acme.schema();
    database
        .superuser(&format!(
            "UPDATE platform.tenants SET status = 'next_word' WHERE id = '{beta}';
             SET session_replication_role = replica;
             UPDATE {schema}.calls SET status = 'next_word' WHERE id <> '{known}';
             UPDATE {schema}.trunks SET direction = 'next_word';",
            beta = beta.id,
            known = known.call.id,
        ))
        .await
        .unwrap();
    let listed = calls::list(&acme.database, None, 10).await.unwrap();
    let listed: Vec<_> = listed.iter().map(|call| call.id).collect();
    assert_eq!(listed, [known.call.id]);
    assert_eq!(trunks::list(&acme.database).await.unwrap(), []);
    assert_eq!(tenants::list(&database.operator).await.unwrap().len(), 1);
    let error = tenants::find(&database.operator, &beta.spec.name)
        .await
        .unwrap_err();
    assert!(
        matches!(&error, Error::UnknownWord { word, .. } if word == "next_word"),
        "{error}"
    );
}
