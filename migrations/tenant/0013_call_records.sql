-- What one call leaves behind. Written by media nodes when the call ends, in one transaction with
-- it; analyses by the worker that makes them, tags also by people.
--
-- Same partitioning as `calls`. Primary keys begin with call_id, so that the rows of a call lie
-- together; `id` is what the outside knows a row by.

CREATE TABLE call_legs (
  id uuid NOT NULL DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' CHECK (tenant_id = '{{tenant_id}}'),
  call_id uuid NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
  leg_no smallint NOT NULL,
  kind platform.leg_kind NOT NULL,
  endpoint_kind platform.endpoint_kind NOT NULL,
  direction platform.call_direction NOT NULL,
  from_uri text,
  to_uri text,
  trunk_id uuid REFERENCES trunks (id) ON DELETE SET NULL,
  buyer_endpoint_id uuid REFERENCES buyer_endpoints (id) ON DELETE SET NULL,
  member_id uuid REFERENCES members (id) ON DELETE SET NULL,
  agent_id uuid REFERENCES agents (id) ON DELETE SET NULL,
  carrier_leg_id text,
  status platform.call_status NOT NULL DEFAULT 'initiated',
  initiated_at timestamptz NOT NULL DEFAULT now(),
  answered_at timestamptz,
  ended_at timestamptz,
  hangup_cause text,
  sip_code integer,
  codec text,
  srtp_suite text,
  media jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (call_id, id),
  UNIQUE (call_id, leg_no)
) PARTITION BY RANGE (call_id);
CREATE TABLE call_legs_default PARTITION OF call_legs DEFAULT;
COMMENT ON TABLE call_legs IS 'retention=operational encryption=E1 | the sides of a call, from 1';
COMMENT ON COLUMN call_legs.srtp_suite IS
  'what all its media was encrypted with, as in RFC 4568; none where any of it was plain, and of a browser, whose media is always encrypted';
CREATE INDEX ON call_legs (trunk_id) WHERE trunk_id IS NOT NULL;
CREATE INDEX ON call_legs (buyer_endpoint_id) WHERE buyer_endpoint_id IS NOT NULL;
CREATE INDEX ON call_legs (member_id) WHERE member_id IS NOT NULL;
CREATE INDEX ON call_legs (agent_id) WHERE agent_id IS NOT NULL;
CREATE INDEX ON call_legs (id);

CREATE TABLE call_segments (
  id uuid NOT NULL DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' CHECK (tenant_id = '{{tenant_id}}'),
  call_id uuid NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
  seq smallint NOT NULL,
  kind platform.segment_kind NOT NULL,
  started_at timestamptz NOT NULL,
  ended_at timestamptz,
  duration_seconds integer
    GENERATED ALWAYS AS (platform.seconds_between(started_at, ended_at)) STORED,
  agent_id uuid REFERENCES agents (id) ON DELETE SET NULL,
  member_id uuid REFERENCES members (id) ON DELETE SET NULL,
  queue_id uuid REFERENCES queues (id) ON DELETE SET NULL,
  flow_node_id uuid REFERENCES flow_nodes (id) ON DELETE SET NULL,
  metadata jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (call_id, id),
  UNIQUE (call_id, seq)
) PARTITION BY RANGE (call_id);
CREATE TABLE call_segments_default PARTITION OF call_segments DEFAULT;
COMMENT ON TABLE call_segments IS
  'retention=operational encryption=E0 | what the time of a call was spent with, from 1';
CREATE INDEX ON call_segments (agent_id) WHERE agent_id IS NOT NULL;
CREATE INDEX ON call_segments (member_id) WHERE member_id IS NOT NULL;
CREATE INDEX ON call_segments (queue_id) WHERE queue_id IS NOT NULL;
CREATE INDEX ON call_segments (flow_node_id) WHERE flow_node_id IS NOT NULL;
CREATE INDEX ON call_segments (id);

CREATE SEQUENCE call_events_row_no_seq;
CREATE TABLE call_events (
  id uuid NOT NULL DEFAULT platform.uuid_v7(),
  row_no bigint NOT NULL DEFAULT nextval('call_events_row_no_seq'),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' CHECK (tenant_id = '{{tenant_id}}'),
  call_id uuid NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
  event_type text NOT NULL,
  event_timestamp timestamptz NOT NULL DEFAULT now(),
  from_status platform.call_status,
  to_status platform.call_status,
  member_id uuid REFERENCES members (id) ON DELETE SET NULL,
  metadata jsonb NOT NULL DEFAULT '{}',
  raw_event jsonb,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (call_id, id)
) PARTITION BY RANGE (call_id);
CREATE TABLE call_events_default PARTITION OF call_events DEFAULT;
COMMENT ON TABLE call_events IS 'retention=operational encryption=E1 | what happened, in order';
CREATE INDEX ON call_events (event_timestamp DESC);
CREATE INDEX ON call_events (member_id) WHERE member_id IS NOT NULL;
CREATE INDEX ON call_events (id);
CREATE TRIGGER call_events_append_only BEFORE UPDATE OR DELETE ON call_events
  FOR EACH ROW EXECUTE FUNCTION platform.forbid_change();

-- One for each finished call; also what tells a repeated delivery of a call record.
CREATE TABLE cdrs (
  id uuid NOT NULL DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' CHECK (tenant_id = '{{tenant_id}}'),
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
COMMENT ON TABLE cdrs IS
  'retention=operational encryption=E1 | the detail record, copied from the call when it ends';
CREATE INDEX ON cdrs (id);
CREATE TRIGGER cdrs_append_only BEFORE UPDATE OR DELETE ON cdrs
  FOR EACH ROW EXECUTE FUNCTION platform.forbid_change();

CREATE TABLE call_recordings (
  id uuid NOT NULL DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' CHECK (tenant_id = '{{tenant_id}}'),
  call_id uuid NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
  recording_sid text,
  status platform.recording_status NOT NULL DEFAULT 'recording',
  object_url text,
  region text,
  mime_type text NOT NULL DEFAULT 'audio/ogg',
  channels smallint NOT NULL DEFAULT 2,
  started_at timestamptz,
  duration_seconds integer,
  gaps jsonb NOT NULL DEFAULT '[]',
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
COMMENT ON TABLE call_recordings IS
  'retention=recording encryption=E4 | describes the audio, which is in object storage';
COMMENT ON COLUMN call_recordings.started_at IS
  'when the audio begins; null in rows of others';
COMMENT ON COLUMN call_recordings.gaps IS
  'silence in the place of what was not recorded, seconds of the audio: [{"from": 3.2, "to": 8.4, "reason": "paused"}]';
CREATE INDEX ON call_recordings (recording_sid) WHERE recording_sid IS NOT NULL;
CREATE INDEX ON call_recordings (retain_until) WHERE deleted_at IS NULL AND NOT legal_hold;
CREATE INDEX ON call_recordings (status);
CREATE INDEX ON call_recordings (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX ON call_recordings (id);

-- Refuses the deletion of a recording under legal hold, and so of its call: the deletion of a call comes
-- here by its foreign key. Only the removal of the whole schema is past it.
CREATE FUNCTION call_recordings_hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'recording % is under legal hold', OLD.id
    USING ERRCODE = '23001', HINT = 'lift call_recordings.legal_hold first';
END $$;
CREATE TRIGGER call_recordings_hold BEFORE DELETE ON call_recordings
  FOR EACH ROW WHEN (OLD.legal_hold) EXECUTE FUNCTION call_recordings_hold();

CREATE TABLE transcriptions (
  id uuid NOT NULL DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' CHECK (tenant_id = '{{tenant_id}}'),
  call_id uuid NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
  recording_id uuid,
  provider text,
  model text,
  language text,
  status platform.transcription_status NOT NULL DEFAULT 'processing',
  text text,
  text_enc bytea,
  segments jsonb NOT NULL DEFAULT '[]',
  segments_enc bytea,
  confidence numeric(5, 2),
  is_final boolean NOT NULL DEFAULT true,
  metadata jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (call_id, id),
  CONSTRAINT transcriptions_one_text CHECK (text IS NULL OR text_enc IS NULL),
  CONSTRAINT transcriptions_one_segments CHECK (segments = '[]' OR segments_enc IS NULL)
) PARTITION BY RANGE (call_id);
CREATE TABLE transcriptions_default PARTITION OF transcriptions DEFAULT;
COMMENT ON TABLE transcriptions IS 'retention=operational encryption=E1 | what was said, as text';
COMMENT ON COLUMN transcriptions.text_enc IS
  'encryption=E2 | instead of text, when the tenant asks for it';
COMMENT ON COLUMN transcriptions.segments_enc IS
  'encryption=E2 | instead of segments, when the tenant asks for it';
CREATE INDEX ON transcriptions (status);
CREATE INDEX ON transcriptions (id);
CREATE INDEX transcriptions_sealed ON transcriptions (id)
  WHERE text_enc IS NOT NULL OR segments_enc IS NOT NULL;

CREATE TABLE call_analyses (
  id uuid NOT NULL DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' CHECK (tenant_id = '{{tenant_id}}'),
  call_id uuid NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
  summary text,
  summary_enc bytea,
  captured_data jsonb NOT NULL DEFAULT '{}',
  captured_data_enc bytea,
  sentiment platform.sentiment,
  intents text[] NOT NULL DEFAULT '{}',
  keywords text[] NOT NULL DEFAULT '{}',
  csat_score numeric(3, 1) CHECK (csat_score BETWEEN 0 AND 10),
  success boolean,
  model text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (call_id),
  CONSTRAINT call_analyses_one_summary CHECK (summary IS NULL OR summary_enc IS NULL),
  CONSTRAINT call_analyses_one_captured_data CHECK (captured_data = '{}' OR captured_data_enc IS NULL)
) PARTITION BY RANGE (call_id);
CREATE TABLE call_analyses_default PARTITION OF call_analyses DEFAULT;
COMMENT ON TABLE call_analyses IS
  'retention=operational encryption=E1 | summary, captured data and mood of a call, by a model';
COMMENT ON COLUMN call_analyses.summary_enc IS
  'encryption=E2 | instead of summary, when the tenant asks for it';
COMMENT ON COLUMN call_analyses.captured_data_enc IS
  'encryption=E2 | instead of captured_data, when the tenant asks for it';
COMMENT ON COLUMN call_analyses.success IS 'counted by agents.successful_calls';
CREATE INDEX ON call_analyses USING gin (captured_data jsonb_path_ops);
CREATE INDEX ON call_analyses (id);
CREATE INDEX call_analyses_sealed ON call_analyses (id)
  WHERE summary_enc IS NOT NULL OR captured_data_enc IS NOT NULL;

CREATE TABLE call_costs (
  id uuid NOT NULL DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' CHECK (tenant_id = '{{tenant_id}}'),
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
COMMENT ON TABLE call_costs IS
  'retention=billing encryption=E0 | what a call cost, by component; calls.cost_micros is the sum';
CREATE INDEX ON call_costs (id);

CREATE TABLE tags (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  name text NOT NULL UNIQUE,
  color text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE tags IS 'retention=config encryption=E0 | the words that calls are tagged with';

CREATE TABLE call_tags (
  id uuid NOT NULL DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' CHECK (tenant_id = '{{tenant_id}}'),
  call_id uuid NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
  tag_id uuid NOT NULL REFERENCES tags (id) ON DELETE CASCADE,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (call_id, tag_id)
) PARTITION BY RANGE (call_id);
CREATE TABLE call_tags_default PARTITION OF call_tags DEFAULT;
COMMENT ON TABLE call_tags IS
  'retention=operational encryption=E0 | which call has which tag; calls.tags mirrors it';
CREATE INDEX ON call_tags (tag_id);
CREATE INDEX ON call_tags (id);

CREATE TABLE stir_shaken_statuses (
  id uuid NOT NULL DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' CHECK (tenant_id = '{{tenant_id}}'),
  call_id uuid NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
  attestation platform.stir_attestation,
  verification platform.stir_verification NOT NULL DEFAULT 'not_checked',
  orig_tn text,
  dest_tn text,
  origid uuid,
  certificate_url text,
  identity_header text,
  reason text,
  checked_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (call_id, id)
) PARTITION BY RANGE (call_id);
CREATE TABLE stir_shaken_statuses_default PARTITION OF stir_shaken_statuses DEFAULT;
COMMENT ON TABLE stir_shaken_statuses IS
  'retention=operational encryption=E1 | attestation of the calling number and its verification';
COMMENT ON COLUMN stir_shaken_statuses.identity_header IS 'as it came (RFC 8224)';
CREATE INDEX ON stir_shaken_statuses (id);

-- Keeps calls.tags equal to call_tags, by name: after any number of tags are put on or taken off, and
-- when the catalogue renames one. A record that comes with its tags has them in the row already.
CREATE FUNCTION mirror_call_tags(changed uuid[]) RETURNS void LANGUAGE sql AS $$
  UPDATE {{schema}}.calls c SET tags = n.names
    FROM (SELECT k.id, ARRAY(SELECT t.name FROM {{schema}}.call_tags ct
                               JOIN {{schema}}.tags t ON t.id = ct.tag_id
                              WHERE ct.call_id = k.id ORDER BY t.name) AS names
            FROM unnest(changed) AS k(id)) n
   WHERE c.id = n.id AND c.id = ANY (changed) AND c.tags IS DISTINCT FROM n.names
$$;
CREATE FUNCTION sync_call_tags() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM {{schema}}.mirror_call_tags(ARRAY(SELECT DISTINCT call_id FROM changed));
  RETURN NULL;
END $$;
CREATE TRIGGER call_tags_put AFTER INSERT ON call_tags REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION sync_call_tags();
CREATE TRIGGER call_tags_taken AFTER DELETE ON call_tags REFERENCING OLD TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION sync_call_tags();
CREATE FUNCTION sync_renamed_tag() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM {{schema}}.mirror_call_tags(
    ARRAY(SELECT call_id FROM {{schema}}.call_tags WHERE tag_id = NEW.id));
  RETURN NULL;
END $$;
CREATE TRIGGER tags_renamed AFTER UPDATE OF name ON tags
  FOR EACH ROW WHEN (OLD.name IS DISTINCT FROM NEW.name) EXECUTE FUNCTION sync_renamed_tag();
