//! An operator of a later version rolls the schemas of its tenants forward.

use callplane_store::migrate;
use serde_json::json;

use crate::world::{World, find};

/// Makes the schemas as the version before left them: without the last file.
const BEFORE: &str = "
    DO $$ DECLARE t record; BEGIN
      FOR t IN SELECT schema_name FROM platform.tenants LOOP
        EXECUTE format('DROP INDEX %I.transcriptions_text_trigrams', t.schema_name);
      END LOOP;
    END $$;
    DELETE FROM platform.schema_migrations WHERE name = '0019_search.sql'";

#[tokio::test]
async fn one_tenant_that_cannot_be_rolled_forward_stops_no_other_and_none_of_its_own_calls() {
    let world = World::new().await;
    let names = ["first", "second", "third"];
    let former = world.start();
    for name in names {
        let spec = json!({ "namespaces": [format!("rollout-{name}")] });
        world.put_tenant(&format!("rollout-{name}"), spec);
    }
    for name in names {
        world.ready(&format!("rollout-{name}")).await;
    }
    drop(former);
    world.database.superuser(BEFORE).await.unwrap();
    let hide = "ALTER TABLE callplane_rollout_second.transcriptions RENAME TO hidden";
    world.database.superuser(hide).await.unwrap();

    let _later = world.start();
    let version = migrate::TENANT.len();
    for name in ["first", "third"] {
        let name = format!("rollout-{name}");
        let told = format!("is at version {version}.");
        world
            .until_schema_says(&name, "SchemaMigrated", &told)
            .await;
        let schema = world.tenant(&name).status.unwrap().schema.unwrap();
        assert_eq!((schema.pending, schema.last_error), (0, None));
    }
    let failing = "rollout-second";
    world
        .until_schema_says(failing, "MigrationFailed", "0019_search.sql failed")
        .await;
    let status = world.tenant(failing).status.unwrap();
    let schema = status.schema.unwrap();
    assert_eq!(schema.pending, 1);
    assert_eq!(schema.version as usize, version - 1);
    assert!(schema.last_error.unwrap().contains("0019_search.sql"));
    let credentials = find(&status.conditions, "CredentialsReady").unwrap();
    assert_eq!(credentials.status, "True");
    assert!(world.logs_in(&world.login(failing)).await);
    world
        .condition(failing, "Ready", "False", "MigrationFailed")
        .await;

    let mend = "ALTER TABLE callplane_rollout_second.hidden RENAME TO transcriptions";
    world.database.superuser(mend).await.unwrap();
    world
        .until_schema_says(failing, "SchemaMigrated", "is at version")
        .await;
}

#[tokio::test]
async fn views_that_a_failed_roll_forward_cost_are_told_and_come_back() {
    let world = World::new().await;
    let former = world.start();
    let name = "rollout-views";
    let spec = json!({ "namespaces": [name], "compatibility": ["irisx"] });
    world.put_tenant(name, spec);
    world.ready(name).await;
    drop(former);
    world.database.superuser(BEFORE).await.unwrap();
    // As a file did that dropped them before a later one failed.
    let schema = "callplane_rollout_views";
    world
        .database
        .superuser(&format!(
            "CREATE TABLE {schema}.transcriptions_text_trigrams ();
             DROP VIEW {schema}__irisx.calls CASCADE; COMMENT ON SCHEMA {schema}__irisx IS NULL"
        ))
        .await
        .unwrap();
    let _later = world.start();
    world
        .until_schema_says(name, "MigrationFailed", "0019_search.sql failed")
        .await;
    world
        .condition(name, "CompatibilityReady", "True", "ViewsCreated")
        .await;
    let there = format!(
        "DO $$ BEGIN IF to_regclass('{schema}__irisx.calls') IS NULL
         THEN RAISE 'the view is missing'; END IF; END $$"
    );
    world.database.superuser(&there).await.unwrap();
}
