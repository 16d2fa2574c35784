-- A tenant to look around in: people, telephony, a route through a menu and a queue to buyers, money and
-- rules. Nobody logs in with it: the administrator has no password. Its numbers are fictitious, and its
-- trunk leads to a documentation address, so that nothing is called. Identifiers follow from the tenant.

-- People
INSERT INTO platform.users (id, email, email_verified, first_name, last_name, status)
SELECT pg_temp.uid('users', 'admin'), 'admin@' || slug || '.example', true, 'Ada', 'Admin', 'active' FROM tenant
ON CONFLICT (id) DO NOTHING;
INSERT INTO platform.memberships (user_id, tenant_id, role)
SELECT pg_temp.uid('users', 'admin'), id, 'admin' FROM tenant ON CONFLICT (user_id, tenant_id) DO NOTHING;
INSERT INTO members (id, row_no, email, first_name, last_name, role)
SELECT u.id, u.row_no, u.email, u.first_name, u.last_name, 'admin' FROM platform.users u WHERE u.id = pg_temp.uid('users', 'admin')
ON CONFLICT (id) DO NOTHING;
-- The roles admin, publisher and buyer are the system's.
INSERT INTO platform.user_roles (user_id, role_id, tenant_id)
SELECT pg_temp.uid('users', 'admin'), r.id, t.id FROM platform.roles r, tenant t WHERE r.tenant_id IS NULL AND r.key IN ('admin', 'publisher', 'buyer')
ON CONFLICT (user_id, role_id, tenant_id) DO NOTHING;

-- Telephony
INSERT INTO carriers (id, key, name) VALUES (pg_temp.uid('carriers', 'demo'), 'demo', 'Demo carrier') ON CONFLICT (key) DO NOTHING;
INSERT INTO trunks (id, carrier_id, name, protocol, direction, host, port, transport, status, k8s_name)
VALUES (pg_temp.uid('trunks', 'demo'), pg_temp.uid('carriers', 'demo'), 'demo', 'sip', 'both', '192.0.2.1', 5060, 'udp', 'inactive', 'demo')
ON CONFLICT (name) DO NOTHING;
INSERT INTO platform.phone_numbers (id, e164, tenant_id, status, country_code, carrier, assigned_at)
SELECT pg_temp.uid('phone_numbers', n::text), '+1' || (200 + get_byte(pg_temp.digest_of('area', '1'), 0)) || '55501' || lpad(n::text, 2, '0'), t.id, 'active', 'US', 'demo', now()
  FROM tenant t, generate_series(0, 2) AS n
ON CONFLICT (e164) DO NOTHING;
INSERT INTO phone_numbers (id, e164, label, country_code, carrier, carrier_id, trunk_id, assigned_at)
SELECT n.id, n.e164, 'Demo line', 'US', 'demo', pg_temp.uid('carriers', 'demo'), pg_temp.uid('trunks', 'demo'), n.assigned_at
  FROM platform.phone_numbers n WHERE n.carrier = 'demo' AND n.tenant_id = (SELECT id FROM tenant)
ON CONFLICT (id) DO NOTHING;
INSERT INTO caller_id_pools (id, name, strategy) VALUES (pg_temp.uid('caller_id_pools', 'demo'), 'Demo pool', 'round_robin') ON CONFLICT (name) DO NOTHING;
INSERT INTO caller_id_pool_numbers (caller_id_pool_id, phone_number_id)
SELECT pg_temp.uid('caller_id_pools', 'demo'), id FROM phone_numbers WHERE carrier = 'demo'
ON CONFLICT (caller_id_pool_id, phone_number_id) DO NOTHING;

-- Who brings calls, who takes them
INSERT INTO publishers (id, name, payout_terms) VALUES (pg_temp.uid('publishers', 'demo'), 'Demo publisher', '{"per_call_micros": 5000000}') ON CONFLICT (name) DO NOTHING;
INSERT INTO buyers (id, name, daily_cap) VALUES (pg_temp.uid('buyers', 'demo'), 'Demo buyer', 100) ON CONFLICT (name) DO NOTHING;
INSERT INTO buyer_endpoints (id, buyer_id, name, kind, destination, priority) VALUES
  (pg_temp.uid('buyer_endpoints', 'first'),  pg_temp.uid('buyers', 'demo'), 'first',  'sip',  'sip:desk@192.0.2.2', 10),
  (pg_temp.uid('buyer_endpoints', 'second'), pg_temp.uid('buyers', 'demo'), 'second', 'pstn', '+12025550199', 20)
ON CONFLICT (buyer_id, name) DO NOTHING;

-- A menu, a queue, and buyers one after the other
INSERT INTO queues (id, name, max_wait_seconds) VALUES (pg_temp.uid('queues', 'demo'), 'Demo queue', 120) ON CONFLICT (name) DO NOTHING;
INSERT INTO flows (id, kind, name, description, k8s_name)
SELECT pg_temp.uid('flows', 'demo'), 'routing', 'Demo: IVR, queue, buyer failover', 'Asks, waits, then tries one buyer after the other', 'demo-failover'
 WHERE NOT EXISTS (SELECT FROM flows WHERE id = pg_temp.uid('flows', 'demo'));
INSERT INTO flow_versions (id, flow_id, version, status, is_active, graph, published_at)
VALUES (pg_temp.uid('flow_versions', 'demo'), pg_temp.uid('flows', 'demo'), 1, 'published', true,
        '{"nodes": ["ivr", "queue", "first", "second"], "edges": [["ivr", "queue"], ["queue", "first"], ["first", "second"]]}', now())
ON CONFLICT (id) DO NOTHING;
INSERT INTO flow_nodes (id, flow_version_id, node_key, type, label, config)
SELECT pg_temp.uid('flow_nodes', key), pg_temp.uid('flow_versions', 'demo'), key, type, label, config::jsonb
  FROM (VALUES ('ivr', 'ivr', 'Menu', '{"prompt": "Press 1 to talk to somebody."}'),
               ('queue', 'queue', 'Waiting', '{"queue": "Demo queue"}'),
               ('first', 'buyer_forward', 'First buyer', '{"endpoint": "first"}'),
               ('second', 'buyer_forward', 'Failover', '{"endpoint": "second"}')) AS n (key, type, label, config)
ON CONFLICT (id) DO NOTHING;
INSERT INTO flow_edges (id, flow_version_id, edge_key, source_node_id, target_node_id, condition)
SELECT pg_temp.uid('flow_edges', a || b), pg_temp.uid('flow_versions', 'demo'), a || '-' || b, pg_temp.uid('flow_nodes', a), pg_temp.uid('flow_nodes', b), condition::jsonb
  FROM (VALUES ('ivr', 'queue', '{"digit": "1"}'), ('queue', 'first', NULL), ('first', 'second', '{"outcome": "no_answer"}')) AS e (a, b, condition)
ON CONFLICT (id) DO NOTHING;
INSERT INTO campaigns (id, kind, name, flow_id, caller_id_pool_id, status, desired_state, k8s_name)
VALUES (pg_temp.uid('campaigns', 'demo'), 'call_tracking', 'Demo campaign', pg_temp.uid('flows', 'demo'), pg_temp.uid('caller_id_pools', 'demo'), 'draft', 'draft', 'demo-campaign')
ON CONFLICT (id) DO NOTHING;

-- Money, rules, features
INSERT INTO billing_accounts (id, name, billing_email)
SELECT pg_temp.uid('billing_accounts', 'default'), 'default', 'billing@' || slug || '.example' FROM tenant ON CONFLICT (name) DO NOTHING;
INSERT INTO rate_cards (id, billing_account_id, name, rates)
SELECT pg_temp.uid('rate_cards', 'demo'), a.id, 'Demo prices', '{"call_minute": {"unit": "minute", "unit_price_micros": 12000, "billing_increment_seconds": 6, "minimum_seconds": 0}}'
  FROM billing_accounts a WHERE a.name = 'default' ON CONFLICT (id) DO NOTHING;
INSERT INTO dnc_lists (id, name, kind) VALUES (pg_temp.uid('dnc_lists', 'demo'), 'Demo opt-outs', 'internal') ON CONFLICT (name) DO NOTHING;
INSERT INTO dnc_list_entries (dnc_list_id, phone_number, reason, source)
SELECT id, '+12025550198', 'asked not to be called', 'demo' FROM dnc_lists WHERE name = 'Demo opt-outs' ON CONFLICT (dnc_list_id, phone_number) DO NOTHING;
INSERT INTO platform.feature_flags (key, description) VALUES ('demo', 'Shows how a feature is switched on for a tenant') ON CONFLICT (key) DO NOTHING;
INSERT INTO platform.feature_flag_overrides (tenant_id, feature_flag_id, enabled)
SELECT t.id, f.id, true FROM tenant t, platform.feature_flags f WHERE f.key = 'demo' ON CONFLICT (tenant_id, feature_flag_id) DO NOTHING;
