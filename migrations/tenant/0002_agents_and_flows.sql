-- Flows and agents with their immutable versions. The operator writes them from the custom resources
-- Flow and Agent; everybody else reads.
--
-- Left out until their tables exist: agents.voice_id.

CREATE TABLE flows (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  kind platform.flow_kind NOT NULL,
  name text NOT NULL,
  description text,
  use_case text,
  agent_speech text,
  is_template boolean NOT NULL DEFAULT false,
  is_default boolean NOT NULL DEFAULT false,
  status platform.entity_status NOT NULL DEFAULT 'active',
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
CREATE UNIQUE INDEX flows_name ON flows (kind, name) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX flows_default ON flows (tenant_id, kind) WHERE is_default AND deleted_at IS NULL;
CREATE UNIQUE INDEX flows_object ON flows (k8s_namespace, k8s_name) WHERE deleted_at IS NULL;
CREATE INDEX ON flows (status);
CREATE INDEX ON flows (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE flow_versions (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  flow_id uuid NOT NULL REFERENCES flows (id) ON DELETE CASCADE,
  version integer NOT NULL CHECK (version > 0),
  status platform.flow_version_status NOT NULL DEFAULT 'draft',
  is_active boolean NOT NULL DEFAULT false,
  schema_version text NOT NULL DEFAULT '1',
  graph jsonb NOT NULL DEFAULT '{"nodes": [], "edges": []}',
  checksum text,
  published_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (flow_id, version)
);
COMMENT ON COLUMN flow_versions.graph IS 'as it was written; the nodes and edges below are what it was converted to';
CREATE UNIQUE INDEX flow_versions_active ON flow_versions (flow_id) WHERE is_active;
CREATE INDEX ON flow_versions (status);

CREATE TABLE flow_nodes (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  flow_version_id uuid NOT NULL REFERENCES flow_versions (id) ON DELETE CASCADE,
  node_key text NOT NULL,
  type text NOT NULL,
  label text,
  config jsonb NOT NULL DEFAULT '{}',
  position jsonb,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (flow_version_id, node_key)
);

CREATE TABLE flow_edges (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  flow_version_id uuid NOT NULL REFERENCES flow_versions (id) ON DELETE CASCADE,
  edge_key text NOT NULL,
  source_node_id uuid NOT NULL REFERENCES flow_nodes (id) ON DELETE CASCADE,
  target_node_id uuid NOT NULL REFERENCES flow_nodes (id) ON DELETE CASCADE,
  condition jsonb,
  priority integer NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (flow_version_id, edge_key)
);
CREATE INDEX ON flow_edges (source_node_id);
CREATE INDEX ON flow_edges (target_node_id);

-- agents.phone_number_id and agents.current_version_id get their foreign keys with their tables.
CREATE TABLE agents (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  name text NOT NULL,
  description text,
  type text,
  status platform.agent_status NOT NULL DEFAULT 'active',
  caller_type platform.direction_scope NOT NULL DEFAULT 'inbound',
  phone_number_id uuid,
  configuration jsonb NOT NULL DEFAULT '{}',
  prompt text,
  first_sentence text,
  training jsonb NOT NULL DEFAULT '{}',
  max_concurrent_calls integer,
  current_version_id uuid,
  total_calls bigint NOT NULL DEFAULT 0,
  successful_calls bigint NOT NULL DEFAULT 0,
  success_rate numeric(5, 2) GENERATED ALWAYS AS (
    CASE WHEN total_calls = 0 THEN NULL ELSE round(100.0 * successful_calls / total_calls, 2) END) STORED,
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
COMMENT ON COLUMN agents.name IS 'for people; objects are told apart by k8s_namespace and k8s_name, so two may show the same name';
CREATE UNIQUE INDEX agents_object ON agents (k8s_namespace, k8s_name) WHERE deleted_at IS NULL;
CREATE INDEX ON agents (name) WHERE deleted_at IS NULL;
CREATE INDEX ON agents (tenant_id, status, caller_type);
CREATE INDEX ON agents (deleted_at);
CREATE INDEX ON agents (updated_at);
CREATE INDEX ON agents (phone_number_id);
CREATE INDEX ON agents (current_version_id);

CREATE TABLE agent_versions (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  agent_id uuid NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
  version integer NOT NULL,
  k8s_generation bigint,
  spec_hash text NOT NULL,
  spec jsonb NOT NULL,
  program jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (agent_id, version),
  UNIQUE (agent_id, spec_hash)
);
COMMENT ON COLUMN agent_versions.program IS 'compiled, self-contained: all that a media node needs to run the agent';
CREATE TRIGGER agent_versions_append_only BEFORE UPDATE OR DELETE ON agent_versions
  FOR EACH ROW EXECUTE FUNCTION platform.forbid_change();
ALTER TABLE agents ADD FOREIGN KEY (current_version_id) REFERENCES agent_versions (id) ON DELETE SET NULL;

CREATE TABLE agent_flows (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  agent_id uuid NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
  flow_id uuid NOT NULL REFERENCES flows (id) ON DELETE CASCADE,
  priority integer NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (agent_id, flow_id)
);
CREATE INDEX ON agent_flows (flow_id);
