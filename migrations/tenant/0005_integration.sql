-- The outside world: webhooks and their deliveries; and what the API keeps for people: opening
-- hours, dashboards.
--
-- webhook_deliveries is partitioned by month for every tenant (data model, D26), see 0018. Added to
-- the data model: the columns of the projection of a Webhook, which the model kept in the database
-- only.

CREATE TABLE schedules (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  name text NOT NULL UNIQUE,
  time_zone text NOT NULL DEFAULT 'UTC',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  deleted_at timestamptz
);
COMMENT ON TABLE schedules IS
  'retention=config encryption=E0 | opening hours and holidays, referred to by name';
COMMENT ON COLUMN schedules.time_zone IS 'IANA zone of the rules'' times';
CREATE INDEX ON schedules (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE schedule_rules (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  schedule_id uuid NOT NULL REFERENCES schedules (id) ON DELETE CASCADE,
  kind platform.schedule_rule_kind NOT NULL,
  days_of_week smallint[],
  on_date date,
  opens_at time,
  closes_at time,
  is_open boolean NOT NULL DEFAULT true,
  label text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT schedule_rules_days CHECK ((kind = 'weekly') = (days_of_week IS NOT NULL))
);
COMMENT ON TABLE schedule_rules IS
  'retention=config encryption=E0 | weekly hours, holidays, exceptions';
CREATE INDEX ON schedule_rules (schedule_id);

CREATE TABLE dashboards (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  member_id uuid REFERENCES members (id) ON DELETE CASCADE,
  name text NOT NULL,
  layout jsonb NOT NULL DEFAULT '{}',
  is_default boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE dashboards IS 'retention=config encryption=E0 | saved layouts';
CREATE INDEX ON dashboards (member_id);

CREATE SEQUENCE webhooks_row_no_seq;
CREATE TABLE webhooks (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  row_no bigint NOT NULL DEFAULT nextval('webhooks_row_no_seq') UNIQUE,
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  created_by_user_id uuid REFERENCES members (id) ON DELETE SET NULL,
  name text,
  description text,
  url text NOT NULL CHECK (url ~ '^https?://'),
  events text[] NOT NULL DEFAULT '{}',
  agent_id uuid REFERENCES agents (id) ON DELETE CASCADE,
  secret_enc bytea NOT NULL,
  status platform.webhook_status NOT NULL DEFAULT 'active',
  is_enabled boolean GENERATED ALWAYS AS (status = 'active') STORED,
  max_retries integer NOT NULL DEFAULT 3 CHECK (max_retries BETWEEN 0 AND 20),
  retry_backoff_seconds integer NOT NULL DEFAULT 60 CHECK (retry_backoff_seconds > 0),
  total_deliveries integer NOT NULL DEFAULT 0,
  successful_deliveries integer NOT NULL DEFAULT 0,
  failed_deliveries integer NOT NULL DEFAULT 0,
  trigger_count bigint NOT NULL DEFAULT 0,
  last_delivery_at timestamptz,
  last_success_at timestamptz,
  last_failure_at timestamptz,
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
COMMENT ON TABLE webhooks IS
  'retention=config encryption=E1 | where events go; the counters are rolled up by the deliveries';
COMMENT ON COLUMN webhooks.events IS 'empty is all';
COMMENT ON COLUMN webhooks.agent_id IS 'NULL is every agent';
COMMENT ON COLUMN webhooks.secret_enc IS 'encryption=E2 | key of the HMAC-SHA-256 signature';
COMMENT ON COLUMN webhooks.retry_backoff_seconds IS 'doubles with every attempt';
CREATE INDEX ON webhooks (status);
CREATE INDEX ON webhooks (created_by_user_id);
CREATE INDEX ON webhooks (agent_id);
CREATE INDEX ON webhooks (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE UNIQUE INDEX webhooks_object ON webhooks (k8s_namespace, k8s_name) WHERE deleted_at IS NULL;

-- A retry is a new row with the next attempt_number.
CREATE SEQUENCE webhook_deliveries_row_no_seq;
CREATE TABLE webhook_deliveries (
  id uuid NOT NULL DEFAULT platform.uuid_v7(),
  row_no bigint NOT NULL DEFAULT nextval('webhook_deliveries_row_no_seq'),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' CHECK (tenant_id = '{{tenant_id}}'),
  webhook_id uuid NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
  event_type text NOT NULL,
  event_id uuid NOT NULL,
  outbox_event_id uuid,
  request_url text NOT NULL,
  request_method text NOT NULL DEFAULT 'POST',
  request_headers jsonb,
  request_body jsonb,
  request_signature text,
  response_status_code integer,
  response_headers jsonb,
  response_body text,
  response_time_ms integer,
  status platform.delivery_status NOT NULL DEFAULT 'pending',
  error_message text,
  attempt_number integer NOT NULL DEFAULT 1 CHECK (attempt_number >= 1),
  next_attempt_at timestamptz,
  delivered_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);
CREATE TABLE webhook_deliveries_default PARTITION OF webhook_deliveries DEFAULT;
COMMENT ON TABLE webhook_deliveries IS
  'retention=operational encryption=E1 | one row an attempt, with request and response';
COMMENT ON COLUMN webhook_deliveries.event_id IS
  'the call, message or other thing the event is about';
COMMENT ON COLUMN webhook_deliveries.outbox_event_id IS
  'events.id, without a foreign key: months leave on their own';
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (next_attempt_at)
  WHERE status = 'pending';
CREATE INDEX ON webhook_deliveries (created_at DESC);
CREATE INDEX ON webhook_deliveries (webhook_id);
