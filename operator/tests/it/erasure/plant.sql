-- The first caller's number into every text, list and document of every table with personal data; where a
-- row belongs to a call, of that caller only. What a rule of the table refuses keeps its value.
SET app.retention = 'on';
CREATE TEMP TABLE theirs AS SELECT id FROM calls WHERE customer_number = '+15557000001';
CREATE TEMP TABLE planted (place text);
DO $do$
DECLARE
  c record;
  made bigint;
BEGIN
  FOR c IN
    SELECT t.relname AS name, a.attname AS col, format_type(a.atttypid, a.atttypmod) AS of,
           CASE WHEN t.relname = 'calls' THEN 'id IN (SELECT id FROM theirs)'
                WHEN t.relname = 'messages' THEN
                  'conversation_id IN (SELECT v.id FROM conversations v WHERE v.call_id IN (SELECT id FROM theirs))'
                WHEN EXISTS (SELECT FROM pg_attribute k WHERE k.attrelid = t.oid AND k.attname = 'call_id')
                  THEN '(call_id IS NULL OR call_id IN (SELECT id FROM theirs))'
                ELSE 'true' END AS whose
      FROM pg_class t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
     WHERE t.relnamespace = current_schema()::regnamespace AND t.relkind IN ('r', 'p') AND NOT t.relispartition
       AND obj_description(t.oid, 'pg_class') ~ 'encryption=E[14]' AND a.attgenerated = ''
       AND a.atttypid IN ('text'::regtype, 'jsonb'::regtype, 'text[]'::regtype, 'citext'::regtype,
                          'citext[]'::regtype)
  LOOP
    BEGIN
      EXECUTE format('UPDATE %I SET %I = $1::%s WHERE %s', c.name, c.col, c.of, c.whose)
        USING CASE WHEN c.of = 'jsonb' THEN '{"said": "I am +15557000001", "n": 15557000001}'
                   WHEN c.of LIKE '%[]' THEN '{+15557000001,sip:15557000001@x}'
                   ELSE 'I am +15557000001' END;
      GET DIAGNOSTICS made = ROW_COUNT;
      IF made > 0 THEN INSERT INTO planted VALUES (c.name || '.' || c.col); END IF;
    EXCEPTION WHEN check_violation OR unique_violation OR raise_exception OR foreign_key_violation THEN NULL;
    END;
  END LOOP;
END $do$;
-- What says whose a row is says so still.
UPDATE calls SET customer_number = '+15557000001' WHERE id IN (SELECT id FROM theirs);
UPDATE contacts SET phone = '+15557000001';
UPDATE campaign_recipients SET phone_number = '+15557000001';
UPDATE consent_tokens SET phone_number = '+15557000001';
