INSERT INTO tenants VALUES ('00000000-0000-4000-8000-000000000001', 'Läden & Söhne', '+493012345678', 'NY', 'Mars/Olympus', 'de-DE', 'active', '{"size": 3}'),
                           ('00000000-0000-4000-8000-000000000002', 'Other', 'none', NULL, 'UTC', 'en', 'inactive', NULL);

INSERT INTO objective_configs
SELECT uuid_of(n, 'o'), '00000000-0000-4000-8000-000000000001', n, jsonb_build_object('objectives', jsonb_build_array(a_name(n, 'g'))), n = 7, '2.' || n
  FROM generate_series(1, 9) AS n;
INSERT INTO objective_configs VALUES (uuid_of(99, 'o'), '00000000-0000-4000-8000-000000000001', 0, '{}', false, 'bad'),
                                     (uuid_of(98, 'o'), '00000000-0000-4000-8000-000000000002', 1, '{}', true, '1');

INSERT INTO users
SELECT uuid_of(n, 'u'), ('00000000-0000-4000-8000-00000000000' || 1 + n / 11)::uuid, format('person.%s@example.com', n), '$2a$10$' || repeat('b', 53),
       pick(n, 'role', 'customer', 'operator'), a_time(n, 'll')
  FROM generate_series(1, 12) AS n;
INSERT INTO users VALUES (uuid_of(99, 'u'), '00000000-0000-4000-8000-000000000001', 'janitor@example.com', 'bad', 'janitor', NULL);

-- Expired sessions do not appear in the view.
INSERT INTO sessions
SELECT uuid_of(n, 's'), uuid_of(1 + n % 12, 'u'), encode(sha256(n::text::bytea), 'hex'), a_time(n, 'e'), a_time(n, 'la'), a_name(n, 'ua'), pick(n, 'ip', '192.0.2.1', '2001:db8::7', NULL)
  FROM generate_series(1, 20) AS n;
INSERT INTO sessions VALUES (uuid_of(97, 's'), uuid_of(1, 'u'), 'clear text', now(), now(), 'bad', NULL), (uuid_of(98, 's'), uuid_of(1, 'u'), encode(sha256('z'), 'hex'), now(), now(), 'bad', 'not an address');

INSERT INTO call_logs
SELECT uuid_of(n, 'c'), 'call-' || n, '00000000-0000-4000-8000-000000000001', pick(n, 'st', 'completed', 'failed', 'in_progress', 'no_answer', 'busy'),
       a_name(n, 'tr'), a_name(n, 'su'), pick(n, 'oc', 'sold', 'Ö', NULL), json_build_object('answer', n, 'name', a_name(n, 'cd')),
       stt, llm, tts, stt + llm + tts, a_time(n, 'at')
  FROM (SELECT n, r(n, 'stt') % 1000000 / 1000000.0 AS stt, r(n, 'llm') % 9000000 / 1000000.0 AS llm, r(n, 'tts') % 10 / 1000000.0 AS tts
          FROM generate_series(1, {{calls}}) AS n) x;
INSERT INTO call_logs (call_log_id, call_id, tenant_id, status, outcome, created_at, total_cost_usd) VALUES
  (uuid_of(9001, 'c'), 'call-1', '00000000-0000-4000-8000-000000000001', 'completed', 'bad', now(), 1.5),
  (uuid_of(9002, 'c'), 'call-b2', '00000000-0000-4000-8000-000000000001', 'vanished', 'bad', now(), 0.000001),
  (uuid_of(9003, 'c'), 'call-b3', '00000000-0000-4000-8000-000000000001', 'completed', 'bad', NULL, 2),
  (uuid_of(9004, 'c'), '', '00000000-0000-4000-8000-000000000001', 'completed', 'bad', now(), 2);
UPDATE call_logs SET stt_cost_usd = 0, llm_cost_usd = 0, tts_cost_usd = 0 WHERE stt_cost_usd IS NULL;
-- The second of two with one call_id, whichever that is.
UPDATE call_logs SET outcome = CASE WHEN call_log_id = (SELECT min(call_log_id::text)::uuid FROM call_logs WHERE call_id = 'call-1') THEN NULL ELSE 'bad' END WHERE call_id = 'call-1';
-- Nothing says when the call was but its identifier (version 7, RFC 9562 section 5.7).
INSERT INTO call_logs (call_log_id, call_id, tenant_id, status, stt_cost_usd, llm_cost_usd, tts_cost_usd, total_cost_usd) VALUES
  ('0190163d-8694-739b-aea5-966c26f8ad91', 'call-v7', '00000000-0000-4000-8000-000000000001', 'completed', 0, 0, 0, 0);
-- Of no version: its variant is not that of RFC 9562.
INSERT INTO call_logs (call_log_id, call_id, tenant_id, status, outcome, total_cost_usd) VALUES
  ('0190163d-8694-739b-0ea5-966c26f8ad91', 'call-variant', '00000000-0000-4000-8000-000000000001', 'completed', 'bad', 2);
-- Escaped NULs pass json, and nothing else.
INSERT INTO call_logs (call_log_id, call_id, tenant_id, status, captured_data, created_at, total_cost_usd, stt_cost_usd, llm_cost_usd, tts_cost_usd) VALUES
  (uuid_of(9005, 'c'), 'call-nul', '00000000-0000-4000-8000-000000000001', 'completed', '{"name": "a\u0000b"}', now(), 0, 0, 0, 0);

INSERT INTO system_errors
SELECT uuid_of(n, 'e'), '00000000-0000-4000-8000-000000000001', CASE WHEN n % 2 = 0 THEN 'call-' || n END, 'Timeout', coalesce(a_name(n, 'm'), 'x'), a_name(n, 'sx'),
       pick(n, 'sev', 'WARNING', 'ERROR', 'CRITICAL'), '{"n": 1}', n % 2 = 0
  FROM generate_series(1, 10) AS n;
INSERT INTO system_errors VALUES (uuid_of(99, 'e'), '00000000-0000-4000-8000-000000000001', NULL, 'x', 'x', 'bad', 'PANIC', '{}', false);
