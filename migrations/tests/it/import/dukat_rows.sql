-- Beside the rows of the fixture.
CREATE FUNCTION home() RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT id FROM tenants $$;
INSERT INTO agents (id, tenant_id, name, status, caller_type, configuration, training, total_calls, successful_calls, metadata, created_at, updated_at)
SELECT uuid_of(n, 'a'), home(), coalesce(a_name(n, 'an'), ''), pick(n, 'as', 'active', 'inactive'), pick(n, 'ac', 'inbound', 'outbound', 'both'), '{"x": 1}', '{}', 10, n, '{"n": 1}', a_time(n, 'c'), a_time(n, 'u')
  FROM generate_series(1, 10) AS n;
UPDATE agents SET phone_number_id = (SELECT min(id::text)::uuid FROM phone_numbers), metadata = '{"odd": "updated_at"}' WHERE id = uuid_of(1, 'a');
INSERT INTO agents (id, tenant_id, name, status, metadata) VALUES (uuid_of(99, 'a'), home(), 'x', 'asleep', '{"bad": 1}');
INSERT INTO calls (id, tenant_id, call_sid, direction, call_type, status, from_number, to_number, customer_number, customer_name, agent_id, initiated_at, answered_at, connected_at, ended_at, duration_seconds, billing_increment_seconds,
                   mos_score, jitter_ms, packet_loss_percent, revenue_micros, payout_micros, cost_micros, currency, is_duplicate, converted, paid_out, outcome, hangup_cause, hangup_by, sip_code, tags, metadata, created_at, updated_at)
SELECT uuid_of(n, 'call'), home(), 'D' || n, pick(n, 'dir', 'inbound', 'outbound', 'internal'), 'voice', pick(n, 'st', 'completed', 'busy', 'no_answer', 'failed', 'in_progress'), a_number(n, 'f'), a_number(n, 't'), NULL, a_name(n, 'cn'),
       uuid_of(1 + n % 10, 'a'), at, at, at, at + make_interval(secs => seconds), seconds, 6, 4.2, 3, 0.5, r(n, 'rev'), r(n, 'pay'), r(n, 'cost'), 'EUR', false, n % 2 = 0, false, a_name(n, 'oc'), 'normal_clearing',
       pick(n, 'hb', 'caller', 'callee', 'system', NULL), 200, '{}', '{"n": 1}', a_time(n, 'c'), a_time(n, 'u')
  FROM (SELECT n, a_time(n, 'at') AS at, (r(n, 's') % 4000)::int AS seconds FROM generate_series(1, {{calls}}) AS n) x;
INSERT INTO calls (id, tenant_id, call_sid, direction, status, initiated_at, ended_at, duration_seconds, cost_micros, metadata) VALUES
  (uuid_of(9001, 'call'), home(), 'B1', 'inbound', 'lost', now(), now(), 5, 77, '{"bad": 1}'),
  (uuid_of(9002, 'call'), home(), 'D1', 'inbound', 'completed', now(), now(), 5, 77, '{"bad": 1}'),
  (uuid_of(9003, 'call'), home(), 'B3', 'inbound', 'completed', '1910-01-01', now(), 5, 77, '{"bad": 1}');
-- Which of two with one call_sid is taken follows from their identifiers.
UPDATE calls SET metadata = CASE WHEN id = (SELECT min(id::text)::uuid FROM calls WHERE call_sid = 'D1') THEN '{"odd": "direction,call_type,currency,tags,updated_at,created_at,is_duplicate,converted,paid_out,revenue_micros,payout_micros,profit_micros,billing_increment_seconds,billable_seconds,duration_seconds"}' ELSE '{"bad": 1}' END::jsonb WHERE call_sid = 'D1';
INSERT INTO call_segments (id, tenant_id, call_id, seq, kind, started_at, ended_at, duration_seconds, metadata, created_at, updated_at)
SELECT uuid_of(n, 'seg'), home(), uuid_of(n, 'call'), 1, pick(n, 'k', 'ivr', 'agent', 'hold'), a_time(n, 'x'), a_time(n, 'x') + interval '5 s', 5, '{}', a_time(n, 'sc'), a_time(n, 'su') FROM generate_series(2, {{calls}}, 3) AS n;
INSERT INTO call_segments (id, tenant_id, call_id, seq, kind, started_at, metadata) VALUES (uuid_of(9001, 'seg'), home(), uuid_of(9001, 'call'), 1, 'ivr', now(), '{"bad": 1}');
INSERT INTO conversations (id, tenant_id, call_id, agent_id, session_id, channel, status, context, started_at, created_at, updated_at)
SELECT uuid_of(n, 'conv'), home(), CASE WHEN n % 4 > 0 THEN uuid_of(n, 'call') END, uuid_of(1 + n % 10, 'a'), 's' || n, CASE WHEN n % 4 > 0 THEN 'voice' ELSE 'chat' END, 'completed', '{"k": "v"}', a_time(n, 'cs'), a_time(n, 'cc'), a_time(n, 'cu') FROM generate_series(2, {{calls}}, 2) AS n;
INSERT INTO messages (id, tenant_id, conversation_id, seq, role, content, spoken_at, created_at)
SELECT uuid_of(n * 10 + k, 'msg'), home(), uuid_of(n, 'conv'), k, pick(k, 'r', 'user', 'assistant'), a_name(n + k, 'm'), a_time(n, 'ms'), a_time(n, 'mc') FROM generate_series(2, {{calls}}, 2) AS n, generate_series(1, 3) AS k;
