-- People and access: who logs in, to which tenants, with which roles, sessions, one-time tokens and API
-- keys. Of a password only an argon2id hash is kept (bcrypt of an import until the next login), of tokens
-- and keys only SHA-256 hashes (data model, section 8).
--
-- callplane_api does what happens before the tenant is known: it logs people in and finds API keys. A
-- tenant's app and ro logins read the people of their own tenant, without passwords and TOTP seeds; media
-- nodes read nothing here.

CREATE TABLE platform.users (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  row_no bigint NOT NULL GENERATED ALWAYS AS IDENTITY UNIQUE,
  email public.citext NOT NULL,
  password_hash text,
  auth_provider text,
  auth_subject text,
  email_verified boolean NOT NULL DEFAULT false,
  email_verified_at timestamptz,
  first_name text,
  last_name text,
  phone text,
  avatar_url text,
  time_zone text NOT NULL DEFAULT 'UTC',
  global_role platform.member_role,
  status platform.user_status NOT NULL DEFAULT 'pending',
  two_factor_enabled boolean NOT NULL DEFAULT false,
  two_factor_secret_enc bytea,
  last_login_at timestamptz,
  failed_logins integer NOT NULL DEFAULT 0,
  locked_until timestamptz,
  settings jsonb NOT NULL DEFAULT '{}',
  metadata jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  deleted_at timestamptz,
  CHECK (NOT two_factor_enabled OR two_factor_secret_enc IS NOT NULL)
);
COMMENT ON TABLE platform.users IS 'retention=config encryption=E1 | one row a person, over all tenants; erased when the person asks';
COMMENT ON COLUMN platform.users.password_hash IS 'encryption=E3 | argon2id in PHC form, or bcrypt until the next login; NULL logs in at auth_provider';
COMMENT ON COLUMN platform.users.two_factor_secret_enc IS 'encryption=E2 | TOTP seed';
COMMENT ON COLUMN platform.users.status IS 'pending: the address is not confirmed, and nobody logs in with it';
COMMENT ON COLUMN platform.users.auth_provider IS 'such as oidc:<issuer>; auth_subject is the person there';
COMMENT ON COLUMN platform.users.global_role IS 'role in the installation; NULL is none';
CREATE UNIQUE INDEX users_email ON platform.users (email) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX users_subject ON platform.users (auth_provider, auth_subject) WHERE auth_subject IS NOT NULL;
CREATE INDEX ON platform.users (status);
CREATE INDEX ON platform.users (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE platform.memberships (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  user_id uuid NOT NULL REFERENCES platform.users (id) ON DELETE CASCADE,
  tenant_id uuid NOT NULL REFERENCES platform.tenants (id) ON DELETE CASCADE,
  role platform.member_role NOT NULL DEFAULT 'agent',
  permissions jsonb NOT NULL DEFAULT '[]',
  status platform.user_status NOT NULL DEFAULT 'active',
  agent_extension text,
  agent_status platform.presence NOT NULL DEFAULT 'offline',
  settings jsonb NOT NULL DEFAULT '{}',
  metadata jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  deleted_at timestamptz,
  UNIQUE (user_id, tenant_id)
);
COMMENT ON TABLE platform.memberships IS 'retention=config encryption=E1 | a person in a tenant';
COMMENT ON COLUMN platform.memberships.status IS 'pending: the person was asked and has not accepted';
COMMENT ON COLUMN platform.memberships.agent_extension IS 'of a person who takes calls; AI agents are in the tenant''s schema';
CREATE UNIQUE INDEX memberships_extension ON platform.memberships (tenant_id, agent_extension)
  WHERE agent_extension IS NOT NULL;
CREATE INDEX ON platform.memberships (tenant_id, role);
CREATE INDEX ON platform.memberships (status);
CREATE INDEX ON platform.memberships (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE platform.roles (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid REFERENCES platform.tenants (id) ON DELETE CASCADE,
  key text NOT NULL,
  name text NOT NULL,
  description text,
  is_system boolean NOT NULL DEFAULT false,
  permissions jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(permissions) = 'array'),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE NULLS NOT DISTINCT (tenant_id, key),
  CHECK (is_system = (tenant_id IS NULL))
);
COMMENT ON TABLE platform.roles IS 'retention=config encryption=E0 | sets of permissions';
COMMENT ON COLUMN platform.roles.tenant_id IS 'NULL is a role of the system, for every tenant';

CREATE TABLE platform.user_roles (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  user_id uuid NOT NULL REFERENCES platform.users (id) ON DELETE CASCADE,
  role_id uuid NOT NULL REFERENCES platform.roles (id) ON DELETE CASCADE,
  tenant_id uuid REFERENCES platform.tenants (id) ON DELETE CASCADE,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE NULLS NOT DISTINCT (user_id, role_id, tenant_id)
);
COMMENT ON TABLE platform.user_roles IS 'retention=config encryption=E0 | who has which role in which tenant';
COMMENT ON COLUMN platform.user_roles.tenant_id IS 'NULL is in every tenant';
CREATE INDEX ON platform.user_roles (role_id);
CREATE INDEX ON platform.user_roles (tenant_id);

CREATE TABLE platform.sessions (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  row_no bigint NOT NULL GENERATED ALWAYS AS IDENTITY UNIQUE,
  user_id uuid NOT NULL REFERENCES platform.users (id) ON DELETE CASCADE,
  tenant_id uuid REFERENCES platform.tenants (id) ON DELETE CASCADE,
  token_hash bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
  refresh_token_hash bytea UNIQUE CHECK (length(refresh_token_hash) = 32),
  ip_address inet,
  user_agent text,
  device_type platform.device_type NOT NULL DEFAULT 'web',
  device jsonb NOT NULL DEFAULT '{}',
  status platform.session_status NOT NULL DEFAULT 'active',
  is_revoked boolean GENERATED ALWAYS AS (status = 'revoked') STORED,
  revoked_at timestamptz,
  last_activity_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE platform.sessions IS 'retention=session encryption=E1 | logins of people; gone 30 days after they expired';
COMMENT ON COLUMN platform.sessions.tenant_id IS 'the tenant that is worked in; NULL until one is chosen';
COMMENT ON COLUMN platform.sessions.token_hash IS 'encryption=E3 | SHA-256 of the token';
COMMENT ON COLUMN platform.sessions.refresh_token_hash IS 'encryption=E3 | SHA-256 of the token';
CREATE INDEX ON platform.sessions (status);
CREATE INDEX ON platform.sessions (expires_at);
CREATE INDEX ON platform.sessions (is_revoked) WHERE is_revoked;
CREATE INDEX ON platform.sessions (user_id);
CREATE INDEX ON platform.sessions (tenant_id);

CREATE TABLE platform.user_tokens (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  user_id uuid NOT NULL REFERENCES platform.users (id) ON DELETE CASCADE,
  tenant_id uuid REFERENCES platform.tenants (id) ON DELETE CASCADE,
  purpose text NOT NULL CHECK (purpose IN ('password_reset', 'email_verify', 'invite')),
  token_hash bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
  expires_at timestamptz NOT NULL,
  used_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE platform.user_tokens IS 'retention=session encryption=E1 | links that work once';
COMMENT ON COLUMN platform.user_tokens.tenant_id IS 'where somebody is invited to';
COMMENT ON COLUMN platform.user_tokens.token_hash IS 'encryption=E3 | SHA-256 of the token';
CREATE INDEX ON platform.user_tokens (user_id);
CREATE INDEX ON platform.user_tokens (tenant_id);

CREATE TABLE platform.api_keys (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  row_no bigint NOT NULL GENERATED ALWAYS AS IDENTITY UNIQUE,
  tenant_id uuid NOT NULL REFERENCES platform.tenants (id) ON DELETE CASCADE,
  user_id uuid REFERENCES platform.users (id) ON DELETE CASCADE,
  created_by_user_id uuid REFERENCES platform.users (id) ON DELETE SET NULL,
  name text NOT NULL,
  environment platform.api_key_env NOT NULL,
  key_prefix text NOT NULL CHECK (key_prefix IN ('sk_live_', 'sk_test_')),
  key_hash bytea NOT NULL UNIQUE CHECK (length(key_hash) = 32),
  key_hint text NOT NULL CHECK (length(key_hint) = 4),
  scopes jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(scopes) = 'array'),
  status platform.api_key_status NOT NULL DEFAULT 'active',
  rate_limit_rpm integer NOT NULL DEFAULT 100 CHECK (rate_limit_rpm > 0),
  last_used_at timestamptz,
  expires_at timestamptz,
  rotated_from_id uuid REFERENCES platform.api_keys (id) ON DELETE SET NULL,
  revoked_at timestamptz,
  metadata jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CHECK ((status = 'revoked') = (revoked_at IS NOT NULL)),
  CHECK (key_prefix = CASE environment WHEN 'live' THEN 'sk_live_' ELSE 'sk_test_' END)
);
COMMENT ON TABLE platform.api_keys IS 'retention=config encryption=E1 | a revoked key stays as long as the audit trail';
COMMENT ON COLUMN platform.api_keys.key_hash IS 'encryption=E3 | SHA-256 of the key, or HMAC-SHA-256 with a pepper; the key itself is shown once';
COMMENT ON COLUMN platform.api_keys.key_hint IS 'its last four characters';
COMMENT ON COLUMN platform.api_keys.user_id IS 'a personal key, which goes with the person; NULL is a service''s';
COMMENT ON COLUMN platform.api_keys.rate_limit_rpm IS 'requests a minute';
CREATE INDEX ON platform.api_keys (tenant_id, status);
CREATE INDEX ON platform.api_keys (user_id);
CREATE INDEX ON platform.api_keys (created_by_user_id);
CREATE INDEX ON platform.api_keys (rotated_from_id);

SELECT platform.guard_table(t)
  FROM unnest('{platform.users, platform.memberships, platform.roles, platform.user_roles,
                platform.sessions, platform.user_tokens, platform.api_keys}'::regclass[]) AS t;

-- Whether a person may work in a tenant: person, membership and tenant are in service. A person whose address
-- is not confirmed and a membership that was not accepted are `pending`.
CREATE FUNCTION platform.works_in(p_user uuid, p_tenant uuid) RETURNS boolean
LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT FROM platform.memberships m
                   JOIN platform.users u ON u.id = m.user_id
                   JOIN platform.tenants t ON t.id = m.tenant_id
                  WHERE m.user_id = p_user AND m.tenant_id = p_tenant
                    AND m.status = 'active' AND m.deleted_at IS NULL
                    AND u.status = 'active' AND u.deleted_at IS NULL
                    AND t.status = 'active' AND t.deleted_at IS NULL) $$;

-- Whose key is this? Nothing for a key that is revoked or expired, or whose tenant is not in service.
CREATE FUNCTION platform.api_key_lookup(p_hash bytea)
RETURNS TABLE (api_key_id uuid, tenant_id uuid, schema_name text, scopes jsonb, rate_limit_rpm integer)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT k.id, k.tenant_id, t.schema_name, k.scopes, k.rate_limit_rpm
    FROM platform.api_keys k JOIN platform.tenants t ON t.id = k.tenant_id
   WHERE k.key_hash = p_hash AND k.status = 'active' AND (k.expires_at IS NULL OR k.expires_at > now())
     AND t.status = 'active' AND t.deleted_at IS NULL $$;
REVOKE ALL ON FUNCTION platform.api_key_lookup(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION platform.api_key_lookup(bytea) TO callplane_api;

-- === The API, before it knows the tenant ===

CREATE POLICY login ON platform.users TO callplane_api USING (true) WITH CHECK (true);
CREATE POLICY login ON platform.memberships TO callplane_api USING (true) WITH CHECK (true);
CREATE POLICY login ON platform.roles TO callplane_api USING (true) WITH CHECK (true);
CREATE POLICY login ON platform.user_roles TO callplane_api USING (true) WITH CHECK (true);
CREATE POLICY login ON platform.sessions TO callplane_api USING (true) WITH CHECK (true);
CREATE POLICY login ON platform.user_tokens TO callplane_api USING (true) WITH CHECK (true);
CREATE POLICY login ON platform.api_keys TO callplane_api USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON platform.users, platform.memberships, platform.roles,
  platform.user_roles, platform.sessions, platform.user_tokens, platform.api_keys TO callplane_api;
CREATE POLICY login ON platform.tenants FOR SELECT TO callplane_api USING (true);
GRANT SELECT (id, slug, name, domain, schema_name, status, plan_key, timezone, locale, deleted_at)
  ON platform.tenants TO callplane_api;

-- === A tenant, of its own people ===

-- Of whoever was asked to join and has not accepted, it knows what its own source said: `members`.
CREATE POLICY own ON platform.users FOR SELECT TO callplane_tenant_people
  USING (EXISTS (SELECT FROM platform.memberships m
                  WHERE m.user_id = users.id AND m.deleted_at IS NULL AND m.status <> 'pending'
                    AND m.tenant_id = (SELECT platform.current_tenant_id())));
CREATE POLICY own ON platform.memberships FOR SELECT TO callplane_tenant_people
  USING (tenant_id = (SELECT platform.current_tenant_id()));
-- The system's roles too: no tenant has them, every tenant grants them.
CREATE POLICY own ON platform.roles FOR SELECT TO callplane_tenant_people
  USING (tenant_id = (SELECT platform.current_tenant_id())
         OR (tenant_id IS NULL AND (SELECT platform.current_tenant_id()) IS NOT NULL));
CREATE POLICY own ON platform.user_roles FOR SELECT TO callplane_tenant_people
  USING (tenant_id = (SELECT platform.current_tenant_id()));
CREATE POLICY own ON platform.sessions FOR SELECT TO callplane_tenant_people
  USING (tenant_id = (SELECT platform.current_tenant_id()));
CREATE POLICY own ON platform.api_keys FOR SELECT TO callplane_tenant_people
  USING (tenant_id = (SELECT platform.current_tenant_id()));
-- Without password_hash, two_factor_secret_enc, auth_subject.
GRANT SELECT (id, row_no, email, auth_provider, email_verified, email_verified_at, first_name, last_name,
  phone, avatar_url, time_zone, global_role, status, two_factor_enabled, last_login_at, failed_logins,
  locked_until, settings, metadata, created_at, updated_at, deleted_at) ON platform.users TO callplane_tenant_people;
GRANT SELECT ON platform.memberships, platform.roles, platform.user_roles, platform.sessions,
  platform.api_keys TO callplane_tenant_people;

INSERT INTO platform.roles (key, name, is_system) VALUES
  ('owner', 'Owner', true), ('admin', 'Administrator', true), ('manager', 'Manager', true),
  ('agent', 'Agent', true), ('viewer', 'Viewer', true), ('api', 'API', true),
  ('customer', 'Customer', true), ('operator', 'Operator', true), ('publisher', 'Publisher', true),
  ('buyer', 'Buyer', true);
