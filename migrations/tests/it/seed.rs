//! Data to begin with.

use callplane_store::import::Seal;
use callplane_store::test_util::TestDatabase;
use callplane_store::{Error, seed};
use uuid::Uuid;

use crate::support::{ask, database};

struct Open;

impl Seal for Open {
    fn seal(&self, _: &str, _: &str, _: Uuid, text: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(text.to_vec())
    }
}

async fn number(database: &TestDatabase<'_>, sql: &str) -> i64 {
    ask(database, sql).await.parse().unwrap()
}

#[tokio::test]
async fn the_catalogue_is_written_once_and_copied_into_every_tenant() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    assert!(seed::catalogue(&database.operator).await.unwrap() > 0);
    let schema = acme.schema();
    for (copies, all) in [
        ("voices", "platform.voices"),
        ("carriers", "platform.carriers"),
    ] {
        let copies = number(
            &database,
            &format!("SELECT count(*) FROM {schema}.{copies}"),
        )
        .await;
        assert!(copies > 3);
        assert_eq!(
            copies,
            number(&database, &format!("SELECT count(*) FROM {all}")).await
        );
    }
    // What somebody changed is not changed back.
    database
        .superuser("UPDATE platform.voices SET status = 'error' WHERE provider_voice_id = 'kal'")
        .await
        .unwrap();
    assert_eq!(seed::catalogue(&database.operator).await.unwrap(), 0);
    let status = "SELECT status FROM platform.voices WHERE provider_voice_id = 'kal'";
    assert_eq!(ask(&database, status).await, "error");
    // A tenant that came later gets its copies.
    database.tenant("beta").await.unwrap();
    assert!(seed::catalogue(&database.operator).await.unwrap() > 0);
    for count in ["plans", "roles", "retention_policies"] {
        assert!(number(&database, &format!("SELECT count(*) FROM platform.{count}")).await > 5);
    }
}

#[tokio::test]
async fn demo_data_is_one_of_everything_and_written_once() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let name = &acme.spec.name;
    seed::mark(&database.operator, name).await.unwrap();
    let first = seed::demo(&database.operator, name, Some(&Open))
        .await
        .unwrap();
    assert!(first > 25, "{first}");
    let schema = acme.schema();
    for table in [
        "members",
        "carriers",
        "trunks",
        "phone_numbers",
        "caller_id_pools",
        "caller_id_pool_numbers",
        "publishers",
        "buyers",
        "buyer_endpoints",
        "queues",
        "flows",
        "flow_nodes",
        "flow_edges",
        "campaigns",
        "billing_accounts",
        "rate_cards",
        "dnc_lists",
        "webhooks",
    ] {
        assert!(
            number(&database, &format!("SELECT count(*) FROM {schema}.{table}")).await > 0,
            "{table}"
        );
    }
    let roles = format!(
        "SELECT string_agg(r.key, ' ' ORDER BY r.key) FROM platform.user_roles u
           JOIN platform.roles r ON r.id = u.role_id WHERE u.tenant_id = '{}'",
        acme.id
    );
    assert_eq!(ask(&database, &roles).await, "admin buyer publisher");
    // The way of a call: a menu, a queue, one buyer, and the other one.
    let way = format!(
        "WITH RECURSIVE way AS (
           SELECT id, type, 1 AS step FROM {schema}.flow_nodes n
            WHERE NOT EXISTS (SELECT FROM {schema}.flow_edges e WHERE e.target_node_id = n.id)
           UNION ALL
           SELECT n.id, n.type, way.step + 1 FROM way JOIN {schema}.flow_edges e ON e.source_node_id = way.id
             JOIN {schema}.flow_nodes n ON n.id = e.target_node_id)
         SELECT string_agg(type, ' ' ORDER BY step) FROM way"
    );
    assert_eq!(
        ask(&database, &way).await,
        "ivr queue buyer_forward buyer_forward"
    );
    assert_eq!(
        seed::demo(&database.operator, name, Some(&Open))
            .await
            .unwrap(),
        0
    );
    // Two demo tenants live beside each other.
    let beta = database.tenant("beta").await.unwrap();
    seed::mark(&database.operator, &beta.spec.name)
        .await
        .unwrap();
    assert!(
        seed::demo(&database.operator, &beta.spec.name, None)
            .await
            .unwrap()
            > 20
    );
}

#[tokio::test]
async fn only_a_marked_tenant_gets_demo_data_and_only_an_empty_one_is_marked() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let name = &acme.spec.name;
    let refused = seed::demo(&database.operator, name, None)
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("not marked"), "{refused}");
    assert!(seed::load(&database.operator, name, 10, 1).await.is_err());
    let schema = acme.schema();
    database
        .superuser(&format!(
            "INSERT INTO {schema}.contacts (tenant_id, phone) VALUES ('{}', '+12025550100')",
            acme.id
        ))
        .await
        .unwrap();
    let refused = seed::mark(&database.operator, name).await.unwrap_err();
    assert!(refused.to_string().contains("another tenant"), "{refused}");
    assert!(seed::demo(&database.operator, name, None).await.is_err());
    assert_eq!(
        number(
            &database,
            &format!("SELECT count(*) FROM {schema}.publishers")
        )
        .await,
        0
    );
}

#[tokio::test]
async fn load_is_the_same_for_the_same_seed() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let name = &acme.spec.name;
    seed::mark(&database.operator, name).await.unwrap();
    assert_eq!(
        seed::load(&database.operator, name, 300, 7).await.unwrap(),
        300
    );
    assert_eq!(
        seed::load(&database.operator, name, 300, 7).await.unwrap(),
        0
    );
    // A larger load adds the difference, another seed other calls.
    assert_eq!(
        seed::load(&database.operator, name, 350, 7).await.unwrap(),
        50
    );
    assert_eq!(
        seed::load(&database.operator, name, 10, 8).await.unwrap(),
        10
    );
    let sane = format!(
        "SELECT bool_and(ended_at > initiated_at AND cost_micros >= 0) FROM {}.calls",
        acme.schema()
    );
    assert_eq!(ask(&database, &sane).await, "true");
}
