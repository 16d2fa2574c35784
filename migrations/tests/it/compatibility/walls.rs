//! Who sees what through the views, and that nobody writes through them.

use callplane_store::roles::Purpose;
use sqlx::Row as _;

use super::{connect, fill, tenant_with_views, views};
use crate::support::{count, database, refused, superuser};

/// What belongs to no tenant and every tenant sees.
const COMMON: [&str; 2] = ["__dukat.plans", "__dukat.feature_flags"];

#[tokio::test]
async fn every_view_shows_what_is_there_to_people_and_reports() {
    let database = database().await;
    let acme = tenant_with_views(&database, "acme").await;
    fill(&database, &acme).await;
    let views = views(&mut superuser(&database).await, &acme).await;
    for purpose in [Purpose::App, Purpose::Ro] {
        let mut connection = connect(&database, &acme, purpose).await;
        for view in &views {
            let rows = count(&mut connection, &format!("SELECT count(*) FROM {view}")).await;
            assert!(rows > 0, "{view} shows nothing to {purpose}");
        }
    }
}

#[tokio::test]
async fn no_view_is_written_through() {
    let database = database().await;
    let acme = tenant_with_views(&database, "acme").await;
    fill(&database, &acme).await;
    let views = views(&mut superuser(&database).await, &acme).await;
    let mut connection = connect(&database, &acme, Purpose::App).await;
    for view in &views {
        for statement in ["DELETE FROM {}", "INSERT INTO {} DEFAULT VALUES"] {
            let statement = statement.replace("{}", view);
            // No privilege, or no view that PostgreSQL could write through.
            let state = refused(&mut connection, &statement).await;
            assert!(
                ["42501", "55000"].contains(&state.as_str()),
                "{view}: {state}"
            );
        }
    }
}

/// What nobody but the owner of a view may do with it or with a column of it, by login and view.
const WRITERS: &str = "
    SELECT r.role_name || ' may ' || p.privilege || ' ' || c.oid::regclass AS writer
      FROM platform.tenant_roles r CROSS JOIN pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,
           unnest('{INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER}'::text[]) AS p (privilege)
     WHERE starts_with(n.nspname, $1 || '__') AND c.relkind = 'v' AND r.kind <> 'owner'
       AND (has_table_privilege(r.role_name, c.oid, p.privilege)
            OR p.privilege IN ('INSERT', 'UPDATE', 'REFERENCES')
               AND has_any_column_privilege(r.role_name, c.oid, p.privilege))";

#[tokio::test]
async fn no_role_has_a_privilege_to_write_through_any_view() {
    let database = database().await;
    let acme = tenant_with_views(&database, "acme").await;
    let beta = database.tenant("beta").await.unwrap();
    let writers = async || -> Vec<String> {
        sqlx::query_scalar(WRITERS)
            .bind(acme.schema().as_str())
            .fetch_all(&mut superuser(&database).await)
            .await
            .unwrap()
    };
    assert_eq!(writers().await, Vec::<String>::new());
    // And it would be seen: of a view, of a column, of a neighbour.
    let view = format!("{}__irisx.calls", acme.schema());
    for (grant, role) in [
        ("DELETE", format!("{}_app", acme.schema())),
        ("UPDATE (hangup_by)", format!("{}_ro", acme.schema())),
        ("INSERT", format!("{}_media_a", beta.schema())),
    ] {
        database
            .superuser(&format!("GRANT {grant} ON {view} TO {role}"))
            .await
            .unwrap();
        let found = writers().await;
        assert!(
            found.iter().any(|writer| writer.starts_with(&role)),
            "{grant}: {found:?}"
        );
        database
            .superuser(&format!("REVOKE {grant} ON {view} FROM {role}"))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn media_nodes_have_no_use_for_views() {
    let database = database().await;
    let acme = tenant_with_views(&database, "acme").await;
    let mut connection = connect(&database, &acme, Purpose::Media).await;
    let calls = format!("SELECT count(*) FROM {}__irisx.calls", acme.schema());
    assert_eq!(refused(&mut connection, &calls).await, "42501");
}

#[tokio::test]
async fn no_view_shows_a_row_of_a_neighbour() {
    let database = database().await;
    let acme = tenant_with_views(&database, "acme").await;
    let beta = tenant_with_views(&database, "beta").await;
    // Rows of the platform's own tables, which both tenants share, are told apart by their policies.
    let mut connection = connect(&database, &acme, Purpose::App).await;
    let own = views(&mut connection, &acme).await;
    let mut before = Vec::new();
    for view in &own {
        before.push(count(&mut connection, &format!("SELECT count(*) FROM {view}")).await);
    }
    fill(&database, &beta).await;
    for (view, before) in own.iter().zip(before) {
        if COMMON.iter().any(|common| view.ends_with(common)) {
            continue;
        }
        let now = count(&mut connection, &format!("SELECT count(*) FROM {view}")).await;
        assert_eq!(now, before, "{view}");
    }
    // The first wall.
    let theirs = views(&mut connection, &beta).await;
    assert_eq!(theirs.len(), 122);
    for view in &theirs {
        let statement = format!("SELECT count(*) FROM {view}");
        assert_eq!(
            refused(&mut connection, &statement).await,
            "42501",
            "{view}"
        );
    }
}

#[tokio::test]
async fn a_mistaken_grant_on_views_shows_no_row_of_a_neighbour() {
    let database = database().await;
    let acme = tenant_with_views(&database, "acme").await;
    let beta = tenant_with_views(&database, "beta").await;
    fill(&database, &beta).await;
    let (a, b) = (acme.schema(), beta.schema());
    database
        .superuser(&format!(
            "DO $$ DECLARE s name; BEGIN
               FOR s IN SELECT nspname FROM pg_namespace WHERE starts_with(nspname, '{b}') LOOP
                 EXECUTE format('GRANT USAGE ON SCHEMA %I TO {a}_app', s);
                 EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO {a}_app', s);
               END LOOP;
             END $$"
        ))
        .await
        .unwrap();
    // Views that read a table of the schema; those that read only the platform's tables show the
    // reader's own rows, wherever the view is. Roles take but a default from the schema.
    let reading: Vec<String> = sqlx::query(
        "SELECT DISTINCT format('%I.%I', view_schema, view_name)
           FROM information_schema.view_table_usage
          WHERE table_schema = $1 AND view_name NOT IN ('Role', 'UserRole')",
    )
    .bind(b.as_str())
    .fetch_all(&mut superuser(&database).await)
    .await
    .unwrap()
    .iter()
    .map(|row| row.get(0))
    .collect();
    assert!(reading.len() > 90, "{}", reading.len());
    let mut connection = connect(&database, &acme, Purpose::App).await;
    for view in reading {
        let rows = count(&mut connection, &format!("SELECT count(*) FROM {view}")).await;
        assert_eq!(rows, 0, "{view}");
    }
}
