-- One row in every table that a view of another platform reads, for one tenant: enough that each view
-- has something to show, and something that a neighbour must not see. Run as superuser in the tenant's
-- schema; {{schema}} and {{tenant_id}} are replaced. Rows refer to the only row of another table.

-- People and access
WITH person AS (
  INSERT INTO platform.users (email, password_hash, first_name, global_role, status, two_factor_enabled, two_factor_secret_enc)
  VALUES ('ada@{{schema}}.example', '$argon2id$secret', 'Ada', 'admin', 'active', true, 'secret')
  RETURNING id, row_no, email)
INSERT INTO members (id, row_no, email, role) SELECT id, row_no, email, 'operator' FROM person;
INSERT INTO platform.memberships (user_id, tenant_id, role, status) SELECT id, '{{tenant_id}}', 'operator', 'active' FROM members;
INSERT INTO platform.roles (tenant_id, key, name) VALUES ('{{tenant_id}}', 'auditor', 'Auditor');
INSERT INTO platform.user_roles (user_id, role_id, tenant_id)
SELECT m.id, r.id, r.tenant_id FROM members m, platform.roles r WHERE r.tenant_id = '{{tenant_id}}';
INSERT INTO platform.sessions (user_id, tenant_id, token_hash, refresh_token_hash, device_type, expires_at)
SELECT id, '{{tenant_id}}', sha256('session {{schema}}'), sha256('refresh {{schema}}'), 'sip', now() + interval '1 day' FROM members;
INSERT INTO platform.api_keys (tenant_id, created_by_user_id, name, environment, key_prefix, key_hash, key_hint)
SELECT '{{tenant_id}}', id, 'production', 'live', 'sk_live_', sha256('key {{schema}}'), '9f3a' FROM members;
INSERT INTO platform.tenant_configs (scope, tenant_id, version, config, is_current)
VALUES ('tenant', '{{tenant_id}}', 1, '{"greeting": "hello"}', true);
INSERT INTO platform.feature_flags (key) VALUES ('barge-in') ON CONFLICT DO NOTHING;
INSERT INTO platform.feature_flag_overrides (tenant_id, feature_flag_id, enabled)
SELECT '{{tenant_id}}', id, true FROM platform.feature_flags WHERE key = 'barge-in';
INSERT INTO platform.system_errors (tenant_id, error_type, error_message, severity)
VALUES ('{{tenant_id}}', 'Timeout', 'no answer from the carrier', 'critical');
INSERT INTO teams (name) VALUES ('support');
INSERT INTO team_members (team_id, member_id) SELECT t.id, m.id FROM teams t, members m;
INSERT INTO audit_logs (actor_kind, actor_user_id, action, entity_type, entity_id, after_values)
SELECT 'user', id, 'update', 'agent', '1', '{"name": "new"}' FROM members;
INSERT INTO events (event_type, subject_kind) VALUES ('call.completed', 'call');
INSERT INTO schedules (name) VALUES ('office');
INSERT INTO schedule_rules (schedule_id, kind, days_of_week, opens_at, closes_at)
SELECT id, 'weekly', '{1,2,3,4,5}', '09:00', '18:00' FROM schedules;

-- Agents, flows, knowledge
INSERT INTO voices (name) VALUES ('June');
INSERT INTO agents (name, caller_type, voice_id, configuration) SELECT 'Reception', 'both', id, '{"stt": {}}' FROM voices;
INSERT INTO tools (name, configuration, credentials_enc) VALUES ('Calendar', '{"url": "x"}', 'secret');
INSERT INTO knowledge_bases (name) VALUES ('Products');
INSERT INTO kb_documents (knowledge_base_id, name, type, content) SELECT id, 'Prices', 'text', 'ten' FROM knowledge_bases;
INSERT INTO kb_chunks (document_id, chunk_no, content) SELECT id, 1, 'ten' FROM kb_documents;
INSERT INTO flows (kind, name, is_default)
VALUES ('conversation', 'greeting', true), ('routing', 'main', true), ('objective', 'goals', true);
INSERT INTO flow_versions (flow_id, version, status, is_active, graph)
SELECT id, 1, 'published', true, '{"nodes": [1], "edges": [2]}' FROM flows;
INSERT INTO flow_nodes (flow_version_id, node_key, type, config)
SELECT v.id, 'start', 'say', '{"text": "hi"}' FROM flow_versions v JOIN flows f ON f.id = v.flow_id WHERE f.kind = 'routing';
INSERT INTO flow_edges (flow_version_id, edge_key, source_node_id, target_node_id)
SELECT flow_version_id, 'loop', id, id FROM flow_nodes;
INSERT INTO agent_knowledge_bases (agent_id, knowledge_base_id) SELECT a.id, k.id FROM agents a, knowledge_bases k;
INSERT INTO agent_tools (agent_id, tool_id) SELECT a.id, t.id FROM agents a, tools t;
INSERT INTO agent_flows (agent_id, flow_id) SELECT a.id, f.id FROM agents a, flows f WHERE f.kind = 'conversation';

-- Telephony, campaigns, contacts
INSERT INTO carriers (key, name, credentials_enc) VALUES ('twilio', 'Twilio', 'secret');
INSERT INTO trunks (name, protocol, password_enc) VALUES ('main', 'sip', 'secret');
INSERT INTO emergency_locations (label, caller_name, address_line1, city, postal_code, country)
VALUES ('office', 'Acme', 'Main St 1', 'Springfield', '12345', 'US');
INSERT INTO phone_numbers (e164, label, number_type, status, monthly_cost_micros)
VALUES ('+15550009999', 'Office', 'toll_free', 'suspended', 1495000);
INSERT INTO caller_id_pools (name) VALUES ('local');
INSERT INTO caller_id_pool_numbers (caller_id_pool_id, phone_number_id) SELECT p.id, n.id FROM caller_id_pools p, phone_numbers n;
INSERT INTO queues (name) VALUES ('support');
INSERT INTO queue_members (queue_id, member_id) SELECT q.id, m.id FROM queues q, members m;
INSERT INTO publishers (name) VALUES ('Ads Ltd');
INSERT INTO buyers (name) VALUES ('Roofers');
INSERT INTO buyer_endpoints (buyer_id, name, kind, destination, status) SELECT id, 'desk', 'pstn', '+15550008888', 'archived' FROM buyers;
INSERT INTO target_groups (name) VALUES ('all roofers');
INSERT INTO contacts (first_name, phone, tags) VALUES ('Grace', '+15550007777', '{vip}');
INSERT INTO contact_lists (name) VALUES ('customers');
INSERT INTO contact_list_members (contact_list_id, contact_id) SELECT l.id, c.id FROM contact_lists l, contacts c;
INSERT INTO campaigns (name, status) VALUES ('Renewals', 'paused');
INSERT INTO campaign_recipients (campaign_id, contact_id, phone_number, status)
SELECT c.id, p.id, p.phone, 'suppressed' FROM campaigns c, contacts p;
INSERT INTO dnc_lists (name) VALUES ('internal');
INSERT INTO dnc_list_entries (dnc_list_id, phone_number) SELECT id, '+15550006666' FROM dnc_lists;
INSERT INTO consent_tokens (provider, token) VALUES ('trustedform', 'https://cert.example/1');

-- A call and all its rows
INSERT INTO calls (direction, call_sid, status, parent_call_sid, from_number, to_number, ended_at, cost_micros, tags)
VALUES ('internal', 'CA1', 'completed', 'CA0', '+15550007777', '+15550009999', now(), 25000, '{vip}');
INSERT INTO call_legs (call_id, leg_no, kind, endpoint_kind, direction) SELECT id, 1, 'caller', 'pstn', 'inbound' FROM calls;
INSERT INTO call_segments (call_id, seq, kind, started_at) SELECT id, 1, 'agent', initiated_at FROM calls;
INSERT INTO call_events (call_id, event_type, from_status, to_status) SELECT id, 'answered', 'queued', 'in_progress' FROM calls;
INSERT INTO cdrs (call_id, direction, status, started_at, ended_at, duration_seconds, billable_seconds)
SELECT id, 'inbound', status, initiated_at, ended_at, 0, 0 FROM calls;
INSERT INTO call_recordings (call_id, recording_sid, object_url, sha256) SELECT id, 'RE1', 'acme/1.ogg', sha256('audio') FROM calls;
INSERT INTO transcriptions (call_id, text) SELECT id, 'hello' FROM calls;
INSERT INTO call_analyses (call_id, summary, captured_data) SELECT id, 'a greeting', '{"name": "Grace"}' FROM calls;
INSERT INTO call_costs (call_id, component, amount_micros) SELECT id, 'stt', 25000 FROM calls;
INSERT INTO tags (name) VALUES ('vip');
INSERT INTO call_tags (call_id, tag_id) SELECT c.id, t.id FROM calls c, tags t;
INSERT INTO stir_shaken_statuses (call_id, attestation, verification) SELECT id, 'A', 'passed' FROM calls;
INSERT INTO conversations (call_id) SELECT id FROM calls;
INSERT INTO messages (conversation_id, seq, role, content) SELECT id, 1, 'user', 'hello' FROM conversations;
INSERT INTO sms_messages (direction, from_number, to_number) VALUES ('inbound', '+15550007777', '+15550009999');
INSERT INTO emails (direction, from_address, to_addresses) VALUES ('outbound', 'a@acme.example', '{b@acme.example}');
INSERT INTO webhooks (url, secret_enc) VALUES ('https://hooks.example/1', 'secret');
INSERT INTO webhook_deliveries (webhook_id, event_type, event_id, request_url)
SELECT w.id, 'call.completed', c.id, w.url FROM webhooks w, calls c;

-- Money and metrics
INSERT INTO billing_accounts DEFAULT VALUES;
INSERT INTO balances (billing_account_id, currency, available_micros) SELECT id, 'CREDIT', 12500000 FROM billing_accounts;
INSERT INTO subscriptions (billing_account_id, plan_key, current_period_start, current_period_end)
SELECT id, 'pro', now(), now() + interval '1 month' FROM billing_accounts;
INSERT INTO rate_cards (billing_account_id, name) SELECT id, 'standard' FROM billing_accounts;
INSERT INTO invoices (billing_account_id, invoice_number, subtotal_micros, tax_micros)
SELECT id, 'INV-1', 10000000, 1900049 FROM billing_accounts;
INSERT INTO invoice_lines (invoice_id, line_no, description, amount_micros) SELECT id, 1, 'minutes', 10000000 FROM invoices;
INSERT INTO payment_methods (billing_account_id, kind, token_enc) SELECT id, 'card', 'secret' FROM billing_accounts;
INSERT INTO payments (billing_account_id, invoice_id, amount_micros) SELECT b.id, i.id, 11900049 FROM billing_accounts b, invoices i;
INSERT INTO payouts (billing_account_id, publisher_id, amount_micros) SELECT b.id, p.id, 5000000 FROM billing_accounts b, publishers p;
INSERT INTO billing_events (billing_account_id, sequence, event_type) SELECT id, 1, 'invoice.issued' FROM billing_accounts;
INSERT INTO call_metrics (metric_date, granularity, bucket_start) VALUES (current_date, 'day', current_date);
INSERT INTO agent_metrics (metric_date, bucket_start, agent_id) SELECT current_date, current_date, id FROM agents;
INSERT INTO voice_quality_metrics (metric_date, sampled_at, call_id) SELECT current_date, now(), id FROM calls;
INSERT INTO usage_metrics (metric_date, resource) VALUES (current_date, 'call_minutes');
