-- Calls and what one call leaves behind. Written by media nodes only.
--
-- Partitioned by the UUIDv7 of the call, so that a month of calls with all their rows can be detached
-- together (data model, D11). Until a tenant is large everything lives in the default partitions (D26).
-- Only tables of this family have foreign keys to `calls`; the rest refers without one.
--
-- Left out until their tables exist: columns for members, queues, publishers, buyers and targets.

CREATE SEQUENCE calls_row_no_seq;
CREATE TABLE calls (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  row_no bigint NOT NULL DEFAULT nextval('calls_row_no_seq'),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  call_sid text NOT NULL,
  external_call_id text,
  carrier_call_sid text,
  parent_call_id uuid,
  parent_call_sid text,
  direction platform.call_direction NOT NULL,
  call_type platform.call_type NOT NULL DEFAULT 'voice',
  status platform.call_status NOT NULL DEFAULT 'initiated',
  status_reason text,
  from_number text,
  to_number text,
  from_uri text,
  to_uri text,
  from_phone_number_id uuid REFERENCES phone_numbers (id) ON DELETE SET NULL,
  to_phone_number_id uuid REFERENCES phone_numbers (id) ON DELETE SET NULL,
  customer_number text,
  customer_name text,
  contact_id uuid REFERENCES contacts (id) ON DELETE SET NULL,
  agent_id uuid REFERENCES agents (id) ON DELETE SET NULL,
  agent_version_id uuid,
  flow_id uuid REFERENCES flows (id) ON DELETE SET NULL,
  campaign_id uuid REFERENCES campaigns (id) ON DELETE SET NULL,
  campaign_recipient_id uuid,
  campaign_name text,
  initiated_at timestamptz NOT NULL DEFAULT now(),
  ringing_at timestamptz,
  answered_at timestamptz,
  connected_at timestamptz,
  ended_at timestamptz,
  duration_seconds integer GENERATED ALWAYS AS (platform.seconds_between(initiated_at, ended_at)) STORED,
  connected_seconds integer GENERATED ALWAYS AS (platform.seconds_between(connected_at, ended_at)) STORED,
  billing_increment_seconds smallint NOT NULL DEFAULT 6 CHECK (billing_increment_seconds BETWEEN 1 AND 3600),
  billable_seconds integer GENERATED ALWAYS AS (
    platform.round_up(platform.seconds_between(answered_at, ended_at), billing_increment_seconds)) STORED,
  mos_score numeric(3, 2) CHECK (mos_score BETWEEN 1.0 AND 5.0),
  jitter_ms integer,
  packet_loss_percent numeric(5, 2) CHECK (packet_loss_percent BETWEEN 0 AND 100),
  caller_id_area_code text,
  caller_id_state text,
  target_number text,
  revenue_micros bigint NOT NULL DEFAULT 0,
  payout_micros bigint NOT NULL DEFAULT 0,
  cost_micros bigint NOT NULL DEFAULT 0,
  profit_micros bigint GENERATED ALWAYS AS (revenue_micros - payout_micros - cost_micros) STORED,
  currency text NOT NULL DEFAULT 'USD',
  rate_micros_per_minute bigint,
  is_duplicate boolean NOT NULL DEFAULT false,
  converted boolean NOT NULL DEFAULT false,
  missed_call boolean NOT NULL DEFAULT false,
  blocked boolean NOT NULL DEFAULT false,
  paid_out boolean NOT NULL DEFAULT false,
  previously_connected boolean NOT NULL DEFAULT false,
  previously_connected_at timestamptz,
  previously_connected_target text,
  no_payout_reason text,
  no_conversion_reason text,
  block_reason text,
  outcome text,
  hangup_cause text,
  hangup_by platform.hangup_party,
  sip_code integer,
  media_node text,
  media_node_epoch bigint,
  tags text[] NOT NULL DEFAULT '{}',
  metadata jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CHECK (abs(extract(epoch FROM (initiated_at - platform.uuid_v7_time(id)))) < 86400)
) PARTITION BY RANGE (id);
CREATE TABLE calls_default PARTITION OF calls DEFAULT;
CREATE INDEX ON calls (tenant_id, initiated_at DESC);
CREATE INDEX ON calls (initiated_at DESC);
CREATE INDEX ON calls (call_sid);
CREATE INDEX ON calls (external_call_id) WHERE external_call_id IS NOT NULL;
CREATE INDEX ON calls (carrier_call_sid) WHERE carrier_call_sid IS NOT NULL;
CREATE INDEX ON calls (status);
CREATE INDEX ON calls (direction);
CREATE INDEX ON calls (from_number);
CREATE INDEX ON calls (to_number);
CREATE INDEX ON calls (customer_number, initiated_at DESC);
CREATE INDEX ON calls (agent_id, initiated_at DESC);
CREATE INDEX ON calls (campaign_id, initiated_at DESC);
CREATE INDEX ON calls (outcome) WHERE outcome IS NOT NULL;
CREATE INDEX ON calls USING gin (tags);
CREATE INDEX ON calls (media_node) WHERE ended_at IS NULL;
CREATE INDEX ON calls (updated_at);
CREATE INDEX ON calls (from_phone_number_id) WHERE from_phone_number_id IS NOT NULL;
CREATE INDEX ON calls (to_phone_number_id) WHERE to_phone_number_id IS NOT NULL;
CREATE INDEX ON calls (contact_id) WHERE contact_id IS NOT NULL;
CREATE INDEX ON calls (flow_id) WHERE flow_id IS NOT NULL;

-- Identifiers of calls, unique over all partitions.
CREATE TABLE call_keys (
  kind text NOT NULL CHECK (kind IN ('call_sid', 'external')),
  key text NOT NULL,
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  call_id uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (kind, key)
);
CREATE INDEX ON call_keys (call_id);

CREATE FUNCTION calls_before_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.call_sid IS NULL THEN
    NEW.call_sid := 'CA' || replace(NEW.id::text, '-', '');
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER calls_fill BEFORE INSERT ON calls FOR EACH ROW EXECUTE FUNCTION calls_before_insert();

CREATE FUNCTION calls_after_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.call_sid <> 'CA' || replace(NEW.id::text, '-', '') THEN
    INSERT INTO call_keys (kind, key, call_id) VALUES ('call_sid', NEW.call_sid, NEW.id);
  END IF;
  -- Only the Call-IDs that we make: a caller may use its own again (RFC 3261 section 8.1.3.5).
  IF NEW.direction = 'outbound' AND NEW.external_call_id IS NOT NULL THEN
    INSERT INTO call_keys (kind, key, call_id) VALUES ('external', NEW.external_call_id, NEW.id);
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER calls_keys AFTER INSERT ON calls FOR EACH ROW EXECUTE FUNCTION calls_after_insert();

-- A final status is final. One exception: a call that was closed because its node was silent, and
-- whose node then delivers what really happened.
CREATE FUNCTION calls_status_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.status IN ('completed', 'busy', 'no_answer', 'failed', 'cancelled', 'blocked')
     AND NEW.status IS DISTINCT FROM OLD.status
     AND NOT (OLD.hangup_cause IS NOT DISTINCT FROM 'node_lost'
              AND NEW.hangup_cause IS DISTINCT FROM 'node_lost') THEN
    RAISE EXCEPTION 'call % is final (%)', OLD.id, OLD.status USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER calls_guard BEFORE UPDATE OF status ON calls
  FOR EACH ROW EXECUTE FUNCTION calls_status_guard();

CREATE TABLE call_legs (
  id uuid NOT NULL DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  call_id uuid NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
  leg_no smallint NOT NULL,
  kind platform.leg_kind NOT NULL,
  endpoint_kind platform.endpoint_kind NOT NULL,
  direction platform.call_direction NOT NULL,
  from_uri text,
  to_uri text,
  trunk_id uuid REFERENCES trunks (id) ON DELETE SET NULL,
  agent_id uuid REFERENCES agents (id) ON DELETE SET NULL,
  carrier_leg_id text,
  status platform.call_status NOT NULL DEFAULT 'initiated',
  initiated_at timestamptz NOT NULL DEFAULT now(),
  answered_at timestamptz,
  ended_at timestamptz,
  hangup_cause text,
  sip_code integer,
  codec text,
  media jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (call_id, id),
  UNIQUE (call_id, leg_no)
) PARTITION BY RANGE (call_id);
CREATE TABLE call_legs_default PARTITION OF call_legs DEFAULT;
CREATE INDEX ON call_legs (trunk_id) WHERE trunk_id IS NOT NULL;
CREATE INDEX ON call_legs (agent_id) WHERE agent_id IS NOT NULL;
CREATE INDEX ON call_legs (status);
CREATE INDEX ON call_legs (id);

CREATE TABLE call_segments (
  id uuid NOT NULL DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  call_id uuid NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
  seq smallint NOT NULL,
  kind platform.segment_kind NOT NULL,
  started_at timestamptz NOT NULL,
  ended_at timestamptz,
  duration_seconds integer GENERATED ALWAYS AS (platform.seconds_between(started_at, ended_at)) STORED,
  agent_id uuid REFERENCES agents (id) ON DELETE SET NULL,
  flow_node_id uuid REFERENCES flow_nodes (id) ON DELETE SET NULL,
  metadata jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (call_id, id),
  UNIQUE (call_id, seq)
) PARTITION BY RANGE (call_id);
CREATE TABLE call_segments_default PARTITION OF call_segments DEFAULT;
CREATE INDEX ON call_segments (agent_id) WHERE agent_id IS NOT NULL;
CREATE INDEX ON call_segments (flow_node_id) WHERE flow_node_id IS NOT NULL;
CREATE INDEX ON call_segments (id);

CREATE SEQUENCE call_events_row_no_seq;
CREATE TABLE call_events (
  id uuid NOT NULL DEFAULT platform.uuid_v7(),
  row_no bigint NOT NULL DEFAULT nextval('call_events_row_no_seq'),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  call_id uuid NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
  event_type text NOT NULL,
  event_timestamp timestamptz NOT NULL DEFAULT now(),
  from_status platform.call_status,
  to_status platform.call_status,
  metadata jsonb NOT NULL DEFAULT '{}',
  raw_event jsonb,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (call_id, id)
) PARTITION BY RANGE (call_id);
CREATE TABLE call_events_default PARTITION OF call_events DEFAULT;
CREATE INDEX ON call_events (event_timestamp DESC);
CREATE INDEX ON call_events (id);
CREATE TRIGGER call_events_append_only BEFORE UPDATE OR DELETE ON call_events
  FOR EACH ROW EXECUTE FUNCTION platform.forbid_change();

-- One for each finished call; also what tells a repeated delivery of a call record.
CREATE TABLE cdrs (
  id uuid NOT NULL DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  call_id uuid PRIMARY KEY REFERENCES calls (id) ON DELETE CASCADE,
  direction platform.call_direction NOT NULL,
  from_number text,
  to_number text,
  status platform.call_status NOT NULL,
  started_at timestamptz NOT NULL,
  answered_at timestamptz,
  ended_at timestamptz NOT NULL,
  duration_seconds integer NOT NULL,
  billable_seconds integer NOT NULL,
  cost_micros bigint NOT NULL DEFAULT 0,
  currency text NOT NULL DEFAULT 'USD',
  hangup_cause text,
  mos_score numeric(3, 2),
  record jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now()
) PARTITION BY RANGE (call_id);
CREATE TABLE cdrs_default PARTITION OF cdrs DEFAULT;
CREATE INDEX ON cdrs (status);
CREATE INDEX ON cdrs (id);
CREATE TRIGGER cdrs_append_only BEFORE UPDATE OR DELETE ON cdrs
  FOR EACH ROW EXECUTE FUNCTION platform.forbid_change();

CREATE TABLE call_recordings (
  id uuid NOT NULL DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  call_id uuid NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
  recording_sid text,
  status platform.recording_status NOT NULL DEFAULT 'recording',
  object_url text,
  region text,
  mime_type text NOT NULL DEFAULT 'audio/ogg',
  channels smallint NOT NULL DEFAULT 2,
  duration_seconds integer,
  size_bytes bigint,
  sha256 bytea,
  encryption text NOT NULL DEFAULT 'AES-256-GCM',
  encryption_key_id uuid,
  consent_obtained boolean,
  tier platform.storage_tier NOT NULL DEFAULT 'hot',
  retain_until timestamptz,
  legal_hold boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  deleted_at timestamptz,
  PRIMARY KEY (call_id, id)
) PARTITION BY RANGE (call_id);
CREATE TABLE call_recordings_default PARTITION OF call_recordings DEFAULT;
CREATE INDEX ON call_recordings (recording_sid) WHERE recording_sid IS NOT NULL;
CREATE INDEX ON call_recordings (retain_until) WHERE deleted_at IS NULL AND NOT legal_hold;
CREATE INDEX ON call_recordings (status);
CREATE INDEX ON call_recordings (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX ON call_recordings (id);

CREATE TABLE transcriptions (
  id uuid NOT NULL DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  call_id uuid NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
  recording_id uuid,
  provider text,
  model text,
  language text,
  status platform.transcription_status NOT NULL DEFAULT 'processing',
  text text,
  text_enc bytea,
  segments jsonb NOT NULL DEFAULT '[]',
  confidence numeric(5, 2),
  is_final boolean NOT NULL DEFAULT true,
  metadata jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (call_id, id),
  CHECK (text IS NULL OR text_enc IS NULL)
) PARTITION BY RANGE (call_id);
CREATE TABLE transcriptions_default PARTITION OF transcriptions DEFAULT;
CREATE INDEX ON transcriptions USING gin (text public.gin_trgm_ops);
CREATE INDEX ON transcriptions (status);
CREATE INDEX ON transcriptions (id);

CREATE TABLE call_costs (
  id uuid NOT NULL DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  call_id uuid NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
  component platform.cost_component NOT NULL,
  provider text NOT NULL DEFAULT '',
  quantity numeric(20, 6) NOT NULL DEFAULT 0,
  unit text NOT NULL DEFAULT '',
  unit_rate numeric(20, 10),
  amount_micros bigint NOT NULL DEFAULT 0,
  currency text NOT NULL DEFAULT 'USD',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (call_id, id),
  UNIQUE (call_id, component, provider, unit)
) PARTITION BY RANGE (call_id);
CREATE TABLE call_costs_default PARTITION OF call_costs DEFAULT;
CREATE INDEX ON call_costs (id);
