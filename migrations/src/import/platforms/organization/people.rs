//! The organization with its credits, its people, keys and numbers.

use crate::import::platforms::common;
use crate::import::step::{Measure, Secret, Step};

/// Which rows are the organization's.
pub(super) const OF: &str = "s.\"organizationId\" = $1";

pub(super) const STEPS: &[Step<'static>] = &[
    Step {
        table: "\"Organization\"",
        columns: "id text, credits numeric, \"createdAt\" timestamptz",
        of_tenant: "s.id = $1",
        key: ("s.id", "text"),
        scratch: "is_new boolean",
        refuse: &[common::no_amount!("credits", "s.credits")],
        before: &[
            common::BILLING_ACCOUNT,
            "UPDATE source s SET is_new = NOT EXISTS (
               SELECT FROM balance_transactions
                WHERE idempotency_key = 'import:organization:' || s.source_key)",
            "INSERT INTO balances (id, billing_account_id, currency)
             SELECT pg_temp.uid('balances', 'CREDIT'), b.id, 'CREDIT'
               FROM source s, billing_accounts b WHERE b.name = 'default'
             ON CONFLICT (billing_account_id, currency) DO NOTHING",
            "UPDATE balances b SET available_micros = b.available_micros + pg_temp.micros(s.credits)
               FROM source s, billing_accounts a
              WHERE s.is_new AND a.name = 'default' AND b.billing_account_id = a.id
                AND b.currency = 'CREDIT' AND s.credits IS NOT NULL",
        ],
        write: "INSERT INTO balance_transactions (id, balance_id, kind, amount_micros,
                       idempotency_key, note)
                SELECT pg_temp.uid('balance_transactions', s.source_key), b.id, 'adjustment',
                       coalesce(pg_temp.micros(s.credits), 0),
                       'import:organization:' || s.source_key, 'credits taken over'
                  FROM source s, billing_accounts a JOIN balances b ON b.billing_account_id = a.id
                 WHERE s.is_new AND a.name = 'default' AND b.currency = 'CREDIT'",
        found: "FROM balance_transactions t
                JOIN source s ON t.idempotency_key = 'import:organization:' || s.source_key",
        sums: &[Measure {
            name: "millionths of credits",
            source: common::millionths!("s.credits"),
            target: "t.amount_micros",
        }],
        ..Step::BLANK
    },
    Step {
        table: "\"UserOrganization\"",
        columns: "\"userId\" text, role text",
        joined: &[
            ("email", "text", "u.email"),
            ("\"firstName\"", "text", "u.\"firstName\""),
            ("\"lastName\"", "text", "u.\"lastName\""),
            ("phone", "text", "u.phone"),
            ("\"timeZone\"", "text", "u.\"timeZone\""),
            ("user_password", "text", "u.password"),
            ("user_avatar", "text", "u.avatar"),
            ("user_role", "text", "u.role"),
            ("user_status", "text", "u.status"),
            ("two_factor", "boolean", "u.\"twoFactorEnabled\""),
            ("\"createdAt\"", "timestamptz", "u.\"createdAt\""),
            ("\"updatedAt\"", "timestamptz", "u.\"updatedAt\""),
        ],
        joins: "LEFT JOIN \"User\" u ON u.id = s.\"userId\"",
        scratch: common::PERSON,
        of_tenant: OF,
        key: ("s.\"userId\"", "text"),
        refuse: &[
            (
                "userId, email: there is no such person, or one without an e-mail",
                "btrim(coalesce(s.email, '')) = ''",
            ),
            (
                "role: it is none of OWNER, ADMIN, VIEWER",
                "coalesce(pg_temp.word(s.role) NOT IN ('owner', 'admin', 'viewer'), true)",
            ),
            (
                "status: it is neither ACTIVE nor PENDING",
                "coalesce(pg_temp.word(s.user_status) NOT IN ('active', 'pending'), true)",
            ),
            common::another_has_the_email!("s.email", "true"),
        ],
        note: &[
common::unconfirmed!("pg_temp.uid('users', s.\"userId\")", "s.email"),
common::asked!("pg_temp.uid('users', s.\"userId\")", "s.email"),
            (
                "password: it is neither bcrypt nor argon2id, a new one is needed",
                "pg_temp.password(s.user_password) IS NULL",
            ),
            (
                "twoFactorSecret: a second factor is not taken over and has to be set up again",
                "s.two_factor",
            ),
            (
                "role of the person: it held in the whole other platform and holds here in the tenant only",
                "s.user_role IS NOT NULL",
            ),
            (
                "timeZone: the zone is not known, it became UTC",
                "s.\"timeZone\" NOT IN (SELECT name FROM pg_timezone_names)",
            ),
        ],
        before: &[
            "UPDATE source s
                SET own = pg_temp.uid('users', s.\"userId\"), mail = s.email,
                    password = s.user_password, first = s.\"firstName\", last = s.\"lastName\",
                    tel = s.phone, avatar = s.user_avatar, zone = s.\"timeZone\",
                    person_status = pg_temp.word(s.user_status), role_here = pg_temp.word(s.role),
                    made = s.\"createdAt\", changed = s.\"updatedAt\"",
            common::KNOWN,
common::USERS,
            common::MEMBERSHIPS,
        ],
        write: common::MEMBERS,
        found: common::FOUND_MEMBERS,
        ..Step::BLANK
    },
    Step {
        table: "\"ApiKey\"",
        columns: "id text, name text, key bytea, \"expirationDate\" timestamptz, status text,
                  \"createdAt\" timestamptz",
        joined: &[
            ("prefix", "text", "left(s.key, 8)"),
            ("hint", "text", "right(s.key, 4)"),
            ("long", "boolean", "length(s.key) >= 20"),
            ("user_id", "text", "s.\"userId\""),
            ("user_email", "text", "u.email"),
        ],
        joins: "LEFT JOIN \"User\" u ON u.id = s.\"userId\"",
        of_tenant: OF,
        key: ("s.id", "text"),
        secrets: &[Secret::Hash("key")],
        refuse: &[
            (
                "key: it begins with neither sk_live_ nor sk_test_, or is shorter than 20 characters",
                "coalesce(NOT s.long OR s.prefix NOT IN ('sk_live_', 'sk_test_'), true)",
            ),
            (
                "status: it is neither ACTIVE nor REVOKED",
                "coalesce(pg_temp.word(s.status) NOT IN ('active', 'revoked'), true)",
            ),
        ],
        write: "INSERT INTO platform.api_keys (id, tenant_id, created_by_user_id, name, environment,
                       key_prefix, key_hash, key_hint, status, expires_at, revoked_at, metadata,
                       created_at)
                SELECT pg_temp.uid('api_keys', s.id), t.id,
                       pg_temp.person(pg_temp.uid('users', s.user_id), s.user_email), s.name,
                       CASE s.prefix WHEN 'sk_live_' THEN 'live' ELSE 'test' END::platform.api_key_env,
                       s.prefix, s.key, s.hint, pg_temp.word(s.status)::platform.api_key_status,
                       s.\"expirationDate\",
                       CASE pg_temp.word(s.status) WHEN 'revoked' THEN now() END,
                       pg_temp.noted(NULL, s.source_key), coalesce(s.\"createdAt\", now())
                  FROM source s, tenant t
                ON CONFLICT (id) DO NOTHING",
        found: "FROM platform.api_keys t JOIN source s ON t.id = pg_temp.uid('api_keys', s.id)
                WHERE t.tenant_id = (SELECT id FROM tenant)",
        ..Step::BLANK
    },
    Step {
        table: "\"PhoneNumber\"",
        columns: "id text, label text, \"phoneNumber\" text, \"inboundStatus\" text,
                  \"outboundStatus\" text, \"createdAt\" timestamptz",
        of_tenant: OF,
        key: ("s.id", "text"),
        refuse: &[
            (
                "phoneNumber: it is not E.164, as in +15551230001",
                "NOT pg_temp.is_e164(s.\"phoneNumber\")",
            ),
            (
                "inboundStatus, outboundStatus: one is neither ENABLED nor DISABLED",
                "coalesce(pg_temp.word(s.\"inboundStatus\") NOT IN ('enabled', 'disabled')
                   OR pg_temp.word(s.\"outboundStatus\") NOT IN ('enabled', 'disabled'), true)",
            ),
            common::NUMBER_OF_ANOTHER_TENANT_BY_PHONE_NUMBER,
        ],
        before: &["INSERT INTO platform.phone_numbers AS n (id, e164, tenant_id, status,
                          country_code, carrier, assigned_at)
                   SELECT pg_temp.uid('phone_numbers', s.id), s.\"phoneNumber\", t.id, 'active', '',
                          '', coalesce(s.\"createdAt\", now())
                     FROM source s, tenant t
                   ON CONFLICT (e164) DO UPDATE
                      SET tenant_id = excluded.tenant_id, status = excluded.status,
                          assigned_at = excluded.assigned_at, released_at = NULL
                    WHERE n.tenant_id IS NULL
                      AND NOT EXISTS (SELECT FROM phone_numbers p WHERE p.e164 = n.e164)"],
        write: "INSERT INTO phone_numbers (id, e164, label, country_code, carrier, inbound_enabled,
                       outbound_enabled, metadata, assigned_at, created_at)
                SELECT n.id, s.\"phoneNumber\", s.label, '', '',
                       pg_temp.word(s.\"inboundStatus\") = 'enabled',
                       pg_temp.word(s.\"outboundStatus\") = 'enabled',
                       pg_temp.noted(NULL, s.source_key), n.assigned_at,
                       coalesce(s.\"createdAt\", now())
                  FROM source s JOIN platform.phone_numbers n ON n.e164 = s.\"phoneNumber\"
                ON CONFLICT (e164) DO NOTHING",
        after: &[common::COUNT_NUMBERS],
        found: "FROM phone_numbers t JOIN source s ON t.e164 = s.\"phoneNumber\"",
        ..Step::BLANK
    },
];
