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

-- === What tables share ===

CREATE FUNCTION platform.update_updated_at_column() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.updated_at = now();
  RETURN NEW;
END $$;

-- For rows that are written once. Changes that a foreign key makes (ON DELETE CASCADE, SET NULL)
-- pass: they come from another trigger.
CREATE FUNCTION platform.forbid_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF pg_trigger_depth() > 1 THEN
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

-- Makes the partition of a month (UTC) unless it is there. p_by says what the table is partitioned
-- by: the time in a 'uuid', a 'date', or a 'time'.
CREATE FUNCTION platform.ensure_month(p_table regclass, p_month date, p_by text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  short name;
  home name;
  first timestamptz := date_trunc('month', p_month::timestamp) AT TIME ZONE 'UTC';
  following timestamptz := (date_trunc('month', p_month::timestamp) + interval '1 month') AT TIME ZONE 'UTC';
  bounds text[] := CASE p_by
    WHEN 'uuid' THEN ARRAY[platform.uuid_v7_floor(first)::text, platform.uuid_v7_floor(following)::text]
    WHEN 'date' THEN ARRAY[(first AT TIME ZONE 'UTC')::date::text, (following AT TIME ZONE 'UTC')::date::text]
    WHEN 'time' THEN ARRAY[first::text, following::text]
  END;
BEGIN
  IF bounds IS NULL THEN
    RAISE EXCEPTION 'unknown kind of partition key %: write uuid, date or time', p_by USING ERRCODE = '22023';
  END IF;
  SELECT c.relname, n.nspname INTO short, home
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = p_table;
  EXECUTE format('CREATE TABLE IF NOT EXISTS %I.%I PARTITION OF %s FOR VALUES FROM (%L) TO (%L)',
                 home, short || '_' || to_char(first AT TIME ZONE 'UTC', 'YYYYMM'), p_table, bounds[1], bounds[2]);
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
