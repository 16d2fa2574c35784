use callplane_store::agents::AgentSpec;
use callplane_store::campaigns::CampaignSpec;
use callplane_store::compatibility::Platform;
use callplane_store::{ObjectRef, agents, campaigns, flows, numbers, trunks};
use callplane_types::TrunkId;
use sqlx::{AssertSqlSafe, Row as _};
use uuid::Uuid;

use super::{Move, organization};
use crate::support::{self, ask, database, object};

#[tokio::test]
async fn an_object_takes_over_the_row_that_was_imported_under_its_name() {
    let database = database().await;
    let mut moved = Move::of(
        &database,
        Platform::Organization,
        organization::LAYOUT,
        organization::ROWS,
        50,
    )
    .await;
    moved.source_tenant = "acme".to_owned();
    moved.import().await;
    let (operator, fence, tenant) = (&database.operator, &database.fence, moved.tenant.id);
    let schema = moved.tenant.schema();
    // What the import called them.
    let named = |table: &str| {
        format!(
            "SELECT k8s_name FROM {schema}.{table} WHERE k8s_name LIKE '%1%' ORDER BY id LIMIT 1"
        )
    };
    let row = |table: &str| {
        format!("SELECT id FROM {schema}.{table} WHERE k8s_name LIKE '%1%' ORDER BY id LIMIT 1")
    };
    let rows = format!(
        "SELECT concat_ws(' ', (SELECT count(*) FROM {schema}.agents), (SELECT count(*) FROM {schema}.flows),
                (SELECT count(*) FROM {schema}.campaigns), (SELECT count(*) FROM {schema}.phone_numbers))"
    );
    let before = ask(&database, &rows).await;
    let calls = format!(
        "SELECT count(*) FROM {schema}.calls c JOIN {schema}.agents a ON a.id = c.agent_id WHERE a.k8s_uid IS NOT NULL"
    );

    let flow = ask(&database, &named("flows")).await;
    let id = ask(&database, &row("flows")).await;
    let spec = support::flow(&flow);
    let version = flows::project(operator, fence, tenant, &spec)
        .await
        .unwrap();
    assert_eq!(version.flow_id.to_string(), id);
    // The imported graph is version 1 and stays.
    assert_eq!(version.version, 2);

    let agent = ask(&database, &named("agents")).await;
    let id = ask(&database, &row("agents")).await;
    let spec = AgentSpec {
        flows: vec![flow],
        ..support::agent(&agent)
    };
    let version = agents::project(operator, fence, tenant, &spec)
        .await
        .unwrap();
    assert_eq!(version.agent_id.to_string(), id);
    assert_ne!(ask(&database, &calls).await, "0");

    let number = numbers::project(
        operator,
        fence,
        tenant,
        &support::number("main", "+17770000001"),
    )
    .await
    .unwrap();
    let e164 = format!("SELECT e164 FROM {schema}.phone_numbers WHERE id = '{number}'");
    assert_eq!(ask(&database, &e164).await, "+17770000001");

    let name = ask(&database, &named("campaigns")).await;
    let id = ask(&database, &row("campaigns")).await;
    let spec = CampaignSpec {
        agent: agent.clone(),
        ..support::campaign(&name)
    };
    let campaign = campaigns::project(operator, fence, tenant, &spec)
        .await
        .unwrap();
    assert_eq!(campaign.to_string(), id);
    assert_eq!(ask(&database, &rows).await, before);

    // It is taken: another object of that name gets a row of its own, or is refused as ever.
    let other = AgentSpec {
        object: ObjectRef {
            namespace: Some("elsewhere".to_owned()),
            ..object(&agent)
        },
        ..support::agent(&agent)
    };
    let other = agents::project(operator, fence, tenant, &other)
        .await
        .unwrap();
    assert_ne!(other.agent_id, version.agent_id);
    let twin = support::number("twin", "+17770000001");
    assert!(
        numbers::project(operator, fence, tenant, &twin)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_trunk_takes_over_the_row_that_was_imported_under_its_name_and_seals_for_it() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let (operator, fence) = (&database.operator, &database.fence);
    // As an import leaves it.
    let insert = format!(
        "INSERT INTO {}.trunks (tenant_id, k8s_name, name, protocol)
         VALUES ('{}', 'carrier', 'Carrier', 'sip') RETURNING id",
        acme.schema(),
        acme.id
    );
    let row = sqlx::query(AssertSqlSafe(insert))
        .fetch_one(&mut support::superuser(&database).await)
        .await
        .unwrap();
    let id: Uuid = row.get(0);
    let spec = support::trunk("carrier");
    let found = trunks::identify(operator, fence, acme.id, &spec.object)
        .await
        .unwrap();
    assert_eq!(found, TrunkId::new(id));
    let spec = trunks::TrunkSpec { id: found, ..spec };
    for _ in 0..2 {
        let written = trunks::project(operator, fence, acme.id, &spec)
            .await
            .unwrap();
        assert_eq!(written, found);
    }
    let found = trunks::identify(operator, fence, acme.id, &spec.object)
        .await
        .unwrap();
    assert_eq!(found, TrunkId::new(id));
}
