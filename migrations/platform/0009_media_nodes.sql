-- Media nodes and their heartbeats.

CREATE TABLE platform.media_nodes (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  pod_name text NOT NULL,
  pod_uid uuid,
  namespace text NOT NULL,
  pool_name text NOT NULL,
  node_name text,
  tenant_id uuid REFERENCES platform.tenants (id) ON DELETE CASCADE,
  region text,
  address text,
  capacity_sessions integer NOT NULL DEFAULT 0,
  active_sessions integer NOT NULL DEFAULT 0,
  status text NOT NULL DEFAULT 'ready' CHECK (status IN ('starting', 'ready', 'draining', 'lost', 'gone')),
  epoch bigint NOT NULL DEFAULT 1 CHECK (epoch > 0),
  registered_at timestamptz NOT NULL DEFAULT now(),
  steady_since timestamptz NOT NULL DEFAULT now(),
  last_heartbeat_at timestamptz NOT NULL DEFAULT now(),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE NULLS NOT DISTINCT (tenant_id, pod_name)
);
COMMENT ON TABLE platform.media_nodes IS 'retention=operational encryption=E0 | nodes that are gone go after seven days';
COMMENT ON COLUMN platform.media_nodes.pod_uid IS 'NULL is no pod; a node that serves several tenants has a row for each';
COMMENT ON COLUMN platform.media_nodes.tenant_id IS 'whose node it is; NULL is shared by several';
COMMENT ON COLUMN platform.media_nodes.epoch IS 'which start of a node of this name; calls and dialled recipients carry it';
COMMENT ON COLUMN platform.media_nodes.steady_since IS 'heard without a gap longer than the lease since then';
CREATE INDEX ON platform.media_nodes (status);

-- How long a node may be silent before it is lost.
CREATE FUNCTION platform.media_node_lease() RETURNS interval
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT interval '15 seconds' $$;

SELECT platform.guard_table('platform.media_nodes');
CREATE POLICY own ON platform.media_nodes TO callplane_tenant
  USING (tenant_id = (SELECT platform.current_tenant_id()))
  WITH CHECK (tenant_id = (SELECT platform.current_tenant_id()));
GRANT SELECT, INSERT, UPDATE ON platform.media_nodes TO callplane_tenant;
