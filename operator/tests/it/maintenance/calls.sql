SET search_path = {schema}, public;
CREATE TEMP TABLE made AS
SELECT platform.uuid_v7(at) AS call, platform.uuid_v7(at) AS conversation, at, n
  FROM (SELECT now() - interval '{days} days' AS at, n FROM generate_series(1, {calls}) AS n) t;
INSERT INTO calls (id, call_sid, external_call_id, direction, status, from_number, to_number, customer_number,
                   customer_name, initiated_at, ended_at)
SELECT call, 'SID-' || call, 'ext-' || call, 'outbound', 'completed', '+15550000001',
       '+1555700' || lpad(n::text, 4, '0'), '+1555700' || lpad(n::text, 4, '0'), 'O''Hara, "Jo"' || E'\n' || n, at, at
  FROM made;
INSERT INTO call_legs (call_id, leg_no, kind, endpoint_kind, direction, to_uri, initiated_at)
SELECT call, 1, 'caller', 'pstn', 'outbound', 'sip:+1555700' || lpad(n::text, 4, '0') || '@192.0.2.1', at FROM made;
INSERT INTO call_segments (call_id, seq, kind, started_at) SELECT call, 1, 'agent', at FROM made;
INSERT INTO call_events (call_id, event_type, event_timestamp) SELECT call, 'ended', at FROM made;
INSERT INTO cdrs (call_id, direction, to_number, status, started_at, ended_at, duration_seconds, billable_seconds)
SELECT call, 'outbound', '+1555700' || lpad(n::text, 4, '0'), 'completed', at, at, 1, 6 FROM made;
INSERT INTO call_recordings (call_id, object_url) SELECT call, call || '.wav' FROM made;
INSERT INTO transcriptions (call_id, text) SELECT call, 'hello, "you"' || n FROM made;
INSERT INTO call_analyses (call_id, summary) SELECT call, 'short' FROM made;
INSERT INTO call_costs (call_id, component) SELECT call, 'telephony' FROM made;
INSERT INTO tags (name) VALUES ('old') ON CONFLICT DO NOTHING;
INSERT INTO call_tags (call_id, tag_id) SELECT call, t.id FROM made, tags t;
INSERT INTO stir_shaken_statuses (call_id) SELECT call FROM made;
INSERT INTO conversations (id, call_id, session_id) SELECT conversation, call, call::text FROM made;
INSERT INTO messages (conversation_id, seq, role, content) SELECT conversation, 1, 'user', 'hi' FROM made;
