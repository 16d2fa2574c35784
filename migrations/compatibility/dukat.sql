-- Compatibility views of Dukat, {{views}}: the 30 tables that its document names in six databases, and
-- the four that its count of 34 implies (document_chunks, invoice_line_items, plans, payment_methods).
--
-- A template, as the files of migrations/tenant: {{views}} is the schema of the views; names without
-- a schema are the tenant's tables. Every view reads with the rights of its reader, who needs SELECT
-- and the row-level policies of the tables below it.
--
-- What folds: nothing. Dukat's document describes columns and states few of their names and no
-- value of a status, so the columns and words are ours. Names that it does state are kept where ours
-- differ: sessions.session_id, webhooks.enabled.
-- What is lost: secrets (password_hash and secret are '*', two_factor_secret is NULL, tokens and keys
-- are SHA-256 in hex, credentials and payment tokens have no column); rows of other tenants and of the
-- platform itself; internal row numbers and what Kubernetes notes on its objects. Its six databases
-- are one schema. With transcript encryption, messages.content is NULL.

-- === Database 1: authentication and users ===

-- People with a membership in this tenant.
CREATE VIEW {{views}}.users WITH (security_invoker = true) AS
SELECT id, email::text AS email, '*'::text AS password_hash, email_verified, email_verified_at,
       first_name, last_name, phone, avatar_url, time_zone, global_role, status, two_factor_enabled,
       NULL::text AS two_factor_secret, last_login_at, settings, metadata, created_at, updated_at,
       deleted_at
  FROM platform.users;

-- The tenant's own, and the system roles, whose tenant_id is NULL.
CREATE VIEW {{views}}.roles WITH (security_invoker = true) AS
SELECT id, tenant_id, key, name, description, is_system, permissions, created_at, updated_at
  FROM platform.roles;

CREATE VIEW {{views}}.user_roles WITH (security_invoker = true) AS
SELECT id, user_id, role_id, tenant_id, created_at, updated_at
  FROM platform.user_roles;

CREATE VIEW {{views}}.sessions WITH (security_invoker = true) AS
SELECT id, id AS session_id, user_id, tenant_id, encode(token_hash, 'hex') AS token_hash,
       encode(refresh_token_hash, 'hex') AS refresh_token_hash, ip_address, user_agent, device_type,
       device, status, is_revoked, revoked_at, last_activity_at, expires_at, created_at, updated_at
  FROM platform.sessions;

CREATE VIEW {{views}}.audit_logs WITH (security_invoker = true) AS
SELECT id, tenant_id, actor_kind, actor_user_id, actor_ref, action, entity_type, entity_id,
       before_values, after_values, ip_address, user_agent, session_id, request_id, created_at
  FROM audit_logs;

-- === Database 2: tenants and configuration ===

-- One row: the tenant.
CREATE VIEW {{views}}.tenants WITH (security_invoker = true) AS
SELECT id, slug, name, business_name, domain::text AS domain, status, plan_key,
       billing_email::text AS billing_email, stripe_customer_id, routing_number, state, timezone,
       locale, settings, metadata, created_at, updated_at, deleted_at
  FROM tenant;

-- Versions of the tenant's own level; is_current is the one in force.
CREATE VIEW {{views}}.tenant_configs WITH (security_invoker = true) AS
SELECT id, scope, tenant_id, plan_key, version, config, is_current, rolled_back_from,
       source_generation, created_at, updated_at
  FROM platform.tenant_configs
 WHERE scope = 'tenant';

CREATE VIEW {{views}}.api_keys WITH (security_invoker = true) AS
SELECT id, tenant_id, user_id, created_by_user_id, name, environment, key_prefix,
       encode(key_hash, 'hex') AS key_hash, key_hint, scopes, status, rate_limit_rpm, last_used_at,
       expires_at, rotated_from_id, revoked_at, metadata, created_at, updated_at
  FROM platform.api_keys;

CREATE VIEW {{views}}.webhooks WITH (security_invoker = true) AS
SELECT id, tenant_id, created_by_user_id, name, description, url, events, agent_id,
       '*'::text AS secret, status, is_enabled AS enabled, max_retries, retry_backoff_seconds,
       total_deliveries, successful_deliveries, failed_deliveries, trigger_count, last_delivery_at,
       last_success_at, last_failure_at, metadata, created_at, updated_at, deleted_at
  FROM webhooks;

CREATE VIEW {{views}}.webhook_deliveries WITH (security_invoker = true) AS
SELECT id, tenant_id, webhook_id, event_type, event_id, outbox_event_id, request_url,
       request_method, request_headers, request_body, request_signature, response_status_code,
       response_headers, response_body, response_time_ms, status, error_message, attempt_number,
       next_attempt_at, delivered_at, created_at, updated_at
  FROM webhook_deliveries;

-- As they hold for this tenant. Rules of targeting are left out: they may name other tenants.
CREATE VIEW {{views}}.feature_flags WITH (security_invoker = true) AS
SELECT f.id, f.key, f.description, coalesce(o.enabled, f.enabled) AS enabled, f.rollout_percent,
       f.variants, o.variant, f.created_at, greatest(f.updated_at, o.updated_at) AS updated_at
  FROM platform.feature_flags f
  LEFT JOIN platform.feature_flag_overrides o ON o.feature_flag_id = f.id;

CREATE VIEW {{views}}.usage_quotas WITH (security_invoker = true) AS
SELECT id, tenant_id, resource, period, limit_value, used_value, enforcement, period_start, source,
       created_at, updated_at
  FROM platform.usage_quotas;

CREATE VIEW {{views}}.plans WITH (security_invoker = true) AS
SELECT id, key, name, default_quotas, price_micros, currency, billing_cycle, is_active, created_at,
       updated_at
  FROM platform.plans;

-- === Database 3: voice infrastructure ===

CREATE VIEW {{views}}.calls WITH (security_invoker = true) AS
SELECT id, tenant_id, call_sid, external_call_id, carrier_call_sid, parent_call_id, parent_call_sid,
       direction, call_type, status, status_reason, from_number, to_number, from_uri, to_uri,
       from_phone_number_id, to_phone_number_id, customer_number, customer_name, contact_id,
       agent_id, agent_version_id, member_id, queue_id, flow_id, campaign_id, campaign_recipient_id,
       publisher_id, buyer_id, target_id, target_group_id, campaign_name, publisher_name,
       buyer_name, target_name, target_group_name, initiated_at, ringing_at, answered_at,
       connected_at, ended_at, duration_seconds, connected_seconds, billing_increment_seconds,
       billable_seconds, mos_score, jitter_ms, packet_loss_percent, caller_id_area_code,
       caller_id_state, target_number, revenue_micros, payout_micros, cost_micros, profit_micros,
       currency, rate_micros_per_minute, is_duplicate, converted, missed_call, blocked, paid_out,
       previously_connected, previously_connected_at, previously_connected_target, no_payout_reason,
       no_conversion_reason, block_reason, outcome, hangup_cause, hangup_by, sip_code, media_node,
       tags, metadata, created_at, updated_at
  FROM calls;

CREATE VIEW {{views}}.call_segments WITH (security_invoker = true) AS
SELECT id, tenant_id, call_id, seq, kind, started_at, ended_at, duration_seconds, agent_id,
       member_id, queue_id, flow_node_id, metadata, created_at, updated_at
  FROM call_segments;

CREATE VIEW {{views}}.call_recordings WITH (security_invoker = true) AS
SELECT id, tenant_id, call_id, recording_sid, status, object_url, region, mime_type, channels,
       duration_seconds, size_bytes, encode(sha256, 'hex') AS sha256, encryption, encryption_key_id,
       consent_obtained, tier, retain_until, legal_hold, created_at, updated_at, deleted_at
  FROM call_recordings;

-- Numbers that are, or were, the tenant's; the free pool is the platform's.
CREATE VIEW {{views}}.phone_numbers WITH (security_invoker = true) AS
SELECT id, tenant_id, e164, label, country_code, number_type, carrier, carrier_id, carrier_sid,
       trunk_id, voice_enabled, sms_enabled, mms_enabled, inbound_enabled, outbound_enabled, status,
       agent_id, flow_id, queue_id, campaign_id, publisher_id, emergency_location_id,
       inbound_call_webhook_url, inbound_sms_webhook_url, fallback_webhook_url, monthly_cost_micros,
       per_minute_cost_micros, currency, assigned_at, released_at, metadata, created_at, updated_at,
       deleted_at
  FROM phone_numbers;

CREATE VIEW {{views}}.emergency_locations WITH (security_invoker = true) AS
SELECT id, tenant_id, label, system, caller_name, address_line1, address_line2, city, state,
       postal_code, country, latitude, longitude, geocode, validation_status, validated_at,
       provider_ref, created_at, updated_at, deleted_at
  FROM emergency_locations;

-- === Database 4: AI agents and conversations ===

CREATE VIEW {{views}}.agents WITH (security_invoker = true) AS
SELECT id, tenant_id, name, description, type, status, caller_type, phone_number_id, voice_id,
       configuration, prompt, first_sentence, training, max_concurrent_calls, current_version_id,
       total_calls, successful_calls, success_rate, metadata, created_at, updated_at, deleted_at
  FROM agents;

CREATE VIEW {{views}}.conversations WITH (security_invoker = true) AS
SELECT id, tenant_id, call_id, agent_id, contact_id, session_id, previous_conversation_id, channel,
       status, context, started_at, ended_at, created_at, updated_at
  FROM conversations;

CREATE VIEW {{views}}.messages WITH (security_invoker = true) AS
SELECT id, tenant_id, conversation_id, seq, role, content, intended, sentiment, sentiment_score,
       intent, intent_confidence, tool_call, token_count, latency_ms, spoken_at, created_at
  FROM messages;

CREATE VIEW {{views}}.knowledge_bases WITH (security_invoker = true) AS
SELECT id, tenant_id, name, description, file_count, website_count, text_count, status,
       document_limit, created_at, updated_at, deleted_at
  FROM knowledge_bases;

CREATE VIEW {{views}}.documents WITH (security_invoker = true) AS
SELECT id, tenant_id, knowledge_base_id, name, type, url, content, file_size, mime_type,
       encode(sha256, 'hex') AS sha256, status, error_message, created_at, updated_at
  FROM kb_documents;

CREATE VIEW {{views}}.document_chunks WITH (security_invoker = true) AS
SELECT id, tenant_id, document_id, chunk_no, content, token_count, embedding, embedding_model,
       created_at, updated_at
  FROM kb_chunks;

-- === Database 5: analytics and metrics ===

CREATE VIEW {{views}}.call_metrics WITH (security_invoker = true) AS
SELECT id, tenant_id, metric_date, granularity, bucket_start, direction, campaign_id,
       phone_number_id, total_calls, completed_calls, failed_calls, missed_calls,
       total_duration_seconds, billable_seconds, avg_mos, revenue_micros, payout_micros,
       cost_micros, created_at, updated_at
  FROM call_metrics;

CREATE VIEW {{views}}.agent_metrics WITH (security_invoker = true) AS
SELECT id, tenant_id, metric_date, granularity, bucket_start, agent_id, total_calls,
       completed_calls, failed_calls, total_duration_seconds, avg_duration, successful_calls,
       avg_csat, csat_responses, avg_response_ms, created_at, updated_at
  FROM agent_metrics;

CREATE VIEW {{views}}.voice_quality_metrics WITH (security_invoker = true) AS
SELECT id, tenant_id, metric_date, sampled_at, call_id, leg_no, mos_score, r_factor, jitter_ms,
       packet_loss_percent, rtt_ms, codec, media_node, created_at
  FROM voice_quality_metrics
 WHERE stream = 'received';

CREATE VIEW {{views}}.usage_metrics WITH (security_invoker = true) AS
SELECT id, tenant_id, metric_date, resource, provider, quantity, unit, cost_micros, billed_micros,
       created_at, updated_at
  FROM usage_metrics;

-- === Database 6: billing and subscriptions ===

CREATE VIEW {{views}}.subscriptions WITH (security_invoker = true) AS
SELECT id, tenant_id, billing_account_id, plan_key, status, billing_cycle, price_micros,
       current_period_start, current_period_end, cancel_at, external_ref, created_at, updated_at
  FROM subscriptions;

CREATE VIEW {{views}}.invoices WITH (security_invoker = true) AS
SELECT id, tenant_id, billing_account_id, subscription_id, invoice_number, status, currency,
       period_start, period_end, subtotal_micros, tax_micros, total_micros, paid_micros, issued_at,
       due_at, paid_at, tax_details, created_at, updated_at
  FROM invoices;

CREATE VIEW {{views}}.invoice_line_items WITH (security_invoker = true) AS
SELECT id, tenant_id, invoice_id, line_no, description, resource, quantity, unit_price,
       amount_micros, tax_micros, created_at, updated_at
  FROM invoice_lines;

CREATE VIEW {{views}}.payments WITH (security_invoker = true) AS
SELECT id, tenant_id, billing_account_id, invoice_id, payment_method_id, amount_micros, currency,
       status, processor_ref, failure_reason, reconciled_at, paid_at, created_at, updated_at
  FROM payments;

CREATE VIEW {{views}}.payment_methods WITH (security_invoker = true) AS
SELECT id, tenant_id, billing_account_id, kind, processor, display, is_default, status, created_at,
       updated_at
  FROM payment_methods;

CREATE VIEW {{views}}.billing_events WITH (security_invoker = true) AS
SELECT id, tenant_id, billing_account_id, sequence, event_type, payload, actor, occurred_at,
       created_at
  FROM billing_events;
