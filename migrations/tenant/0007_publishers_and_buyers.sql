-- Call tracking: who brings calls, who takes them, and where they are taken.

CREATE TABLE publishers (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  name text NOT NULL UNIQUE,
  external_ref text,
  email public.citext,
  payout_terms jsonb NOT NULL DEFAULT '{}',
  status platform.entity_status NOT NULL DEFAULT 'active',
  metadata jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  deleted_at timestamptz
);
COMMENT ON TABLE publishers IS 'retention=config encryption=E1 | who brings calls';
CREATE INDEX ON publishers (status);
CREATE INDEX ON publishers (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE buyers (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  name text NOT NULL UNIQUE,
  external_ref text,
  email public.citext,
  revenue_terms jsonb NOT NULL DEFAULT '{}',
  daily_cap integer,
  concurrency_cap integer,
  status platform.entity_status NOT NULL DEFAULT 'active',
  metadata jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  deleted_at timestamptz
);
COMMENT ON TABLE buyers IS 'retention=config encryption=E1 | who takes calls';
CREATE INDEX ON buyers (status);
CREATE INDEX ON buyers (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE buyer_endpoints (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  buyer_id uuid NOT NULL REFERENCES buyers (id) ON DELETE CASCADE,
  name text NOT NULL,
  kind platform.endpoint_kind NOT NULL,
  destination text NOT NULL,
  priority integer NOT NULL DEFAULT 100,
  weight integer NOT NULL DEFAULT 1,
  concurrency_cap integer,
  status platform.entity_status NOT NULL DEFAULT 'active',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  deleted_at timestamptz,
  UNIQUE (buyer_id, name),
  CONSTRAINT buyer_endpoints_destination CHECK (CASE kind
    WHEN 'pstn' THEN destination ~ '^\+[1-9][0-9]{1,14}$'
    WHEN 'sip' THEN destination ~ '^sips?:'
    ELSE true END)
);
COMMENT ON TABLE buyer_endpoints IS
  'retention=config encryption=E1 | where a buyer takes calls: the target of a routed call';
CREATE INDEX ON buyer_endpoints (status);
CREATE INDEX ON buyer_endpoints (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE target_groups (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  name text NOT NULL UNIQUE,
  strategy text NOT NULL DEFAULT 'priority'
    CHECK (strategy IN ('priority', 'weighted', 'round_robin')),
  status platform.entity_status NOT NULL DEFAULT 'active',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE target_groups IS 'retention=config encryption=E0 | targets that are chosen among';
CREATE INDEX ON target_groups (status);

CREATE TABLE target_group_members (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  target_group_id uuid NOT NULL REFERENCES target_groups (id) ON DELETE CASCADE,
  buyer_endpoint_id uuid NOT NULL REFERENCES buyer_endpoints (id) ON DELETE CASCADE,
  priority integer NOT NULL DEFAULT 100,
  weight integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (target_group_id, buyer_endpoint_id)
);
COMMENT ON TABLE target_group_members IS
  'retention=config encryption=E0 | which targets are in a group';
CREATE INDEX ON target_group_members (buyer_endpoint_id);
