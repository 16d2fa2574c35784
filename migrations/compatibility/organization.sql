-- Compatibility views of the organization platform (AI voice agents on Prisma), {{views}}: the 15
-- models of its document, the three junctions of its diagram, and AuditLog and DailyCallStats, which
-- it plans.
--
-- A template, as the files of migrations/tenant: {{views}} is the schema of the views; names without
-- a schema are the tenant's tables. Every view reads with the rights of its reader, who needs SELECT
-- and the row-level policies of the tables below it.
--
-- Names and words are Prisma's. Identifiers are UUIDs where the platform has CUIDs: both are opaque.
-- What folds: plans to free, pro and enterprise; roles to OWNER, ADMIN and VIEWER; calls that nobody
-- took (busy, no_answer, cancelled) to MISSED, blocked ones to FAILED, unfinished ones to
-- IN_PROGRESS; paused campaigns to CONTINUING, failed ones to STOPPED; recipients that are not to be
-- called to ERROR, all others to READY; an agent for both directions to INBOUND, with callerType
-- BOTH in its configuration; internal calls to INBOUND, with metadata.direction = 'internal'.
-- What is lost: people who are neither active nor pending, campaigns of call tracking, flows that are
-- no conversation, deleted objects (agents stay, with deletedAt), and secrets: password and
-- twoFactorSecret are NULL, credentials of a tool '*', a key is its prefix and its last characters.
-- Money is in no view but credits. With transcript encryption, transcript is NULL.
--
-- callId is call_sid, which is unique and indexed: an imported call keeps its callId there. The
-- Call-ID of SIP is not it, because callers choose that and may repeat it.

-- === Organization and people ===

CREATE VIEW {{views}}."Organization" WITH (security_invoker = true) AS
SELECT t.id, t.name, t.slug,
       CASE WHEN t.plan_key IN ('free', 'trial') THEN 'free'
            WHEN t.plan_key = 'enterprise' THEN 'enterprise' ELSE 'pro' END AS plan,
       (SELECT coalesce(sum(b.available_micros), 0) / 1e6 FROM balances b
         WHERE b.currency = 'CREDIT')::numeric(18, 6) AS credits,
       t.created_at AS "createdAt", t.updated_at AS "updatedAt"
  FROM tenant t;

CREATE VIEW {{views}}."User" WITH (security_invoker = true) AS
SELECT id, email::text AS email, first_name AS "firstName", last_name AS "lastName", phone,
       time_zone AS "timeZone", NULL::text AS password, avatar_url AS avatar,
       CASE global_role WHEN 'owner' THEN 'OWNER' WHEN 'admin' THEN 'ADMIN' ELSE 'VIEWER' END AS role,
       upper(status::text) AS status, two_factor_enabled AS "twoFactorEnabled",
       NULL::text AS "twoFactorSecret", created_at AS "createdAt", updated_at AS "updatedAt"
  FROM platform.users
 WHERE status IN ('active', 'pending') AND deleted_at IS NULL;

CREATE VIEW {{views}}."UserOrganization" WITH (security_invoker = true) AS
SELECT user_id AS "userId", tenant_id AS "organizationId",
       CASE WHEN role IN ('owner', 'customer') THEN 'OWNER'
            WHEN role IN ('admin', 'manager', 'operator') THEN 'ADMIN' ELSE 'VIEWER' END AS role
  FROM platform.memberships
 WHERE deleted_at IS NULL;

-- The whole key is shown once, when it is made.
CREATE VIEW {{views}}."ApiKey" WITH (security_invoker = true) AS
SELECT id, tenant_id AS "organizationId", coalesce(user_id, created_by_user_id) AS "userId", name,
       key_prefix || '...' || key_hint AS key, expires_at AS "expirationDate",
       upper(status::text) AS status
  FROM platform.api_keys;

-- === Agents and what they use ===

CREATE VIEW {{views}}."Agent" WITH (security_invoker = true) AS
SELECT id, tenant_id AS "organizationId", name, description, type, upper(status::text) AS status,
       CASE caller_type WHEN 'outbound' THEN 'OUTBOUND' ELSE 'INBOUND' END AS "callerType",
       phone_number_id AS "phoneNumberId", voice_id AS "voiceId", success_rate AS "successRate",
       total_calls AS "totalCalls",
       configuration || CASE caller_type WHEN 'both' THEN '{"callerType": "BOTH"}'::jsonb
                                         ELSE '{}' END AS configuration,
       created_at AS "createdAt", updated_at AS "updatedAt", deleted_at AS "deletedAt"
  FROM agents;

CREATE VIEW {{views}}."AgentKnowledgeBase" WITH (security_invoker = true) AS
SELECT agent_id AS "agentId", knowledge_base_id AS "knowledgeBaseId"
  FROM agent_knowledge_bases;

CREATE VIEW {{views}}."AgentTool" WITH (security_invoker = true) AS
SELECT agent_id AS "agentId", tool_id AS "toolId"
  FROM agent_tools;

CREATE VIEW {{views}}."AgentConversationPath" WITH (security_invoker = true) AS
SELECT agent_id AS "agentId", flow_id AS "conversationPathId"
  FROM agent_flows;

CREATE VIEW {{views}}."KnowledgeBase" WITH (security_invoker = true) AS
SELECT id, tenant_id AS "organizationId", name, description, file_count AS "fileCount",
       website_count AS "websiteCount", text_count AS "textCount", upper(status::text) AS status,
       created_at AS "createdAt", updated_at AS "updatedAt"
  FROM knowledge_bases
 WHERE deleted_at IS NULL;

CREATE VIEW {{views}}."KnowledgeBaseDocument" WITH (security_invoker = true) AS
SELECT id, knowledge_base_id AS "knowledgeBaseId", name, upper(type::text) AS type, url, content,
       file_size AS "fileSize", mime_type AS "mimeType", upper(status::text) AS status
  FROM kb_documents;

-- Voices of the installation have no organization.
CREATE VIEW {{views}}."Voice" WITH (security_invoker = true) AS
SELECT id, CASE WHEN is_custom THEN tenant_id END AS "organizationId", name, gender, description,
       avatar, tags, is_custom AS "isCustom", upper(status::text) AS status, audio_url AS "audioUrl"
  FROM voices
 WHERE deleted_at IS NULL;

-- The published version of each conversation; before the first, nodes and edges are NULL.
CREATE VIEW {{views}}."ConversationPath" WITH (security_invoker = true) AS
SELECT f.id, f.tenant_id AS "organizationId", f.name, f.use_case AS "useCase",
       f.agent_speech AS "agentSpeech", v.graph -> 'nodes' AS nodes, v.graph -> 'edges' AS edges
  FROM flows f
  LEFT JOIN flow_versions v ON v.flow_id = f.id AND v.is_active
 WHERE f.kind = 'conversation' AND f.deleted_at IS NULL;

CREATE VIEW {{views}}."Tool" WITH (security_invoker = true) AS
SELECT id, tenant_id AS "organizationId", name, description, category, logo,
       icon_bg_color AS "iconBgColor", is_connected AS "isConnected",
       configuration || CASE WHEN has_credentials THEN '{"credentials": "*"}'::jsonb
                             ELSE '{}' END AS configuration
  FROM tools
 WHERE deleted_at IS NULL;

-- What this platform calls an event is a webhook.
CREATE VIEW {{views}}."Event" WITH (security_invoker = true) AS
SELECT id, tenant_id AS "organizationId", name, description, is_enabled AS "isEnabled",
       agent_id AS "agentId", url AS "webhookUrl", trigger_count AS "triggerCount"
  FROM webhooks
 WHERE deleted_at IS NULL;

CREATE VIEW {{views}}."PhoneNumber" WITH (security_invoker = true) AS
SELECT id, tenant_id AS "organizationId", label, e164 AS "phoneNumber",
       CASE WHEN inbound_enabled THEN 'ENABLED' ELSE 'DISABLED' END AS "inboundStatus",
       CASE WHEN outbound_enabled THEN 'ENABLED' ELSE 'DISABLED' END AS "outboundStatus"
  FROM phone_numbers
 WHERE deleted_at IS NULL;

-- === Campaigns and calls ===

CREATE VIEW {{views}}."Campaign" WITH (security_invoker = true) AS
SELECT id, tenant_id AS "organizationId", name AS "batchName",
       CASE status WHEN 'draft' THEN 'DRAFT' WHEN 'scheduled' THEN 'PLANNED'
                   WHEN 'running' THEN 'CONTINUING' WHEN 'paused' THEN 'CONTINUING'
                   WHEN 'completed' THEN 'COMPLETED' ELSE 'STOPPED' END AS status,
       progress, total_calls AS "totalCalls", completed_calls AS "completedCalls",
       agent_id AS "agentId", flow_id AS "conversationPathId", first_sentence AS "firstSentence",
       task_prompt AS "taskPrompt", post_call_summary AS "postCallSummary",
       start_date AS "startDate", start_time AS "startTime", call_start_time AS "callStartTime",
       call_end_time AS "callEndTime", created_at AS "createdAt", updated_at AS "updatedAt"
  FROM campaigns
 WHERE kind = 'outbound' AND deleted_at IS NULL;

CREATE VIEW {{views}}."CampaignRecipient" WITH (security_invoker = true) AS
SELECT id, campaign_id AS "campaignId", name, phone_number AS "phoneNumber", notes,
       CASE WHEN status IN ('error', 'failed', 'suppressed') THEN 'ERROR' ELSE 'READY' END AS status
  FROM campaign_recipients;

-- transcript is the last final one, recordingUrl the first recording that is left.
CREATE VIEW {{views}}."CallLog" WITH (security_invoker = true) AS
SELECT c.id, c.tenant_id AS "organizationId",
       CASE c.direction WHEN 'outbound' THEN 'OUTBOUND' ELSE 'INBOUND' END AS "callType",
       c.agent_id AS "agentId", c.campaign_id AS "campaignId", c.call_sid AS "callId",
       c.customer_name AS customer, c.customer_number AS "phoneNumber",
       c.initiated_at AS "timestamp", c.duration_seconds AS duration,
       CASE WHEN c.status = 'completed' THEN 'COMPLETED'
            WHEN c.status IN ('busy', 'no_answer', 'cancelled') THEN 'MISSED'
            WHEN c.status IN ('failed', 'blocked') THEN 'FAILED' ELSE 'IN_PROGRESS' END AS status,
       (SELECT t.text FROM transcriptions t
         WHERE t.call_id = c.id AND t.is_final ORDER BY t.id DESC LIMIT 1) AS transcript,
       (SELECT r.object_url FROM call_recordings r
         WHERE r.call_id = c.id AND r.deleted_at IS NULL ORDER BY r.id LIMIT 1) AS "recordingUrl",
       c.metadata || CASE c.direction WHEN 'internal' THEN '{"direction": "internal"}'::jsonb
                                      ELSE '{}' END AS metadata,
       (SELECT coalesce(array_agg(jsonb_build_object(
                 'status', CASE WHEN e.to_status = 'completed' THEN 'COMPLETED'
                                WHEN e.to_status IN ('busy', 'no_answer', 'cancelled') THEN 'MISSED'
                                WHEN e.to_status IN ('failed', 'blocked') THEN 'FAILED'
                                ELSE 'IN_PROGRESS' END,
                 'timestamp', e.event_timestamp) ORDER BY e.event_timestamp, e.id), '{}')
          FROM call_events e
         WHERE e.call_id = c.id AND e.to_status IS NOT NULL) AS "statusUpdates"
  FROM calls c;

-- === What the document plans ===

CREATE VIEW {{views}}."AuditLog" WITH (security_invoker = true) AS
SELECT id, actor_user_id AS "userId", upper(action::text) AS action, entity_type AS "entityType",
       entity_id AS "entityId",
       jsonb_build_object('before', before_values, 'after', after_values) AS changes,
       created_at AS "createdAt"
  FROM audit_logs;

CREATE VIEW {{views}}."DailyCallStats" WITH (security_invoker = true) AS
SELECT id, tenant_id AS "organizationId", agent_id AS "agentId", metric_date AS date,
       total_calls AS "totalCalls", completed_calls AS "completedCalls",
       failed_calls AS "failedCalls", avg_duration AS "avgDuration"
  FROM agent_metrics
 WHERE granularity = 'day';
