//! The tables of a tenant: which they are, how they are named, what they keep right by themselves.

use callplane_store::test_util::TestTenant;
use sqlx::{AssertSqlSafe, PgConnection};

use crate::support::{ask, count, database, equipped, refused, superuser};

/// Those of the data model, campaign_dnc_lists, providers, and the two of erasures.
const TABLES: &str = "agent_flows agent_knowledge_bases agent_metrics agent_tools agent_versions agents \
         audit_logs balance_transactions balances billing_accounts billing_events \
         buyer_endpoints buyers call_analyses call_costs call_events call_keys call_legs \
         call_metrics call_recordings call_segments call_tags caller_id_pool_numbers \
         caller_id_pools calls campaign_dnc_lists campaign_recipients campaigns carriers cdrs \
         consent_tokens contact_list_members contact_lists contacts conversations dashboards \
         dnc_list_entries dnc_lists emails emergency_locations erasure_nodes erasures events \
         flow_edges flow_nodes \
         flow_versions flows invoice_lines invoices kb_chunks kb_documents knowledge_bases \
         members messages number_routes payment_methods payments payouts phone_numbers \
         providers publishers queue_members queues rate_cards schedule_rules schedules sms_messages \
         stir_shaken_statuses subscriptions tags target_group_members target_groups \
         team_members teams tenant tools transcriptions trunks usage_metrics \
         voice_quality_metrics voices webhook_deliveries webhooks";

#[tokio::test]
async fn a_tenant_has_the_tables_of_the_data_model_and_four_of_its_own() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let found = format!(
        "SELECT string_agg(relname, ' ' ORDER BY relname) FROM ({}) t",
        tables(&acme)
    );
    assert_eq!(ask(&database, &found).await, TABLES);
    assert_eq!(TABLES.split(' ').count(), 79 + 4);
}

#[tokio::test]
async fn two_tenants_have_the_same_names_and_none_is_cut() {
    let database = database().await;
    let (acme, beta) = (
        database.tenant("acme").await.unwrap(),
        database.tenant("beta").await.unwrap(),
    );
    let names = |tenant: &TestTenant| {
        format!(
            "SELECT relname FROM pg_class WHERE relnamespace = '{0}'::regnamespace
             UNION ALL
             SELECT conrelid::regclass::text || conname FROM pg_constraint
              WHERE connamespace = '{0}'::regnamespace",
            tenant.schema()
        )
    };
    let differing = |one: &TestTenant, two: &TestTenant| {
        format!(
            "SELECT count(*) FROM (SELECT replace(n, '{}', '') FROM ({}) a(n)
                EXCEPT SELECT replace(n, '{}', '') FROM ({}) b(n)) x",
            one.schema(),
            names(one),
            two.schema(),
            names(two)
        )
    };
    assert_eq!(ask(&database, &differing(&acme, &beta)).await, "0");
    assert_eq!(ask(&database, &differing(&beta, &acme)).await, "0");
    // PostgreSQL cuts a name at 63 bytes; those of partitions are made by it and may be cut.
    let cut = format!(
        "SELECT string_agg(c.relname, ', ') FROM pg_class c
          WHERE c.relnamespace = '{0}'::regnamespace AND length(c.relname) > 62
            AND NOT c.relispartition
         UNION ALL
         SELECT string_agg(c.conname, ', ') FROM pg_constraint c
          WHERE c.connamespace = '{0}'::regnamespace AND length(c.conname) > 62
            AND c.conparentid = 0
         ORDER BY 1 LIMIT 1",
        acme.schema()
    );
    assert_eq!(ask(&database, &cut).await, "");
}

#[tokio::test]
async fn only_the_call_family_has_foreign_keys_to_calls() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let sql = format!(
        "SELECT string_agg(conrelid::regclass::text, ', ' ORDER BY conrelid::regclass::text)
           FROM pg_constraint WHERE contype = 'f' AND conparentid = 0
            AND confrelid = '{}.calls'::regclass",
        acme.schema()
    );
    let family = [
        "call_analyses",
        "call_costs",
        "call_events",
        "call_legs",
        "call_recordings",
        "call_segments",
        "call_tags",
        "cdrs",
        "conversations",
        "stir_shaken_statuses",
        "transcriptions",
    ]
    .map(|table| format!("{}.{table}", acme.schema()))
    .join(", ");
    assert_eq!(ask(&database, &sql).await, family);
}

#[tokio::test]
async fn four_months_stand_ready_and_more_are_made_once() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let schema = acme.schema();
    let months = format!(
        "SELECT string_agg(DISTINCT parent || ' ' || months, ', ') FROM (
            SELECT p.relname AS parent, count(*) - 1 AS months
              FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent
             WHERE p.relnamespace = '{schema}'::regnamespace AND p.relkind = 'p'
             GROUP BY p.relname HAVING count(*) > 1) x"
    );
    let expected = |months| {
        [
            "agent_metrics",
            "call_metrics",
            "usage_metrics",
            "voice_quality_metrics",
            "webhook_deliveries",
        ]
        .map(|table| format!("{table} {months}"))
        .join(", ")
    };
    assert_eq!(ask(&database, &months).await, expected(4));
    for _ in 0..2 {
        database
            .superuser(&format!("SELECT {schema}.ensure_months(now()::date, 6)"))
            .await
            .unwrap();
    }
    assert_eq!(ask(&database, &months).await, expected(6));
}

#[tokio::test]
async fn a_knowledge_base_counts_its_documents_up_to_its_limit() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let schema = acme.schema();
    let mut connection = superuser(&database).await;
    let add = |kind: &str| {
        format!(
            "INSERT INTO {schema}.kb_documents (knowledge_base_id, name, type, content, url, status)
             SELECT id, 'a', '{kind}', 'text', 'https://example.com', 'ready'
               FROM {schema}.knowledge_bases"
        )
    };
    run(
        &mut connection,
        &format!("INSERT INTO {schema}.knowledge_bases (name, document_limit) VALUES ('faq', 2)"),
    )
    .await;
    let state = format!(
        "SELECT concat_ws(' ', status, file_count, website_count, text_count)
           FROM {schema}.knowledge_bases"
    );
    assert_eq!(ask(&database, &state).await, "empty 0 0 0");
    run(&mut connection, &add("text")).await;
    run(&mut connection, &add("website")).await;
    assert_eq!(ask(&database, &state).await, "ready 0 1 1");
    assert_eq!(refused(&mut connection, &add("file")).await, "23514");
    run(
        &mut connection,
        &format!("UPDATE {schema}.kb_documents SET status = 'processing' WHERE type = 'text'"),
    )
    .await;
    assert_eq!(ask(&database, &state).await, "processing 0 1 1");
    run(
        &mut connection,
        &format!("DELETE FROM {schema}.kb_documents"),
    )
    .await;
    assert_eq!(ask(&database, &state).await, "empty 0 0 0");
}

#[tokio::test]
async fn a_call_shows_the_names_of_its_tags() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let schema = acme.schema();
    let mut connection = superuser(&database).await;
    run(
        &mut connection,
        &format!(
            "INSERT INTO {schema}.calls (direction) VALUES ('inbound');
             INSERT INTO {schema}.tags (name) VALUES ('vip'), ('demo');
             INSERT INTO {schema}.call_tags (call_id, tag_id)
             SELECT c.id, t.id FROM {schema}.calls c, {schema}.tags t"
        ),
    )
    .await;
    let tags = format!("SELECT tags FROM {schema}.calls");
    assert_eq!(ask(&database, &tags).await, "{demo,vip}");
    run(
        &mut connection,
        &format!("DELETE FROM {schema}.tags WHERE name = 'vip'"),
    )
    .await;
    assert_eq!(ask(&database, &tags).await, "{demo}");
    run(&mut connection, &format!("DELETE FROM {schema}.calls")).await;
    let left = format!("SELECT count(*) FROM {schema}.call_tags");
    assert_eq!(ask(&database, &left).await, "0");
}

#[tokio::test]
async fn an_account_with_a_ledger_stays_and_yet_the_tenant_can_go() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let schema = acme.schema();
    let mut connection = superuser(&database).await;
    run(
        &mut connection,
        &format!(
            "INSERT INTO {schema}.billing_accounts DEFAULT VALUES;
             INSERT INTO {schema}.balances (billing_account_id)
             SELECT id FROM {schema}.billing_accounts;
             INSERT INTO {schema}.balance_transactions (balance_id, kind, amount_micros, idempotency_key)
             SELECT id, 'topup', 1, 'a' FROM {schema}.balances;
             INSERT INTO {schema}.billing_events (billing_account_id, sequence, event_type)
             SELECT id, 1, 'topup' FROM {schema}.billing_accounts"
        ),
    )
    .await;
    // What belongs together may go together, in any order.
    run(
        &mut connection,
        &format!(
            "INSERT INTO {schema}.billing_accounts (name) VALUES ('closed');
             INSERT INTO {schema}.subscriptions (billing_account_id, plan_key,
                    current_period_start, current_period_end)
             SELECT id, 'pro', now(), now() + interval '1 month'
               FROM {schema}.billing_accounts WHERE name = 'closed';
             BEGIN;
             DELETE FROM {schema}.billing_accounts WHERE name = 'closed';
             DELETE FROM {schema}.subscriptions;
             COMMIT"
        ),
    )
    .await;
    let delete = format!("DELETE FROM {schema}.billing_accounts");
    assert_eq!(refused(&mut connection, &delete).await, "23503");
    for change in ["UPDATE", "DELETE FROM"] {
        let set = match change {
            "UPDATE" => "SET note = ''",
            _ => "",
        };
        let sql = format!("{change} {schema}.balance_transactions {set}");
        assert_eq!(refused(&mut connection, &sql).await, "42501", "{sql}");
    }
    // All tables at once, through every foreign key there is.
    run(&mut connection, &format!("DELETE FROM {schema}.tenant")).await;
    for table in ["billing_events", "balance_transactions", "agents", "flows"] {
        let left = format!("SELECT count(*) FROM {schema}.{table}");
        assert_eq!(count(&mut connection, &left).await, 0, "{table}");
    }
}

async fn run(connection: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(connection)
        .await
        .unwrap();
}

/// The tables of a tenant, partitions aside.
fn tables(tenant: &TestTenant) -> String {
    format!(
        "SELECT oid, relname FROM pg_class WHERE relnamespace = '{}'::regnamespace
            AND relkind IN ('r', 'p') AND NOT relispartition",
        tenant.schema()
    )
}
