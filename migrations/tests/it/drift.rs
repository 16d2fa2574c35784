//! What was changed by hand is seen, named, and mended by what is told.

use std::path::Path;

use callplane_store::drift::{self, Model};
use callplane_store::test_util::{PostgresServer, TestDatabase, TestTenant};

use crate::support::database;

/// Compares a file with what the migrations make, or writes it with UPDATE=1.
fn hold(file: &str, model: &Model, known: &Model) {
    if std::env::var_os("UPDATE").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("catalogue");
        std::fs::write(path.join(file), model.to_string()).unwrap();
    } else if model != known {
        let (model, known) = (model.to_string(), known.to_string());
        let known: Vec<&str> = known.lines().collect();
        let new: Vec<&str> = model.lines().filter(|line| !known.contains(line)).collect();
        panic!(
            "catalogue/{file} is not what the migrations make; write it anew with UPDATE=1: {new:#?}"
        );
    }
}

#[tokio::test]
async fn the_model_is_what_the_migrations_make() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let operator = &database.operator;
    let tenant = drift::model_of_tenant(operator, acme.id).await.unwrap();
    hold("tenant.tsv", &tenant, &Model::tenant());
    let platform = drift::model_of_platform(operator).await.unwrap();
    hold("platform.tsv", &platform, &Model::platform());
}

async fn told(database: &TestDatabase<'_>, tenant: &TestTenant) -> Vec<String> {
    let found = drift::tenant(&database.operator, tenant.id).await.unwrap();
    found.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn what_was_changed_by_hand_is_named_and_mended_by_the_statement_that_is_told() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let beta = database.tenant("beta").await.unwrap();
    // A schema with an awkward name, which is also that of a table.
    let mut spec = database.tenant_spec("gamma");
    spec.schema = "calls".parse().unwrap();
    let gamma = database.tenant_of(spec).await.unwrap();
    for tenant in [&acme, &beta, &gamma] {
        assert_eq!(told(&database, tenant).await, Vec::<String>::new());
    }
    let foreign = beta.schema();
    let changes = [
        (
            "DROP INDEX campaign_recipients_due",
            "index campaign_recipients_due is missing",
        ),
        (
            "ALTER TABLE calls ADD COLUMN mine text",
            "column calls.mine is foreign: text",
        ),
        (
            "DROP POLICY tenant_wall ON contacts",
            "policy contacts.tenant_wall is missing",
        ),
        (
            "CREATE POLICY open ON cdrs USING (true)",
            "policy cdrs.open is foreign: FOR ALL TO PUBLIC USING (true)",
        ),
        (
            "ALTER POLICY tenant_wall ON flows USING (true)",
            "policy flows.tenant_wall differs: is ",
        ),
        (
            "ALTER TABLE agents NO FORCE ROW LEVEL SECURITY",
            "table agents differs: is ",
        ),
        (
            "GRANT SELECT ON contacts TO beta_media",
            "grant contacts TO beta_media is foreign: SELECT",
        ),
        (
            "GRANT SELECT (phone), UPDATE (phone) ON contacts TO PUBLIC",
            "grant contacts.phone TO PUBLIC is foreign: SELECT, UPDATE",
        ),
        (
            "GRANT SELECT ON calls_default TO acme_ro",
            "grant calls_default TO {{ro}} is foreign: SELECT",
        ),
        (
            "REVOKE INSERT ON calls FROM acme_media",
            "grant calls TO {{media}} differs: is SELECT, UPDATE, wanted INSERT, SELECT, UPDATE",
        ),
        (
            "GRANT acme_app TO beta_app_a",
            "member beta_app_a IN {{app}} is foreign",
        ),
        (
            "ALTER TABLE calls DISABLE TRIGGER update_calls_updated_at",
            "trigger calls.update_calls_updated_at differs: is ",
        ),
        (
            "ALTER TABLE agents DISABLE TRIGGER ALL",
            "trigger agents.ALL is foreign: DISABLED",
        ),
        (
            "ALTER TABLE contacts DROP CONSTRAINT contacts_pkey CASCADE",
            "constraint contacts.contacts_pkey is missing",
        ),
    ];
    for (change, expected) in changes {
        let own = acme.schema();
        let change = change
            .replace("acme_", &format!("{own}_"))
            .replace("beta_", &format!("{foreign}_"));
        let expected = expected.replace("beta_", &format!("{foreign}_"));
        run(&database, &acme, &change).await;
        let found = drift::tenant(&database.operator, acme.id).await.unwrap();
        let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert!(
            lines.iter().any(|line| line.starts_with(&expected)),
            "{change}: {lines:#?}"
        );
        // Indexes of a constraint come with it, so keys before what refers to them.
        let mut found = found;
        found.sort_by_key(|difference| {
            (
                difference.kind == "index",
                !difference.object.ends_with("_pkey"),
            )
        });
        for difference in found {
            let made_by_constraint =
                difference.kind == "index" && difference.object.ends_with("_pkey");
            if !made_by_constraint {
                run(&database, &acme, &difference.mend()).await;
            }
        }
        assert_eq!(
            told(&database, &acme).await,
            Vec::<String>::new(),
            "{change}"
        );
    }
    assert_eq!(told(&database, &beta).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_changed_type_a_function_and_a_word_are_seen_and_months_are_not() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    run(&database, &acme, "SELECT ensure_months('2031-01-01', 3)").await;
    assert_eq!(told(&database, &acme).await, Vec::<String>::new());
    run(
        &database,
        &acme,
        "ALTER TABLE calls ALTER COLUMN outcome TYPE varchar(7)",
    )
    .await;
    let column = drift::tenant(&database.operator, acme.id).await.unwrap();
    assert_eq!(column.len(), 1, "{column:?}");
    assert_eq!(column[0].object, "calls.outcome");
    assert!(
        column[0]
            .found
            .as_deref()
            .unwrap()
            .starts_with("character varying(7)")
    );

    let platform = || async { drift::platform(&database.operator).await.unwrap() };
    assert_eq!(platform().await, []);
    for (change, kind, object) in [
        (
            "CREATE OR REPLACE FUNCTION platform.round_up(seconds integer, step integer) RETURNS integer
             LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT 0'",
            "function",
            "round_up(seconds integer, step integer)",
        ),
        ("ALTER TYPE platform.call_status ADD VALUE 'mine'", "type", "call_status"),
        (
            "ALTER FUNCTION pg_catalog.enum_eq(anyenum, anyenum) NOT LEAKPROOF",
            "leakproof",
            "enum_eq(anyenum,anyenum)",
        ),
    ] {
        database.superuser(change).await.unwrap();
        let found = platform().await;
        assert!(
            found.iter().any(|one| (one.kind.as_str(), one.object.as_str()) == (kind, object)),
            "{change}: {found:#?}"
        );
    }
}

async fn run(database: &TestDatabase<'_>, tenant: &TestTenant, sql: &str) {
    let path = format!("SET search_path = {}, public;", tenant.schema());
    database.superuser(&(path + sql)).await.unwrap();
}

#[tokio::test]
async fn what_bootstrap_made_for_the_server_is_missed_and_mended_by_the_statement_that_is_told() {
    // Roles are the server's: a server of its own.
    let server = PostgresServer::start().unwrap();
    let database = TestDatabase::create(&server).await.unwrap();
    let told = async || {
        let found = drift::platform(&database.operator).await.unwrap();
        let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
        (found, lines)
    };
    assert_eq!(told().await.1, Vec::<String>::new());
    let changes = [
        (
            "REVOKE callplane_tenant_people FROM callplane_operator",
            "bootstrap GRANT callplane_tenant_people TO callplane_operator WITH ADMIN OPTION is missing",
        ),
        (
            "REVOKE ADMIN OPTION FOR callplane_tenant FROM callplane_operator",
            "bootstrap GRANT callplane_tenant TO callplane_operator WITH ADMIN OPTION is missing",
        ),
        (
            "REVOKE pg_signal_backend FROM callplane_operator",
            "bootstrap GRANT pg_signal_backend TO callplane_operator is missing",
        ),
        (
            "REVOKE SET ON PARAMETER app.tenant_id FROM callplane_operator",
            "bootstrap GRANT SET ON PARAMETER app.tenant_id TO callplane_operator is missing",
        ),
        (
            "REVOKE CONNECT ON DATABASE {{database}} FROM callplane_api",
            "bootstrap GRANT CONNECT ON DATABASE {{database}} TO callplane_api is missing",
        ),
        (
            "REVOKE USAGE ON SCHEMA public FROM callplane_tenant",
            "bootstrap GRANT USAGE ON SCHEMA public TO callplane_tenant is missing",
        ),
        (
            "ALTER FUNCTION pg_catalog.enum_eq(anyenum, anyenum) NOT LEAKPROOF",
            "leakproof enum_eq(anyenum,anyenum) differs: is false, wanted true",
        ),
        (
            "GRANT CONNECT ON DATABASE {{database}} TO PUBLIC",
            "bootstrap REVOKE ALL ON DATABASE {{database}} FROM PUBLIC is missing",
        ),
        (
            "GRANT CREATE ON SCHEMA public TO PUBLIC",
            "bootstrap REVOKE ALL ON SCHEMA public FROM PUBLIC is missing",
        ),
        (
            "GRANT pg_signal_backend TO callplane_operator WITH ADMIN OPTION",
            "bootstrap GRANT pg_signal_backend TO callplane_operator WITH ADMIN OPTION is foreign",
        ),
        (
            "ALTER ROLE callplane_tenant LOGIN",
            "group callplane_tenant differs: is LOGIN, wanted NOLOGIN",
        ),
        (
            "CREATE SCHEMA elsewhere; ALTER EXTENSION pg_trgm SET SCHEMA elsewhere",
            "extension pg_trgm differs: is SCHEMA elsewhere, wanted SCHEMA public",
        ),
    ];
    for (change, expected) in changes {
        let change = change.replace("{{database}}", &database.name);
        database.superuser(&change).await.unwrap();
        let (found, lines) = told().await;
        assert!(
            lines.iter().any(|line| line.starts_with(expected)),
            "{change}: {lines:#?}"
        );
        for difference in found {
            // What an extension has goes with it.
            if difference.kind == "leakproof" && difference.wanted.is_none() {
                continue;
            }
            let mend = difference.mend().replace(":\"DBNAME\"", &database.name);
            database.superuser(&mend).await.unwrap();
        }
        assert_eq!(told().await.1, Vec::<String>::new(), "{change}");
    }
    // Who drops a group takes what it was granted along, of which the role is the first to come back.
    database
        .superuser("DROP OWNED BY callplane_api; DROP ROLE callplane_api")
        .await
        .unwrap();
    let (found, _) = told().await;
    let role = found.iter().find(|found| found.kind == "group");
    let mend = role.unwrap().mend();
    assert_eq!(mend, "CREATE ROLE callplane_api NOLOGIN; -- as superuser");
    database.superuser(&mend).await.unwrap();
    let (found, _) = told().await;
    assert!(!found.is_empty());
    for difference in found {
        let mend = difference.mend().replace(":\"DBNAME\"", &database.name);
        let mend = format!("SET search_path = platform; {mend}");
        database.superuser(&mend).await.unwrap();
    }
    assert_eq!(told().await.1, Vec::<String>::new());
}
