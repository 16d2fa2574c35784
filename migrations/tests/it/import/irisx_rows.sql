-- Two tenants: 1 is imported, 2 is not.
INSERT INTO tenants (id, uuid, name, slug, billing_email, stripe_customer_id, settings, metadata)
VALUES (1, uuid_of(1, 't'), 'Acme', 'acme', 'Money@Acme.example', 'cus_1', '{"theme": "dark"}', '{"size": 3}'),
       (2, uuid_of(2, 't'), 'Beta', 'beta', NULL, NULL, '{}', '{}');

INSERT INTO users (id, uuid, tenant_id, email, password_hash, first_name, last_name, phone, role, permissions, status,
                   email_verified, agent_extension, agent_status, settings, metadata, last_login_at, created_at, updated_at, deleted_at)
SELECT n, uuid_of(n, 'u'), 1 + n / 41, format('Person.%s@Example.com', n),
       CASE n % 3 WHEN 0 THEN '$2b$12$' || repeat('a', 53) WHEN 1 THEN '$argon2id$v=19$m=1,t=1,p=1$c2FsdA$aGFzaA' ELSE 'md5:1' END,
       left(a_name(n, 'f'), 100), left(a_name(n, 'l'), 100), a_number(n, 'p'),
       pick(n, 'role', 'owner', 'admin', 'manager', 'agent', 'api'), '["calls:read"]',
       pick(n, 'status', 'active', 'inactive', 'suspended'), n % 2 = 0,
       CASE WHEN n < 20 THEN (100 + n)::text END, pick(n, 'as', 'online', 'busy', 'away', 'offline'),
       '{"zone": "Europe/Berlin"}', '{"n": 1}', a_time(n, 'll'), a_time(n, 'c'), a_time(n, 'u'),
       CASE WHEN n % 10 = 9 THEN a_time(n, 'd') END
  FROM generate_series(1, 60) AS n;
-- The same e-mail in the other tenant, in another case in this one, a word nobody knows, an extension twice.
UPDATE users SET email = 'person.1@example.com', status = 'active' WHERE id = 51;
INSERT INTO users (id, uuid, tenant_id, email, password_hash, role, status, agent_extension, metadata) VALUES
  (70, uuid_of(70, 'u'), 1, 'PERSON.2@example.com', 'x', 'agent', 'active', NULL, '{"bad": "e-mail"}'),
  (71, uuid_of(71, 'u'), 1, 'wizard@example.com', 'x', 'wizard', 'active', NULL, '{"bad": "role"}'),
  (72, uuid_of(72, 'u'), 1, ' ', 'x', 'agent', 'active', NULL, '{"bad": "empty"}'),
  (73, uuid_of(73, 'u'), 1, 'twin@example.com', 'x', 'Agent', 'ACTIVE', '101', '{"odd": "agent_extension,role,status,agent_status"}');
UPDATE users SET agent_status = NULL WHERE id = 73;

INSERT INTO api_keys (id, uuid, tenant_id, created_by_user_id, name, key_prefix, key_hash, key_hint, scopes, status, metadata, created_at, updated_at)
SELECT n, uuid_of(n, 'k'), 1, CASE WHEN n = 5 THEN 999 ELSE n END, coalesce(a_name(n, 'kn'), 'key'), pick(n, 'kp', 'sk_live_', 'sk_test_'),
       CASE WHEN n % 7 = 3 THEN '$2b$12$' || n ELSE encode(sha256(('key' || n)::bytea), 'hex') END, '9f3a', '["calls:read"]',
       pick(n, 'ks', 'active', 'revoked'), CASE WHEN n % 7 = 3 THEN '{"bad": "hash"}' ELSE '{"odd": "revoked_at"}' END::jsonb, a_time(n, 'kc'), a_time(n, 'ku')
  FROM generate_series(1, 20) AS n;

INSERT INTO sessions (id, user_id, tenant_id, session_token, refresh_token, ip_address, user_agent, device_type, status, created_at, last_activity_at, expires_at)
SELECT n, n, 1, 'token' || n, CASE WHEN n % 2 = 0 THEN 'refresh' || n END, ('2001:db8::' || n)::inet, a_name(n, 'ua'),
       pick(n, 'dt', 'web', 'mobile', 'api'), pick(n, 'ss', 'active', 'expired', 'revoked'), a_time(n, 'sc'), a_time(n, 'sl'), a_time(n, 'se')
  FROM generate_series(1, 30) AS n;
INSERT INTO sessions (id, user_id, tenant_id, session_token, user_agent, expires_at) VALUES (90, 999, 1, 'orphan', 'bad', now());
-- Of the person with the e-mail of both tenants, as somebody who may write this database would make it.
INSERT INTO sessions (id, user_id, tenant_id, session_token, status, created_at, last_activity_at, expires_at)
VALUES (91, 51, 2, 'planted', 'active', now(), now(), now() + interval '1 year');

INSERT INTO phone_numbers (id, uuid, tenant_id, phone_number, country_code, number_type, status, monthly_cost_cents, friendly_name, metadata, created_at, updated_at, released_at)
SELECT n, uuid_of(n, 'pn'), 1, '+1666000' || lpad(n::text, 4, '0'), 'US', pick(n, 'nt', 'local', 'toll-free', 'mobile'),
       pick(n, 'ns', 'active', 'porting', 'released'), r(n, 'mc') % 100000, a_name(n, 'fn'), '{}', a_time(n, 'nc'), a_time(n, 'nu'), NULL
  FROM generate_series(1, 25) AS n;
INSERT INTO phone_numbers (id, uuid, tenant_id, phone_number, country_code, number_type, status, metadata) VALUES
  (30, uuid_of(30, 'pn'), 1, '0049 30 1234', 'DE', 'local', 'active', '{"bad": "not E.164"}'),
  (31, uuid_of(31, 'pn'), 1, '+16660009999', 'US', 'satellite', 'active', '{"bad": "type"}'),
  (32, uuid_of(32, 'pn'), NULL, '+16660008888', 'US', 'local', 'active', '{}');

INSERT INTO contacts (id, uuid, tenant_id, created_by_user_id, first_name, last_name, company, email, phone, tags, lists, status, do_not_call, custom_fields, metadata, created_at, updated_at, deleted_at)
SELECT n, uuid_of(n, 'c'), 1 + n / 301, n % 80, left(a_name(n, 'cf'), 100), left(a_name(n, 'cl'), 100), repeat('Ö', 255), format('C%s@Example.com', n % 50),
       nullif(left(a_number(n, 'cp'), 20), 'anonymous'), CASE WHEN n % 50 = 7 THEN NULL WHEN n % 3 = 0 THEN '{vip,"two words"}' ELSE '{}' END::varchar[],
       CASE n % 4 WHEN 0 THEN '{7,12}' END::bigint[], CASE WHEN n % 50 <> 7 THEN pick(n, 'cs', 'active', 'unsubscribed', 'bounced') END, n % 5 = 0,
       '{"nul": "\\u0000"}', CASE WHEN n % 50 = 7 THEN '{"odd": "tags,status"}' ELSE '{"deep": {"a": [1, 2.50]}}' END::jsonb, a_time(n, 'cc'), a_time(n, 'cu'), CASE WHEN n % 9 = 0 THEN a_time(n, 'cd') END
  FROM generate_series(1, 320) AS n;
INSERT INTO contacts (id, uuid, tenant_id, first_name, status, metadata) VALUES (500, uuid_of(500, 'c'), 1, 'Bad', 'deceased', '{"bad": "status"}');

INSERT INTO webhooks (id, uuid, tenant_id, created_by_user_id, url, name, events, secret_key, status, max_retries, retry_backoff_seconds, metadata, created_at, updated_at)
SELECT n, uuid_of(n, 'w'), 1, n, 'https://hooks.example/' || n, a_name(n, 'wn'), '{call.completed,"sms.received"}', 'whsec_' || n,
       pick(n, 'ws', 'active', 'paused', 'failed'), 3, 60, '{}', a_time(n, 'wc'), a_time(n, 'wu')
  FROM generate_series(1, 6) AS n;
INSERT INTO webhooks (id, uuid, tenant_id, url, secret_key, max_retries, metadata) VALUES
  (7, uuid_of(7, 'w'), 1, 'ftp://hooks.example', 'x', 3, '{"bad": "url"}'),
  (8, uuid_of(8, 'w'), 1, 'https://hooks.example/8', 'x', 99, '{"odd": "max_retries,events"}');

INSERT INTO calls (id, uuid, tenant_id, call_sid, parent_call_sid, direction, call_type, from_number, to_number, from_phone_number_id, to_phone_number_id, user_id,
                   status, initiated_at, ringing_at, answered_at, ended_at, duration_seconds, billable_seconds, mos_score, jitter_ms, packet_loss_percent,
                   recording_url, recording_duration_seconds, recording_sid, transcription_text, transcription_confidence, cost_cents, rate_cents_per_minute,
                   hangup_cause, hangup_by, metadata, tags, created_at, updated_at)
SELECT n, uuid_of(n, 'call'), 1, 'CS' || n, CASE WHEN n % 11 = 0 THEN 'CS' || (n - 1) END, pick(n, 'dir', 'inbound', 'outbound', 'internal'),
       pick(n, 'ct', 'voice', 'voicemail', 'conference'), left(a_number(n, 'from'), 20), left(a_number(n, 'to'), 20),
       CASE WHEN n % 2 = 0 THEN 1 + n % 40 END, CASE WHEN n % 3 = 0 THEN 1 + n % 25 END, n % 75,
       CASE WHEN ended THEN pick(n, 'st', 'completed', 'busy', 'no-answer', 'failed', 'cancelled') ELSE pick(n, 'st', 'initiated', 'ringing', 'in-progress') END,
       at, at + interval '1 s', CASE WHEN n % 4 > 0 THEN at + interval '3 s' END, CASE WHEN ended THEN at + make_interval(secs => seconds) END,
       CASE WHEN ended THEN seconds END, CASE WHEN n % 4 > 0 AND ended THEN (greatest(seconds - 3, 0) + 5) / 6 * 6 ELSE 0 END,
       CASE WHEN n % 5 > 0 THEN 1 + (r(n, 'mos') % 400) / 100.0 END, r(n, 'j') % 200, CASE WHEN n % 6 = 0 THEN 12.34 END,
       CASE WHEN n % 2 = 0 THEN 's3://bucket/' || n END, CASE WHEN n % 2 = 0 THEN seconds END, CASE WHEN n % 2 = 0 THEN 'RE' || n END,
       CASE WHEN n % 3 = 0 THEN coalesce(a_name(n, 'tr'), 'hello') || repeat(' words', (r(n, 'tl') % 50)::int) END, CASE WHEN n % 3 = 0 THEN 0.93 END,
       CASE WHEN n % 7 > 0 THEN r(n, 'cost') % 100000 ELSE 0 END, 2, 'normal_clearing', pick(n, 'hb', 'caller', 'callee', 'system', NULL),
       '{"note": "a\\u0000b"}', CASE n % 4 WHEN 0 THEN '{demo,"a b"}' WHEN 1 THEN '{}' END::varchar[], a_time(n, 'callc'), a_time(n, 'callu')
  FROM (SELECT n, a_time(n, 'at') AS at, (r(n, 'sec') % 4000)::int AS seconds, r(n, 'end') % 10 > 0 AS ended FROM generate_series(1, {{calls}}) AS n) x;
INSERT INTO calls (id, uuid, tenant_id, call_sid, direction, call_type, from_number, to_number, status, initiated_at, ended_at, duration_seconds, mos_score, cost_cents, hangup_by, metadata) VALUES
  (900001, uuid_of(900001, 'call'), 1, 'B1', 'inbound', 'voice', '+1', '+2', 'teleported', now(), now(), 7, NULL, 123, NULL, '{"bad": "status"}'),
  (900002, uuid_of(900002, 'call'), 1, 'B2', 'sideways', 'voice', '+1', '+2', 'completed', now(), now(), 7, NULL, 123, NULL, '{"bad": "direction"}'),
  (900003, uuid_of(900003, 'call'), 1, 'B3', 'inbound', 'fax', '+1', '+2', 'completed', now(), now(), 7, NULL, 123, NULL, '{"bad": "type"}'),
  (900004, uuid_of(900004, 'call'), 1, 'B4', 'inbound', 'voice', '+1', '+2', 'completed', '1869-01-01', now(), 7, NULL, 123, NULL, '{"bad": "time"}'),
  (900005, uuid_of(900005, 'call'), 1, 'B5', 'inbound', 'voice', '+1', '+2', 'completed', 'infinity', now(), 7, NULL, 123, NULL, '{"bad": "infinity"}'),
  (900006, uuid_of(900006, 'call'), 1, 'B6', 'inbound', 'voice', '+1', '+2', 'completed', now(), 'infinity', 7, NULL, 123, NULL, '{"bad": "never ended"}'),
  (900010, uuid_of(900010, 'call'), 1, 'O1', 'inbound', 'voice', '+1', '+2', 'completed', '2025-01-01Z', '2024-12-31Z', -86400, 9.99, -50, 'martian', '{"odd": "duration_seconds,mos_score,hangup_by,billable_seconds"}'),
  (900011, uuid_of(900011, 'call'), 1, 'O2', 'inbound', 'voice', '+1', '+2', 'completed', '2025-01-01Z', NULL, 12, NULL, NULL, NULL, '{"odd": "ended_at,billable_seconds,cost_cents"}'),
  (900012, uuid_of(900012, 'call'), 1, 'O3', 'inbound', 'voice', '+1', '+2', 'completed', '2025-01-01Z', '2025-01-01 00:00:09.5Z', 10, NULL, 2147483647, NULL, '{"odd": "billable_seconds"}'),
  (900020, uuid_of(900020, 'call'), 2, 'N1', 'inbound', 'voice', '+1', '+2', 'completed', now(), now(), 7, NULL, 123, NULL, '{}');

INSERT INTO call_logs (id, call_id, tenant_id, event_type, event_timestamp, from_status, to_status, user_id, metadata, raw_event, created_at)
SELECT n, 1 + n / 2, 1, pick(n, 'et', 'initiated', 'ringing', 'answered', 'transferred', 'hold'), a_time(n, 'ev'), pick(n, 'fs', 'initiated', 'in-progress', 'no-answer', NULL),
       pick(n, 'ts', 'ringing', 'completed', NULL), n % 80, '{}', json_build_object('raw', '\u0000', 'n', n), a_time(n, 'lc')
  FROM generate_series(1, {{calls}}) AS n;
INSERT INTO call_logs (id, call_id, tenant_id, event_type, from_status, metadata) VALUES
  (800001, 777777, 1, 'ended', NULL, '{"bad": "orphan"}'), (800002, 900001, 1, 'ended', NULL, '{"bad": "of a bad call"}'),
  (800003, 1, 1, 'ended', 'dreaming', '{"odd": "from_status"}');

INSERT INTO webhook_deliveries (id, webhook_id, tenant_id, event_type, event_id, request_url, request_body, status, attempt_number, created_at)
SELECT n, 1 + n % 6, 1, 'call.completed', CASE WHEN n % 2 = 0 THEN uuid_of(n, 'call') ELSE uuid_of(n, 'other') END, 'https://hooks.example/' || n, '{"a": 1}',
       pick(n, 'ds', 'pending', 'success', 'failed'), 1 + n % 3, a_time(n, 'dc')
  FROM generate_series(1, 60) AS n;
INSERT INTO webhook_deliveries (id, webhook_id, tenant_id, event_type, event_id, request_url, status, error_message) VALUES
  (901, 7, 1, 'x', uuid_of(1, 'x'), 'u', 'failed', 'bad'), (902, 1, 1, 'x', uuid_of(1, 'x'), 'u', 'lost', 'bad');
