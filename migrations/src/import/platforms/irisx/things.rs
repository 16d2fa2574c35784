//! Numbers, the address book, webhooks.

use crate::import::platforms::common;
use crate::import::step::{Secret, Step};

pub(super) const STEPS: &[Step<'static>] = &[
    Step {
        table: "phone_numbers",
        columns: "id bigint, uuid uuid, phone_number text, country_code text, number_type text,
                  carrier text, carrier_sid text, sms_enabled boolean, voice_enabled boolean,
                  mms_enabled boolean, status text, inbound_call_webhook_url text,
                  inbound_sms_webhook_url text, fallback_webhook_url text,
                  monthly_cost_cents numeric, per_minute_cost_cents numeric, friendly_name text,
                  metadata jsonb, created_at timestamptz, updated_at timestamptz,
                  assigned_at timestamptz, released_at timestamptz",
        key: ("s.id", "bigint"),
        refuse: &[
            (
                "phone_number: it is not E.164, as in +15551230001",
                "NOT pg_temp.is_e164(s.phone_number)",
            ),
            (
                "status: it is none of active, released, porting",
                "coalesce(pg_temp.word(s.status) NOT IN ('active', 'released', 'porting'), true)",
            ),
            common::no_cents!("monthly_cost_cents", "s.monthly_cost_cents"),
            common::no_cents!("per_minute_cost_cents", "s.per_minute_cost_cents"),
            (
                "number_type: it is none of local, toll-free, mobile",
                "coalesce(pg_temp.word(s.number_type) NOT IN ('local', 'toll_free', 'mobile'), true)",
            ),
            (
                "phone_number: another tenant of this installation has it",
                "EXISTS (SELECT FROM platform.phone_numbers n
                          WHERE n.e164 = s.phone_number
                            AND n.tenant_id <> (SELECT id FROM tenant))",
            ),
        ],
        before: &[
            "INSERT INTO platform.phone_numbers AS n (id, e164, tenant_id, status,
                          country_code, number_type, carrier, carrier_sid, assigned_at,
                          released_at, created_at, updated_at)
                   SELECT s.uuid, s.phone_number,
                          CASE pg_temp.word(s.status) WHEN 'released' THEN NULL ELSE t.id END,
                          pg_temp.word(s.status)::platform.number_status, s.country_code,
                          pg_temp.word(s.number_type)::platform.number_type, s.carrier,
                          s.carrier_sid, s.assigned_at, s.released_at, s.created_at, s.updated_at
                     FROM source s, tenant t
                   ON CONFLICT (e164) DO UPDATE
                      SET tenant_id = excluded.tenant_id, status = excluded.status,
                          assigned_at = excluded.assigned_at, released_at = NULL
                    WHERE n.tenant_id IS NULL AND excluded.tenant_id IS NOT NULL
                      AND NOT EXISTS (SELECT FROM phone_numbers p WHERE p.e164 = n.e164)",
        ],
        write: "INSERT INTO phone_numbers (id, e164, label, country_code, number_type, carrier,
                       carrier_sid, voice_enabled, sms_enabled, mms_enabled, status,
                       inbound_call_webhook_url, inbound_sms_webhook_url, fallback_webhook_url,
                       monthly_cost_micros, per_minute_cost_micros, assigned_at, released_at,
                       metadata, created_at, updated_at, deleted_at)
                SELECT n.id, s.phone_number, s.friendly_name, s.country_code,
                       pg_temp.word(s.number_type)::platform.number_type, s.carrier, s.carrier_sid,
                       coalesce(s.voice_enabled, true), coalesce(s.sms_enabled, true),
                       coalesce(s.mms_enabled, false),
                       pg_temp.word(s.status)::platform.number_status, s.inbound_call_webhook_url,
                       s.inbound_sms_webhook_url, s.fallback_webhook_url,
                       coalesce(s.monthly_cost_cents, 0) * 10000,
                       coalesce(s.per_minute_cost_cents, 0) * 10000, s.assigned_at, s.released_at,
                       pg_temp.noted(s.metadata, s.source_key), s.created_at, s.updated_at,
                       CASE pg_temp.word(s.status)
                         WHEN 'released' THEN coalesce(s.released_at, s.updated_at) END
                  FROM source s JOIN platform.phone_numbers n ON n.e164 = s.phone_number
                ON CONFLICT (e164) DO NOTHING",
        after: &[common::COUNT_NUMBERS],
        found: "FROM phone_numbers t JOIN source s ON t.e164 = s.phone_number",
        ..Step::BLANK
    },
    Step {
        table: "contacts",
        columns: "id bigint, uuid uuid, first_name text, last_name text, company text, email text,
                  phone text, phone_2 text, title text, address_line1 text, address_line2 text,
                  city text, state text, postal_code text, country text, tags text[],
                  lists bigint[], status text, do_not_call boolean, do_not_sms boolean,
                  custom_fields jsonb, metadata jsonb, created_at timestamptz,
                  updated_at timestamptz, deleted_at timestamptz",
        joined: &[
            ("user_uuid", "uuid", "u.uuid"),
            ("user_email", "text", "u.email"),
        ],
        joins: "LEFT JOIN users u ON u.id = s.created_by_user_id",
        scratch: "is_new boolean",
        key: ("s.id", "bigint"),
        refuse: &[(
            "status: it is none of active, unsubscribed, bounced",
            "pg_temp.word(s.status) NOT IN ('active', 'unsubscribed', 'bounced')",
        )],
        note: &[(
            "lists: IRISX has no table of them, they are named by their number",
            "cardinality(s.lists) > 0",
        )],
        before: &[
            "UPDATE source s SET is_new = NOT EXISTS (SELECT FROM contacts c WHERE c.id = s.uuid)",
            "INSERT INTO contact_lists (id, name)
             SELECT DISTINCT pg_temp.uid('contact_lists', l::text), 'IRISX list ' || l
               FROM source s, unnest(s.lists) AS l WHERE s.is_new AND l IS NOT NULL
             ON CONFLICT (id) DO NOTHING",
        ],
        write:
            "INSERT INTO contacts (id, created_by_user_id, first_name, last_name, company, email,
                       phone, phone_2, title, address_line1, address_line2, city, state,
                       postal_code, country, tags, status, do_not_call, do_not_sms, custom_fields,
                       metadata, created_at, updated_at, deleted_at)
                SELECT s.uuid, pg_temp.member(s.user_uuid, s.user_email), s.first_name, s.last_name,
                       s.company, s.email, s.phone, s.phone_2, s.title, s.address_line1,
                       s.address_line2, s.city, s.state, s.postal_code, s.country,
                       coalesce(s.tags, '{}'),
                       coalesce(pg_temp.word(s.status), 'active')::platform.contact_status,
                       coalesce(s.do_not_call, false), coalesce(s.do_not_sms, false),
                       coalesce(s.custom_fields, '{}'), pg_temp.noted(s.metadata, s.source_key),
                       s.created_at, s.updated_at, s.deleted_at
                  FROM source s
                ON CONFLICT (id) DO NOTHING",
        after: &[
            "INSERT INTO contact_list_members (contact_list_id, contact_id)
                  SELECT DISTINCT pg_temp.uid('contact_lists', l::text), s.uuid
                    FROM source s, unnest(s.lists) AS l WHERE s.is_new AND l IS NOT NULL",
        ],
        found: "FROM contacts t JOIN source s ON t.id = s.uuid",
        ..Step::BLANK
    },
    Step {
        table: "webhooks",
        columns: "id bigint, uuid uuid, url text, name text, description text, events text[],
                  secret_key bytea, status text, max_retries integer,
                  retry_backoff_seconds numeric, total_deliveries integer,
                  successful_deliveries integer, failed_deliveries integer,
                  last_delivery_at timestamptz, last_success_at timestamptz,
                  last_failure_at timestamptz, metadata jsonb, created_at timestamptz,
                  updated_at timestamptz, deleted_at timestamptz",
        joined: &[
            ("user_uuid", "uuid", "u.uuid"),
            ("user_email", "text", "u.email"),
        ],
        joins: "LEFT JOIN users u ON u.id = s.created_by_user_id",
        key: ("s.id", "bigint"),
        secrets: &[Secret::Seal {
            from: "secret_key",
            table: "webhooks",
            column: "secret_enc",
            id: "uuid",
        }],
        refuse: &[
            (
                "url: it is neither http nor https",
                "coalesce(s.url !~ '^https?://', true)",
            ),
            (
                "status: it is none of active, paused, failed",
                "coalesce(pg_temp.word(s.status) NOT IN ('active', 'paused', 'failed'), true)",
            ),
            common::no_whole!("retry_backoff_seconds", "s.retry_backoff_seconds"),
            (
                "secret_key: there is no data key to seal it with; give the tenant one and import again",
                "s.secret_key IS NULL",
            ),
        ],
        note: &[(
            "max_retries, retry_backoff_seconds: brought into 0 to 20 and above 0",
            "s.max_retries NOT BETWEEN 0 AND 20 OR s.retry_backoff_seconds < 1",
        )],
        write: "INSERT INTO webhooks (id, created_by_user_id, name, description, url, events,
                       secret_enc, status, max_retries, retry_backoff_seconds, total_deliveries,
                       successful_deliveries, failed_deliveries, last_delivery_at,
                       last_success_at, last_failure_at, metadata, created_at, updated_at,
                       deleted_at)
                SELECT s.uuid, pg_temp.member(s.user_uuid, s.user_email), s.name, s.description,
                       s.url, coalesce(s.events, '{}'), s.secret_key,
                       pg_temp.word(s.status)::platform.webhook_status,
                       least(greatest(coalesce(s.max_retries, 3), 0), 20),
                       greatest(coalesce(s.retry_backoff_seconds, 60), 1),
                       coalesce(s.total_deliveries, 0), coalesce(s.successful_deliveries, 0),
                       coalesce(s.failed_deliveries, 0), s.last_delivery_at, s.last_success_at,
                       s.last_failure_at, pg_temp.noted(s.metadata, s.source_key), s.created_at,
                       s.updated_at, s.deleted_at
                  FROM source s
                ON CONFLICT (id) DO NOTHING",
        found: "FROM webhooks t JOIN source s ON t.id = s.uuid",
        ..Step::BLANK
    },
];
