-- Calls: one row each, of every direction. Written by media nodes only; figures that come later
-- (revenue, payout, conversion) by the workers that find them out.
--
-- Partitioned by the UUIDv7 of the call, so that a month of calls with all their rows can be
-- detached together (data model, D11). Until a tenant is large everything lives in the default
-- partitions (D26). Only tables of this family (this file, 0013 and 0014) have foreign keys to
-- `calls`; the rest refers without one.

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
  member_id uuid REFERENCES members (id) ON DELETE SET NULL,
  queue_id uuid REFERENCES queues (id) ON DELETE SET NULL,
  flow_id uuid REFERENCES flows (id) ON DELETE SET NULL,
  campaign_id uuid REFERENCES campaigns (id) ON DELETE SET NULL,
  campaign_recipient_id uuid,
  publisher_id uuid REFERENCES publishers (id) ON DELETE SET NULL,
  buyer_id uuid REFERENCES buyers (id) ON DELETE SET NULL,
  target_id uuid REFERENCES buyer_endpoints (id) ON DELETE SET NULL,
  target_group_id uuid REFERENCES target_groups (id) ON DELETE SET NULL,
  campaign_name text,
  publisher_name text,
  buyer_name text,
  target_name text,
  target_group_name text,
  initiated_at timestamptz NOT NULL DEFAULT now(),
  ringing_at timestamptz,
  answered_at timestamptz,
  connected_at timestamptz,
  ended_at timestamptz,
  duration_seconds integer
    GENERATED ALWAYS AS (platform.seconds_between(initiated_at, ended_at)) STORED,
  connected_seconds integer
    GENERATED ALWAYS AS (platform.seconds_between(connected_at, ended_at)) STORED,
  billing_increment_seconds smallint NOT NULL DEFAULT 6
    CHECK (billing_increment_seconds BETWEEN 1 AND 3600),
  billable_seconds integer GENERATED ALWAYS AS (platform.round_up(
    platform.seconds_between(answered_at, ended_at), billing_increment_seconds)) STORED,
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
  variables_enc bytea,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT calls_id_time
    CHECK (abs(extract(epoch FROM (initiated_at - platform.uuid_v7_time(id)))) < 86400)
) PARTITION BY RANGE (id);
CREATE TABLE calls_default PARTITION OF calls DEFAULT;
COMMENT ON TABLE calls IS 'retention=operational encryption=E1 | one row a call';
COMMENT ON COLUMN calls.variables_enc IS
  'encryption=E2 | instead of variables in metadata, what the flow captured, when the tenant asks for it';
COMMENT ON COLUMN calls.tags IS 'mirror of call_tags, kept by a trigger; to find calls by tag, ask call_tags';
CREATE INDEX ON calls (tenant_id, initiated_at DESC);
CREATE INDEX ON calls (row_no);
CREATE INDEX ON calls (call_sid);
CREATE INDEX ON calls (external_call_id) WHERE external_call_id IS NOT NULL;
CREATE INDEX ON calls (carrier_call_sid) WHERE carrier_call_sid IS NOT NULL;
CREATE INDEX ON calls (status, initiated_at DESC);
CREATE INDEX ON calls (from_number);
CREATE INDEX ON calls (to_number);
CREATE INDEX ON calls (customer_number, initiated_at DESC);
CREATE INDEX ON calls (agent_id, initiated_at DESC);
CREATE INDEX ON calls (campaign_id, initiated_at DESC);
CREATE INDEX ON calls (outcome) WHERE outcome IS NOT NULL;
CREATE INDEX ON calls (media_node) WHERE ended_at IS NULL;
CREATE INDEX ON calls (updated_at);
CREATE INDEX ON calls (from_phone_number_id) WHERE from_phone_number_id IS NOT NULL;
CREATE INDEX ON calls (to_phone_number_id) WHERE to_phone_number_id IS NOT NULL;
CREATE INDEX ON calls (contact_id) WHERE contact_id IS NOT NULL;
CREATE INDEX ON calls (member_id) WHERE member_id IS NOT NULL;
CREATE INDEX ON calls (queue_id) WHERE queue_id IS NOT NULL;
CREATE INDEX ON calls (flow_id) WHERE flow_id IS NOT NULL;
CREATE INDEX ON calls (publisher_id) WHERE publisher_id IS NOT NULL;
CREATE INDEX ON calls (buyer_id) WHERE buyer_id IS NOT NULL;
CREATE INDEX ON calls (target_id) WHERE target_id IS NOT NULL;
CREATE INDEX ON calls (target_group_id) WHERE target_group_id IS NOT NULL;
-- Rows to be sealed anew; empty for a tenant that seals none.
CREATE INDEX calls_sealed ON calls (id) WHERE variables_enc IS NOT NULL;

-- Identifiers of calls, unique over all partitions.
CREATE TABLE call_keys (
  kind text NOT NULL CHECK (kind IN ('call_sid', 'external')),
  key text NOT NULL,
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' CHECK (tenant_id = '{{tenant_id}}'),
  call_id uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (kind, key)
);
COMMENT ON TABLE call_keys IS
  'retention=operational encryption=E0 | written by a trigger of calls, removed with their month';
CREATE INDEX ON call_keys (call_id);

CREATE FUNCTION calls_before_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.call_sid IS NULL THEN
    NEW.call_sid := 'CA' || replace(NEW.id::text, '-', '');
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER calls_fill BEFORE INSERT ON calls
  FOR EACH ROW EXECUTE FUNCTION calls_before_insert();

CREATE FUNCTION calls_after_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.call_sid <> 'CA' || replace(NEW.id::text, '-', '') THEN
    INSERT INTO {{schema}}.call_keys (kind, key, call_id)
    VALUES ('call_sid', NEW.call_sid, NEW.id);
  END IF;
  -- Only the Call-IDs that we make: a caller may use its own again (RFC 3261 section 8.1.3.5).
  IF NEW.direction = 'outbound' AND NEW.external_call_id IS NOT NULL THEN
    INSERT INTO {{schema}}.call_keys (kind, key, call_id)
    VALUES ('external', NEW.external_call_id, NEW.id);
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER calls_keys AFTER INSERT ON calls
  FOR EACH ROW EXECUTE FUNCTION calls_after_insert();

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
