-- Rows of a month that leaves were not written this minute.
DO $do$
DECLARE
  c record;
BEGIN
  SET LOCAL session_replication_role = replica;
  FOR c IN SELECT t.relname AS name, a.attname AS col
             FROM pg_class t JOIN pg_attribute a ON a.attrelid = t.oid
            WHERE t.relnamespace = '{schema}'::regnamespace AND t.relkind IN ('r', 'p') AND NOT t.relispartition
              AND t.relname = ANY ('{{tables}}') AND a.attname IN ('created_at', 'updated_at')
  LOOP
    EXECUTE format('UPDATE {schema}.%I SET %I = now() - interval ''1 hour''', c.name, c.col);
  END LOOP;
END $do$;
