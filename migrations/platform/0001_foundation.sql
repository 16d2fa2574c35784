-- Schema `platform`: words, functions, and the bookkeeping of migrations and leaders.
--
-- Enum types are shared by all tenants, so that a new word is one ALTER TYPE. Words are added, never
-- removed or renamed (data model, D8).

CREATE SCHEMA platform;
REVOKE ALL ON SCHEMA platform FROM PUBLIC;
GRANT USAGE ON SCHEMA platform TO callplane_tenant;
-- Functions are for everybody unless a file says otherwise below its function; tables for nobody.

-- === Words ===

CREATE TYPE platform.tenant_status AS ENUM ('provisioning', 'active', 'inactive', 'suspended', 'cancelled', 'terminating', 'deleted');
CREATE TYPE platform.quota_period AS ENUM ('concurrent', 'minute', 'day', 'month', 'total');
CREATE TYPE platform.quota_enforcement AS ENUM ('hard', 'soft');
CREATE TYPE platform.billing_cycle AS ENUM ('monthly', 'quarterly', 'yearly', 'payg');
CREATE TYPE platform.entity_status AS ENUM ('active', 'inactive', 'archived');
CREATE TYPE platform.number_status AS ENUM ('available', 'active', 'porting', 'suspended', 'released');
CREATE TYPE platform.number_type AS ENUM ('local', 'toll_free', 'mobile', 'national', 'short_code', 'sip');
CREATE TYPE platform.trunk_protocol AS ENUM ('sip', 'iax2', 'webrtc');
CREATE TYPE platform.endpoint_kind AS ENUM ('sip', 'pstn', 'webrtc');
CREATE TYPE platform.direction_scope AS ENUM ('inbound', 'outbound', 'both');
CREATE TYPE platform.agent_status AS ENUM ('active', 'inactive');
CREATE TYPE platform.flow_kind AS ENUM ('conversation', 'routing', 'ivr', 'objective');
CREATE TYPE platform.flow_version_status AS ENUM ('draft', 'published', 'archived');
CREATE TYPE platform.campaign_kind AS ENUM ('outbound', 'call_tracking');
CREATE TYPE platform.campaign_desired AS ENUM ('draft', 'run', 'pause', 'stop');
CREATE TYPE platform.campaign_status AS ENUM ('draft', 'scheduled', 'running', 'paused', 'completed', 'stopped', 'failed');
CREATE TYPE platform.recipient_status AS ENUM ('ready', 'error', 'queued', 'dialing', 'retry_wait', 'completed', 'failed', 'suppressed');
CREATE TYPE platform.recipient_outcome AS ENUM ('answered', 'busy', 'no_answer', 'failed', 'cancelled', 'unknown', 'suppressed');
CREATE TYPE platform.contact_status AS ENUM ('active', 'unsubscribed', 'bounced');
CREATE TYPE platform.call_direction AS ENUM ('inbound', 'outbound', 'internal');
CREATE TYPE platform.call_type AS ENUM ('voice', 'voicemail', 'conference');
CREATE TYPE platform.call_status AS ENUM ('queued', 'initiated', 'ringing', 'in_progress', 'completed', 'busy', 'no_answer', 'failed', 'cancelled', 'blocked');
CREATE TYPE platform.hangup_party AS ENUM ('caller', 'callee', 'system');
CREATE TYPE platform.leg_kind AS ENUM ('caller', 'agent', 'human', 'buyer', 'transfer', 'conference', 'monitor');
CREATE TYPE platform.segment_kind AS ENUM ('ivr', 'queue', 'agent', 'human', 'hold', 'transfer', 'conference', 'voicemail', 'ring', 'wrap_up');
CREATE TYPE platform.recording_status AS ENUM ('recording', 'processing', 'available', 'archived', 'deleted', 'failed');
CREATE TYPE platform.storage_tier AS ENUM ('hot', 'warm', 'cold');
CREATE TYPE platform.transcription_status AS ENUM ('pending', 'processing', 'completed', 'failed');
CREATE TYPE platform.sentiment AS ENUM ('positive', 'neutral', 'negative', 'mixed');
CREATE TYPE platform.cost_component AS ENUM ('stt', 'llm', 'tts', 'telephony', 'recording', 'platform', 'other');
CREATE TYPE platform.conversation_status AS ENUM ('active', 'completed', 'abandoned', 'handed_over');
CREATE TYPE platform.message_role AS ENUM ('system', 'user', 'assistant', 'tool', 'human_agent');
CREATE TYPE platform.dnc_kind AS ENUM ('internal', 'federal', 'state', 'wireless', 'custom');

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

-- === Triggers that many tables share ===

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

-- === Bookkeeping ===

-- What has been applied, by schema. `tenant_id` gets its foreign key with platform.tenants.
CREATE TABLE platform.schema_migrations (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid,
  version integer NOT NULL CHECK (version > 0),
  name text NOT NULL,
  checksum bytea NOT NULL,
  status text NOT NULL DEFAULT 'applied' CHECK (status IN ('applied', 'failed', 'rolled_back', 'marked_applied')),
  applied_at timestamptz NOT NULL DEFAULT now(),
  execution_ms integer,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE NULLS NOT DISTINCT (tenant_id, version)
);
COMMENT ON COLUMN platform.schema_migrations.tenant_id IS 'NULL is the schema platform itself';
CREATE INDEX ON platform.schema_migrations (status);
CREATE TRIGGER update_schema_migrations_updated_at BEFORE UPDATE ON platform.schema_migrations
  FOR EACH ROW EXECUTE FUNCTION platform.update_updated_at_column();

-- Who leads the operators. A write of a leader share-locks its row, so that a newer epoch begins only
-- after the writes of the older one have ended.
CREATE TABLE platform.operator_epochs (
  name text PRIMARY KEY,
  holder text NOT NULL,
  epoch bigint NOT NULL CHECK (epoch > 0),
  taken_at timestamptz NOT NULL DEFAULT now()
);
