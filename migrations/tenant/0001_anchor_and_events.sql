-- Schema of one tenant: its anchor row and its outbox.
--
-- A template. {{schema}}, {{tenant_id}}, {{owner}} and {{media}} are replaced before it runs, as role
-- {{owner}} with this schema as search path. Every table carries tenant_id with the tenant's id as
-- default, and no foreign key leaves the schema (data model, D2, D3), so that a schema can be dumped,
-- moved and dropped alone. Indexes on (tenant_id, created_at), triggers of updated_at and policies come
-- from platform.finish_table in 0008.

REVOKE ALL ON SCHEMA {{schema}} FROM PUBLIC;

CREATE TABLE tenant (
  id uuid PRIMARY KEY CHECK (id = '{{tenant_id}}'),
  singleton boolean NOT NULL DEFAULT true UNIQUE CHECK (singleton),
  row_no bigint NOT NULL,
  slug text NOT NULL,
  name text NOT NULL,
  business_name text,
  domain public.citext,
  status platform.tenant_status NOT NULL,
  plan_key text NOT NULL,
  billing_email public.citext,
  stripe_customer_id text,
  routing_number text,
  state text,
  timezone text NOT NULL DEFAULT 'UTC',
  locale text NOT NULL DEFAULT 'en-US',
  settings jsonb NOT NULL DEFAULT '{}',
  metadata jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  deleted_at timestamptz
);
CREATE INDEX ON tenant (status);
CREATE INDEX ON tenant (deleted_at) WHERE deleted_at IS NOT NULL;

-- Domain events: the outbox that webhooks and live subscriptions are fed from. Append-only but for
-- published_at.
CREATE TABLE events (
  id uuid NOT NULL DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  event_type text NOT NULL,
  subject_kind text NOT NULL,
  subject_id uuid,
  agent_id uuid,
  payload jsonb NOT NULL DEFAULT '{}',
  published_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);
CREATE TABLE events_default PARTITION OF events DEFAULT;
CREATE INDEX ON events (event_type, created_at DESC);
CREATE INDEX ON events (subject_id);
CREATE INDEX ON events (created_at) WHERE published_at IS NULL;
