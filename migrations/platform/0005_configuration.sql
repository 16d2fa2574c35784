-- What a tenant has of its own where plan and platform have a default: configuration, features.

CREATE TABLE platform.tenant_configs (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  scope platform.config_scope NOT NULL,
  tenant_id uuid REFERENCES platform.tenants (id) ON DELETE CASCADE,
  plan_key text REFERENCES platform.plans (key) ON DELETE CASCADE,
  version integer NOT NULL CHECK (version > 0),
  config jsonb NOT NULL DEFAULT '{}',
  is_current boolean NOT NULL DEFAULT false,
  rolled_back_from integer,
  source_generation bigint,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE NULLS NOT DISTINCT (scope, tenant_id, plan_key, version),
  CHECK ((scope = 'tenant') = (tenant_id IS NOT NULL) AND (scope = 'plan') = (plan_key IS NOT NULL))
);
COMMENT ON TABLE platform.tenant_configs IS 'retention=config encryption=E0 | versions of what platform, plan and tenant set';
COMMENT ON COLUMN platform.tenant_configs.config IS 'only the keys that this level sets; the tenant''s win over the plan''s, and those over the platform''s';
COMMENT ON COLUMN platform.tenant_configs.rolled_back_from IS 'the version that this one restores';
COMMENT ON COLUMN platform.tenant_configs.source_generation IS 'generation of the Tenant that it comes from';
CREATE UNIQUE INDEX tenant_configs_current ON platform.tenant_configs (scope, tenant_id, plan_key)
  NULLS NOT DISTINCT WHERE is_current;
CREATE INDEX ON platform.tenant_configs (tenant_id);
CREATE INDEX ON platform.tenant_configs (plan_key);

CREATE TABLE platform.feature_flag_overrides (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL REFERENCES platform.tenants (id) ON DELETE CASCADE,
  feature_flag_id uuid NOT NULL REFERENCES platform.feature_flags (id) ON DELETE CASCADE,
  enabled boolean NOT NULL,
  variant text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, feature_flag_id)
);
COMMENT ON TABLE platform.feature_flag_overrides IS 'retention=config encryption=E0 | a tenant''s own value of a flag';
CREATE INDEX ON platform.feature_flag_overrides (feature_flag_id);

SELECT platform.guard_table('platform.tenant_configs'), platform.guard_table('platform.feature_flag_overrides');

CREATE POLICY own ON platform.tenant_configs FOR SELECT TO callplane_tenant
  USING (tenant_id = (SELECT platform.current_tenant_id()));
CREATE POLICY own ON platform.feature_flag_overrides FOR SELECT TO callplane_tenant
  USING (tenant_id = (SELECT platform.current_tenant_id()));
GRANT SELECT ON platform.tenant_configs, platform.feature_flag_overrides TO callplane_tenant;
