-- Schema `platform`: identifiers that carry their time, triggers that many tables share, and the
-- bookkeeping of migrations and leaders.
--
-- Classes. The comment on every table, here and in a tenant's schema, begins with its retention and
-- encryption class (data model, sections 9 and 10), which programs and tests read:
--
--   retention=WORD encryption=E1 | what a person should know
--
-- WORD is of platform.retention_class; `config` is kept as long as its tenant, or longer where the
-- text says so. A column of another encryption class says its own: `encryption=E2 | ...`.

CREATE SCHEMA platform;
REVOKE ALL ON SCHEMA platform FROM PUBLIC;
GRANT USAGE ON SCHEMA platform TO callplane_tenant, callplane_api;
-- Functions are for everybody unless a file says otherwise below its function; tables for nobody.

-- === Identifiers that carry their time ===

-- A UUIDv7 (RFC 9562 section 5.7); PostgreSQL has one of its own from 18 on.
CREATE FUNCTION platform.uuid_v7(ts timestamptz DEFAULT clock_timestamp()) RETURNS uuid
LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
  SELECT encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
         PLACING substring(int8send((extract(epoch FROM ts) * 1000)::bigint) FROM 3) FROM 1 FOR 6),
         52, 1), 53, 1), 'hex')::uuid $$;

-- The smallest UUIDv7 of a moment: bounds of partitions and of time filters.
CREATE FUNCTION platform.uuid_v7_floor(ts timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT (lpad(to_hex((extract(epoch FROM ts) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid $$;

CREATE FUNCTION platform.uuid_v7_time(id uuid) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT to_timestamp((('x' || lpad(left(replace(id::text, '-', ''), 12), 16, '0'))::bit(64)::bigint) / 1000.0) $$;

CREATE FUNCTION platform.uuid_v7_month(id uuid) RETURNS date
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT date_trunc('month', platform.uuid_v7_time(id) AT TIME ZONE 'UTC')::date $$;

-- === Billable time ===

-- Started seconds between two moments, never negative.
CREATE FUNCTION platform.seconds_between(a timestamptz, b timestamptz) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN a IS NULL OR b IS NULL THEN NULL
              ELSE greatest(0, ceil(extract(epoch FROM b - a)))::integer END $$;

-- Up to the next multiple of `step`; no seconds are none.
CREATE FUNCTION platform.round_up(seconds integer, step integer) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN seconds IS NULL THEN 0 ELSE ((seconds + step - 1) / step) * step END $$;

-- As people read it, HH:MM:SS.
CREATE FUNCTION platform.format_duration(seconds integer) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT lpad((seconds / 3600)::text, greatest(2, length((seconds / 3600)::text)), '0')
         || ':' || lpad((seconds / 60 % 60)::text, 2, '0')
         || ':' || lpad((seconds % 60)::text, 2, '0') $$;

-- What stays of a number that was erased where a trace must stay: who opted out is not called again, and a
-- proof of consent keeps whose it is. Whoever knows the number can recompute it, so it is a pseudonym.
CREATE FUNCTION platform.erased_number(p_tenant uuid, p_number text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT 'sha256:' || encode(sha256(convert_to(p_tenant || ' ' || p_number, 'UTF8')), 'hex') $$;

-- === What tables share ===

CREATE FUNCTION platform.update_updated_at_column() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.updated_at = now();
  RETURN NEW;
END $$;

-- Whether the statement that runs may remove or change what never changes: retention and erasure, which
-- set app.retention for their transaction. Anybody may set it; only who owns the table is believed, and no
-- login of a tenant does.
CREATE FUNCTION platform.is_retention(p_table oid) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT coalesce(current_setting('app.retention', true), '') = 'on'
         AND pg_has_role(current_user, c.relowner, 'USAGE')
    FROM pg_class c WHERE c.oid = p_table $$;

-- For rows that are written once. Changes that a foreign key makes (ON DELETE CASCADE, SET NULL)
-- pass: they come from another trigger.
CREATE FUNCTION platform.forbid_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF pg_trigger_depth() > 1 OR platform.is_retention(TG_RELID) THEN
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
  END IF;
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = '42501';
END $$;

-- What every table of this schema has: the trigger of updated_at, and row-level security, so that a
-- mistaken GRANT shows rows only as far as a policy of the table lets. The operator owns the tables and
-- is past it.
CREATE FUNCTION platform.guard_table(p_table regclass) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  short name := (SELECT relname FROM pg_class WHERE oid = p_table);
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', p_table);
  IF EXISTS (SELECT FROM pg_attribute
              WHERE attrelid = p_table AND attname = 'updated_at' AND NOT attisdropped) THEN
    EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION platform.update_updated_at_column()',
                   'update_' || short || '_updated_at', p_table);
  END IF;
END $$;

-- The tables of a schema that are partitioned by time, and what they are partitioned by: the time in a
-- 'uuid' (the call family), a 'date' (figures), or a 'time' (logs, events and deliveries). A small tenant has
-- `always` by month, a large one all of them (data model, D26).
CREATE FUNCTION platform.partitioned_tables(p_schema regnamespace)
RETURNS TABLE (name regclass, key name, "by" text, rest regclass, always boolean)
LANGUAGE sql STABLE AS $$
  SELECT c.oid::regclass, a.attname,
         CASE a.atttypid WHEN 'uuid'::regtype THEN 'uuid' WHEN 'date'::regtype THEN 'date' ELSE 'time' END,
         p.partdefid::regclass,
         a.atttypid = 'date'::regtype OR c.relname = 'webhook_deliveries'
    FROM pg_partitioned_table p
    JOIN pg_class c ON c.oid = p.partrelid
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = p.partattrs[0]
   WHERE c.relnamespace = p_schema $$;

-- The first and the last bound of a month (UTC) in a key, the last excluded.
CREATE FUNCTION platform.month_bounds(p_month date, p_by text) RETURNS text[] LANGUAGE plpgsql STABLE AS $$
DECLARE
  first timestamptz := date_trunc('month', p_month::timestamp) AT TIME ZONE 'UTC';
  following timestamptz := (date_trunc('month', p_month::timestamp) + interval '1 month') AT TIME ZONE 'UTC';
BEGIN
  CASE p_by
    WHEN 'uuid' THEN RETURN ARRAY[platform.uuid_v7_floor(first)::text, platform.uuid_v7_floor(following)::text];
    WHEN 'date' THEN RETURN ARRAY[(first AT TIME ZONE 'UTC')::date::text, (following AT TIME ZONE 'UTC')::date::text];
    WHEN 'time' THEN RETURN ARRAY[first::text, following::text];
    ELSE RAISE EXCEPTION 'unknown kind of partition key %: write uuid, date or time', p_by USING ERRCODE = '22023';
  END CASE;
END $$;

-- Makes the partition of a month (UTC) unless it is there, and says whether it did. Rows of that month
-- that went to the DEFAULT partition, because the month was late, move into it.
--
-- Except in the call family (p_by 'uuid'), whose rows refer to each other: a month that has begun in DEFAULT
-- ends there, and false is returned.
CREATE FUNCTION platform.ensure_month(p_table regclass, p_month date, p_by text) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
  bounds text[] := platform.month_bounds(p_month, p_by);
  home name;
  part name;
  key name;
  rest regclass;
  target regclass;
  late boolean := false;
BEGIN
  SELECT n.nspname, c.relname || '_' || to_char(p_month, 'YYYYMM') INTO home, part
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = p_table;
  IF to_regclass(format('%I.%I', home, part)) IS NOT NULL THEN
    RETURN false;
  END IF;
  SELECT a.attname, nullif(p.partdefid, 0)::regclass INTO key, rest
    FROM pg_partitioned_table p
    JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = p.partattrs[0]
   WHERE p.partrelid = p_table;
  -- Before anything is looked at: writers wait from here on instead of meeting half of it. First what the
  -- table refers to, which a new partition locks too: a writer has written a call before its rows, so in
  -- the other order each would wait for the other.
  FOR target IN SELECT DISTINCT f.confrelid::regclass, t.relname <> 'calls'
                  FROM pg_constraint f JOIN pg_class t ON t.oid = f.confrelid
                 WHERE f.conrelid = p_table AND f.contype = 'f' AND f.conparentid = 0
                 ORDER BY 2, 1 LOOP
    EXECUTE format('LOCK TABLE ONLY %s IN SHARE ROW EXCLUSIVE MODE', target);
  END LOOP;
  EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', p_table);
  IF rest IS NOT NULL THEN
    EXECUTE format('SELECT EXISTS (SELECT FROM %s WHERE %I >= %L AND %I < %L)', rest, key, bounds[1], key, bounds[2])
       INTO late;
  END IF;
  IF late AND p_by = 'uuid' THEN
    RETURN false;
  ELSIF late THEN
    PERFORM platform.move_month(p_table, rest, key, home, part, bounds);
  ELSE
    EXECUTE format('CREATE TABLE %I.%I PARTITION OF %s FOR VALUES FROM (%L) TO (%L)',
                   home, part, p_table, bounds[1], bounds[2]);
  END IF;
  RETURN true;
END $$;

-- The part of platform.ensure_month for a month that has rows in DEFAULT.
CREATE FUNCTION platform.move_month(p_table regclass, p_rest regclass, p_key name, p_home name, p_part name,
                                    p_bounds text[])
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  -- What is computed from other columns is computed again.
  columns text := (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
                    WHERE attrelid = p_table AND attnum > 0 AND NOT attisdropped AND attgenerated = '');
  range text := format('%I >= %L AND %I < %L', p_key, p_bounds[1], p_key, p_bounds[2]);
BEGIN
  PERFORM set_config('app.retention', 'on', true);
  EXECUTE format('CREATE TABLE %I.%I (LIKE %s INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING CONSTRAINTS)',
                 p_home, p_part, p_table);
  EXECUTE format('INSERT INTO %I.%I (%s) SELECT %s FROM %s WHERE %s', p_home, p_part, columns, columns, p_rest, range);
  EXECUTE format('DELETE FROM %s WHERE %s', p_rest, range);
  EXECUTE format('ALTER TABLE %s ATTACH PARTITION %I.%I FOR VALUES FROM (%L) TO (%L)',
                 p_table, p_home, p_part, p_bounds[1], p_bounds[2]);
  PERFORM set_config('app.retention', '', true);
END $$;

-- === Bookkeeping ===

-- What has been applied, by schema. `tenant_id` gets its foreign key with platform.tenants.
CREATE TABLE platform.schema_migrations (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid,
  version integer NOT NULL CHECK (version > 0),
  name text NOT NULL,
  checksum bytea NOT NULL,
  status text NOT NULL DEFAULT 'applied'
    CHECK (status IN ('running', 'applied', 'failed', 'rolled_back', 'marked_applied')),
  error text,
  applied_at timestamptz NOT NULL DEFAULT now(),
  execution_ms integer,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE NULLS NOT DISTINCT (tenant_id, version)
);
COMMENT ON TABLE platform.schema_migrations IS 'retention=config encryption=E0 | what has been applied, by schema';
COMMENT ON COLUMN platform.schema_migrations.error IS 'why it failed, without data';
COMMENT ON COLUMN platform.schema_migrations.applied_at IS 'of a file that failed or runs: when it did or began';
COMMENT ON COLUMN platform.schema_migrations.tenant_id IS 'NULL is the schema platform itself';
CREATE INDEX ON platform.schema_migrations (status);
SELECT platform.guard_table('platform.schema_migrations');

-- Who leads the operators. A write of a leader share-locks its row, so that a newer epoch begins only
-- after the writes of the older one have ended.
CREATE TABLE platform.operator_epochs (
  name text PRIMARY KEY,
  holder text NOT NULL,
  epoch bigint NOT NULL CHECK (epoch > 0),
  taken_at timestamptz NOT NULL DEFAULT now(),
  created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE platform.operator_epochs IS 'retention=config encryption=E0 | who leads the operators';
SELECT platform.guard_table('platform.operator_epochs');
