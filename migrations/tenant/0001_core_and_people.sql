-- Schema of one tenant: its anchor row, its people, its audit trail and its outbox.
--
-- Every file of this folder is a template. {{schema}}, {{tenant_id}} and the role names {{owner}},
-- {{media}}, {{app}} and {{ro}} are replaced before it runs, as role {{owner}} with this schema as
-- search path. Every table carries tenant_id with the tenant's id as default, and no foreign key
-- leaves the schema (data model, D2, D3), so that a schema can be dumped, moved and dropped alone.
--
-- Indexes on (tenant_id, created_at), triggers of updated_at and policies come from
-- platform.finish_table, and all grants are in 0018. A table says its classes of retention and
-- encryption in its comment, a column of another class in its own. Functions name their tables with
-- the schema: they run in sessions with any search path.

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
COMMENT ON TABLE tenant IS
  'retention=config encryption=E1 | the one row of the tenant; every tenant_id points here';
CREATE INDEX ON tenant (status);
CREATE INDEX ON tenant (deleted_at) WHERE deleted_at IS NOT NULL;

-- People of the tenant, copied from platform.memberships so that foreign keys stay inside the
-- schema.
CREATE TABLE members (
  id uuid PRIMARY KEY,
  row_no bigint NOT NULL UNIQUE,
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  email public.citext NOT NULL,
  first_name text,
  last_name text,
  phone text,
  avatar_url text,
  time_zone text NOT NULL DEFAULT 'UTC',
  role platform.member_role NOT NULL,
  permissions jsonb NOT NULL DEFAULT '[]',
  status platform.user_status NOT NULL DEFAULT 'active',
  agent_extension text UNIQUE,
  agent_status platform.presence NOT NULL DEFAULT 'offline',
  settings jsonb NOT NULL DEFAULT '{}',
  metadata jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  deleted_at timestamptz
);
COMMENT ON TABLE members IS
  'retention=config encryption=E1 | anonymised when a person leaves, never deleted';
CREATE UNIQUE INDEX members_email ON members (email) WHERE deleted_at IS NULL;
CREATE INDEX ON members (status);
CREATE INDEX ON members (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE teams (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  name text NOT NULL UNIQUE,
  description text,
  lead_member_id uuid REFERENCES members (id) ON DELETE SET NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  deleted_at timestamptz
);
COMMENT ON TABLE teams IS 'retention=config encryption=E0 | groups of human agents';
CREATE INDEX ON teams (lead_member_id);
CREATE INDEX ON teams (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE team_members (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  team_id uuid NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
  member_id uuid NOT NULL REFERENCES members (id) ON DELETE CASCADE,
  role text NOT NULL DEFAULT 'member',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (team_id, member_id)
);
COMMENT ON TABLE team_members IS 'retention=config encryption=E0 | who is in which group';
CREATE INDEX ON team_members (member_id);

CREATE TABLE audit_logs (
  id uuid NOT NULL DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' CHECK (tenant_id = '{{tenant_id}}'),
  actor_kind platform.actor_kind NOT NULL,
  actor_user_id uuid REFERENCES members (id) ON DELETE SET NULL,
  actor_ref text,
  action platform.audit_action NOT NULL,
  entity_type text NOT NULL,
  entity_id text NOT NULL,
  before_values jsonb,
  after_values jsonb,
  ip_address inet,
  user_agent text,
  session_id uuid,
  request_id text,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);
CREATE TABLE audit_logs_default PARTITION OF audit_logs DEFAULT;
COMMENT ON TABLE audit_logs IS
  'retention=audit encryption=E1 | who did what: every change, and reads of sensitive data';
CREATE INDEX ON audit_logs (actor_user_id, created_at);
CREATE INDEX ON audit_logs (entity_type, entity_id);
CREATE TRIGGER audit_logs_append_only BEFORE UPDATE OR DELETE ON audit_logs
  FOR EACH ROW EXECUTE FUNCTION platform.forbid_change();

-- Domain events: the outbox that webhooks and live subscriptions are fed from. Append-only but for
-- published_at.
CREATE TABLE events (
  id uuid NOT NULL DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' CHECK (tenant_id = '{{tenant_id}}'),
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
COMMENT ON TABLE events IS
  'retention=operational encryption=E1 | the outbox of webhooks and live subscriptions';
CREATE INDEX ON events (event_type, created_at DESC);
CREATE INDEX ON events (subject_id);
CREATE INDEX ON events (created_at) WHERE published_at IS NULL;
