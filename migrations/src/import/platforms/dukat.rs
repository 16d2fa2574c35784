//! Dukat: the tables of its six databases, brought together in one source that has the table `tenants`.
//!
//! The document names tables and few of their columns; those are as the compatibility views have them,
//! and a table that the source lacks is left out.

use super::common;
use crate::import::copied::Copied;
use crate::import::run::{Mapping, Part};
use crate::import::step::{Measure, Secret, Step};

pub(super) const MAPPING: Mapping = Mapping {
    tenants: "SELECT id::text FROM tenants ORDER BY 1",
    parts: &[
        Part::Steps(PEOPLE),
        Part::Copies(ACCESS),
        Part::Copies(AGENTS),
        Part::Copies(VOICE),
        Part::Copies(CONVERSATIONS),
        Part::Copies(METRICS),
        Part::Copies(BILLING),
    ],
    remarks: &[
        "Tenants, tenant_configs, usage_quotas, feature_flags and plans are what Tenant and Plan say.",
        "Agents and numbers do nothing until an object of their name is applied.",
    ],
};

const PEOPLE: &[Step<'static>] = &[Step {
    table: "users",
    columns: "id text, email text, password_hash text, first_name text, last_name text, phone text, avatar_url text, time_zone text,
              status text, two_factor_enabled boolean, last_login_at timestamptz,
              created_at timestamptz, updated_at timestamptz, deleted_at timestamptz",
    joined: &[(
        "role_key",
        "text",
        "(SELECT r.key FROM user_roles o JOIN roles r ON r.id = o.role_id
           WHERE o.user_id = s.id AND o.tenant_id::text = $1 ORDER BY r.key LIMIT 1)",
    )],
    scratch: common::PERSON,
    // Users belong to the tenants in which they have a role.
    of_tenant: "EXISTS (SELECT FROM user_roles o
                         WHERE o.user_id = s.id AND o.tenant_id::text = $1)",
    key: ("s.id::text", "text"),
    refuse: &[
        ("email: it is empty", "btrim(coalesce(s.email, '')) = ''"),
        (
            "status: the word is not known",
            "pg_temp.word(s.status) <> ALL (enum_range(NULL::platform.user_status)::text[])",
        ),
        common::another_has_the_email!("s.email", "s.deleted_at IS NULL"),
    ],
    note: &[
        common::unconfirmed!("pg_temp.uid('users', s.id)", "s.email"),
        common::asked!("pg_temp.uid('users', s.id)", "s.email"),
        (
            "password_hash: it is neither bcrypt nor argon2id, a new password is needed",
            "pg_temp.password(s.password_hash) IS NULL",
        ),
        (
            "two_factor_secret: a second factor is not taken over and has to be set up again",
            "s.two_factor_enabled",
        ),
        (
            "role: it is none of ours, the membership became viewer; the role itself is kept",
            "coalesce(pg_temp.word(s.role_key)
               <> ALL (enum_range(NULL::platform.member_role)::text[]), true)",
        ),
    ],
    before: &[
        "UPDATE source s
            SET own = pg_temp.uid('users', s.id), mail = s.email, password = s.password_hash,
                first = s.first_name, last = s.last_name, tel = s.phone, avatar = s.avatar_url, zone = s.time_zone,
                person_status = coalesce(pg_temp.word(s.status), 'active'),
                role_here = CASE WHEN pg_temp.word(s.role_key)
                  = ANY (enum_range(NULL::platform.member_role)::text[])
                  THEN pg_temp.word(s.role_key) ELSE 'viewer' END,
                seen = s.last_login_at, made = s.created_at, changed = s.updated_at,
                gone = s.deleted_at",
        common::KNOWN,
        common::USERS,
        common::MEMBERSHIPS,
    ],
    write: common::MEMBERS,
    found: common::FOUND_MEMBERS,
    ..Step::BLANK
}];

const ACCESS: &[Copied] = &[
    // System roles are ours.
    Copied {
        of_tenant: "s.tenant_id::text = $1 AND NOT coalesce(s.is_system, false)",
        ..Copied::of("roles", "platform.roles")
    },
    Copied {
        of_tenant: "s.tenant_id::text = $1
                    AND s.role_id IN (SELECT id FROM roles WHERE tenant_id IS NOT NULL)",
        refuse: &[(
            common::ROLE_OF_KNOWN,
            "pg_temp.is_known(pg_temp.member_of(s.user_id))",
        )],
        ..Copied::of("user_roles", "platform.user_roles")
    },
    Copied {
        refuse: &[(
            common::SESSION_OF_KNOWN,
            "pg_temp.is_known(pg_temp.member_of(s.user_id))",
        )],
        ..Copied::of("sessions", "platform.sessions")
    },
    Copied::of("audit_logs", "audit_logs"),
    Copied::of("api_keys", "platform.api_keys"),
];

const AGENTS: &[Copied] = &[
    Copied {
        with: &[
            ("k8s_name", "pg_temp.object_name(s.name)"),
            // Numbers come later, see there.
            ("phone_number_id", "NULL"),
            ("voice_id", "NULL"),
            ("current_version_id", "NULL"),
            (
                "metadata",
                "pg_temp.noted(s.metadata, s.source_key,
                   jsonb_build_object('phone_number_id', s.phone_number_id))",
            ),
        ],
        ..Copied::of("agents", "agents")
    },
    Copied {
        before: &["UPDATE source s SET document_limit = greatest(s.document_limit, 100)"],
        ..Copied::of("knowledge_bases", "knowledge_bases")
    },
    Copied::of("documents", "kb_documents"),
    Copied::of("document_chunks", "kb_chunks"),
];

const VOICE: &[Copied] = &[
    Copied::of("emergency_locations", "emergency_locations"),
    Copied {
        before: &[
            "INSERT INTO platform.phone_numbers AS n (id, e164, tenant_id, status, country_code,
                    carrier, assigned_at)
             SELECT pg_temp.uid('phone_numbers', s.id), s.e164,
                    CASE pg_temp.word(s.status) WHEN 'released' THEN NULL ELSE t.id END,
                    pg_temp.word(s.status)::platform.number_status, coalesce(s.country_code, ''),
                    coalesce(s.carrier, ''), now()
               FROM source s, tenant t
             ON CONFLICT (e164) DO UPDATE
                SET tenant_id = excluded.tenant_id, status = excluded.status,
                    assigned_at = excluded.assigned_at, released_at = NULL
              WHERE n.tenant_id IS NULL AND excluded.tenant_id IS NOT NULL
                AND NOT EXISTS (SELECT FROM phone_numbers p WHERE p.e164 = n.e164)",
        ],
        refuse: &[
            ("e164: it is not E.164, as in +15551230001", "NOT pg_temp.is_e164(s.e164)"),
            (
                "e164: another tenant of this installation has it",
                "EXISTS (SELECT FROM platform.phone_numbers n
                          WHERE n.e164 = s.e164 AND n.tenant_id <> (SELECT id FROM tenant))",
            ),
            (
                "e164: the number is here already, under another identifier",
                "EXISTS (SELECT FROM platform.phone_numbers n
                          WHERE n.e164 = s.e164 AND n.id <> pg_temp.uid('phone_numbers', s.id))",
            ),
        ],
        after: &[
            common::COUNT_NUMBERS,
            "UPDATE agents a SET phone_number_id = n.id
               FROM phone_numbers n
              WHERE a.phone_number_id IS NULL
                AND n.id = pg_temp.uid('phone_numbers', a.metadata #>> '{import,phone_number_id}')",
        ],
        ..Copied::of("phone_numbers", "phone_numbers")
    },
    Copied {
        with: &[
            ("id", "pg_temp.call_uid(s.id, coalesce(s.initiated_at, s.created_at))"),
            ("initiated_at", "coalesce(s.initiated_at, s.created_at)"),
            (
                "ended_at",
                "coalesce(s.ended_at, CASE WHEN s.duration_seconds >= 0 THEN
                   coalesce(s.initiated_at, s.created_at) + make_interval(secs => s.duration_seconds) END)",
            ),
            (
                "metadata",
                "pg_temp.noted(s.metadata, s.source_key, jsonb_build_object('duration_seconds',
                   CASE WHEN s.duration_seconds IS DISTINCT FROM platform.seconds_between(
                     coalesce(s.initiated_at, s.created_at), s.ended_at) THEN trunc(s.duration_seconds) END))",
            ),
        ],
        staged: &[
            ("duration_seconds", "numeric"),
            ("initiated_at", "timestamptz"),
            ("created_at", "timestamptz"),
            ("ended_at", "timestamptz"),
            ("call_sid", "text"),
            ("metadata", "jsonb"),
        ],
        refuse: &[
            (
                "initiated_at, created_at: the call has no time that a call can have",
                "NOT pg_temp.is_time_of_call(coalesce(s.initiated_at, s.created_at))",
            ),
            (
                "call_sid: another call has it",
                "s.call_sid IS NOT NULL AND (
                   row_number() OVER (PARTITION BY s.call_sid ORDER BY s.id) > 1
                   OR EXISTS (SELECT FROM call_keys k
                               WHERE k.kind = 'call_sid' AND k.key = s.call_sid AND k.call_id
                                 <> pg_temp.call_uid(s.id, coalesce(s.initiated_at, s.created_at))))",
            ),
            common::no_whole!("duration_seconds", "s.duration_seconds"),
            ("status: the word is not known", common::UNKNOWN_CALL_STATUS),
        ],
        sums: &[
            Measure {
                name: "seconds of duration",
                source: "s.duration_seconds",
                target: "CASE WHEN s.duration_seconds IS NOT NULL THEN
                   coalesce((t.metadata #>> '{import,duration_seconds}')::bigint,
                            t.duration_seconds) END",
            },
            Measure {
                name: "millionths of cost",
                source: "s.cost_micros",
                target: "t.cost_micros",
            },
        ],
        ..Copied::of("calls", "calls")
    },
    Copied::of("call_segments", "call_segments"),
    Copied::of("call_recordings", "call_recordings"),
    Copied {
        secrets: &[Secret::Seal {
            from: "secret",
            table: "webhooks",
            column: "secret_enc",
            id: "id",
        }],
        renamed: &[("secret", "secret_enc")],
        with: &[("secret_enc", "s.secret")],
        staged: &[("secret", "bytea")],
        refuse: &[(
            "secret: there is no data key to seal it with; give the tenant one and import again",
            "s.secret IS NULL",
        )],
        ..Copied::of("webhooks", "webhooks")
    },
    Copied::of("webhook_deliveries", "webhook_deliveries"),
];

const CONVERSATIONS: &[Copied] = &[
    Copied {
        with: &[(
            "id",
            "pg_temp.conversation_uid(s.id, s.call_id, s.started_at)",
        )],
        refuse: &[
            (
                "call_id: its call was not imported",
                "s.call_id IS NOT NULL AND pg_temp.call_of(s.call_id) IS NULL",
            ),
            (
                "started_at: it is no time that can be kept",
                "NOT pg_temp.is_time_of_call(s.started_at)",
            ),
        ],
        ..Copied::of("conversations", "conversations")
    },
    Copied {
        joins: "LEFT JOIN conversations v ON v.id = s.conversation_id",
        joined: &[
            ("v_call", "text", "v.call_id"),
            ("v_started", "timestamptz", "v.started_at"),
        ],
        with: &[(
            "conversation_id",
            "(SELECT c.id FROM conversations c
               WHERE c.id = pg_temp.conversation_uid(s.conversation_id, s.v_call, s.v_started))",
        )],
        ..Copied::of("messages", "messages")
    },
];

const METRICS: &[Copied] = &[
    Copied {
        sums: &[Measure {
            name: "calls",
            source: "s.total_calls",
            target: "t.total_calls",
        }],
        ..Copied::of("call_metrics", "call_metrics")
    },
    Copied::of("agent_metrics", "agent_metrics"),
    Copied {
        with: &[(
            "call_id",
            "coalesce(pg_temp.call_of(s.call_id), pg_temp.uuid_or_null(s.call_id))",
        )],
        ..Copied::of("voice_quality_metrics", "voice_quality_metrics")
    },
    Copied {
        sums: &[Measure {
            name: "millionths billed",
            source: "s.billed_micros",
            target: "t.billed_micros",
        }],
        ..Copied::of("usage_metrics", "usage_metrics")
    },
];

/// Dukat has no accounts: everything is of the tenant's own.
const ACCOUNT: (&str, &str) = (
    "billing_account_id",
    "(SELECT b.id FROM billing_accounts b WHERE b.name = 'default')",
);

const BILLING: &[Copied] = &[
    Copied {
        before: &[common::BILLING_ACCOUNT],
        with: &[ACCOUNT],
        ..Copied::of("subscriptions", "subscriptions")
    },
    Copied {
        before: &[common::BILLING_ACCOUNT],
        with: &[ACCOUNT],
        // Ours is computed.
        staged: &[("total_micros", "numeric")],
        refuse: &[common::no_amount!(
            "total_micros",
            "s.total_micros",
            "9223372036854775807"
        )],
        sums: &[Measure {
            name: "millionths of total",
            source: "s.total_micros",
            target: "t.total_micros",
        }],
        ..Copied::of("invoices", "invoices")
    },
    Copied {
        sums: &[Measure {
            name: "millionths of amount",
            source: "s.amount_micros",
            target: "t.amount_micros",
        }],
        ..Copied::of("invoice_line_items", "invoice_lines")
    },
    Copied {
        before: &[common::BILLING_ACCOUNT],
        with: &[ACCOUNT],
        ..Copied::of("payment_methods", "payment_methods")
    },
    Copied {
        before: &[common::BILLING_ACCOUNT],
        with: &[ACCOUNT],
        sums: &[Measure {
            name: "millionths of amount",
            source: "s.amount_micros",
            target: "t.amount_micros",
        }],
        ..Copied::of("payments", "payments")
    },
    Copied {
        before: &[common::BILLING_ACCOUNT],
        with: &[ACCOUNT],
        ..Copied::of("billing_events", "billing_events")
    },
];
