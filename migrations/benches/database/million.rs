//! A tenant with a million calls in twelve months, each month a partition. Written past triggers and
//! policies, as a restored dump is; the rows are those that the queries read.

use callplane_store::test_util::{TestDatabase, TestTenant};
use sqlx::PgConnection;

use crate::Failure;
use crate::bench::{execute, superuser};

/// Calls, evenly over the year before now.
pub(crate) const CALLS: u32 = 1_000_000;
/// The newest of them, with their words.
const SPOKEN: u32 = 200_000;

/// Fills the tenant.
pub(crate) async fn fill(database: &TestDatabase<'_>, tenant: &TestTenant) -> Result<(), Failure> {
    let mut connection = superuser(database).await?;
    let schema = tenant.schema();
    execute(
        &mut connection,
        &format!(
            "SET search_path = {schema}, public;
             SET session_replication_role = replica; SET synchronous_commit = off;
             SET maintenance_work_mem = '512MB'"
        ),
    )
    .await?;
    for step in STEPS {
        let began = std::time::Instant::now();
        let sql = step
            .1
            .replace("{schema}", schema.as_str())
            .replace("{calls}", &CALLS.to_string())
            .replace("{spoken}", &SPOKEN.to_string());
        execute(&mut connection, &sql).await?;
        eprintln!("   {}: {:.0} s", step.0, began.elapsed().as_secs_f64());
    }
    vacuum(&mut connection, schema.as_str()).await
}

async fn vacuum(connection: &mut PgConnection, schema: &str) -> Result<(), Failure> {
    for table in [
        "calls",
        "call_legs",
        "call_events",
        "call_costs",
        "cdrs",
        "transcriptions",
        "conversations",
        "messages",
        "events",
        "audit_logs",
        "contacts",
        "dnc_list_entries",
        "campaign_recipients",
        "balance_transactions",
        "webhook_deliveries",
        "call_metrics",
        "agent_metrics",
    ] {
        execute(connection, &format!("VACUUM ANALYZE {schema}.{table}")).await?;
    }
    Ok(())
}

/// What is done, and how. Call n began n seconds' share of a year ago, the newest first.
const STEPS: [(&str, &str); 9] = [
    (
        "months",
        "DO $$ BEGIN
           PERFORM platform.ensure_month(t.name::regclass, (now() - make_interval(months => m))::date, t.by)
              FROM (VALUES ('{schema}.calls', 'uuid'), ('{schema}.call_legs', 'uuid'),
                           ('{schema}.call_events', 'uuid'), ('{schema}.call_costs', 'uuid'),
                           ('{schema}.call_segments', 'uuid'), ('{schema}.cdrs', 'uuid'),
                           ('{schema}.call_recordings', 'uuid'), ('{schema}.transcriptions', 'uuid'),
                           ('{schema}.call_analyses', 'uuid'), ('{schema}.call_tags', 'uuid'),
                           ('{schema}.stir_shaken_statuses', 'uuid'),
                           ('{schema}.conversations', 'uuid'), ('{schema}.messages', 'uuid'),
                           ('{schema}.events', 'time'), ('{schema}.audit_logs', 'time'),
                           ('{schema}.call_metrics', 'date'), ('{schema}.agent_metrics', 'date'),
                           ('{schema}.webhook_deliveries', 'time')) AS t(name, by),
                   generate_series(0, 12) AS m;
         END $$",
    ),
    (
        "people",
        "INSERT INTO members (id, row_no, email, role) SELECT platform.uuid_v7(), n, 'm' || n || '@example.com', 'agent'
           FROM generate_series(1, 20) n;
         INSERT INTO contacts (first_name, phone)
         SELECT 'P' || n, '+1555' || lpad(n::text, 7, '0') FROM generate_series(0, 99999) n;
         INSERT INTO dnc_lists (name) VALUES ('opt-outs');
         INSERT INTO dnc_list_entries (dnc_list_id, phone_number)
         SELECT l.id, '+1555' || lpad((n * 2)::text, 7, '0') FROM dnc_lists l, generate_series(0, 49999) n;
         INSERT INTO agents (name, type) SELECT 'agent ' || n, 'voice' FROM generate_series(1, 9) n;
         INSERT INTO campaigns (name, kind, agent_id, status)
         SELECT 'campaign ' || n, 'outbound', (SELECT id FROM agents ORDER BY id LIMIT 1), 'running'
           FROM generate_series(1, 10) n;
         INSERT INTO campaign_recipients (campaign_id, phone_number, status)
         SELECT c.id, '+1555' || lpad(n::text, 7, '0'),
                (CASE n % 4 WHEN 0 THEN 'ready' WHEN 1 THEN 'failed' ELSE 'completed' END)::platform.recipient_status
           FROM campaigns c, generate_series(0, 9999) n",
    ),
    (
        "calls",
        "CREATE TEMP TABLE made AS
         SELECT n, platform.uuid_v7(at) AS id, at,
                (ARRAY['completed', 'completed', 'completed', 'no_answer', 'busy', 'failed'])[1 + n % 6]::platform.call_status AS status,
                CASE n % 3 WHEN 0 THEN 'outbound' ELSE 'inbound' END::platform.call_direction AS direction,
                '+1555' || lpad((n::bigint * 7919 % 100000)::text, 7, '0') AS customer,
                a.ids[1 + n % array_length(a.ids, 1)] AS agent,
                CASE n % 3 WHEN 0 THEN c.ids[1 + n / 3 % array_length(c.ids, 1)] END AS campaign
           FROM (SELECT n, now() - interval '365 days' * (n::float8 / {calls}) AS at FROM generate_series({calls}, 1, -1) n) t,
                (SELECT array_agg(id) AS ids FROM agents) a, (SELECT array_agg(id) AS ids FROM campaigns) c;
         INSERT INTO calls (id, call_sid, direction, status, initiated_at, answered_at, connected_at,
                ended_at, from_number, to_number, customer_number, agent_id, campaign_id, cost_micros,
                hangup_cause, external_call_id, missed_call, created_at, updated_at)
         SELECT id, 'CA' || replace(id::text, '-', ''), direction, status, at,
                CASE status WHEN 'completed' THEN at + interval '2 s' END,
                CASE status WHEN 'completed' THEN at + interval '2 s' END, at + interval '2 min',
                customer, '+15550000001', customer, agent, campaign, 20000, 'normal_clearing',
                n || '@192.0.2.10', status IN ('no_answer', 'busy'), at, at FROM made ORDER BY id",
    ),
    (
        "parts of calls",
        "INSERT INTO call_legs (call_id, leg_no, kind, endpoint_kind, direction, status, initiated_at)
         SELECT id, 1, 'caller', 'pstn', direction, status, at FROM made ORDER BY id;
         INSERT INTO call_costs (call_id, component, quantity, unit, amount_micros)
         SELECT id, 'telephony', 2, 'minute', 20000 FROM made ORDER BY id;
         INSERT INTO cdrs (call_id, direction, status, started_at, ended_at, duration_seconds, billable_seconds)
         SELECT id, direction, status, at, at + interval '2 min', 120, 120 FROM made ORDER BY id",
    ),
    (
        "words",
        "INSERT INTO transcriptions (call_id, status, text, language)
         SELECT id, 'completed', 'Hello, this is about order ' || md5(n::text) || ' of ' ||
                (ARRAY['monday','tuesday','friday'])[1 + n % 3] ||
                CASE WHEN n % 1000 = 7 THEN '. I want a refund, please.' ELSE '. Thank you, goodbye.' END, 'en-US'
           FROM made WHERE n <= {spoken} ORDER BY id;
         INSERT INTO call_events (call_id, event_type, event_timestamp, to_status)
         SELECT id, 'ended', at + interval '2 min', status FROM made WHERE n <= {spoken} ORDER BY id;
         CREATE TEMP TABLE talks AS SELECT platform.uuid_v7(at) AS id, id AS call_id, at FROM made WHERE n <= {spoken};
         INSERT INTO conversations (id, call_id, started_at, status)
         SELECT id, call_id, at, 'completed' FROM talks ORDER BY id;
         INSERT INTO messages (conversation_id, seq, role, content, spoken_at)
         SELECT t.id, s, CASE s WHEN 1 THEN 'user' ELSE 'assistant' END::platform.message_role, 'Hello', t.at
           FROM talks t, generate_series(1, 2) s ORDER BY t.id",
    ),
    (
        "outbox and audit",
        "INSERT INTO events (id, event_type, subject_kind, subject_id, published_at, created_at)
         SELECT platform.uuid_v7(at), 'call.completed', 'call', id, CASE WHEN n > 50 THEN now() END, at
           FROM made WHERE n <= {spoken} ORDER BY id;
         INSERT INTO audit_logs (id, actor_kind, actor_user_id, action, entity_type, entity_id, created_at)
         SELECT platform.uuid_v7(at), 'user', m.ids[1 + n % 20], 'read', 'call', id::text, at
           FROM made, (SELECT array_agg(id) AS ids FROM members) m WHERE n <= {spoken} ORDER BY id",
    ),
    (
        "money",
        "INSERT INTO billing_accounts (name) VALUES ('main') ON CONFLICT DO NOTHING;
         INSERT INTO balances (billing_account_id) SELECT id FROM billing_accounts ORDER BY id LIMIT 1;
         INSERT INTO balance_transactions (id, balance_id, kind, amount_micros, idempotency_key)
         SELECT platform.uuid_v7(at), b.id, 'usage', -20000, 'usage-' || n FROM made, balances b WHERE n <= {spoken} ORDER BY 1",
    ),
    (
        "deliveries",
        "INSERT INTO webhooks (url, secret_enc) VALUES ('https://example.com/a', 'x');
         INSERT INTO webhook_deliveries (id, webhook_id, event_type, event_id, request_url, status, next_attempt_at, created_at)
         SELECT platform.uuid_v7(at), w.id, 'call.completed', m.id, w.url,
                CASE WHEN n <= 50 THEN 'pending' ELSE 'success' END::platform.delivery_status,
                CASE WHEN n <= 50 THEN at END, at
           FROM made m, webhooks w WHERE n <= {spoken} ORDER BY 1",
    ),
    (
        "roll-ups",
        "INSERT INTO call_metrics (metric_date, granularity, bucket_start, campaign_id, total_calls)
         SELECT (at AT TIME ZONE 'UTC')::date, 'day'::platform.metric_granularity, date_trunc('day', at), campaign, count(*) FROM made
          WHERE campaign IS NOT NULL GROUP BY 1, 3, 4
         UNION ALL SELECT (at AT TIME ZONE 'UTC')::date, 'day'::platform.metric_granularity, date_trunc('day', at), NULL, count(*) FROM made GROUP BY 1, 3;
         INSERT INTO agent_metrics (metric_date, bucket_start, agent_id, total_calls)
         SELECT (at AT TIME ZONE 'UTC')::date, date_trunc('day', at), agent, count(*) FROM made GROUP BY 1, 2, 3",
    ),
];
