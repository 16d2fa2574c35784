//! A tenant reads and writes nothing but its own, whatever is granted or set by mistake.

use callplane_store::{OperatorDatabase, trunks};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};

use crate::support::{ask, count, database, equipped, login, refused, superuser, trunk};

#[tokio::test]
async fn a_tenant_cannot_enter_the_schema_of_another() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let beta = equipped(&database, "beta", "+15550000002").await;
    let mut connection = login(&acme.credentials).await.unwrap();
    assert_eq!(
        count(&mut connection, "SELECT count(*) FROM agents").await,
        1
    );
    let theirs = format!("SELECT count(*) FROM {}.agents", beta.schema());
    assert_eq!(refused(&mut connection, &theirs).await, "42501");
    let role = format!("SET ROLE {}_media", beta.schema());
    assert_eq!(refused(&mut connection, &role).await, "42501");
    let role = format!("SET ROLE {}_owner", acme.schema());
    assert_eq!(refused(&mut connection, &role).await, "42501");
}

#[tokio::test]
async fn a_mistaken_grant_shows_no_row_and_takes_no_row() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let beta = equipped(&database, "beta", "+15550000002").await;
    let (a, b) = (acme.schema(), beta.schema());
    database
        .superuser(&format!(
            "GRANT USAGE ON SCHEMA {b} TO {a}_media;
             GRANT ALL ON ALL TABLES IN SCHEMA {b} TO {a}_media, PUBLIC"
        ))
        .await
        .unwrap();
    let mut connection = login(&acme.credentials).await.unwrap();
    let tables: Vec<String> = sqlx::query(
        "SELECT relname FROM pg_class WHERE relnamespace = $1::text::regnamespace
            AND relkind IN ('r', 'p') AND NOT relispartition",
    )
    .bind(b.as_str())
    .fetch_all(&mut connection)
    .await
    .unwrap()
    .iter()
    .map(|row| row.get(0))
    .collect();
    assert!(tables.len() > 25);
    for table in tables {
        let theirs = format!("SELECT count(*) FROM {b}.{table}");
        assert_eq!(count(&mut connection, &theirs).await, 0, "{table}");
    }
    // Claiming to be the other does not help: role and setting must agree.
    for setting in [beta.id.to_string(), String::new()] {
        let set = format!("SET app.tenant_id = '{setting}'");
        sqlx::raw_sql(AssertSqlSafe(set))
            .execute(&mut connection)
            .await
            .unwrap();
        let theirs = format!("SELECT count(*) FROM {b}.agents");
        assert_eq!(count(&mut connection, &theirs).await, 0);
        let insert = format!("INSERT INTO {b}.dnc_lists (name) VALUES ('x')");
        assert_eq!(refused(&mut connection, &insert).await, "42501");
    }
}

#[tokio::test]
async fn a_session_of_the_wrong_tenant_sees_nothing_of_its_own_either() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let beta = database.tenant("beta").await.unwrap();
    let mut connection = login(&acme.credentials).await.unwrap();
    for setting in [beta.id.to_string(), String::new()] {
        let set = format!("SET app.tenant_id = '{setting}'");
        sqlx::raw_sql(AssertSqlSafe(set))
            .execute(&mut connection)
            .await
            .unwrap();
        for table in [
            "tenant",
            "agents",
            "platform.tenants",
            "platform.usage_quotas",
        ] {
            let own = format!("SELECT count(*) FROM {table}");
            let own = own.replace(
                "count(*) FROM platform.tenants",
                "count(id) FROM platform.tenants",
            );
            assert_eq!(count(&mut connection, &own).await, 0, "{table}");
        }
    }
    let reset = sqlx::raw_sql("RESET app.tenant_id").execute(&mut connection);
    reset.await.unwrap();
    assert_eq!(
        count(&mut connection, "SELECT count(*) FROM agents").await,
        1
    );
}

#[tokio::test]
async fn of_the_platform_a_tenant_sees_only_its_own_rows() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    equipped(&database, "beta", "+15550000002").await;
    let mut connection = login(&acme.credentials).await.unwrap();
    assert_eq!(
        count(&mut connection, "SELECT count(id) FROM platform.tenants").await,
        1
    );
    let foreign = format!(
        "SELECT count(*) FROM platform.usage_quotas WHERE tenant_id <> '{}'",
        acme.id
    );
    assert_eq!(count(&mut connection, &foreign).await, 0);
    for hidden in [
        "SELECT * FROM platform.tenants",
        "SELECT billing_email FROM platform.tenants",
        "SELECT * FROM platform.tenant_roles",
        "SELECT * FROM platform.phone_numbers",
        "SELECT * FROM platform.quota_holds",
        "SELECT * FROM platform.operator_epochs",
        "SELECT * FROM platform.schema_migrations",
        "UPDATE platform.usage_quotas SET limit_value = NULL",
        "SELECT platform.quota_recount(NULL)",
        "CREATE TABLE public.x ()",
        "CREATE TABLE x ()",
        "CREATE TEMPORARY TABLE x ()",
    ] {
        assert_eq!(refused(&mut connection, hidden).await, "42501", "{hidden}");
    }
}

#[tokio::test]
async fn who_is_no_tenant_cannot_ask_which_tenant_a_role_is_of() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let question = format!("SELECT platform.tenant_of_role('{}_media')", acme.schema());
    let mut connection = superuser(&database).await;
    // Even one that was let into the schema by mistake.
    let outsider = format!("outsider_of_{}", database.name);
    let become_outsider = format!(
        "CREATE ROLE {outsider}; GRANT USAGE ON SCHEMA platform TO {outsider}; SET ROLE {outsider}"
    );
    sqlx::raw_sql(AssertSqlSafe(become_outsider))
        .execute(&mut connection)
        .await
        .unwrap();
    assert_eq!(refused(&mut connection, &question).await, "42501");
    // A function that PUBLIC may call would let anybody do what its owner may.
    let open = ask(
        &database,
        "SELECT string_agg(oid::regprocedure::text, ', ') FROM pg_proc
          WHERE pronamespace = 'platform'::regnamespace AND prosecdef
            AND has_function_privilege('public', oid, 'EXECUTE')",
    )
    .await;
    assert_eq!(open, "");
}

#[tokio::test]
async fn a_media_node_writes_no_configuration_and_no_history() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let mut connection = login(&acme.credentials).await.unwrap();
    for forbidden in [
        "UPDATE agents SET prompt = 'x'",
        "UPDATE phone_numbers SET inbound_enabled = false",
        "UPDATE campaigns SET desired_state = 'run'",
        "DELETE FROM agent_versions",
        "UPDATE cdrs SET cost_micros = 0",
        "DELETE FROM call_events",
        "UPDATE messages SET content = ''",
        "DELETE FROM calls",
        "DELETE FROM dnc_list_entries",
    ] {
        assert_eq!(
            refused(&mut connection, forbidden).await,
            "42501",
            "{forbidden}"
        );
    }
}

#[tokio::test]
async fn history_does_not_change_for_the_operator_either() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let mut connection = PgConnection::connect(&database.server.operator_url(&database.name))
        .await
        .unwrap();
    let schema = acme.schema();
    let change = format!("UPDATE {schema}.agent_versions SET program = '{{}}'");
    assert_eq!(refused(&mut connection, &change).await, "42501");
    // And without its own policy a table shows the operator nothing: it has no BYPASSRLS.
    let beta = database.tenant("beta").await.unwrap();
    database
        .superuser(&format!(
            "DROP POLICY owner_wall ON {}.tenant",
            beta.schema()
        ))
        .await
        .unwrap();
    let rows = format!("SELECT count(*) FROM {}.tenant", beta.schema());
    assert_eq!(count(&mut connection, &rows).await, 0);
}

#[tokio::test]
async fn over_one_connection_the_operator_reaches_the_tenant_it_names() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let beta = equipped(&database, "beta", "+15550000002").await;
    // One connection, and so one cache of prepared statements for both schemas.
    let operator =
        OperatorDatabase::connect_lazy(&database.server.operator_url(&database.name), 1).unwrap();
    for round in 0..3 {
        for (tenant, name) in [(&acme, "of-acme"), (&beta, "of-beta")] {
            let spec = trunk(&format!("{name}-{round}"));
            trunks::project(&operator, &database.fence, tenant.id, &spec)
                .await
                .unwrap();
        }
    }
    for (tenant, name) in [(&acme, "of-acme"), (&beta, "of-beta")] {
        let names: Vec<String> = trunks::list(&tenant.database)
            .await
            .unwrap()
            .into_iter()
            .map(|trunk| trunk.name)
            .collect();
        let expected = [0, 1, 2].map(|round| format!("{name}-{round}"));
        assert_eq!(names[0], "carrier");
        assert_eq!(names[1..], expected);
    }
}
