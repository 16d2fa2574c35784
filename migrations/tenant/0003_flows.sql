-- Flows and their immutable versions, each with its graph as a document and as rows. The operator
-- writes them from the custom resource Flow; everybody else reads.

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
COMMENT ON TABLE flows IS
  'retention=config encryption=E0 | flows of four kinds: conversation, routing, ivr, objective';
CREATE UNIQUE INDEX flows_name ON flows (kind, name) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX flows_default ON flows (tenant_id, kind)
  WHERE is_default AND deleted_at IS NULL;
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
COMMENT ON TABLE flow_versions IS
  'retention=config encryption=E0 | a version never changes but for being the active one';
COMMENT ON COLUMN flow_versions.graph IS
  'as it was written; the nodes and edges below are what it was converted to';
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
COMMENT ON TABLE flow_nodes IS
  'retention=config encryption=E0 | the nodes of a version; call_segments point here';

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
COMMENT ON TABLE flow_edges IS 'retention=config encryption=E0 | the edges of a version';
CREATE INDEX ON flow_edges (source_node_id);
CREATE INDEX ON flow_edges (target_node_id);
