-- Compatibility views of CallFabric, {{views}}: the 39 models that its document names, and Target and
-- TargetGroup, which its calls refer to.
--
-- A template, as the files of migrations/tenant: {{views}} is the schema of the views; names without
-- a schema are the tenant's tables. Every view reads with the rights of its reader, who needs SELECT
-- and the row-level policies of the tables below it.
--
-- Names: models and fields as Prisma has them, except tenant_id, which the document writes so. Words
-- of enums are in upper case. Money is a decimal of the row's currency without the suffix _micros.
-- What folds: archived -> INACTIVE; status of a tenant to ACTIVE or INACTIVE; scheduled and running
-- campaigns to ACTIVE, all others to INACTIVE; internal calls to INBOUND with
-- metadata.direction = 'internal'; roles to admin, publisher and buyer, others to NULL. System roles
-- appear as the tenant's own. profit is revenue - payout - cost: the document does not define it.
-- What is lost: millionths of money below four decimals; deleted objects, which CallFabric does not
-- know; that a leg or a detail record was internal; secrets, which are '*', or NULL where there is
-- none, while keys are SHA-256 in hex. With transcript encryption, Transcription.text is NULL.

-- === Multi-tenant core ===

CREATE VIEW {{views}}."Tenant" WITH (security_invoker = true) AS
SELECT id, slug, name, business_name AS "businessName", domain::text AS domain,
       CASE status WHEN 'active' THEN 'ACTIVE' ELSE 'INACTIVE' END AS status, plan_key AS plan,
       timezone, locale, settings, metadata, created_at AS "createdAt", updated_at AS "updatedAt"
  FROM tenant
 WHERE deleted_at IS NULL;

-- People with a membership in this tenant.
CREATE VIEW {{views}}."User" WITH (security_invoker = true) AS
SELECT u.id, m.tenant_id, u.email::text AS email, '*'::text AS "passwordHash",
       u.first_name AS "firstName", u.last_name AS "lastName", u.phone, u.avatar_url AS "avatarUrl",
       CASE WHEN m.role IN ('owner', 'admin', 'manager', 'operator') THEN 'admin'
            WHEN m.role IN ('publisher', 'buyer') THEN m.role::text END AS role,
       upper(u.status::text) AS status, u.last_login_at AS "lastLoginAt",
       u.created_at AS "createdAt", u.updated_at AS "updatedAt"
  FROM platform.memberships m
  JOIN platform.users u ON u.id = m.user_id
 WHERE m.deleted_at IS NULL AND u.deleted_at IS NULL;

CREATE VIEW {{views}}."Role" WITH (security_invoker = true) AS
SELECT id, coalesce(tenant_id, (SELECT t.id FROM tenant t)) AS tenant_id, key, name, description,
       is_system AS "isSystem", permissions, created_at AS "createdAt", updated_at AS "updatedAt"
  FROM platform.roles;

CREATE VIEW {{views}}."UserRole" WITH (security_invoker = true) AS
SELECT id, coalesce(tenant_id, (SELECT t.id FROM tenant t)) AS tenant_id, user_id AS "userId",
       role_id AS "roleId", created_at AS "createdAt", updated_at AS "updatedAt"
  FROM platform.user_roles;

CREATE VIEW {{views}}."ApiKey" WITH (security_invoker = true) AS
SELECT id, tenant_id, coalesce(user_id, created_by_user_id) AS "userId", name,
       key_prefix AS "keyPrefix", encode(key_hash, 'hex') AS "keyHash", key_hint AS "keyHint", scopes,
       upper(status::text) AS status,
       rate_limit_rpm AS "rateLimitRpm", last_used_at AS "lastUsedAt", expires_at AS "expiresAt",
       revoked_at AS "revokedAt", metadata, created_at AS "createdAt", updated_at AS "updatedAt"
  FROM platform.api_keys;

-- === Telephony infrastructure ===

CREATE VIEW {{views}}."PhoneNumber" WITH (security_invoker = true) AS
SELECT id, tenant_id, e164, label, country_code AS "countryCode",
       upper(number_type::text) AS "numberType", carrier, carrier_id AS "carrierId",
       carrier_sid AS "carrierSid", trunk_id AS "trunkId", voice_enabled AS "voiceEnabled",
       sms_enabled AS "smsEnabled", mms_enabled AS "mmsEnabled",
       inbound_enabled AS "inboundEnabled", outbound_enabled AS "outboundEnabled",
       upper(status::text) AS status, agent_id AS "agentId", flow_id AS "flowId",
       queue_id AS "queueId", campaign_id AS "campaignId", publisher_id AS "publisherId",
       emergency_location_id AS "emergencyLocationId",
       inbound_call_webhook_url AS "inboundCallWebhookUrl",
       inbound_sms_webhook_url AS "inboundSmsWebhookUrl",
       fallback_webhook_url AS "fallbackWebhookUrl",
       (monthly_cost_micros / 1e6)::numeric(18, 4) AS "monthlyCost",
       (per_minute_cost_micros / 1e6)::numeric(18, 4) AS "perMinuteCost", currency,
       assigned_at AS "assignedAt", released_at AS "releasedAt", metadata,
       created_at AS "createdAt", updated_at AS "updatedAt"
  FROM phone_numbers
 WHERE deleted_at IS NULL;

CREATE VIEW {{views}}."Carrier" WITH (security_invoker = true) AS
SELECT id, tenant_id, platform_carrier_id AS "platformCarrierId", key, name, config,
       CASE WHEN has_credentials THEN '*' END AS credentials,
       CASE status WHEN 'active' THEN 'ACTIVE' ELSE 'INACTIVE' END AS status,
       created_at AS "createdAt", updated_at AS "updatedAt"
  FROM carriers;

CREATE VIEW {{views}}."Trunk" WITH (security_invoker = true) AS
SELECT id, tenant_id, carrier_id AS "carrierId", name, upper(protocol::text) AS protocol,
       upper(direction::text) AS direction, host, port, addresses, transport, username,
       CASE WHEN has_password THEN '*' END AS password, codecs,
       max_channels AS "maxChannels", priority,
       CASE status WHEN 'active' THEN 'ACTIVE' ELSE 'INACTIVE' END AS status, metadata,
       created_at AS "createdAt", updated_at AS "updatedAt"
  FROM trunks;

CREATE VIEW {{views}}."CallerIdPool" WITH (security_invoker = true) AS
SELECT id, tenant_id, name, strategy,
       CASE status WHEN 'active' THEN 'ACTIVE' ELSE 'INACTIVE' END AS status,
       created_at AS "createdAt", updated_at AS "updatedAt"
  FROM caller_id_pools;

CREATE VIEW {{views}}."CallerIdPoolPhoneNumber" WITH (security_invoker = true) AS
SELECT id, tenant_id, caller_id_pool_id AS "callerIdPoolId", phone_number_id AS "phoneNumberId",
       weight, last_used_at AS "lastUsedAt", created_at AS "createdAt", updated_at AS "updatedAt"
  FROM caller_id_pool_numbers;

-- === Campaigns, publishers and buyers ===

-- Campaigns of every kind; scheduled and running ones are ACTIVE.
CREATE VIEW {{views}}."Campaign" WITH (security_invoker = true) AS
SELECT id, tenant_id, upper(kind::text) AS kind, name,
       CASE WHEN status IN ('scheduled', 'running') THEN 'ACTIVE' ELSE 'INACTIVE' END AS status,
       upper(desired_state::text) AS "desiredState", agent_id AS "agentId", flow_id AS "flowId",
       caller_id_pool_id AS "callerIdPoolId", caller_phone_number_id AS "callerPhoneNumberId",
       ring_seconds AS "ringSeconds", first_sentence AS "firstSentence",
       task_prompt AS "taskPrompt", post_call_summary AS "postCallSummary",
       start_date AS "startDate", start_time AS "startTime", time_zone AS "timeZone",
       start_at AS "startAt", call_start_time AS "callStartTime", call_end_time AS "callEndTime",
       days_of_week AS "daysOfWeek", max_concurrent_calls AS "maxConcurrentCalls",
       calls_per_minute AS "callsPerMinute", max_attempts AS "maxAttempts",
       retry_backoff_seconds AS "retryBackoffSeconds",
       duplicate_window_seconds AS "duplicateWindowSeconds", routing, total_calls AS "totalCalls",
       completed_calls AS "completedCalls", failed_calls AS "failedCalls", progress,
       started_at AS "startedAt", completed_at AS "completedAt", metadata,
       created_at AS "createdAt", updated_at AS "updatedAt"
  FROM campaigns
 WHERE deleted_at IS NULL;

CREATE VIEW {{views}}."Publisher" WITH (security_invoker = true) AS
SELECT id, tenant_id, name, external_ref AS "externalRef", email::text AS email,
       payout_terms AS "payoutTerms",
       CASE status WHEN 'active' THEN 'ACTIVE' ELSE 'INACTIVE' END AS status, metadata,
       created_at AS "createdAt", updated_at AS "updatedAt"
  FROM publishers
 WHERE deleted_at IS NULL;

CREATE VIEW {{views}}."Buyer" WITH (security_invoker = true) AS
SELECT id, tenant_id, name, external_ref AS "externalRef", email::text AS email,
       revenue_terms AS "revenueTerms", daily_cap AS "dailyCap",
       concurrency_cap AS "concurrencyCap",
       CASE status WHEN 'active' THEN 'ACTIVE' ELSE 'INACTIVE' END AS status, metadata,
       created_at AS "createdAt", updated_at AS "updatedAt"
  FROM buyers
 WHERE deleted_at IS NULL;

CREATE VIEW {{views}}."BuyerEndpoint" WITH (security_invoker = true) AS
SELECT id, tenant_id, buyer_id AS "buyerId", name, upper(kind::text) AS kind, destination, priority,
       weight, concurrency_cap AS "concurrencyCap",
       CASE status WHEN 'active' THEN 'ACTIVE' ELSE 'INACTIVE' END AS status,
       created_at AS "createdAt", updated_at AS "updatedAt"
  FROM buyer_endpoints
 WHERE deleted_at IS NULL;

-- What targetId of a call refers to. CallFabric names no such model; it is the endpoint of a buyer.
CREATE VIEW {{views}}."Target" WITH (security_invoker = true) AS
SELECT id, tenant_id, buyer_id AS "buyerId", name, upper(kind::text) AS kind, destination, priority,
       weight, concurrency_cap AS "concurrencyCap",
       CASE status WHEN 'active' THEN 'ACTIVE' ELSE 'INACTIVE' END AS status,
       created_at AS "createdAt", updated_at AS "updatedAt"
  FROM buyer_endpoints
 WHERE deleted_at IS NULL;

-- What targetGroupId of a call refers to.
CREATE VIEW {{views}}."TargetGroup" WITH (security_invoker = true) AS
SELECT id, tenant_id, name, strategy,
       CASE status WHEN 'active' THEN 'ACTIVE' ELSE 'INACTIVE' END AS status,
       created_at AS "createdAt", updated_at AS "updatedAt"
  FROM target_groups;

-- === Flow routing ===

-- Flows of every kind.
CREATE VIEW {{views}}."Flow" WITH (security_invoker = true) AS
SELECT id, tenant_id, upper(kind::text) AS kind, name, description, use_case AS "useCase",
       agent_speech AS "agentSpeech", is_template AS "isTemplate", is_default AS "isDefault",
       CASE status WHEN 'active' THEN 'ACTIVE' ELSE 'INACTIVE' END AS status,
       created_at AS "createdAt", updated_at AS "updatedAt"
  FROM flows
 WHERE deleted_at IS NULL;

-- With their version of the graph; Node and Edge are its parts.
CREATE VIEW {{views}}."FlowVersion" WITH (security_invoker = true) AS
SELECT id, tenant_id, flow_id AS "flowId", version, upper(status::text) AS status,
       is_active AS "isActive", schema_version AS "schemaVersion", graph, checksum,
       published_at AS "publishedAt", created_at AS "createdAt", updated_at AS "updatedAt"
  FROM flow_versions;

CREATE VIEW {{views}}."Node" WITH (security_invoker = true) AS
SELECT id, tenant_id, flow_version_id AS "flowVersionId", node_key AS "nodeKey", type, label,
       config, position, created_at AS "createdAt", updated_at AS "updatedAt"
  FROM flow_nodes;

CREATE VIEW {{views}}."Edge" WITH (security_invoker = true) AS
SELECT id, tenant_id, flow_version_id AS "flowVersionId", edge_key AS "edgeKey",
       source_node_id AS "sourceNodeId", target_node_id AS "targetNodeId", condition, priority,
       created_at AS "createdAt", updated_at AS "updatedAt"
  FROM flow_edges;

-- === Call tracking ===

-- The fields in the order of the document. recordingUrl is the first recording that is left.
CREATE VIEW {{views}}."Call" WITH (security_invoker = true) AS
SELECT c.id, c.tenant_id, c.call_sid AS "callSid", c.campaign_id AS "campaignId",
       c.flow_id AS "flowId", c.agent_id AS "agentId",
       CASE c.direction WHEN 'outbound' THEN 'OUTBOUND' ELSE 'INBOUND' END AS direction,
       upper(c.status::text) AS status,
       -- Timestamps
       c.initiated_at AS "initiatedAt", c.ringing_at AS "ringingAt", c.answered_at AS "answeredAt",
       c.ended_at AS "callCompleteTimestamp", c.connected_at AS "callConnectedTimestamp",
       c.previously_connected_at AS "previouslyConnectedDate",
       -- Identities
       c.publisher_id AS "publisherId", c.buyer_id AS "buyerId", c.target_id AS "targetId",
       c.target_group_id AS "targetGroupId",
       -- Their names when the call was made
       c.campaign_name AS "campaignName", c.publisher_name AS "publisherName",
       c.buyer_name AS "buyerName", c.target_name AS "targetName",
       c.target_group_name AS "targetGroupName",
       -- Telephony
       coalesce(c.from_number, c.from_uri) AS "callerId",
       c.caller_id_area_code AS "callerIdAreaCode", c.caller_id_state AS "callerIdState",
       coalesce(c.to_number, c.to_uri) AS did, c.target_number AS "targetNumber",
       c.duration_seconds AS duration, c.connected_seconds AS "connectedDuration",
       platform.format_duration(c.duration_seconds) AS "durationFormatted",
       platform.format_duration(c.connected_seconds) AS "connectedDurationFormatted",
       (SELECT r.object_url FROM call_recordings r
         WHERE r.call_id = c.id AND r.deleted_at IS NULL ORDER BY r.id LIMIT 1) AS "recordingUrl",
       -- Financials
       (c.revenue_micros / 1e6)::numeric(18, 4) AS revenue,
       (c.payout_micros / 1e6)::numeric(18, 4) AS payout,
       (c.profit_micros / 1e6)::numeric(18, 4) AS profit,
       (c.cost_micros / 1e6)::numeric(18, 4) AS cost, c.currency,
       -- Status flags
       c.is_duplicate AS "isDuplicate", c.converted, c.missed_call AS "missedCall", c.blocked,
       c.paid_out AS "paidOut", c.previously_connected AS "previouslyConnected",
       -- Reason codes
       c.no_payout_reason AS "noPayoutReason", c.no_conversion_reason AS "noConversionReason",
       c.block_reason AS "blockReason", c.previously_connected_target AS "previouslyConnectedTarget",
       c.hangup_cause AS "hangupCause", upper(c.hangup_by::text) AS "hangupBy", c.outcome, c.tags,
       c.metadata || CASE c.direction WHEN 'internal' THEN '{"direction": "internal"}'::jsonb
                                      ELSE '{}' END AS metadata,
       c.created_at AS "createdAt", c.updated_at AS "updatedAt"
  FROM calls c;

CREATE VIEW {{views}}."CallLeg" WITH (security_invoker = true) AS
SELECT id, tenant_id, call_id AS "callId", leg_no AS "legNo", upper(kind::text) AS kind,
       upper(endpoint_kind::text) AS "endpointKind",
       CASE direction WHEN 'outbound' THEN 'OUTBOUND' ELSE 'INBOUND' END AS direction,
       from_uri AS "fromUri", to_uri AS "toUri", trunk_id AS "trunkId",
       buyer_endpoint_id AS "buyerEndpointId", member_id AS "memberId", agent_id AS "agentId",
       carrier_leg_id AS "carrierLegId", upper(status::text) AS status,
       initiated_at AS "initiatedAt", answered_at AS "answeredAt", ended_at AS "endedAt",
       hangup_cause AS "hangupCause", sip_code AS "sipCode", codec, media,
       created_at AS "createdAt", updated_at AS "updatedAt"
  FROM call_legs;

-- Rows never change: updatedAt is createdAt.
CREATE VIEW {{views}}."Cdr" WITH (security_invoker = true) AS
SELECT id, tenant_id, call_id AS "callId",
       CASE direction WHEN 'outbound' THEN 'OUTBOUND' ELSE 'INBOUND' END AS direction,
       from_number AS "fromNumber", to_number AS "toNumber", upper(status::text) AS status,
       started_at AS "startedAt", answered_at AS "answeredAt", ended_at AS "endedAt",
       duration_seconds AS "durationSeconds", billable_seconds AS "billableSeconds",
       (cost_micros / 1e6)::numeric(18, 4) AS cost, currency, hangup_cause AS "hangupCause",
       mos_score AS "mosScore", record, created_at AS "createdAt", created_at AS "updatedAt"
  FROM cdrs;

CREATE VIEW {{views}}."Recording" WITH (security_invoker = true) AS
SELECT id, tenant_id, call_id AS "callId", recording_sid AS "recordingSid",
       upper(status::text) AS status, object_url AS "objectUrl", region, mime_type AS "mimeType",
       channels, duration_seconds AS "durationSeconds", size_bytes AS "sizeBytes",
       encode(sha256, 'hex') AS sha256, encryption, encryption_key_id AS "encryptionKeyId",
       consent_obtained AS "consentObtained", upper(tier::text) AS tier,
       retain_until AS "retainUntil", legal_hold AS "legalHold", created_at AS "createdAt",
       updated_at AS "updatedAt"
  FROM call_recordings
 WHERE deleted_at IS NULL;

CREATE VIEW {{views}}."Transcription" WITH (security_invoker = true) AS
SELECT id, tenant_id, call_id AS "callId", recording_id AS "recordingId", provider, model, language,
       upper(status::text) AS status, text, segments, confidence, is_final AS "isFinal", metadata,
       created_at AS "createdAt", updated_at AS "updatedAt"
  FROM transcriptions;

CREATE VIEW {{views}}."Tag" WITH (security_invoker = true) AS
SELECT id, tenant_id, name, color, created_at AS "createdAt", updated_at AS "updatedAt"
  FROM tags;

CREATE VIEW {{views}}."CallTag" WITH (security_invoker = true) AS
SELECT id, tenant_id, call_id AS "callId", tag_id AS "tagId", created_at AS "createdAt",
       updated_at AS "updatedAt"
  FROM call_tags;

-- === Billing ===

CREATE VIEW {{views}}."BillingAccount" WITH (security_invoker = true) AS
SELECT id, tenant_id, name, upper(mode::text) AS mode, currency,
       billing_email::text AS "billingEmail", stripe_customer_id AS "stripeCustomerId",
       tax_id AS "taxId", tax_rate_percent AS "taxRatePercent",
       CASE status WHEN 'active' THEN 'ACTIVE' ELSE 'INACTIVE' END AS status, metadata,
       created_at AS "createdAt", updated_at AS "updatedAt"
  FROM billing_accounts;

CREATE VIEW {{views}}."RateCard" WITH (security_invoker = true) AS
SELECT id, tenant_id, billing_account_id AS "billingAccountId", name, currency, rates,
       effective_from AS "effectiveFrom", effective_to AS "effectiveTo",
       CASE status WHEN 'active' THEN 'ACTIVE' ELSE 'INACTIVE' END AS status,
       created_at AS "createdAt", updated_at AS "updatedAt"
  FROM rate_cards;

CREATE VIEW {{views}}."Invoice" WITH (security_invoker = true) AS
SELECT id, tenant_id, billing_account_id AS "billingAccountId", subscription_id AS "subscriptionId",
       invoice_number AS "invoiceNumber", upper(status::text) AS status, currency,
       period_start AS "periodStart", period_end AS "periodEnd",
       (subtotal_micros / 1e6)::numeric(18, 4) AS subtotal,
       (tax_micros / 1e6)::numeric(18, 4) AS tax, (total_micros / 1e6)::numeric(18, 4) AS total,
       (paid_micros / 1e6)::numeric(18, 4) AS paid, issued_at AS "issuedAt", due_at AS "dueAt",
       paid_at AS "paidAt", tax_details AS "taxDetails", created_at AS "createdAt",
       updated_at AS "updatedAt"
  FROM invoices;

CREATE VIEW {{views}}."InvoiceLine" WITH (security_invoker = true) AS
SELECT id, tenant_id, invoice_id AS "invoiceId", line_no AS "lineNo", description, resource,
       quantity, unit_price AS "unitPrice", (amount_micros / 1e6)::numeric(18, 4) AS amount,
       (tax_micros / 1e6)::numeric(18, 4) AS tax, created_at AS "createdAt",
       updated_at AS "updatedAt"
  FROM invoice_lines;

CREATE VIEW {{views}}."Balance" WITH (security_invoker = true) AS
SELECT id, tenant_id, billing_account_id AS "billingAccountId", currency,
       (available_micros / 1e6)::numeric(18, 4) AS available,
       (pending_micros / 1e6)::numeric(18, 4) AS pending,
       (held_micros / 1e6)::numeric(18, 4) AS held, created_at AS "createdAt",
       updated_at AS "updatedAt"
  FROM balances;

CREATE VIEW {{views}}."Payout" WITH (security_invoker = true) AS
SELECT id, tenant_id, billing_account_id AS "billingAccountId", publisher_id AS "publisherId",
       (amount_micros / 1e6)::numeric(18, 4) AS amount, currency, upper(status::text) AS status,
       period_start AS "periodStart", period_end AS "periodEnd", external_ref AS "externalRef",
       paid_at AS "paidAt", created_at AS "createdAt", updated_at AS "updatedAt"
  FROM payouts;

-- === System and integration ===

CREATE VIEW {{views}}."Webhook" WITH (security_invoker = true) AS
SELECT id, tenant_id, created_by_user_id AS "createdByUserId", name, description, url, events,
       agent_id AS "agentId", '*'::text AS secret, upper(status::text) AS status,
       is_enabled AS "isEnabled", max_retries AS "maxRetries",
       retry_backoff_seconds AS "retryBackoffSeconds", total_deliveries AS "totalDeliveries",
       successful_deliveries AS "successfulDeliveries", failed_deliveries AS "failedDeliveries",
       trigger_count AS "triggerCount", last_delivery_at AS "lastDeliveryAt",
       last_success_at AS "lastSuccessAt", last_failure_at AS "lastFailureAt", metadata,
       created_at AS "createdAt", updated_at AS "updatedAt"
  FROM webhooks
 WHERE deleted_at IS NULL;

-- Rows never change: updatedAt is createdAt.
CREATE VIEW {{views}}."Event" WITH (security_invoker = true) AS
SELECT id, tenant_id, event_type AS "eventType", subject_kind AS "subjectKind",
       subject_id AS "subjectId", agent_id AS "agentId", payload, published_at AS "publishedAt",
       created_at AS "createdAt", created_at AS "updatedAt"
  FROM events;

-- Rows never change: updatedAt is createdAt.
CREATE VIEW {{views}}."AuditLog" WITH (security_invoker = true) AS
SELECT id, tenant_id, upper(actor_kind::text) AS "actorKind", actor_user_id AS "actorUserId",
       actor_ref AS "actorRef", upper(action::text) AS action, entity_type AS "entityType",
       entity_id AS "entityId", before_values AS "beforeValues", after_values AS "afterValues",
       ip_address AS "ipAddress", user_agent AS "userAgent", session_id AS "sessionId",
       request_id AS "requestId", created_at AS "createdAt", created_at AS "updatedAt"
  FROM audit_logs;

-- Flags that are set for this tenant; CallFabric has them per tenant.
CREATE VIEW {{views}}."FeatureFlag" WITH (security_invoker = true) AS
SELECT o.id, o.tenant_id, f.key, f.description, o.enabled, o.variant, o.created_at AS "createdAt",
       o.updated_at AS "updatedAt"
  FROM platform.feature_flag_overrides o
  JOIN platform.feature_flags f ON f.id = o.feature_flag_id;

-- === Compliance and security ===

CREATE VIEW {{views}}."DncList" WITH (security_invoker = true) AS
SELECT id, tenant_id, name, upper(kind::text) AS kind,
       CASE status WHEN 'active' THEN 'ACTIVE' ELSE 'INACTIVE' END AS status,
       created_at AS "createdAt", updated_at AS "updatedAt"
  FROM dnc_lists;

CREATE VIEW {{views}}."DncListEntry" WITH (security_invoker = true) AS
SELECT id, tenant_id, dnc_list_id AS "dncListId", phone_number AS "phoneNumber", reason, source,
       expires_at AS "expiresAt", created_at AS "createdAt", updated_at AS "updatedAt"
  FROM dnc_list_entries;

CREATE VIEW {{views}}."ConsentToken" WITH (security_invoker = true) AS
SELECT id, tenant_id, upper(provider::text) AS provider, token, certificate_url AS "certificateUrl",
       phone_number AS "phoneNumber", contact_id AS "contactId", call_id AS "callId",
       upper(status::text) AS status, captured_at AS "capturedAt", verified_at AS "verifiedAt",
       expires_at AS "expiresAt", raw, created_at AS "createdAt", updated_at AS "updatedAt"
  FROM consent_tokens;

CREATE VIEW {{views}}."StirShakenStatus" WITH (security_invoker = true) AS
SELECT id, tenant_id, call_id AS "callId", upper(attestation::text) AS attestation,
       upper(verification::text) AS verification, orig_tn AS "origTn", dest_tn AS "destTn", origid,
       certificate_url AS "certificateUrl", identity_header AS "identityHeader", reason,
       checked_at AS "checkedAt", created_at AS "createdAt", updated_at AS "updatedAt"
  FROM stir_shaken_statuses;
