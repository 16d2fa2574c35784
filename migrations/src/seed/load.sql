-- Generated calls of the 90 days before the tenant was made: $1 of them, which follow from the seed $2.
INSERT INTO calls (id, call_sid, direction, status, from_number, to_number, customer_number, initiated_at, ringing_at, answered_at,
                   connected_at, ended_at, cost_micros, hangup_cause, hangup_by, metadata, created_at, updated_at)
SELECT pg_temp.uid_at('calls', 'load' || $2 || ':' || n, at), 'LOAD' || $2 || '-' || n,
       CASE WHEN a % 3 = 0 THEN 'outbound' ELSE 'inbound' END::platform.call_direction,
       CASE WHEN b % 10 < 8 THEN 'completed' WHEN b % 10 = 8 THEN 'busy' ELSE 'no_answer' END::platform.call_status,
       '+1202555' || lpad((a % 10000)::text, 4, '0'), '+1202556' || lpad((b % 10000)::text, 4, '0'), '+1202555' || lpad((a % 10000)::text, 4, '0'),
       at, at + interval '1 s', CASE WHEN b % 10 < 8 THEN at + interval '3 s' END, CASE WHEN b % 10 < 8 THEN at + interval '3 s' END,
       at + make_interval(secs => 5 + a % 600), CASE WHEN b % 10 < 8 THEN (a % 600) * 200 ELSE 0 END, 'normal_clearing', 'caller',
       jsonb_build_object('load', $2), at, at
  FROM (SELECT n, a, b, t.day - make_interval(secs => a % 7776000) AS at
          FROM (SELECT n, ('x' || substr(h, 1, 7))::bit(28)::int AS a, ('x' || substr(h, 8, 7))::bit(28)::int AS b
                  FROM (SELECT n, md5($2 || ':' || n) AS h FROM generate_series(1, $1) AS n) x) y,
               (SELECT date_trunc('day', created_at) AS day FROM platform.tenants WHERE id = (SELECT id FROM tenant)) t) z
 WHERE NOT EXISTS (SELECT FROM calls c WHERE c.id = pg_temp.uid_at('calls', 'load' || $2 || ':' || z.n, z.at))
