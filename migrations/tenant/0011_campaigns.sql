-- Campaigns and their recipients. The operator writes a campaign from the custom resource Campaign;
-- recipients come through the API, never through a custom resource (volume, personal data).
--
-- Added to the data model: the caller number, the ring time, whose time zone the window is in,
-- which lists bar from a campaign, and what a claim commits about an attempt.

CREATE SEQUENCE campaigns_row_no_seq;
CREATE TABLE campaigns (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  row_no bigint NOT NULL DEFAULT nextval('campaigns_row_no_seq') UNIQUE,
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  kind platform.campaign_kind NOT NULL DEFAULT 'outbound',
  name text NOT NULL,
  status platform.campaign_status NOT NULL DEFAULT 'draft',
  desired_state platform.campaign_desired NOT NULL DEFAULT 'draft',
  agent_id uuid REFERENCES agents (id) ON DELETE SET NULL,
  flow_id uuid REFERENCES flows (id) ON DELETE SET NULL,
  caller_id_pool_id uuid REFERENCES caller_id_pools (id) ON DELETE SET NULL,
  caller_phone_number_id uuid REFERENCES phone_numbers (id) ON DELETE SET NULL,
  first_sentence text,
  task_prompt text,
  post_call_summary text,
  start_date date,
  start_time time,
  time_zone text NOT NULL DEFAULT 'UTC',
  recipient_time_zone boolean NOT NULL DEFAULT false,
  start_at timestamptz,
  call_start_time time,
  call_end_time time,
  days_of_week smallint[] NOT NULL DEFAULT '{1,2,3,4,5,6,7}',
  max_concurrent_calls integer NOT NULL DEFAULT 1 CHECK (max_concurrent_calls > 0),
  calls_per_minute integer CHECK (calls_per_minute > 0),
  ring_seconds integer NOT NULL DEFAULT 30 CHECK (ring_seconds > 0),
  max_attempts integer NOT NULL DEFAULT 3 CHECK (max_attempts > 0),
  retry_backoff_seconds integer NOT NULL DEFAULT 3600 CHECK (retry_backoff_seconds >= 0),
  duplicate_window_seconds integer NOT NULL DEFAULT 2592000,
  routing jsonb NOT NULL DEFAULT '{}',
  total_calls integer NOT NULL DEFAULT 0 CHECK (total_calls >= 0),
  completed_calls integer NOT NULL DEFAULT 0 CHECK (completed_calls >= 0),
  failed_calls integer NOT NULL DEFAULT 0,
  progress numeric(5, 2) GENERATED ALWAYS AS (
    CASE WHEN total_calls = 0 THEN 0
         ELSE round(least(100.0, 100.0 * completed_calls / total_calls), 2) END) STORED,
  started_at timestamptz,
  completed_at timestamptz,
  metadata jsonb NOT NULL DEFAULT '{}',
  k8s_namespace text,
  k8s_name text,
  k8s_uid uuid UNIQUE,
  k8s_generation bigint,
  spec_hash text,
  synced_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  deleted_at timestamptz
);
COMMENT ON TABLE campaigns IS
  'retention=config encryption=E0 | dialling and call tracking; the dialler writes status, counters';
COMMENT ON COLUMN campaigns.recipient_time_zone IS
  'true: the window is in each recipient''s own zone; false: in time_zone';
COMMENT ON COLUMN campaigns.calls_per_minute IS 'NULL is no limit';
CREATE UNIQUE INDEX campaigns_object ON campaigns (k8s_namespace, k8s_name)
  WHERE deleted_at IS NULL;
CREATE INDEX ON campaigns (name) WHERE deleted_at IS NULL;
CREATE INDEX ON campaigns (tenant_id, status);
CREATE INDEX ON campaigns (agent_id);
CREATE INDEX ON campaigns (flow_id);
CREATE INDEX ON campaigns (caller_id_pool_id);
CREATE INDEX ON campaigns (caller_phone_number_id);
CREATE INDEX ON campaigns (deleted_at) WHERE deleted_at IS NOT NULL;
ALTER TABLE phone_numbers ADD FOREIGN KEY (campaign_id) REFERENCES campaigns (id)
  ON DELETE SET NULL;

CREATE TABLE campaign_dnc_lists (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  campaign_id uuid NOT NULL REFERENCES campaigns (id) ON DELETE CASCADE,
  dnc_list_id uuid NOT NULL REFERENCES dnc_lists (id) ON DELETE CASCADE,
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (campaign_id, dnc_list_id)
);
COMMENT ON TABLE campaign_dnc_lists IS
  'retention=config encryption=E0 | lists that bar from a campaign, beside the internal ones';
CREATE INDEX ON campaign_dnc_lists (dnc_list_id);

CREATE TABLE campaign_recipients (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  campaign_id uuid NOT NULL REFERENCES campaigns (id) ON DELETE CASCADE,
  contact_id uuid REFERENCES contacts (id) ON DELETE SET NULL,
  name text,
  phone_number text NOT NULL,
  notes text,
  time_zone text,
  variables jsonb NOT NULL DEFAULT '{}',
  status platform.recipient_status NOT NULL DEFAULT 'ready',
  outcome platform.recipient_outcome,
  error_reason text,
  attempts integer NOT NULL DEFAULT 0,
  next_attempt_at timestamptz,
  last_call_id uuid,
  sip_call_id text,
  dialing_node text,
  dialing_epoch bigint,
  dialed_at timestamptz,
  import_batch uuid,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (campaign_id, phone_number),
  CONSTRAINT campaign_recipients_attempt
    CHECK (status <> 'dialing'
           OR (last_call_id IS NOT NULL AND dialing_node IS NOT NULL AND dialing_epoch IS NOT NULL))
);
COMMENT ON TABLE campaign_recipients IS
  'retention=operational encryption=E1 | whom a campaign calls';
COMMENT ON COLUMN campaign_recipients.dialing_epoch IS
  'of the node that committed the attempt before its INVITE; a lost epoch makes it unknown';
-- A claim reads what is due, however many were called before.
CREATE INDEX campaign_recipients_due
  ON campaign_recipients (campaign_id, next_attempt_at NULLS FIRST, id)
  WHERE status IN ('ready', 'queued', 'retry_wait');
CREATE INDEX campaign_recipients_dialing ON campaign_recipients (campaign_id)
  WHERE status = 'dialing';
CREATE INDEX ON campaign_recipients (contact_id);

-- Whether a number must not be called by a campaign: lists and the people who have the number.
CREATE FUNCTION do_not_call(p_campaign uuid, p_number text) RETURNS boolean
LANGUAGE sql STABLE AS $$
  SELECT EXISTS (
           SELECT FROM {{schema}}.dnc_list_entries e
             JOIN {{schema}}.dnc_lists l ON l.id = e.dnc_list_id
            WHERE e.phone_number IN (p_number, platform.erased_number('{{tenant_id}}', p_number))
              AND l.status = 'active'
              AND (e.expires_at IS NULL OR e.expires_at > now())
              AND (l.kind = 'internal' OR EXISTS (
                     SELECT FROM {{schema}}.campaign_dnc_lists d
                      WHERE d.campaign_id = p_campaign AND d.dnc_list_id = l.id)))
      OR EXISTS (
           SELECT FROM {{schema}}.contacts c
            WHERE c.phone = p_number AND c.do_not_call AND c.deleted_at IS NULL) $$;
