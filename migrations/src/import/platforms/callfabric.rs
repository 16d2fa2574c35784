//! CallFabric: the 39 models of its document, and targets and target groups, which its calls refer to.
//!
//! The document names models and some of their fields; the others are as the compatibility views have
//! them, and those that a database lacks are left out.

use super::common;
use crate::import::copied::Copied;
use crate::import::run::{Mapping, Part};
use crate::import::secrets::UNSEALED;
use crate::import::step::{Measure, Secret, Step};

pub(super) const MAPPING: Mapping = Mapping {
    tenants: "SELECT id::text FROM \"Tenant\" ORDER BY 1",
    parts: &[
        Part::Steps(PEOPLE),
        Part::Copies(TELEPHONY),
        Part::Copies(CALLS),
        Part::Copies(MONEY_AND_THE_REST),
    ],
    remarks: &[
        "Name, slug, status and plan of the tenant stay as its Tenant says.",
        "Numbers, trunks, flows and campaigns do nothing until an object of their name is applied.",
    ],
};

const PEOPLE: &[Step<'static>] = &[Step {
    table: "\"User\"",
    columns: "id text, email text, \"passwordHash\" text, \"firstName\" text, \"lastName\" text,
              phone text, \"avatarUrl\" text, role text, status text, \"lastLoginAt\" timestamptz,
              \"createdAt\" timestamptz, \"updatedAt\" timestamptz",
    scratch: common::PERSON,
    key: ("s.id::text", "text"),
    refuse: &[
        ("email: it is empty", "btrim(coalesce(s.email, '')) = ''"),
        (
            "role: it is none of admin, publisher, buyer",
            "pg_temp.word(s.role) NOT IN ('admin', 'publisher', 'buyer')",
        ),
        (
            "status: the word is not known",
            "pg_temp.word(s.status) <> ALL (enum_range(NULL::platform.user_status)::text[])",
        ),
        common::another_has_the_email!("s.email", "true"),
    ],
    note: &[
        common::unconfirmed!("pg_temp.uid('users', s.id)", "s.email"),
        common::asked!("pg_temp.uid('users', s.id)", "s.email"),
        (
            "passwordHash: it is neither bcrypt nor argon2id, a new password is needed",
            "pg_temp.password(s.\"passwordHash\") IS NULL",
        ),
        ("role: there is none, it became viewer", "s.role IS NULL"),
    ],
    before: &[
        "UPDATE source s
            SET own = pg_temp.uid('users', s.id), mail = s.email, password = s.\"passwordHash\",
                first = s.\"firstName\", last = s.\"lastName\", tel = s.phone,
                avatar = s.\"avatarUrl\",
                person_status = coalesce(pg_temp.word(s.status), 'active'),
                role_here = coalesce(pg_temp.word(s.role), 'viewer'), seen = s.\"lastLoginAt\",
                made = s.\"createdAt\", changed = s.\"updatedAt\"",
        common::KNOWN,
        common::USERS,
        common::MEMBERSHIPS,
    ],
    write: common::MEMBERS,
    found: common::FOUND_MEMBERS,
    ..Step::BLANK
}];

const TELEPHONY: &[Copied] = &[
    // System roles are ours.
    Copied {
        of_tenant: "s.tenant_id::text = $1 AND NOT coalesce(s.\"isSystem\", false)",
        ..Copied::of("\"Role\"", "platform.roles")
    },
    Copied {
        of_tenant: "s.tenant_id::text = $1 AND s.\"roleId\" IN
                      (SELECT id FROM \"Role\" WHERE NOT coalesce(\"isSystem\", false))",
        refuse: &[(
            common::ROLE_OF_KNOWN,
            "pg_temp.is_known(pg_temp.member_of(s.\"userId\"))",
        )],
        ..Copied::of("\"UserRole\"", "platform.user_roles")
    },
    Copied {
        with: &[
            ("created_by_user_id", "pg_temp.member_of(s.\"userId\")"),
            ("user_id", "NULL"),
            (
                "environment",
                "CASE s.\"keyPrefix\" WHEN 'sk_live_' THEN 'live' ELSE 'test' END::platform.api_key_env",
            ),
        ],
        staged: &[("userId", "text"), ("keyPrefix", "text")],
        ..Copied::of("\"ApiKey\"", "platform.api_keys")
    },
    Copied {
        secrets: &[Secret::Seal {
            from: "credentials",
            table: "carriers",
            column: "credentials_enc",
            id: "id",
        }],
        renamed: &[("credentials", "credentials_enc")],
        with: &[("credentials_enc", "s.credentials")],
        staged: &[("credentials", "bytea"), (UNSEALED, "boolean")],
        note: &[(
            "credentials: there is no data key to seal them with, the carrier arrived without",
            "s.unsealed",
        )],
        ..Copied::of("\"Carrier\"", "carriers")
    },
    Copied {
        secrets: &[Secret::Seal {
            from: "password",
            table: "trunks",
            column: "password_enc",
            id: "id",
        }],
        renamed: &[("password", "password_enc")],
        with: &[
            ("password_enc", "s.password"),
            ("k8s_name", "pg_temp.object_name(s.name)"),
        ],
        staged: &[("password", "bytea"), (UNSEALED, "boolean")],
        note: &[(
            "password: there is no data key to seal it with, the trunk arrived without; its Trunk brings one",
            "s.unsealed",
        )],
        ..Copied::of("\"Trunk\"", "trunks")
    },
    Copied {
        with: &[("k8s_name", "pg_temp.object_name(s.name)")],
        ..Copied::of("\"Flow\"", "flows")
    },
    Copied::of("\"FlowVersion\"", "flow_versions"),
    Copied::of("\"Node\"", "flow_nodes"),
    Copied::of("\"Edge\"", "flow_edges"),
    Copied::of("\"Publisher\"", "publishers"),
    Copied::of("\"Buyer\"", "buyers"),
    Copied::of("\"BuyerEndpoint\"", "buyer_endpoints"),
    Copied::of("\"TargetGroup\"", "target_groups"),
    Copied {
        renamed: &[("status", "status")],
        with: &[
            (
                "status",
                "CASE pg_temp.word(s.status) WHEN 'active' THEN 'running' ELSE 'stopped' END::platform.campaign_status",
            ),
            // Nothing is dialled before an object of its name says so.
            ("desired_state", "'draft'"),
            (
                "kind",
                "coalesce(pg_temp.word(s.kind), 'call_tracking')::platform.campaign_kind",
            ),
            ("k8s_name", "pg_temp.object_name(s.name)"),
        ],
        staged: &[("kind", "text")],
        refuse: &[(
            "status: it is neither ACTIVE nor INACTIVE",
            "coalesce(pg_temp.word(s.status) NOT IN ('active', 'inactive'), true)",
        )],
        ..Copied::of("\"Campaign\"", "campaigns")
    },
    Copied {
        before: &[
            "INSERT INTO platform.phone_numbers AS n (id, e164, tenant_id, status, country_code,
                    carrier, assigned_at)
             SELECT pg_temp.uid('phone_numbers', s.id), s.e164,
                    CASE pg_temp.word(s.status) WHEN 'released' THEN NULL ELSE t.id END,
                    pg_temp.word(s.status)::platform.number_status, coalesce(s.\"countryCode\", ''),
                    coalesce(s.carrier, ''), now()
               FROM source s, tenant t
             ON CONFLICT (e164) DO UPDATE
                SET tenant_id = excluded.tenant_id, status = excluded.status,
                    assigned_at = excluded.assigned_at, released_at = NULL
              WHERE n.tenant_id IS NULL AND excluded.tenant_id IS NOT NULL
                AND NOT EXISTS (SELECT FROM phone_numbers p WHERE p.e164 = n.e164)",
        ],
        refuse: &[
            (
                "e164: it is not E.164, as in +15551230001",
                "NOT pg_temp.is_e164(s.e164)",
            ),
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
        after: &[common::COUNT_NUMBERS],
        ..Copied::of("\"PhoneNumber\"", "phone_numbers")
    },
    Copied::of("\"CallerIdPool\"", "caller_id_pools"),
    Copied::of("\"CallerIdPoolPhoneNumber\"", "caller_id_pool_numbers"),
];

const CALLS: &[Copied] = &[
    Copied {
        renamed: &[
            ("callCompleteTimestamp", "ended_at"),
            ("callConnectedTimestamp", "connected_at"),
            ("previouslyConnectedDate", "previously_connected_at"),
            ("callerId", "from_number"),
            ("did", "to_number"),
        ],
        with: &[
            ("id", "pg_temp.call_uid(s.id, coalesce(s.\"initiatedAt\", s.\"createdAt\"))"),
            ("initiated_at", "coalesce(s.\"initiatedAt\", s.\"createdAt\")"),
            (
                "ended_at",
                "coalesce(s.\"callCompleteTimestamp\", CASE WHEN s.duration >= 0 THEN
                   coalesce(s.\"initiatedAt\", s.\"createdAt\") + make_interval(secs => s.duration) END)",
            ),
            (
                "customer_number",
                "CASE pg_temp.word(s.direction) WHEN 'outbound' THEN s.did ELSE s.\"callerId\" END",
            ),
            (
                "metadata",
                "pg_temp.noted(s.metadata, s.source_key, jsonb_build_object('duration',
                   CASE WHEN s.duration <> platform.seconds_between(
                     coalesce(s.\"initiatedAt\", s.\"createdAt\"), s.\"callCompleteTimestamp\")
                     OR s.duration < 0 THEN trunc(s.duration) END))",
            ),
            ("tags", "pg_temp.tag_set(s.tags)"),
        ],
        staged: &[
            ("duration", "numeric"),
            ("initiatedAt", "timestamptz"),
            ("createdAt", "timestamptz"),
            ("tags", "text[]"),
            ("metadata", "jsonb"),
            ("callSid", "text"),
            ("callCompleteTimestamp", "timestamptz"),
            ("did", "text"),
            ("callerId", "text"),
        ],
        refuse: &[
            (
                "initiatedAt, createdAt: the call has no time that a call can have",
                "NOT pg_temp.is_time_of_call(coalesce(s.\"initiatedAt\", s.\"createdAt\"))",
            ),
            (
                "callSid: another call has it",
                "s.\"callSid\" IS NOT NULL AND (
                   row_number() OVER (PARTITION BY s.\"callSid\" ORDER BY s.id) > 1
                   OR EXISTS (SELECT FROM call_keys k
                               WHERE k.kind = 'call_sid' AND k.key = s.\"callSid\" AND k.call_id
                                 <> pg_temp.call_uid(s.id, coalesce(s.\"initiatedAt\", s.\"createdAt\"))))",
            ),
            common::no_whole!("duration", "s.duration"),
            ("status: the word is not known", common::UNKNOWN_CALL_STATUS),
            (
                "direction: it is neither INBOUND nor OUTBOUND",
                "coalesce(pg_temp.word(s.direction) NOT IN ('inbound', 'outbound'), true)",
            ),
        ],
        after: &[
            // What it cost has no components there; the sum of a call's costs is its cost.
            "INSERT INTO call_costs (id, call_id, component, provider, amount_micros, currency)
             SELECT pg_temp.uid_at('call_costs', s.source_key, c.initiated_at), c.id, 'other',
                    'callfabric', c.cost_micros, c.currency
               FROM source s JOIN calls c ON c.id =
                    pg_temp.call_uid(s.id, coalesce(s.\"initiatedAt\", s.\"createdAt\"))
              WHERE c.cost_micros <> 0
                AND NOT EXISTS (SELECT FROM call_costs k WHERE k.call_id = c.id)",
        ],
        sums: &[
            Measure {
                name: "seconds of duration",
                source: "s.duration",
                target: "CASE WHEN s.duration IS NOT NULL THEN
                   coalesce((t.metadata #>> '{import,duration}')::bigint, t.duration_seconds) END",
            },
            Measure {
                name: "millionths of cost",
                source: common::millionths!("s.cost"),
                target: "t.cost_micros",
            },
            Measure {
                name: "millionths of revenue",
                source: common::millionths!("s.revenue"),
                target: "t.revenue_micros",
            },
            Measure {
                name: "millionths of payout",
                source: common::millionths!("s.payout"),
                target: "t.payout_micros",
            },
        ],
        ..Copied::of("\"Call\"", "calls")
    },
    Copied::of("\"CallLeg\"", "call_legs"),
    Copied::of("\"Cdr\"", "cdrs"),
    Copied::of("\"Recording\"", "call_recordings"),
    Copied::of("\"Transcription\"", "transcriptions"),
    Copied::of("\"Tag\"", "tags"),
    Copied {
        with: &[(
            "tag_id",
            "(SELECT t.id FROM tags t WHERE t.id = pg_temp.uid('tags', s.\"tagId\"))",
        )],
        ..Copied::of("\"CallTag\"", "call_tags")
    },
    Copied {
        // The only words that are upper case here too.
        with: &[("attestation", "upper(s.attestation)::platform.stir_attestation")],
        staged: &[("attestation", "text")],
        ..Copied::of("\"StirShakenStatus\"", "stir_shaken_statuses")
    },
];

const MONEY_AND_THE_REST: &[Copied] = &[
    Copied::of("\"BillingAccount\"", "billing_accounts"),
    Copied::of("\"RateCard\"", "rate_cards"),
    Copied {
        // Ours is computed.
        staged: &[("total", "numeric")],
        refuse: &[common::no_amount!("total", "s.total")],
        sums: &[
            Measure {
                name: "millionths of total",
                source: common::millionths!("s.total"),
                target: "t.total_micros",
            },
            Measure {
                name: "millionths paid",
                source: common::millionths!("s.paid"),
                target: "t.paid_micros",
            },
        ],
        ..Copied::of("\"Invoice\"", "invoices")
    },
    Copied {
        sums: &[Measure {
            name: "millionths of amount",
            source: common::millionths!("s.amount"),
            target: "t.amount_micros",
        }],
        ..Copied::of("\"InvoiceLine\"", "invoice_lines")
    },
    Copied::of("\"Balance\"", "balances"),
    Copied {
        sums: &[Measure {
            name: "millionths of amount",
            source: common::millionths!("s.amount"),
            target: "t.amount_micros",
        }],
        ..Copied::of("\"Payout\"", "payouts")
    },
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
        ..Copied::of("\"Webhook\"", "webhooks")
    },
    Copied::of("\"Event\"", "events"),
    Copied::of("\"AuditLog\"", "audit_logs"),
    Copied::of("\"DncList\"", "dnc_lists"),
    Copied::of("\"DncListEntry\"", "dnc_list_entries"),
    Copied::of("\"ConsentToken\"", "consent_tokens"),
];
