-- Compatibility views of voice-core, {{views}}: the six tables of its document.
--
-- A template, as the files of migrations/tenant: {{views}} is the schema of the views; names without
-- a schema are the tenant's tables. Every view reads with the rights of its reader, who needs SELECT
-- and the row-level policies of the tables below it.
--
-- What folds: a tenant that is being made, has left or is being removed is inactive; every role but
-- operator is a customer. The document states no words for the status of a call: they are ours.
-- What is lost: objective graphs that are not the tenant's default; sessions that ended; errors that
-- name no tenant; password_hash, which is '*'. session_hash is the SHA-256 in hex. Costs in another
-- currency than dollars are NULL, so that they are not added up as dollars. With transcript
-- encryption, transcript is NULL.
--
-- call_id is call_sid, which is unique and indexed: an imported call keeps its call_id there. The
-- Call-ID of SIP is not it, because callers choose that and may repeat it.

CREATE VIEW {{views}}.tenants WITH (security_invoker = true) AS
SELECT id AS tenant_id, coalesce(business_name, name) AS business_name,
       routing_number AS phone_number, state, timezone, locale,
       CASE WHEN status IN ('active', 'suspended') THEN status::text ELSE 'inactive' END AS status,
       metadata
  FROM tenant;

-- Versions of the default objective flow; at most one is active.
CREATE VIEW {{views}}.objective_configs WITH (security_invoker = true) AS
SELECT v.id AS config_id, v.tenant_id, v.version, v.graph AS objective_graph,
       v.is_active AS active, v.schema_version
  FROM flow_versions v
  JOIN flows f ON f.id = v.flow_id
 WHERE f.kind = 'objective' AND f.is_default AND f.deleted_at IS NULL;

CREATE VIEW {{views}}.users WITH (security_invoker = true) AS
SELECT u.id AS user_id, m.tenant_id, u.email::text AS email, '*'::text AS password_hash,
       CASE m.role WHEN 'operator' THEN 'operator' ELSE 'customer' END AS role,
       u.last_login_at AS last_login
  FROM platform.memberships m
  JOIN platform.users u ON u.id = m.user_id
 WHERE m.deleted_at IS NULL AND u.deleted_at IS NULL;

CREATE VIEW {{views}}.sessions WITH (security_invoker = true) AS
SELECT id AS session_id, user_id, encode(token_hash, 'hex') AS session_hash, expires_at,
       last_activity_at AS last_accessed_at, user_agent, ip_address
  FROM platform.sessions
 WHERE status = 'active';

CREATE VIEW {{views}}.call_logs WITH (security_invoker = true) AS
SELECT c.id AS call_log_id, c.call_sid AS call_id, c.tenant_id, c.status::text AS status,
       (SELECT t.text FROM transcriptions t
         WHERE t.call_id = c.id AND t.is_final ORDER BY t.id DESC LIMIT 1) AS transcript,
       a.summary, c.outcome, a.captured_data,
       CASE WHEN c.currency = 'USD' THEN
         (SELECT coalesce(sum(k.amount_micros), 0) / 1e6 FROM call_costs k
           WHERE k.call_id = c.id AND k.component = 'stt')
       END::numeric(18, 6) AS stt_cost_usd,
       CASE WHEN c.currency = 'USD' THEN
         (SELECT coalesce(sum(k.amount_micros), 0) / 1e6 FROM call_costs k
           WHERE k.call_id = c.id AND k.component = 'llm')
       END::numeric(18, 6) AS llm_cost_usd,
       CASE WHEN c.currency = 'USD' THEN
         (SELECT coalesce(sum(k.amount_micros), 0) / 1e6 FROM call_costs k
           WHERE k.call_id = c.id AND k.component = 'tts')
       END::numeric(18, 6) AS tts_cost_usd,
       CASE WHEN c.currency = 'USD' THEN c.cost_micros / 1e6 END::numeric(18, 6) AS total_cost_usd
  FROM calls c
  LEFT JOIN call_analyses a ON a.call_id = c.id;

CREATE VIEW {{views}}.system_errors WITH (security_invoker = true) AS
SELECT id AS error_id, tenant_id, call_id, error_type, error_message, stack_trace,
       upper(severity::text) AS severity, context, resolved
  FROM platform.system_errors;
