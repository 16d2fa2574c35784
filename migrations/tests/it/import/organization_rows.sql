-- Identifiers are CUIDs.
CREATE FUNCTION cuid(n bigint, salt text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'c' || left(md5('{{seed}}' || salt || n), 24) $$;
-- Prisma's times have milliseconds.
CREATE FUNCTION ms(n bigint, salt text) RETURNS timestamp LANGUAGE sql STABLE AS $$ SELECT date_trunc('milliseconds', a_time(n, salt) AT TIME ZONE 'UTC') $$;

INSERT INTO "Organization" VALUES ('acme', 'Acme', 'acme', 'pro', 1234.5678, now(), now()), ('beta', 'Beta', 'beta', 'free', 0, now(), now());
INSERT INTO "User" SELECT cuid(n, 'u'), format('user%s@example.com', n), a_name(n, 'f'), a_name(n, 'l'), a_number(n, 'p'), pick(n, 'tz', 'Europe/Berlin', 'Asia/Kathmandu', 'UTC'),
       '$2b$10$' || repeat('c', 53), a_name(n, 'av'), pick(n, 'gr', 'OWNER', 'ADMIN', 'VIEWER'), pick(n, 'st', 'ACTIVE', 'PENDING'), n % 9 = 0, 'SEED', ms(n, 'c'), ms(n, 'u')
  FROM generate_series(1, 20) AS n;
INSERT INTO "UserOrganization" SELECT cuid(n, 'u'), CASE WHEN n > 15 THEN 'beta' ELSE 'acme' END, pick(n, 'r', 'OWNER', 'ADMIN', 'VIEWER') FROM generate_series(1, 18) AS n;
INSERT INTO "UserOrganization" VALUES (cuid(19, 'u'), 'acme', 'GOD'), ('cnobody', 'acme', 'ADMIN'), (cuid(1, 'u'), 'beta', 'OWNER');
INSERT INTO "PhoneNumber" SELECT cuid(n, 'n'), 'acme', coalesce(a_name(n, 'lb'), ''), '+1777000' || lpad(n::text, 4, '0'), pick(n, 'i', 'ENABLED', 'DISABLED'), pick(n, 'o', 'ENABLED', 'DISABLED')
  FROM generate_series(1, 10) AS n;
INSERT INTO "PhoneNumber" VALUES (cuid(99, 'n'), 'acme', 'BAD', '030-1234', 'ENABLED', 'ENABLED'), (cuid(98, 'n'), 'acme', 'BAD', '+17770009999', 'MAYBE', 'ENABLED');
INSERT INTO "Voice" SELECT cuid(n, 'v'), CASE WHEN n % 2 = 0 THEN 'acme' END, 'Voice ' || n, pick(n, 'g', 'female', NULL), a_name(n, 'vd'), '#ff00ff', '{english,"très doux"}', n % 2 = 0,
       pick(n, 'vs', 'READY', 'PROCESSING', 'ERROR'), a_name(n, 'vu')
  FROM generate_series(1, 8) AS n;
INSERT INTO "Voice" VALUES (cuid(99, 'v'), 'acme', 'BAD', NULL, NULL, NULL, '{}', true, 'HOARSE', NULL), (cuid(98, 'v'), 'beta', 'Beta', NULL, NULL, NULL, '{}', true, 'READY', NULL);
INSERT INTO "Agent" SELECT cuid(n, 'a'), 'acme', format('Agent %s %s', n, a_name(n, 'an')), a_name(n, 'ad'), 'Inbound Support', pick(n, 'as', 'ACTIVE', 'INACTIVE'), pick(n, 'ac', 'INBOUND', 'OUTBOUND'),
       cuid(n, 'n'), CASE n WHEN 3 THEN cuid(99, 'v') ELSE cuid(n % 8 + 1, 'v') END, 25, 4 * n, '{"stt": {"provider": "deepgram"}}', ms(n, 'ca'), ms(n, 'ua')
  FROM generate_series(1, 8) AS n;
INSERT INTO "Agent" (id, "organizationId", name, status, "callerType") VALUES (cuid(99, 'a'), 'acme', 'BAD', 'ASLEEP', 'INBOUND'), (cuid(98, 'a'), 'beta', 'Beta', 'ACTIVE', 'INBOUND');
INSERT INTO "KnowledgeBase" SELECT cuid(n, 'kb'), 'acme', 'Base ' || n, a_name(n, 'kd'), n % 3, 0, n % 2, CASE WHEN n % 3 + n % 2 = 0 THEN 'EMPTY' ELSE 'READY' END, ms(n, 'kc'), ms(n, 'ku') FROM generate_series(1, 6) AS n;
INSERT INTO "KnowledgeBaseDocument" SELECT cuid(n * 10 + k, 'f'), cuid(n, 'kb'), coalesce(a_name(n, 'dn'), 'x') || k || n, 'FILE', 's3://b/' || n, NULL, 2147483647, 'application/pdf', pick(n, 'ds', 'READY', 'ERROR')
  FROM generate_series(1, 6) AS n, generate_series(1, n % 3) AS k;
INSERT INTO "KnowledgeBaseDocument" SELECT cuid(n, 't'), cuid(n, 'kb'), 'text' || n, 'TEXT', NULL, repeat('wörter ', 1000), NULL, NULL, 'READY' FROM generate_series(1, 6) AS n WHERE n % 2 = 1;
INSERT INTO "KnowledgeBaseDocument" VALUES (cuid(99, 't'), cuid(1, 'kb'), 'BAD', 'TEXT', NULL, NULL, NULL, NULL, 'READY'), (cuid(98, 't'), cuid(1, 'kb'), 'BAD', 'DREAM', 'u', NULL, NULL, NULL, 'READY');
INSERT INTO "ConversationPath" SELECT cuid(n, 'cp'), 'acme', format('Path %s %s', n, a_name(n, 'pn')), a_name(n, 'uc'), a_name(n, 'as'), jsonb_build_array(n), '[{"from": 1}]' FROM generate_series(1, 5) AS n;
INSERT INTO "Tool" SELECT cuid(n, 'to'), 'acme', 'Tool ' || n, a_name(n, 'td'), 'CRM', NULL, '#fff', n % 2 = 0, '{"token": "secret"}' FROM generate_series(1, 4) AS n;
INSERT INTO "Event" SELECT cuid(n, 'e'), 'acme', 'Event ' || n, a_name(n, 'ed'), n % 2 = 0, CASE WHEN n % 2 = 0 THEN cuid(n, 'a') END, 'https://hooks.example/' || n, n FROM generate_series(1, 6) AS n;
INSERT INTO "Event" VALUES (cuid(99, 'e'), 'acme', 'BAD', NULL, true, NULL, 'gopher://x', 0);
INSERT INTO "ApiKey" SELECT cuid(n, 'k'), 'acme', cuid(n, 'u'), 'Key ' || n, pick(n, 'kp', 'sk_live_', 'sk_test_') || md5('{{seed}}' || n), ms(n, 'x'), pick(n, 'ks', 'ACTIVE', 'REVOKED') FROM generate_series(1, 6) AS n;
INSERT INTO "ApiKey" VALUES (cuid(99, 'k'), 'acme', cuid(1, 'u'), 'BAD', 'short', NULL, 'ACTIVE');
INSERT INTO "AgentKnowledgeBase" SELECT cuid(n, 'a'), cuid(n, 'kb') FROM generate_series(1, 6) AS n;
INSERT INTO "AgentTool" SELECT cuid(n, 'a'), cuid(n, 'to') FROM generate_series(1, 4) AS n;
INSERT INTO "AgentTool" VALUES (cuid(99, 'a'), cuid(1, 'to'));
INSERT INTO "AgentConversationPath" SELECT cuid(n, 'a'), cuid(n, 'cp') FROM generate_series(1, 5) AS n;
INSERT INTO "Campaign" SELECT cuid(n, 'c'), 'acme', 'Batch ' || n, pick(n, 'cs', 'DRAFT', 'PLANNED', 'CONTINUING', 'COMPLETED', 'STOPPED'), 0, 10 * n, n, cuid(n, 'a'), cuid(n, 'cp'), a_name(n, 'fs'), a_name(n, 'tp'),
       NULL, '2024-02-29', '09:30:00', '08:00:00', '20:00:00', ms(n, 'cc'), ms(n, 'cu')
  FROM generate_series(1, 5) AS n;
INSERT INTO "Campaign" (id, "organizationId", "batchName", status) VALUES (cuid(99, 'c'), 'acme', 'BAD', 'LOST');
INSERT INTO "CampaignRecipient" SELECT cuid(n, 'r'), cuid(1 + n % 5, 'c'), a_name(n, 'rn'), '+1888' || lpad(n::text, 7, '0'), a_name(n, 'no'), pick(n, 'rs', 'READY', 'ERROR') FROM generate_series(1, 60) AS n;
INSERT INTO "CampaignRecipient" VALUES ('zzz', cuid(2, 'c'), 'BAD', '+18880000001', NULL, 'READY'), (cuid(98, 'r'), cuid(99, 'c'), 'BAD', '+1', NULL, 'READY'), (cuid(97, 'r'), cuid(1, 'c'), 'BAD', '+1', NULL, 'GONE');
INSERT INTO "CallLog" SELECT cuid(n, 'l'), 'acme', pick(n, 'ct', 'INBOUND', 'OUTBOUND'), cuid(n % 12, 'a'), CASE WHEN n % 2 = 0 THEN cuid(n % 6, 'c') END, 'ext-' || n, a_name(n, 'cn'), a_number(n, 'cp'),
       ms(n, 'at'), r(n, 'd') % 5000, pick(n, 'ls', 'COMPLETED', 'FAILED', 'MISSED', 'IN_PROGRESS'), a_name(n, 'tr'), CASE WHEN n % 3 = 0 THEN 's3://rec/' || n END, '{"sentiment": "good"}'
  FROM generate_series(1, {{calls}}) AS n;
INSERT INTO "CallLog" VALUES (cuid(9001, 'l'), 'acme', 'SIDEWAYS', NULL, NULL, 'b1', NULL, NULL, now(), 1, 'COMPLETED', NULL, NULL, '{"bad": 1}'),
  (cuid(9002, 'l'), 'acme', 'INBOUND', NULL, NULL, 'b2', NULL, NULL, now(), 1, 'EXPLODED', NULL, NULL, '{"bad": 1}'),
  (cuid(9003, 'l'), 'acme', 'INBOUND', NULL, NULL, 'b3', NULL, NULL, NULL, 1, 'COMPLETED', NULL, NULL, '{"bad": 1}'),
  (cuid(9004, 'l'), 'acme', 'INBOUND', NULL, NULL, 'o1', NULL, NULL, now(), -5, 'COMPLETED', NULL, NULL, '{"odd": "duration"}'),
  (cuid(9005, 'l'), 'beta', 'INBOUND', NULL, NULL, 'other', NULL, NULL, now(), 1, 'COMPLETED', NULL, NULL, '{}');
