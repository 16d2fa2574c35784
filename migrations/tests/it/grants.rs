//! What each role of a tenant may do with each table.

use callplane_store::test_util::{TestDatabase, TestTenant};
use sqlx::{AssertSqlSafe, PgConnection};

use crate::support::{ask, count, database, equipped, refused, superuser};

/// What the operator writes from custom resources, and nobody else.
const OF_CUSTOM_RESOURCES: &[&str] = &[
    "agent_flows",
    "agent_knowledge_bases",
    "agent_tools",
    "agent_versions",
    "agents",
    "campaign_dnc_lists",
    "campaigns",
    "flow_edges",
    "flow_nodes",
    "flow_versions",
    "flows",
    "knowledge_bases",
    "number_routes",
    "phone_numbers",
    "providers",
    "tenant",
    "trunks",
    "webhooks",
];

/// What is written once.
const APPEND_ONLY: &[&str] = &[
    "audit_logs",
    "balance_transactions",
    "billing_events",
    "call_events",
    "cdrs",
    "events",
    "messages",
    "voice_quality_metrics",
];

/// Calls and what goes with them when they go: the owner deletes them, by month or by an erasure.
const CALLS: &[&str] = &[
    "call_analyses",
    "call_costs",
    "call_keys",
    "call_legs",
    "call_recordings",
    "call_segments",
    "calls",
    "conversations",
    "stir_shaken_statuses",
    "transcriptions",
];

/// What the operator orders and media nodes carry out.
const OF_ERASURES: &[&str] = &["erasure_nodes", "erasures"];

/// What a media node does not see.
const NOT_FOR_MEDIA: &[&str] = &[
    "agent_metrics",
    "audit_logs",
    "balance_transactions",
    "balances",
    "billing_accounts",
    "billing_events",
    "call_metrics",
    "dashboards",
    "emails",
    "invoice_lines",
    "invoices",
    "payment_methods",
    "payments",
    "payouts",
    "rate_cards",
    "sms_messages",
    "subscriptions",
    "usage_metrics",
    "webhook_deliveries",
    "webhooks",
];

#[tokio::test]
async fn the_api_reads_all_and_writes_what_no_custom_resource_owns() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    assert_eq!(without(&database, &acme, "app", "SELECT").await, "");
    let mut ordered = [OF_CUSTOM_RESOURCES, OF_ERASURES].concat();
    ordered.sort_unstable();
    assert_eq!(
        without(&database, &acme, "app", "INSERT").await,
        ordered.join(", ")
    );
    let mut unchangeable = [ordered.as_slice(), APPEND_ONLY, &["call_keys"]].concat();
    unchangeable.sort_unstable();
    assert_eq!(
        without(&database, &acme, "app", "UPDATE").await,
        unchangeable.join(", ")
    );
    let mut lasting = [ordered.as_slice(), APPEND_ONLY, CALLS, &["members"]].concat();
    lasting.sort_unstable();
    assert_eq!(
        without(&database, &acme, "app", "DELETE").await,
        lasting.join(", ")
    );
}

#[tokio::test]
async fn the_api_rolls_up_figures_of_custom_resources_and_nothing_else() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let mut app = as_role(&database, &acme, "app").await;
    for allowed in [
        "UPDATE agents SET total_calls = 1, successful_calls = 1",
        "UPDATE campaigns SET status = 'paused', total_calls = 1",
        "UPDATE webhooks SET status = 'failed', failed_deliveries = 1",
        "UPDATE events SET published_at = now()",
    ] {
        run(&mut app, allowed).await;
    }
    for forbidden in [
        "UPDATE agents SET prompt = ''",
        "UPDATE campaigns SET desired_state = 'run'",
        "UPDATE webhooks SET url = 'https://example.com'",
        "UPDATE events SET payload = '{}'",
        "UPDATE cdrs SET cost_micros = 0",
        "DELETE FROM audit_logs",
        "DELETE FROM members",
        "DELETE FROM calls",
        "UPDATE phone_numbers SET label = ''",
        "TRUNCATE calls",
    ] {
        assert_eq!(refused(&mut app, forbidden).await, "42501", "{forbidden}");
    }
}

#[tokio::test]
async fn documents_are_added_by_the_api_although_the_knowledge_base_is_a_custom_resource() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    database
        .superuser(&format!(
            "INSERT INTO {}.knowledge_bases (name) VALUES ('faq')",
            acme.schema()
        ))
        .await
        .unwrap();
    let mut app = as_role(&database, &acme, "app").await;
    run(
        &mut app,
        "INSERT INTO kb_documents (knowledge_base_id, name, type, content)
         SELECT id, 'hours', 'text', 'from nine to five' FROM knowledge_bases",
    )
    .await;
    let counted = "SELECT text_count::bigint FROM knowledge_bases";
    assert_eq!(count(&mut app, counted).await, 1);
    let rename = "UPDATE knowledge_bases SET name = ''";
    assert_eq!(refused(&mut app, rename).await, "42501");
}

#[tokio::test]
async fn a_reader_reads_all_and_writes_nothing() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    assert_eq!(without(&database, &acme, "ro", "SELECT").await, "");
    for privilege in ["INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES"] {
        let sql = format!(
            "SELECT count(*) FROM ({}) c WHERE has_table_privilege('{}_ro', c.oid, '{privilege}')
                 OR ('{privilege}' IN ('INSERT', 'UPDATE')
                     AND has_any_column_privilege('{}_ro', c.oid, 'INSERT, UPDATE'))",
            tables(&acme),
            acme.schema(),
            acme.schema()
        );
        assert_eq!(ask(&database, &sql).await, "0", "{privilege}");
    }
}

#[tokio::test]
async fn only_media_nodes_hold_quotas_and_tell_how_they_are() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    for purpose in ["app", "ro"] {
        let mut role = as_role(&database, &acme, purpose).await;
        for forbidden in [
            "SELECT * FROM platform.quota_holders()",
            "SELECT platform.quota_release(gen_random_uuid())",
            "UPDATE platform.media_nodes SET epoch = epoch + 1",
        ] {
            let state = refused(&mut role, forbidden).await;
            assert_eq!(state, "42501", "{purpose}: {forbidden}");
        }
    }
}

#[tokio::test]
async fn a_tenant_learns_of_other_peoples_rows_neither_by_rows_nor_by_errors() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let beta = equipped(&database, "beta", "+15550000002").await;
    let mut all = superuser(&database).await;
    for (tenant, left) in [(&acme, "now()"), (&beta, "NULL")] {
        let person = format!(
            "WITH person AS (
                INSERT INTO platform.users (email, phone)
                VALUES ('{id}@example.com', '+15557654321') RETURNING id)
             INSERT INTO platform.memberships (user_id, tenant_id, deleted_at)
             SELECT id, '{id}', {left} FROM person",
            id = tenant.id
        );
        run(&mut all, &person).await;
    }
    let mut app = as_role(&database, &acme, "app").await;
    // LIKE fails on a backslash at the end of a pattern, but only where the text before it fits.
    let pattern = r"SELECT count(*) FROM platform.users WHERE phone LIKE '+1555\'";
    assert_eq!(count(&mut app, pattern).await, 0);
    let people = "SELECT count(*) FROM platform.users";
    assert_eq!(count(&mut app, people).await, 0, "who left is not shown");
    let mut app = as_role(&database, &beta, "app").await;
    assert_eq!(count(&mut app, people).await, 1);
}

#[tokio::test]
async fn a_media_node_sees_neither_money_nor_mail_nor_the_audit_trail() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    assert_eq!(
        without(&database, &acme, "media", "SELECT").await,
        NOT_FOR_MEDIA.join(", ")
    );
    let writable = format!(
        "SELECT string_agg(c.relname, ', ' ORDER BY c.relname) FROM ({}) c
          WHERE has_table_privilege('{}_media', c.oid, 'INSERT')",
        tables(&acme),
        acme.schema()
    );
    assert_eq!(
        ask(&database, &writable).await,
        [
            "audit_logs",
            "call_analyses",
            "call_costs",
            "call_events",
            "call_keys",
            "call_legs",
            "call_recordings",
            "call_segments",
            "call_tags",
            "calls",
            "campaign_recipients",
            "cdrs",
            "contacts",
            "conversations",
            "dnc_list_entries",
            "dnc_lists",
            "erasure_nodes",
            "events",
            "messages",
            "stir_shaken_statuses",
            "tags",
            "transcriptions",
            "voice_quality_metrics",
        ]
        .join(", ")
    );
    let deletable = format!(
        "SELECT count(*) FROM ({}) c WHERE has_table_privilege('{}_media', c.oid, 'DELETE')",
        tables(&acme),
        acme.schema()
    );
    assert_eq!(ask(&database, &deletable).await, "0");
}

async fn run(connection: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(connection)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// A session with the rights of a role of the tenant.
async fn as_role(database: &TestDatabase<'_>, tenant: &TestTenant, purpose: &str) -> PgConnection {
    let mut connection = superuser(database).await;
    let schema = tenant.schema();
    let enter = format!(
        "SET ROLE {schema}_{purpose}; SET app.tenant_id = '{}'; SET search_path = {schema}, public",
        tenant.id
    );
    run(&mut connection, &enter).await;
    connection
}

/// The tables of a tenant, partitions aside.
fn tables(tenant: &TestTenant) -> String {
    format!(
        "SELECT oid, relname FROM pg_class WHERE relnamespace = '{}'::regnamespace
            AND relkind IN ('r', 'p') AND NOT relispartition",
        tenant.schema()
    )
}

/// Who may read which sealed column (E2) of a tenant. What was said is shown to people by node and API.
const OPENED_BY: &[(&str, &str)] = &[
    ("call_analyses.captured_data_enc", "app media"),
    ("call_analyses.summary_enc", "app media"),
    ("calls.variables_enc", "app media"),
    ("carriers.credentials_enc", "app"),
    ("conversations.context_enc", "app media"),
    ("messages.content_enc", "app media"),
    ("messages.intended_enc", "app media"),
    ("payment_methods.token_enc", "app"),
    ("providers.key_enc", "app media"),
    ("tools.credentials_enc", "media"),
    ("transcriptions.segments_enc", "app media"),
    ("transcriptions.text_enc", "app media"),
    ("trunks.password_enc", "media"),
    ("webhooks.secret_enc", "app"),
];

/// Hashes (E3) of random tokens, which the views of two platforms show (data model, D15). The hash of a
/// password is not among them.
const SHOWN_HASHES: &[&str] = &[
    "platform.api_keys.key_hash",
    "platform.sessions.refresh_token_hash",
    "platform.sessions.token_hash",
];

#[tokio::test]
async fn only_who_must_open_a_secret_reads_it_and_reports_read_none() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let expected: Vec<String> = OPENED_BY
        .iter()
        .map(|(column, roles)| format!("{column}: {roles}"))
        .collect();
    assert_eq!(
        readers_of_class(&database, &acme, acme.schema().as_str(), "E2").await,
        expected.join("\n")
    );
    assert_eq!(
        readers_of_class(&database, &acme, "platform", "E2").await,
        "encryption_keys.wrapped_key: \nusers.two_factor_secret_enc: "
    );
    // By inheritance of its login, a role reads what is granted to groups too.
    let hashes = readers_of_class(&database, &acme, "platform", "E3").await;
    let shown: Vec<String> = hashes
        .lines()
        .filter_map(|line| line.strip_suffix(": app ro"))
        .map(|column| format!("platform.{column}"))
        .collect();
    assert_eq!(shown, SHOWN_HASHES);
    let hidden = hashes.lines().filter(|line| line.ends_with(": ")).count();
    assert_eq!(hidden + shown.len(), hashes.lines().count(), "{hashes}");

    // The control: a table that is granted whole shows its sealed columns.
    let schema = acme.schema();
    database
        .superuser(&format!("GRANT SELECT ON {schema}.trunks TO {schema}_ro"))
        .await
        .unwrap();
    let now = readers_of_class(&database, &acme, schema.as_str(), "E2").await;
    assert!(now.contains("trunks.password_enc: media ro"), "{now}");
}

#[tokio::test]
async fn who_reads_a_table_with_sealed_columns_reads_all_others() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let schema = acme.schema();
    let partly = format!(
        "SELECT string_agg(format('%s.%s for %s', c.relname, a.attname, r), ', ')
           FROM ({}) c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped,
                unnest('{{app,media,ro}}'::text[]) r
          WHERE a.attname NOT LIKE '%\\_enc' AND has_any_column_privilege('{schema}_' || r, c.oid, 'SELECT')
            AND NOT has_column_privilege('{schema}_' || r, c.oid, a.attnum, 'SELECT')",
        tables(&acme)
    );
    assert_eq!(ask(&database, &partly).await, "");
}

/// The columns of an encryption class in a schema, each with the purposes that may read it.
async fn readers_of_class(
    database: &TestDatabase<'_>,
    tenant: &TestTenant,
    schema: &str,
    class: &str,
) -> String {
    let role = tenant.schema();
    let sql = format!(
        "SELECT string_agg(line, E'\n' ORDER BY line) FROM (
            SELECT format('%s.%s: %s', c.relname, a.attname,
                (SELECT string_agg(r, ' ' ORDER BY r) FROM unnest('{{app,media,ro}}'::text[]) r
                  WHERE has_column_privilege('{role}_' || r, c.oid, a.attnum, 'SELECT'))) AS line
              FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped
             WHERE c.relnamespace = '{schema}'::regnamespace AND c.relkind IN ('r', 'p')
               AND NOT c.relispartition
               AND col_description(c.oid, a.attnum) LIKE 'encryption={class}%') AS found"
    );
    ask(database, &sql).await
}

/// The tables on which a role lacks a privilege; that to read is one to read columns where some are
/// sealed.
async fn without(
    database: &TestDatabase<'_>,
    tenant: &TestTenant,
    purpose: &str,
    privilege: &str,
) -> String {
    let sql = format!(
        "SELECT string_agg(c.relname, ', ' ORDER BY c.relname) FROM ({}) c
          WHERE NOT {}('{}_{purpose}', c.oid, '{privilege}')",
        tables(tenant),
        if privilege == "SELECT" {
            "has_any_column_privilege"
        } else {
            "has_table_privilege"
        },
        tenant.schema()
    );
    ask(database, &sql).await
}
