//! The tenant, its people, their keys and sessions.

use crate::import::platforms::common;
use crate::import::step::{Secret, Step};

pub(super) const STEPS: &[Step<'static>] = &[
    Step {
        table: "tenants",
        columns: "id bigint, stripe_customer_id text, billing_email text, settings jsonb,
                  metadata jsonb",
        of_tenant: "s.id::text = $1",
        key: ("s.id", "bigint"),
        write: "UPDATE tenant AS t
                   SET stripe_customer_id = coalesce(t.stripe_customer_id, s.stripe_customer_id),
                       billing_email = coalesce(t.billing_email, s.billing_email::public.citext),
                       settings = CASE jsonb_typeof(s.settings) WHEN 'object' THEN s.settings
                                       ELSE '{}' END || t.settings,
                       metadata = pg_temp.noted(s.metadata, s.source_key) || t.metadata
                  FROM source s
                 WHERE t.metadata -> 'import' IS NULL",
        after: &["UPDATE platform.tenants p
                     SET stripe_customer_id = t.stripe_customer_id, billing_email = t.billing_email,
                         settings = t.settings, metadata = t.metadata
                    FROM tenant t
                   WHERE p.id = t.id
                     AND (p.stripe_customer_id, p.billing_email, p.settings, p.metadata)
                         IS DISTINCT FROM
                         (t.stripe_customer_id, t.billing_email, t.settings, t.metadata)"],
        found: "FROM tenant t, source s",
        ..Step::BLANK
    },
    Step {
        table: "users",
        columns: "id bigint, uuid uuid, email text, password_hash text, first_name text,
                  last_name text, phone text,
                  avatar_url text, role text, permissions jsonb, status text,
                  last_login_at timestamptz, agent_extension text, agent_status text,
                  settings jsonb, metadata jsonb, created_at timestamptz, updated_at timestamptz,
                  deleted_at timestamptz",
        scratch: "known boolean",
        key: ("s.id", "bigint"),
        refuse: &[
            ("email: it is empty", "btrim(coalesce(s.email, '')) = ''"),
            (
                "role: it is none of owner, admin, manager, agent, api",
                "coalesce(pg_temp.word(s.role) NOT IN ('owner', 'admin', 'manager', 'agent', 'api'), true)",
            ),
            (
                "status: it is none of active, inactive, suspended",
                "coalesce(pg_temp.word(s.status) NOT IN ('active', 'inactive', 'suspended'), true)",
            ),
            (
                "agent_status: it is none of online, busy, away, offline",
                "pg_temp.word(s.agent_status) NOT IN ('online', 'busy', 'away', 'offline')",
            ),
            (
                "email: another person of the tenant has it; what refers to this one refers to that one",
                "s.deleted_at IS NULL AND (
                   row_number() OVER (PARTITION BY s.email::public.citext, s.deleted_at IS NULL
                                      ORDER BY s.id) > 1
                   OR EXISTS (SELECT FROM members m
                               WHERE m.email = s.email::public.citext AND m.deleted_at IS NULL
                                 AND m.metadata #>> '{import,from}' = 'irisx'
                                 AND m.metadata #>> '{import,id}' <> s.source_key))",
            ),
        ],
        note: &[
common::unconfirmed!("s.uuid", "s.email"),
common::asked!("s.uuid", "s.email"),
            (
                "password_hash: it is neither bcrypt nor argon2id, a new password is needed",
                "pg_temp.password(s.password_hash) IS NULL",
            ),
            (
                "agent_extension: another person has it",
                "EXISTS (SELECT FROM source o
                          WHERE o.agent_extension = s.agent_extension AND o.id < s.id)
                 OR EXISTS (SELECT FROM members m
                             WHERE m.agent_extension = s.agent_extension
                               AND m.id IS DISTINCT FROM pg_temp.person(s.uuid, s.email))",
            ),
        ],
        before: &[
            "UPDATE source s SET agent_extension = NULL
              WHERE s.agent_extension = ''
                 OR EXISTS (SELECT FROM source o
                             WHERE o.agent_extension = s.agent_extension AND o.id < s.id)
                 OR EXISTS (SELECT FROM members m
                             WHERE m.agent_extension = s.agent_extension
                               AND m.id IS DISTINCT FROM pg_temp.person(s.uuid, s.email))",
            "UPDATE source s SET known = pg_temp.person(s.uuid, s.email) IS NOT NULL",
            // As `common::USERS`: nobody until the address is confirmed.
            "INSERT INTO platform.users (id, email, password_hash, first_name, last_name, phone,
                    avatar_url, status, last_login_at, created_at, updated_at, deleted_at)
             SELECT s.uuid, s.email, pg_temp.password(s.password_hash), s.first_name, s.last_name,
                    s.phone, s.avatar_url, 'pending', s.last_login_at, s.created_at, s.updated_at,
                    s.deleted_at
               FROM source s
              WHERE NOT s.known",
            // As `common::MEMBERSHIPS`: who is known here is asked first.
            "INSERT INTO platform.memberships (user_id, tenant_id, role, permissions, status,
                    agent_extension, agent_status, settings, metadata, created_at, updated_at,
                    deleted_at)
             SELECT pg_temp.person(s.uuid, s.email), t.id,
                    pg_temp.word(s.role)::platform.member_role, coalesce(s.permissions, '[]'),
                    CASE WHEN s.known THEN 'pending' ELSE pg_temp.word(s.status)
                    END::platform.user_status,
                    s.agent_extension,
                    coalesce(pg_temp.word(s.agent_status), 'offline')::platform.presence,
                    coalesce(s.settings, '{}'), pg_temp.noted(s.metadata, s.source_key),
                    s.created_at, s.updated_at, s.deleted_at
               FROM source s, tenant t
              WHERE NOT s.known OR (pg_temp.word(s.status) = 'active' AND s.deleted_at IS NULL)
             ON CONFLICT (user_id, tenant_id) DO NOTHING",
        ],
        // As `common::MEMBERS`: what the source says of the person, and no more.
        write: "INSERT INTO members (id, row_no, email, first_name, last_name, phone, avatar_url,
                       role, permissions, status, agent_extension, agent_status, settings,
                       metadata, created_at, updated_at, deleted_at)
                SELECT u.id, u.row_no, s.email, s.first_name, s.last_name, s.phone, s.avatar_url,
                       coalesce(p.role, pg_temp.word(s.role)::platform.member_role),
                       coalesce(p.permissions, s.permissions, '[]'),
                       coalesce(p.status, pg_temp.word(s.status)::platform.user_status),
                       p.agent_extension,
                       coalesce(p.agent_status, pg_temp.word(s.agent_status)::platform.presence,
                                'offline'),
                       coalesce(p.settings, s.settings, '{}'),
                       coalesce(p.metadata, pg_temp.noted(s.metadata, s.source_key)),
                       coalesce(p.created_at, s.created_at), coalesce(p.updated_at, s.updated_at),
                       CASE WHEN p.id IS NULL THEN s.deleted_at ELSE p.deleted_at END
                  FROM source s
                  JOIN platform.users u ON u.id = pg_temp.person(s.uuid, s.email)
                  LEFT JOIN platform.memberships p
                    ON p.user_id = u.id AND p.tenant_id = (SELECT id FROM tenant)
                ON CONFLICT (id) DO NOTHING",
        found: "FROM members t JOIN source s ON t.id = pg_temp.person(s.uuid, s.email)",
        ..Step::BLANK
    },
    Step {
        table: "api_keys",
        columns: "id bigint, uuid uuid, name text, key_prefix text, key_hash text, key_hint text,
                  scopes jsonb, status text, last_used_at timestamptz, expires_at timestamptz,
                  rate_limit_rpm integer, metadata jsonb, created_at timestamptz,
                  updated_at timestamptz, revoked_at timestamptz",
        joined: &[("user_uuid", "uuid", "u.uuid"), ("user_email", "text", "u.email")],
        joins: "LEFT JOIN users u ON u.id = s.created_by_user_id",
        key: ("s.id", "bigint"),
        refuse: &[
            (
                "key_hash: it is no SHA-256 in hex, so that the key could never be found; issue a new one",
                "coalesce(s.key_hash !~* '^[0-9a-f]{64}$', true)",
            ),
            (
                "key_prefix: it is neither sk_live_ nor sk_test_",
                "coalesce(s.key_prefix NOT IN ('sk_live_', 'sk_test_'), true)",
            ),
            ("key_hint: it has fewer than four characters", "coalesce(length(s.key_hint) < 4, true)"),
            (
                "status: it is neither active nor revoked",
                "coalesce(pg_temp.word(s.status) NOT IN ('active', 'revoked'), true)",
            ),
        ],
        write: "INSERT INTO platform.api_keys (id, tenant_id, created_by_user_id, name, environment,
                       key_prefix, key_hash, key_hint, scopes, status, rate_limit_rpm,
                       last_used_at, expires_at, revoked_at, metadata, created_at, updated_at)
                SELECT s.uuid, t.id, pg_temp.person(s.user_uuid, s.user_email), s.name,
                       CASE s.key_prefix WHEN 'sk_live_' THEN 'live' ELSE 'test' END::platform.api_key_env,
                       s.key_prefix, decode(s.key_hash, 'hex'), right(s.key_hint, 4),
                       CASE jsonb_typeof(s.scopes) WHEN 'array' THEN s.scopes ELSE '[]' END,
                       pg_temp.word(s.status)::platform.api_key_status,
                       coalesce(s.rate_limit_rpm, 100), s.last_used_at, s.expires_at,
                       CASE pg_temp.word(s.status)
                         WHEN 'revoked' THEN coalesce(s.revoked_at, s.updated_at) END,
                       pg_temp.noted(s.metadata, s.source_key), s.created_at, s.updated_at
                  FROM source s, tenant t
                ON CONFLICT (id) DO NOTHING",
        found: "FROM platform.api_keys t JOIN source s ON t.id = s.uuid
                WHERE t.tenant_id = (SELECT id FROM tenant)",
        ..Step::BLANK
    },
    Step {
        table: "sessions",
        columns: "id bigint, session_token bytea, refresh_token bytea, ip_address inet,
                  user_agent text, device_type text, status text, created_at timestamptz,
                  last_activity_at timestamptz, expires_at timestamptz",
        joined: &[("user_uuid", "uuid", "u.uuid"), ("user_email", "text", "u.email")],
        joins: "LEFT JOIN users u ON u.id = s.user_id",
        key: ("s.id", "bigint"),
        secrets: &[Secret::Hash("session_token"), Secret::Hash("refresh_token")],
        refuse: &[
            (
                "user_id: the person was not imported",
                "pg_temp.member(s.user_uuid, s.user_email) IS NULL",
            ),
            (
                common::SESSION_OF_KNOWN,
                "pg_temp.is_known(pg_temp.member(s.user_uuid, s.user_email))",
            ),
            (
                "status: it is none of active, expired, revoked",
                "pg_temp.word(s.status) NOT IN ('active', 'expired', 'revoked')",
            ),
            (
                "created_at: it is no time that can be kept",
                "NOT pg_temp.is_time_of_call(s.created_at)",
            ),
        ],
        note: &[(
            "device_type: the word is not known, it became other",
            "pg_temp.word(s.device_type) NOT IN ('web', 'mobile', 'api')",
        )],
        write: "INSERT INTO platform.sessions (id, user_id, tenant_id, token_hash,
                       refresh_token_hash, ip_address, user_agent, device_type, status, revoked_at,
                       last_activity_at, expires_at, created_at)
                SELECT pg_temp.uid_at('sessions', s.source_key, s.created_at),
                       pg_temp.member(s.user_uuid, s.user_email), t.id, s.session_token,
                       s.refresh_token, s.ip_address, s.user_agent,
                       CASE WHEN pg_temp.word(s.device_type) IN ('web', 'mobile', 'api')
                            THEN pg_temp.word(s.device_type)
                            WHEN s.device_type IS NULL THEN 'web' ELSE 'other'
                       END::platform.device_type,
                       coalesce(pg_temp.word(s.status), 'active')::platform.session_status,
                       CASE pg_temp.word(s.status) WHEN 'revoked' THEN s.last_activity_at END,
                       coalesce(s.last_activity_at, s.created_at), s.expires_at, s.created_at
                  FROM source s, tenant t
                ON CONFLICT (id) DO NOTHING",
        found: "FROM platform.sessions t
                JOIN source s ON t.id = pg_temp.uid_at('sessions', s.source_key, s.created_at)
                WHERE t.tenant_id = (SELECT id FROM tenant)",
        ..Step::BLANK
    },
];
