-- What went wrong and who did what, over all tenants. Both tables are partitioned by month; what no month
-- has been made for is in the default partition.

CREATE TABLE platform.system_errors (
  id uuid NOT NULL DEFAULT platform.uuid_v7(),
  tenant_id uuid REFERENCES platform.tenants (id) ON DELETE CASCADE,
  call_id uuid,
  component text NOT NULL DEFAULT 'unknown',
  error_type text NOT NULL,
  error_message text NOT NULL,
  stack_trace text,
  severity platform.error_severity NOT NULL DEFAULT 'error',
  context jsonb NOT NULL DEFAULT '{}',
  resolved boolean NOT NULL DEFAULT false,
  resolved_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);
CREATE TABLE platform.system_errors_default PARTITION OF platform.system_errors DEFAULT;
COMMENT ON TABLE platform.system_errors IS 'retention=operational encryption=E1 | personal data is scrubbed before it is written';
COMMENT ON COLUMN platform.system_errors.tenant_id IS 'NULL concerns no tenant, or several';
COMMENT ON COLUMN platform.system_errors.call_id IS 'in the tenant''s schema: no foreign key';
COMMENT ON COLUMN platform.system_errors.component IS 'such as operator, api, media-node';
CREATE INDEX ON platform.system_errors (severity, created_at DESC) WHERE NOT resolved;
CREATE INDEX ON platform.system_errors (call_id) WHERE call_id IS NOT NULL;
CREATE INDEX ON platform.system_errors (tenant_id) WHERE tenant_id IS NOT NULL;

CREATE TABLE platform.audit_logs (
  id uuid NOT NULL DEFAULT platform.uuid_v7(),
  tenant_id uuid,
  actor_kind platform.actor_kind NOT NULL,
  actor_id uuid,
  action platform.audit_action NOT NULL,
  entity_type text NOT NULL,
  entity_id text,
  before_values jsonb,
  after_values jsonb,
  ip_address inet,
  request_id text,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);
CREATE TABLE platform.audit_logs_default PARTITION OF platform.audit_logs DEFAULT;
COMMENT ON TABLE platform.audit_logs IS 'retention=audit encryption=E1 | what a tenant does itself is in its own schema';
COMMENT ON COLUMN platform.audit_logs.tenant_id IS 'no foreign key: the trail outlives the tenant';
CREATE INDEX ON platform.audit_logs (tenant_id, created_at DESC);
CREATE INDEX ON platform.audit_logs (entity_type, entity_id);
CREATE TRIGGER audit_logs_append_only BEFORE UPDATE OR DELETE ON platform.audit_logs
  FOR EACH ROW EXECUTE FUNCTION platform.forbid_change();

SELECT platform.guard_table('platform.system_errors'), platform.guard_table('platform.audit_logs');

-- Every process of a tenant reports its errors; the tenant's people read them.
CREATE POLICY own ON platform.system_errors TO callplane_tenant
  USING (tenant_id = (SELECT platform.current_tenant_id()))
  WITH CHECK (tenant_id = (SELECT platform.current_tenant_id()));
GRANT INSERT ON platform.system_errors TO callplane_tenant;
GRANT SELECT ON platform.system_errors TO callplane_tenant_people;

-- The API reports what happens before it knows the tenant: failed logins, unknown keys.
CREATE POLICY report ON platform.system_errors FOR INSERT TO callplane_api WITH CHECK (true);
CREATE POLICY report ON platform.audit_logs FOR INSERT TO callplane_api WITH CHECK (true);
GRANT INSERT ON platform.system_errors, platform.audit_logs TO callplane_api;
