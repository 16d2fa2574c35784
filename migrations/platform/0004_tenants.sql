-- Where tenants live, the tenants of this database, and which role of the server belongs to which of
-- them; the walls around every table of a tenant.

CREATE TABLE platform.database_clusters (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  name text NOT NULL UNIQUE,
  region text NOT NULL,
  role text NOT NULL DEFAULT 'primary' CHECK (role IN ('primary', 'replica', 'dr')),
  environment text NOT NULL DEFAULT 'production' CHECK (environment IN ('production', 'staging', 'dev')),
  primary_cluster_id uuid REFERENCES platform.database_clusters (id),
  pooled_dsn_secret text NOT NULL,
  direct_dsn_secret text NOT NULL,
  max_tenants integer NOT NULL DEFAULT 500 CHECK (max_tenants > 0),
  status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'draining', 'offline')),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE platform.database_clusters IS 'retention=config encryption=E0 | primaries take writes, replicas reports, dr is another region';
COMMENT ON COLUMN platform.database_clusters.environment IS 'dev: its data is nobody''s, and may be dropped by a command';
COMMENT ON COLUMN platform.database_clusters.pooled_dsn_secret IS 'name of a Secret, never its value';
COMMENT ON COLUMN platform.database_clusters.direct_dsn_secret IS 'name of a Secret, never its value';
CREATE INDEX ON platform.database_clusters (primary_cluster_id);
CREATE INDEX ON platform.database_clusters (status);

CREATE TABLE platform.tenants (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  row_no bigint NOT NULL GENERATED ALWAYS AS IDENTITY UNIQUE,
  slug text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
  name text NOT NULL,
  business_name text,
  domain public.citext UNIQUE,
  schema_name text NOT NULL UNIQUE CHECK (
    schema_name ~ '^[a-z][a-z0-9_]{0,47}$' AND schema_name !~ '^pg_'
    AND schema_name NOT IN ('platform', 'public', 'information_schema')),
  status platform.tenant_status NOT NULL DEFAULT 'provisioning',
  status_reason text,
  plan_key text NOT NULL DEFAULT 'trial' REFERENCES platform.plans (key),
  billing_email public.citext,
  stripe_customer_id text,
  routing_number text CHECK (routing_number ~ '^\+[1-9][0-9]{1,14}$'),
  state text,
  country_code text,
  timezone text NOT NULL DEFAULT 'UTC',
  locale text NOT NULL DEFAULT 'en-US',
  region text,
  database_cluster_id uuid REFERENCES platform.database_clusters (id),
  settings jsonb NOT NULL DEFAULT '{}',
  metadata jsonb NOT NULL DEFAULT '{}',
  onboarding jsonb NOT NULL DEFAULT '{}',
  retention_overrides jsonb NOT NULL DEFAULT '{}',
  deletion_policy text NOT NULL DEFAULT 'Retain' CHECK (deletion_policy IN ('Retain', 'Archive', 'Delete')),
  delete_after timestamptz,
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
COMMENT ON TABLE platform.tenants IS 'retention=config encryption=E1 | one row a Tenant; deleted_at first, archive later';
COMMENT ON COLUMN platform.tenants.k8s_uid IS 'who may change or delete this tenant; NULL once its custom resource is gone and the data is retained';
COMMENT ON COLUMN platform.tenants.schema_name IS 'set once; 48 characters, because suffixes of roles follow and names end at 63 bytes';
CREATE INDEX ON platform.tenants (status);
CREATE INDEX ON platform.tenants (stripe_customer_id);
CREATE INDEX ON platform.tenants (plan_key);
CREATE INDEX ON platform.tenants (database_cluster_id);
CREATE INDEX ON platform.tenants (deleted_at) WHERE deleted_at IS NOT NULL;

ALTER TABLE platform.schema_migrations
  ADD FOREIGN KEY (tenant_id) REFERENCES platform.tenants (id) ON DELETE CASCADE;

CREATE TABLE platform.tenant_roles (
  role_name name PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES platform.tenants (id) ON DELETE CASCADE,
  kind text NOT NULL CHECK (kind IN ('owner', 'app', 'media', 'ro')),
  password_issued_at timestamptz,
  retired_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE platform.tenant_roles IS 'retention=config encryption=E0 | what is not in here is not a role of a tenant of this database';
CREATE INDEX ON platform.tenant_roles (tenant_id);

SELECT platform.guard_table(t)
  FROM unnest('{platform.database_clusters, platform.tenants, platform.tenant_roles}'::regclass[]) AS t;

-- === Who am I? ===

-- SECURITY DEFINER: tenants cannot read the table of roles.
CREATE FUNCTION platform.tenant_of_role(r name) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT tenant_id FROM platform.tenant_roles WHERE role_name = r $$;
-- Policies call it as the tenant's own role.
REVOKE ALL ON FUNCTION platform.tenant_of_role(name) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION platform.tenant_of_role(name) TO callplane_tenant;

-- The tenant of the current role, if the session says the same; else nobody's. The role is what
-- cannot be forged; the setting makes a connection that was set up for somebody else see nothing.
CREATE FUNCTION platform.current_tenant_id() RETURNS uuid LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN t = nullif(current_setting('app.tenant_id', true), '')::uuid THEN t END
    FROM (SELECT platform.tenant_of_role(current_user) AS t) x $$;

CREATE POLICY own ON platform.tenants FOR SELECT TO callplane_tenant
  USING (id = (SELECT platform.current_tenant_id()));
GRANT SELECT (id, slug, name, status, plan_key, timezone, locale) ON platform.tenants TO callplane_tenant;

-- === What every table of a tenant has ===

-- Called by the tenant's migrations for each table they make: the index that every table has (data
-- model, D9), the trigger of updated_at, and the two walls (D2). p_purposes are the tenant's group roles,
-- of which its logins are members. The policies name roles, so that a role of another tenant has no
-- policy and reads nothing even after a mistaken GRANT.
CREATE FUNCTION platform.finish_table(p_table regclass, p_tenant uuid, p_owner name, VARIADIC p_purposes name[])
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  short name := (SELECT relname FROM pg_class WHERE oid = p_table);
  has_updated_at boolean := EXISTS (
    SELECT FROM pg_attribute WHERE attrelid = p_table AND attname = 'updated_at' AND NOT attisdropped);
  key name := CASE short WHEN 'tenant' THEN 'id' ELSE 'tenant_id' END;
BEGIN
  IF short <> 'tenant' THEN
    EXECUTE format('CREATE INDEX ON %s (tenant_id, created_at)', p_table);
  END IF;
  IF has_updated_at THEN
    EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION platform.update_updated_at_column()',
                   'update_' || short || '_updated_at', p_table);
  END IF;
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', p_table);
  EXECUTE format('CREATE POLICY tenant_wall ON %1$s TO %2$s USING (%3$I = (SELECT platform.current_tenant_id())) WITH CHECK (%3$I = (SELECT platform.current_tenant_id()))',
                 p_table, (SELECT string_agg(quote_ident(purpose), ', ') FROM unnest(p_purposes) AS purpose), key);
  EXECUTE format('CREATE POLICY owner_wall ON %1$s TO %2$I USING (%3$I = %4$L) WITH CHECK (%3$I = %4$L)',
                 p_table, p_owner, key, p_tenant);
END $$;

-- In a table with sealed columns, puts rights to read the other columns in the place of the right to read
-- the table, for each of the roles that has it. Sealed columns are those whose name ends in _enc.
CREATE FUNCTION platform.hide_sealed_columns(p_table regclass, p_roles name[])
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  open_columns text := (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
                         WHERE attrelid = p_table AND attnum > 0 AND NOT attisdropped
                           AND attname NOT LIKE '%\_enc');
  reader name;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_attribute
                  WHERE attrelid = p_table AND attname LIKE '%\_enc' AND NOT attisdropped) THEN
    RETURN;
  END IF;
  FOREACH reader IN ARRAY p_roles LOOP
    CONTINUE WHEN NOT has_table_privilege(reader, p_table, 'SELECT');
    EXECUTE format('REVOKE SELECT ON %s FROM %I', p_table, reader);
    EXECUTE format('GRANT SELECT (%s) ON %s TO %I', open_columns, p_table, reader);
  END LOOP;
END $$;
