-- Compatibility views of IRISX, {{views}}: the ten tables of its phases 0 and 1 and the eleven that it
-- names for phase 2.
--
-- A template, as the files of migrations/tenant: {{views}} is the schema of the views; names without
-- a schema are the tenant's tables. Every view reads with the rights of its reader, who needs SELECT
-- and the row-level policies of the tables below it.
--
-- Identifiers: id is the internal number (row_no), uuid the public one. The tables of phase 2, whose
-- columns the document leaves open, have uuid and where there is one id; they refer by id.
-- What folds: plans to trial, starter, growth and enterprise; a tenant that is being made is active,
-- an inactive one suspended, one that is being removed cancelled; roles to owner, admin, manager,
-- agent and api; people who are pending are inactive; queued calls are initiated, blocked ones failed;
-- suspended numbers are active; numbers that are neither toll-free nor mobile are local; devices to
-- web, mobile and api. Money is whole cents of the row's currency, rounded.
-- What is lost: parts of a cent; flows that are no IVR, campaigns of call tracking, the free pool of
-- numbers; secrets: password_hash and secret_key are '*', keys and tokens are SHA-256 in hex. With
-- transcript encryption, transcription_text is NULL.
-- What differs: from_number and to_number of calls are NULL for a caller without a number (anonymous,
-- browser), where IRISX forbids NULL: a word in its place would keep every search for a number from
-- its index. Limits above 2147483647 appear as that.

-- === Phase 0 and 1 ===

CREATE VIEW {{views}}.tenants WITH (security_invoker = true) AS
SELECT t.row_no AS id, t.id AS uuid, t.name, t.slug,
       CASE t.status WHEN 'provisioning' THEN 'active' WHEN 'inactive' THEN 'suspended'
                     WHEN 'terminating' THEN 'cancelled' WHEN 'deleted' THEN 'cancelled'
                     ELSE t.status::text END AS status,
       CASE t.plan_key WHEN 'free' THEN 'trial' WHEN 'pro' THEN 'growth' ELSE t.plan_key END AS plan,
       t.stripe_customer_id, t.billing_email::text AS billing_email,
       q.max_phone_numbers, q.max_users, q.max_concurrent_calls, q.max_monthly_minutes,
       coalesce(q.current_phone_numbers, 0) AS current_phone_numbers,
       coalesce(q.current_users, 0) AS current_users,
       coalesce(q.current_monthly_minutes, 0) AS current_monthly_minutes,
       t.settings, t.metadata, t.created_at, t.updated_at, t.deleted_at
  FROM tenant t
 CROSS JOIN LATERAL (
   SELECT max(u.bound) FILTER (WHERE u.resource = 'phone_numbers') AS max_phone_numbers,
          max(u.bound) FILTER (WHERE u.resource = 'users') AS max_users,
          max(u.bound) FILTER (WHERE u.resource = 'concurrent_calls') AS max_concurrent_calls,
          max(u.bound) FILTER (WHERE u.resource = 'monthly_minutes') AS max_monthly_minutes,
          max(u.used) FILTER (WHERE u.resource = 'phone_numbers') AS current_phone_numbers,
          max(u.used) FILTER (WHERE u.resource = 'users') AS current_users,
          max(u.used) FILTER (WHERE u.resource = 'monthly_minutes') AS current_monthly_minutes
     FROM (SELECT resource, least(limit_value, 2147483647)::integer AS bound,
                  least(used_value, 2147483647)::integer AS used
             FROM platform.usage_quotas
            WHERE tenant_id = t.id) u) q;

CREATE VIEW {{views}}.users WITH (security_invoker = true) AS
SELECT u.row_no AS id, u.id AS uuid, t.row_no AS tenant_id, u.email::text AS email,
       '*'::text AS password_hash, u.email_verified, u.email_verified_at, u.first_name, u.last_name,
       u.phone, u.avatar_url,
       CASE WHEN m.role IN ('owner', 'admin', 'manager', 'agent', 'api') THEN m.role::text
            WHEN m.role = 'customer' THEN 'owner' WHEN m.role = 'operator' THEN 'manager'
            ELSE 'agent' END AS role,
       m.permissions,
       CASE m.status WHEN 'pending' THEN 'inactive' ELSE m.status::text END AS status,
       u.last_login_at, m.agent_extension, m.agent_status::text AS agent_status, m.settings,
       m.metadata, m.created_at, m.updated_at, m.deleted_at
  FROM platform.memberships m
  JOIN platform.users u ON u.id = m.user_id
  JOIN tenant t ON t.id = m.tenant_id;

CREATE VIEW {{views}}.api_keys WITH (security_invoker = true) AS
SELECT k.row_no AS id, k.id AS uuid, t.row_no AS tenant_id, u.row_no AS created_by_user_id, k.name,
       k.key_prefix, encode(k.key_hash, 'hex') AS key_hash, k.key_hint, k.scopes,
       k.status::text AS status, k.last_used_at, k.expires_at, k.rate_limit_rpm, k.metadata,
       k.created_at, k.updated_at, k.revoked_at
  FROM platform.api_keys k
  JOIN tenant t ON t.id = k.tenant_id
  LEFT JOIN platform.users u ON u.id = coalesce(k.created_by_user_id, k.user_id);

-- Released numbers stay, as in IRISX.
CREATE VIEW {{views}}.phone_numbers WITH (security_invoker = true) AS
SELECT p.row_no AS id, p.id AS uuid, t.row_no AS tenant_id, p.e164 AS phone_number, p.country_code,
       CASE p.number_type WHEN 'toll_free' THEN 'toll-free' WHEN 'mobile' THEN 'mobile'
                          ELSE 'local' END AS number_type,
       p.carrier, p.carrier_sid, p.sms_enabled, p.voice_enabled, p.mms_enabled,
       CASE WHEN p.status IN ('available', 'suspended') THEN 'active'
            ELSE p.status::text END AS status,
       p.inbound_call_webhook_url, p.inbound_sms_webhook_url, p.fallback_webhook_url,
       round(p.monthly_cost_micros / 1e4)::integer AS monthly_cost_cents,
       round(p.per_minute_cost_micros / 1e4)::integer AS per_minute_cost_cents,
       p.label AS friendly_name, p.metadata, p.created_at, p.updated_at, p.assigned_at,
       p.released_at
  FROM phone_numbers p
  JOIN tenant t ON t.id = p.tenant_id;

-- Recording and transcription are a sub-select for each column, so that a query which does not ask
-- for them, such as a count, does not look for them.
CREATE VIEW {{views}}.calls WITH (security_invoker = true) AS
SELECT c.row_no AS id, c.id AS uuid, t.row_no AS tenant_id, c.call_sid,
       coalesce(c.parent_call_sid,
                (SELECT p.call_sid FROM calls p WHERE p.id = c.parent_call_id)) AS parent_call_sid,
       c.carrier_call_sid, c.direction::text AS direction, c.call_type::text AS call_type,
       c.from_number, c.to_number, fp.row_no AS from_phone_number_id,
       tp.row_no AS to_phone_number_id, mb.row_no AS user_id,
       CASE c.status WHEN 'in_progress' THEN 'in-progress' WHEN 'no_answer' THEN 'no-answer'
                     WHEN 'queued' THEN 'initiated' WHEN 'blocked' THEN 'failed'
                     ELSE c.status::text END AS status,
       c.initiated_at, c.ringing_at, c.answered_at, c.ended_at, c.duration_seconds,
       c.billable_seconds, c.mos_score, c.jitter_ms, c.packet_loss_percent, q.row_no AS queue_id,
       cp.row_no AS campaign_id,
       (SELECT r.object_url FROM call_recordings r
         WHERE r.call_id = c.id AND r.deleted_at IS NULL ORDER BY r.id LIMIT 1) AS recording_url,
       (SELECT r.duration_seconds FROM call_recordings r
         WHERE r.call_id = c.id AND r.deleted_at IS NULL
         ORDER BY r.id LIMIT 1) AS recording_duration_seconds,
       (SELECT r.recording_sid FROM call_recordings r
         WHERE r.call_id = c.id AND r.deleted_at IS NULL ORDER BY r.id LIMIT 1) AS recording_sid,
       (SELECT x.text FROM transcriptions x
         WHERE x.call_id = c.id AND x.is_final ORDER BY x.id DESC LIMIT 1) AS transcription_text,
       (SELECT x.confidence FROM transcriptions x
         WHERE x.call_id = c.id AND x.is_final
         ORDER BY x.id DESC LIMIT 1) AS transcription_confidence,
       round(c.cost_micros / 1e4)::integer AS cost_cents,
       round(c.rate_micros_per_minute / 1e4)::integer AS rate_cents_per_minute,
       c.hangup_cause, c.hangup_by::text AS hangup_by, c.metadata, c.tags, c.created_at, c.updated_at
  FROM calls c
  JOIN tenant t ON t.id = c.tenant_id
  LEFT JOIN phone_numbers fp ON fp.id = c.from_phone_number_id
  LEFT JOIN phone_numbers tp ON tp.id = c.to_phone_number_id
  LEFT JOIN members mb ON mb.id = c.member_id
  LEFT JOIN queues q ON q.id = c.queue_id
  LEFT JOIN campaigns cp ON cp.id = c.campaign_id;

-- What IRISX calls a log line of a call is an event of it.
CREATE VIEW {{views}}.call_logs WITH (security_invoker = true) AS
SELECT e.row_no AS id, c.row_no AS call_id, t.row_no AS tenant_id, e.event_type, e.event_timestamp,
       CASE e.from_status WHEN 'in_progress' THEN 'in-progress' WHEN 'no_answer' THEN 'no-answer'
                          WHEN 'queued' THEN 'initiated' WHEN 'blocked' THEN 'failed'
                          ELSE e.from_status::text END AS from_status,
       CASE e.to_status WHEN 'in_progress' THEN 'in-progress' WHEN 'no_answer' THEN 'no-answer'
                        WHEN 'queued' THEN 'initiated' WHEN 'blocked' THEN 'failed'
                        ELSE e.to_status::text END AS to_status,
       mb.row_no AS user_id, e.metadata, e.raw_event, e.created_at
  FROM call_events e
  JOIN calls c ON c.id = e.call_id
  JOIN tenant t ON t.id = e.tenant_id
  LEFT JOIN members mb ON mb.id = e.member_id;

CREATE VIEW {{views}}.webhooks WITH (security_invoker = true) AS
SELECT w.row_no AS id, w.id AS uuid, t.row_no AS tenant_id, mb.row_no AS created_by_user_id, w.url,
       w.name, w.description, w.events, '*'::text AS secret_key, w.status::text AS status,
       w.max_retries, w.retry_backoff_seconds, w.total_deliveries, w.successful_deliveries,
       w.failed_deliveries, w.last_delivery_at, w.last_success_at, w.last_failure_at, w.metadata,
       w.created_at, w.updated_at, w.deleted_at
  FROM webhooks w
  JOIN tenant t ON t.id = w.tenant_id
  LEFT JOIN members mb ON mb.id = w.created_by_user_id;

CREATE VIEW {{views}}.webhook_deliveries WITH (security_invoker = true) AS
SELECT d.row_no AS id, w.row_no AS webhook_id, t.row_no AS tenant_id, d.event_type, d.event_id,
       d.request_url, d.request_method, d.request_headers, d.request_body, d.request_signature,
       d.response_status_code, d.response_headers, d.response_body, d.response_time_ms,
       d.status::text AS status, d.error_message, d.attempt_number, d.created_at, d.delivered_at
  FROM webhook_deliveries d
  JOIN webhooks w ON w.id = d.webhook_id
  JOIN tenant t ON t.id = d.tenant_id;

CREATE VIEW {{views}}.contacts WITH (security_invoker = true) AS
SELECT c.row_no AS id, c.id AS uuid, t.row_no AS tenant_id, mb.row_no AS created_by_user_id,
       c.first_name, c.last_name, c.company, c.email::text AS email, c.phone, c.phone_2, c.title,
       c.address_line1, c.address_line2, c.city, c.state, c.postal_code, c.country, c.tags,
       (SELECT coalesce(array_agg(l.row_no ORDER BY l.row_no), '{}')
          FROM contact_list_members lm
          JOIN contact_lists l ON l.id = lm.contact_list_id
         WHERE lm.contact_id = c.id) AS lists,
       c.status::text AS status, c.do_not_call, c.do_not_sms, c.custom_fields, c.metadata,
       c.created_at, c.updated_at, c.deleted_at
  FROM contacts c
  JOIN tenant t ON t.id = c.tenant_id
  LEFT JOIN members mb ON mb.id = c.created_by_user_id;

CREATE VIEW {{views}}.sessions WITH (security_invoker = true) AS
SELECT s.row_no AS id, u.row_no AS user_id, t.row_no AS tenant_id,
       encode(s.token_hash, 'hex') AS session_token,
       encode(s.refresh_token_hash, 'hex') AS refresh_token, s.ip_address, s.user_agent,
       CASE s.device_type WHEN 'sip' THEN 'api' WHEN 'other' THEN 'web'
                          ELSE s.device_type::text END AS device_type,
       s.status::text AS status, s.created_at, s.last_activity_at, s.expires_at
  FROM platform.sessions s
  JOIN platform.users u ON u.id = s.user_id
  JOIN tenant t ON t.id = s.tenant_id;

-- === Phase 2 ===

CREATE VIEW {{views}}.queues WITH (security_invoker = true) AS
SELECT row_no AS id, id AS uuid, name, strategy::text AS strategy, max_wait_seconds, max_size,
       status::text AS status, created_at, updated_at
  FROM queues
 WHERE deleted_at IS NULL;

-- Of a queue's members, people have a user_id and AI agents an ai_agent_uuid.
CREATE VIEW {{views}}.queue_members WITH (security_invoker = true) AS
SELECT qm.id AS uuid, q.row_no AS queue_id, mb.row_no AS user_id, qm.agent_id AS ai_agent_uuid,
       qm.penalty, qm.is_paused, qm.created_at
  FROM queue_members qm
  JOIN queues q ON q.id = qm.queue_id
  LEFT JOIN members mb ON mb.id = qm.member_id;

CREATE VIEW {{views}}.campaigns WITH (security_invoker = true) AS
SELECT row_no AS id, id AS uuid, name, status::text AS status, start_at, total_calls,
       completed_calls, progress, created_at, updated_at, deleted_at
  FROM campaigns
 WHERE kind = 'outbound';

CREATE VIEW {{views}}.campaign_contacts WITH (security_invoker = true) AS
SELECT r.id AS uuid, c.row_no AS campaign_id, ct.row_no AS contact_id, r.phone_number,
       r.status::text AS status, r.attempts, r.created_at, r.updated_at
  FROM campaign_recipients r
  JOIN campaigns c ON c.id = r.campaign_id
  LEFT JOIN contacts ct ON ct.id = r.contact_id;

CREATE VIEW {{views}}.sms_messages WITH (security_invoker = true) AS
SELECT id AS uuid, direction::text AS direction, from_number, to_number, body, media_urls,
       status::text AS status, created_at, updated_at
  FROM sms_messages;

CREATE VIEW {{views}}.emails WITH (security_invoker = true) AS
SELECT id AS uuid, direction::text AS direction, from_address::text AS from_address,
       to_addresses::text[] AS to_addresses, subject, status::text AS status, created_at, updated_at
  FROM emails;

CREATE VIEW {{views}}.recordings WITH (security_invoker = true) AS
SELECT r.id AS uuid, c.row_no AS call_id, r.recording_sid, r.object_url AS url, r.duration_seconds,
       r.status::text AS status, r.created_at, r.updated_at
  FROM call_recordings r
  JOIN calls c ON c.id = r.call_id
 WHERE r.deleted_at IS NULL;

CREATE VIEW {{views}}.transcriptions WITH (security_invoker = true) AS
SELECT x.id AS uuid, c.row_no AS call_id, x.text, x.confidence, x.status::text AS status,
       x.metadata, x.created_at, x.updated_at
  FROM transcriptions x
  JOIN calls c ON c.id = x.call_id;

-- The published version of each menu or route; before the first, version and definition are NULL.
CREATE VIEW {{views}}.ivr_flows WITH (security_invoker = true) AS
SELECT f.id AS uuid, f.name, v.version, v.graph AS definition, f.status::text AS status,
       f.created_at, f.updated_at
  FROM flows f
  LEFT JOIN flow_versions v ON v.flow_id = f.id AND v.is_active
 WHERE f.kind IN ('ivr', 'routing') AND f.deleted_at IS NULL;

CREATE VIEW {{views}}.schedules WITH (security_invoker = true) AS
SELECT s.id AS uuid, s.name, s.time_zone,
       (SELECT coalesce(jsonb_agg(to_jsonb(r) - 'tenant_id' ORDER BY r.id), '[]')
          FROM schedule_rules r
         WHERE r.schedule_id = s.id) AS rules,
       s.created_at, s.updated_at
  FROM schedules s
 WHERE s.deleted_at IS NULL;

CREATE VIEW {{views}}.teams WITH (security_invoker = true) AS
SELECT t.id AS uuid, t.name, t.description,
       (SELECT coalesce(array_agg(mb.row_no ORDER BY mb.row_no), '{}')
          FROM team_members tm
          JOIN members mb ON mb.id = tm.member_id
         WHERE tm.team_id = t.id) AS member_ids,
       t.created_at, t.updated_at
  FROM teams t
 WHERE t.deleted_at IS NULL;
