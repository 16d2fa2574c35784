CREATE TEMP TABLE hits (line text);
DO $do$
DECLARE
  t regclass;
  n bigint;
BEGIN
  FOR t IN SELECT c.oid FROM pg_class c
            WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  LOOP
    EXECUTE format('SELECT count(*) FROM %s AS row WHERE row::text LIKE %L', t, '%{text}%') INTO n;
    IF n > 0 THEN INSERT INTO hits VALUES (t::text || '=' || n); END IF;
  END LOOP;
END $do$;
SELECT coalesce(string_agg(line, ' ' ORDER BY line), '') FROM hits
