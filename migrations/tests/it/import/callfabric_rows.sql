-- Beside the rows of the fixture. Identifiers of Prisma: UUIDs, and CUIDs where a team chose those.
INSERT INTO "Publisher" SELECT uuid_of(n, 'p'), (SELECT id FROM "Tenant"), format('Publisher %s %s', n, a_name(n, 'pn')), NULL, NULL, '{}', pick(n, 'ps', 'ACTIVE', 'INACTIVE'), '{"a": 1}', a_time(n, 'pc'), a_time(n, 'pu')
  FROM generate_series(1, 20) AS n;
INSERT INTO "Publisher" (id, tenant_id, name, status, metadata) VALUES (uuid_of(99, 'p'), (SELECT id FROM "Tenant"), 'sleepy', 'ASLEEP', '{"bad": 1}');
INSERT INTO "DncListEntry" SELECT uuid_of(n, 'd'), l.tenant_id, l.id, '+1999' || lpad(n::text, 7, '0'), a_name(n, 'dr'), 'caller', NULL, a_time(n, 'dc'), a_time(n, 'du') FROM "DncList" l, generate_series(1, 50) AS n;
INSERT INTO "DncListEntry" (id, tenant_id, "dncListId", "phoneNumber", reason) SELECT uuid_of(98, 'd'), tenant_id, id, '0999', 'bad' FROM "DncList" LIMIT 1;
INSERT INTO "DncListEntry" (id, tenant_id, "dncListId", "phoneNumber", reason) SELECT uuid_of(97, 'd'), tenant_id, uuid_of(1, 'nowhere'), '+19990000001', 'bad' FROM "DncList" LIMIT 1;

INSERT INTO "Call" (id, tenant_id, "callSid", direction, status, "initiatedAt", "answeredAt", "callConnectedTimestamp", "callCompleteTimestamp", duration, "publisherId", "publisherName", "callerId", "callerIdAreaCode", did,
                    revenue, payout, cost, currency, "isDuplicate", converted, "paidOut", "noPayoutReason", "previouslyConnectedDate", tags, metadata, "createdAt", "updatedAt")
SELECT uuid_of(n, 'call'), (SELECT id FROM "Tenant"), 'S' || n, pick(n, 'dir', 'INBOUND', 'OUTBOUND'), pick(n, 'st', 'COMPLETED', 'BUSY', 'NO_ANSWER', 'FAILED', 'CANCELLED', 'BLOCKED', 'QUEUED'),
       at, at, at + interval '2 s', at + make_interval(secs => seconds), seconds, uuid_of(1 + n % 20, 'p'), a_name(n, 'pn'), a_number(n, 'f'), left(a_name(n, 'ac'), 3), a_number(n, 't'),
       r(n, 'rev') % 1000000000 / 10000.0, r(n, 'pay') % 100000 / 10000.0, r(n, 'cost') % 1000 / 10000.0, 'USD', n % 2 = 0, n % 3 = 0, n % 5 = 0, a_name(n, 'np'), a_time(n, 'pc'), '{}', '{"n": 1}', a_time(n, 'c'), a_time(n, 'u')
  FROM (SELECT n, a_time(n, 'at') AS at, (r(n, 's') % 4000)::int AS seconds FROM generate_series(1, {{calls}}) AS n) x;
INSERT INTO "Call" (id, tenant_id, "callSid", direction, status, "initiatedAt", "createdAt", revenue, payout, cost, metadata, currency, duration) VALUES
  (uuid_of(9001, 'call'), (SELECT id FROM "Tenant"), 'B1', 'INBOUND', 'MAYBE', now(), now(), 0, 0, 1.2345, '{"bad": 1}', 'USD', 5),
  (uuid_of(9002, 'call'), (SELECT id FROM "Tenant"), 'B2', 'UPWARD', 'COMPLETED', now(), now(), 0, 0, 1.2345, '{"bad": 1}', 'USD', 5),
  (uuid_of(9003, 'call'), (SELECT id FROM "Tenant"), 'B3', 'INBOUND', 'COMPLETED', NULL, NULL, 0, 0, 1.2345, '{"bad": 1}', 'USD', 5),
  (uuid_of(9004, 'call'), (SELECT id FROM "Tenant"), 'O1', 'INBOUND', 'COMPLETED', NULL, '2025-01-01Z', 99999999999.9999, -1, 0, '{"odd": "initiatedAt,duration,durationFormatted,isDuplicate,converted,paidOut,tags,updatedAt"}', 'USD', -5);
INSERT INTO "Cdr" (id, tenant_id, "callId", direction, status, "startedAt", "endedAt", "durationSeconds", "billableSeconds", cost, currency, record, "createdAt")
SELECT uuid_of(n, 'cdr'), tenant_id, id, direction, status, "initiatedAt", "callCompleteTimestamp", duration, duration, cost, 'USD', '{}', a_time(n, 'cdr')
  FROM (SELECT *, substr("callSid", 2)::bigint AS n FROM "Call" WHERE "callSid" LIKE 'S%') x WHERE n % 2 = 0;
INSERT INTO "Cdr" (id, tenant_id, "callId", direction, status, "startedAt", "endedAt", "durationSeconds", "billableSeconds", "hangupCause")
VALUES (uuid_of(9001, 'cdr'), (SELECT id FROM "Tenant"), uuid_of(9001, 'call'), 'INBOUND', 'FAILED', now(), now(), 1, 1, 'bad');
INSERT INTO "Transcription" (id, tenant_id, "callId", status, text, "isFinal", metadata, segments, "createdAt", "updatedAt")
SELECT uuid_of(n, 'tr'), tenant_id, id, 'COMPLETED', a_name(n, 'tx'), true, '{}', '[]', a_time(n, 't1'), a_time(n, 't2') FROM (SELECT *, substr("callSid", 2)::bigint AS n FROM "Call" WHERE "callSid" LIKE 'S%') x WHERE n % 3 = 0;
INSERT INTO "CallTag" (id, tenant_id, "callId", "tagId", "createdAt", "updatedAt") SELECT uuid_of(n, 'ct'), x.tenant_id, x.id, t.id, a_time(n, 'ct'), a_time(n, 'cu')
  FROM (SELECT *, substr("callSid", 2)::bigint AS n FROM "Call" WHERE "callSid" LIKE 'S%') x, "Tag" t WHERE n % 7 = 0;
UPDATE "Call" c SET tags = '{vip}' WHERE EXISTS (SELECT FROM "CallTag" t WHERE t."callId" = c.id);
