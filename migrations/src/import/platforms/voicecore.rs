//! voice-core: the six tables of its document.
//!
//! The document names the key fields of a table only. A call needs a time, so `call_logs` is read with
//! the columns that such a table has: `started_at` or `created_at`, and `ended_at` or
//! `duration_seconds`; without any, the time that its identifier carries.

use super::common;
use crate::import::run::{Mapping, Part};
use crate::import::step::{Measure, Step};

pub(super) const MAPPING: Mapping = Mapping {
    tenants: "SELECT tenant_id::text FROM tenants ORDER BY 1",
    parts: &[Part::Steps(STEPS)],
    remarks: &["Name, status, zone and locale of the tenant stay as its Tenant says."],
};

const STEPS: &[Step<'static>] = &[
    Step {
        table: "tenants",
        columns: "tenant_id uuid, business_name text, phone_number text, state text, metadata jsonb",
        key: ("s.tenant_id", "uuid"),
        note: &[(
            "phone_number: it is not E.164, kept in metadata.import",
            "s.phone_number IS NOT NULL AND NOT pg_temp.is_e164(s.phone_number)",
        )],
        write: "UPDATE tenant AS t
                   SET business_name = coalesce(t.business_name, s.business_name),
                       routing_number = coalesce(t.routing_number,
                         CASE WHEN pg_temp.is_e164(s.phone_number) THEN s.phone_number END),
                       state = coalesce(t.state, s.state),
                       metadata = pg_temp.noted(s.metadata, s.source_key, jsonb_build_object(
                         'phone_number', CASE WHEN NOT pg_temp.is_e164(s.phone_number)
                                              THEN s.phone_number END)) || t.metadata
                  FROM source s
                 WHERE t.metadata -> 'import' IS NULL",
        after: &["UPDATE platform.tenants p
                     SET business_name = t.business_name, routing_number = t.routing_number,
                         state = t.state, metadata = t.metadata
                    FROM tenant t
                   WHERE p.id = t.id
                     AND (p.business_name, p.routing_number, p.state, p.metadata)
                         IS DISTINCT FROM (t.business_name, t.routing_number, t.state, t.metadata)"],
        found: "FROM tenant t, source s",
        ..Step::BLANK
    },
    Step {
        table: "objective_configs",
        columns: "config_id uuid, version integer, objective_graph jsonb, active boolean,
                  schema_version text, created_at timestamptz, updated_at timestamptz",
        key: ("s.config_id", "uuid"),
        scratch: "flow_id uuid, is_first boolean",
        refuse: &[
            ("version: it is below 1", "coalesce(s.version < 1, true)"),
            (
                "version: another configuration of the tenant has it",
                "row_number() OVER (PARTITION BY s.version ORDER BY s.config_id) > 1
                 OR EXISTS (SELECT FROM flow_versions v JOIN flows f ON f.id = v.flow_id
                             WHERE f.kind = 'objective' AND f.is_default AND f.deleted_at IS NULL
                               AND v.version = s.version AND v.id <> s.config_id)",
            ),
        ],
        note: &[(
            "active: one configuration can be, another is",
            "s.active AND (EXISTS (SELECT FROM source o WHERE o.active AND o.version > s.version)
               OR EXISTS (SELECT FROM flow_versions v JOIN flows f ON f.id = v.flow_id
                           WHERE f.kind = 'objective' AND f.is_default AND f.deleted_at IS NULL
                             AND v.is_active AND v.id <> s.config_id))",
        )],
        before: &[
            "INSERT INTO flows (id, kind, name, is_default, k8s_name)
             SELECT pg_temp.uid('flows', 'objective'), 'objective', 'objective', true, 'objective'
               FROM (SELECT FROM source LIMIT 1) s
              WHERE NOT EXISTS (SELECT FROM flows
                                 WHERE kind = 'objective' AND is_default AND deleted_at IS NULL)",
            "UPDATE source s
                SET flow_id = f.id,
                    is_first = coalesce(s.active, false)
                      AND s.version = (SELECT max(o.version) FROM source o WHERE o.active)
                      AND NOT EXISTS (SELECT FROM flow_versions v
                                       WHERE v.flow_id = f.id AND v.is_active)
               FROM flows f
              WHERE f.kind = 'objective' AND f.is_default AND f.deleted_at IS NULL",
        ],
        write: "INSERT INTO flow_versions (id, flow_id, version, status, is_active, schema_version,
                       graph, published_at, created_at, updated_at)
                SELECT s.config_id, s.flow_id, s.version,
                       CASE WHEN s.active THEN 'published' ELSE 'archived'
                       END::platform.flow_version_status,
                       s.is_first, coalesce(s.schema_version, '1'),
                       coalesce(s.objective_graph, '{}'),
                       CASE WHEN s.active THEN coalesce(s.created_at, now()) END,
                       coalesce(s.created_at, now()), coalesce(s.updated_at, now())
                  FROM source s
                ON CONFLICT (id) DO NOTHING",
        found: "FROM flow_versions t JOIN source s ON t.id = s.config_id AND t.flow_id = s.flow_id",
        ..Step::BLANK
    },
    Step {
        table: "users",
        columns: "user_id uuid, email text, password_hash text, role text, last_login timestamptz,
                  created_at timestamptz, updated_at timestamptz",
        key: ("s.user_id", "uuid"),
        scratch: common::PERSON,
        refuse: &[
            ("email: it is empty", "btrim(coalesce(s.email, '')) = ''"),
            (
                "role: it is neither customer nor operator",
                "coalesce(pg_temp.word(s.role) NOT IN ('customer', 'operator'), true)",
            ),
            common::another_has_the_email!("s.email", "true"),
        ],
        note: &[
common::unconfirmed!("s.user_id", "s.email"),
common::asked!("s.user_id", "s.email"),(
            "password_hash: it is neither bcrypt nor argon2id, a new password is needed",
            "pg_temp.password(s.password_hash) IS NULL",
        )],
        before: &[
            "UPDATE source s
                SET own = s.user_id, mail = s.email, password = s.password_hash,
                    person_status = 'active', role_here = pg_temp.word(s.role),
                    seen = s.last_login, made = s.created_at, changed = s.updated_at",
            common::KNOWN,
common::USERS,
            common::MEMBERSHIPS,
        ],
        write: common::MEMBERS,
        found: common::FOUND_MEMBERS,
        ..Step::BLANK
    },
    Step {
        table: "sessions",
        columns: "session_id uuid, session_hash text, expires_at timestamptz,
                  last_accessed_at timestamptz, user_agent text, ip_address text,
                  created_at timestamptz",
        joined: &[("user_id", "uuid", "u.user_id"), ("user_email", "text", "u.email")],
        joins: "JOIN users u ON u.user_id = s.user_id",
        of_tenant: "u.tenant_id::text = $1",
        key: ("s.session_id", "uuid"),
        refuse: &[
            (
                "session_hash: it is no SHA-256 in hex",
                "coalesce(s.session_hash !~* '^[0-9a-f]{64}$', true)",
            ),
            (
                "user_id: the person was not imported",
                "pg_temp.member(s.user_id, s.user_email) IS NULL",
            ),
            (
                common::SESSION_OF_KNOWN,
                "pg_temp.is_known(pg_temp.member(s.user_id, s.user_email))",
            ),
        ],
        write: "INSERT INTO platform.sessions (id, user_id, tenant_id, token_hash, ip_address,
                       user_agent, last_activity_at, expires_at, created_at)
                SELECT s.session_id, pg_temp.member(s.user_id, s.user_email), t.id,
                       decode(s.session_hash, 'hex'), nullif(s.ip_address, '')::inet, s.user_agent,
                       coalesce(s.last_accessed_at, now()), s.expires_at,
                       coalesce(s.created_at, s.last_accessed_at, now())
                  FROM source s, tenant t
                ON CONFLICT (id) DO NOTHING",
        found: "FROM platform.sessions t JOIN source s ON t.id = s.session_id
                WHERE t.tenant_id = (SELECT id FROM tenant)",
        ..Step::BLANK
    },
    Step {
        table: "call_logs",
        columns: "call_log_id uuid, call_id text, status text, transcript text, summary text,
                  outcome text, captured_data jsonb, stt_cost_usd numeric, llm_cost_usd numeric,
                  tts_cost_usd numeric, total_cost_usd numeric, started_at timestamptz,
                  created_at timestamptz, ended_at timestamptz, duration_seconds numeric,
                  phone_number text, from_number text, to_number text, direction text",
        key: ("s.call_log_id", "uuid"),
        scratch: "at timestamptz, ended timestamptz, id uuid, is_new boolean, kind text",
        refuse: &[
            (
                "started_at, created_at: the call has no time that a call can have",
                "NOT pg_temp.is_time_of_call(coalesce(s.started_at, s.created_at,
                   pg_temp.uid_time(s.call_log_id::text)))",
            ),
            ("call_id: it is empty", "coalesce(s.call_id, '') = ''"),
            (
                "call_id: another call has it",
                "row_number() OVER (PARTITION BY s.call_id ORDER BY s.call_log_id) > 1
                 OR EXISTS (SELECT FROM call_keys k JOIN calls c ON c.id = k.call_id
                             WHERE k.kind = 'call_sid' AND k.key = s.call_id
                               AND c.metadata #>> '{import,id}' IS DISTINCT FROM s.source_key)",
            ),
            common::no_amount!("stt_cost_usd", "s.stt_cost_usd"),
            common::no_amount!("llm_cost_usd", "s.llm_cost_usd"),
            common::no_amount!("tts_cost_usd", "s.tts_cost_usd"),
            common::no_amount!("total_cost_usd", "s.total_cost_usd"),
            common::no_whole!("duration_seconds", "s.duration_seconds"),
            ("status: the word is not known", common::UNKNOWN_CALL_STATUS),
        ],
        note: &[(
            "total_cost_usd: not the sum of its parts, the rest is a cost of its own",
            "coalesce(s.total_cost_usd, 0) <> coalesce(s.stt_cost_usd, 0)
               + coalesce(s.llm_cost_usd, 0) + coalesce(s.tts_cost_usd, 0)",
        )],
        before: &[
            "UPDATE source s SET at = coalesce(s.started_at, s.created_at,
               pg_temp.uid_time(s.call_log_id::text))",
            "UPDATE source s
                SET id = pg_temp.call_uid(s.source_key, s.at), kind = pg_temp.word(s.direction),
                    ended = coalesce(s.ended_at, CASE WHEN s.duration_seconds >= 0
                      THEN s.at + make_interval(secs => s.duration_seconds) END)",
            "UPDATE source s SET is_new = NOT EXISTS (SELECT FROM calls c WHERE c.id = s.id)",
        ],
        write: "INSERT INTO calls (id, call_sid, direction, status, from_number, to_number,
                       customer_number, outcome, initiated_at, ended_at, cost_micros, metadata,
                       created_at)
                SELECT s.id, s.call_id,
                       CASE WHEN s.kind IN ('inbound', 'outbound', 'internal') THEN s.kind
                            ELSE 'inbound' END::platform.call_direction,
                       pg_temp.word(s.status)::platform.call_status, s.from_number, s.to_number,
                       coalesce(s.phone_number,
                                CASE s.kind WHEN 'outbound' THEN s.to_number ELSE s.from_number END),
                       s.outcome, s.at, s.ended, coalesce(pg_temp.micros(s.total_cost_usd), 0),
                       pg_temp.noted(NULL, s.source_key), coalesce(s.created_at, s.at)
                  FROM source s WHERE s.is_new",
        after: &[
            "INSERT INTO transcriptions (id, call_id, provider, status, text, created_at)
             SELECT pg_temp.uid_at('transcriptions', s.source_key, s.at), s.id, 'voice-core',
                    'completed', s.transcript, coalesce(s.created_at, s.at)
               FROM source s WHERE s.is_new AND s.transcript IS NOT NULL",
            "INSERT INTO call_analyses (id, call_id, summary, captured_data, created_at)
             SELECT pg_temp.uid_at('call_analyses', s.source_key, s.at), s.id, s.summary,
                    coalesce(s.captured_data, '{}'), coalesce(s.created_at, s.at)
               FROM source s
              WHERE s.is_new AND num_nonnulls(s.summary, s.captured_data) > 0",
            "INSERT INTO call_costs (id, call_id, component, provider, amount_micros, created_at)
             SELECT pg_temp.uid_at('call_costs', c.component || s.source_key, s.at), s.id,
                    c.component::platform.cost_component, 'voice-core', c.micros,
                    coalesce(s.created_at, s.at)
               FROM source s,
                    LATERAL (VALUES ('stt', pg_temp.micros(s.stt_cost_usd)),
                                    ('llm', pg_temp.micros(s.llm_cost_usd)),
                                    ('tts', pg_temp.micros(s.tts_cost_usd)),
                                    ('other', coalesce(pg_temp.micros(s.total_cost_usd), 0)
                                       - coalesce(pg_temp.micros(s.stt_cost_usd), 0)
                                       - coalesce(pg_temp.micros(s.llm_cost_usd), 0)
                                       - coalesce(pg_temp.micros(s.tts_cost_usd), 0)))
                      AS c (component, micros)
              WHERE s.is_new AND c.micros <> 0",
        ],
        found: "FROM calls t JOIN source s ON t.id = s.id",
        sums: &[
            Measure {
                name: "millionths of cost",
                source: common::millionths!("s.total_cost_usd"),
                target: "t.cost_micros",
            },
            Measure {
                name: "millionths of cost by component",
                source: common::millionths!("s.total_cost_usd"),
                target: "(SELECT sum(k.amount_micros) FROM call_costs k WHERE k.call_id = t.id)",
            },
        ],
        ..Step::BLANK
    },
    Step {
        table: "system_errors",
        columns: "error_id uuid, call_id text, error_type text, error_message text,
                  stack_trace text, severity text, context jsonb, resolved boolean,
                  created_at timestamptz",
        key: ("s.error_id", "uuid"),
        refuse: &[(
            "severity: it is none of WARNING, ERROR, CRITICAL",
            "pg_temp.word(s.severity) NOT IN ('warning', 'error', 'critical')",
        )],
        write: "INSERT INTO platform.system_errors (id, tenant_id, call_id, component, error_type,
                       error_message, stack_trace, severity, context, resolved, created_at)
                SELECT s.error_id, t.id, (SELECT k.call_id FROM call_keys k
                                           WHERE k.kind = 'call_sid' AND k.key = s.call_id),
                       'voice-core', coalesce(s.error_type, 'unknown'),
                       coalesce(s.error_message, ''), s.stack_trace,
                       coalesce(pg_temp.word(s.severity), 'error')::platform.error_severity,
                       coalesce(s.context, '{}'), coalesce(s.resolved, false),
                       coalesce(s.created_at, now())
                  FROM source s, tenant t
                 WHERE NOT EXISTS (SELECT FROM platform.system_errors e WHERE e.id = s.error_id)",
        found: "FROM platform.system_errors t JOIN source s ON t.id = s.error_id
                WHERE t.tenant_id = (SELECT id FROM tenant)",
        ..Step::BLANK
    },
];
