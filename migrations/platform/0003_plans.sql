-- What a tenant is sold: plans with their limits, and features that are switched on step by step.

CREATE TABLE platform.plans (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  key text NOT NULL UNIQUE,
  name text NOT NULL,
  default_quotas jsonb NOT NULL DEFAULT '{}',
  price_micros bigint NOT NULL DEFAULT 0 CHECK (price_micros >= 0),
  currency text NOT NULL DEFAULT 'USD',
  billing_cycle platform.billing_cycle NOT NULL DEFAULT 'monthly',
  is_active boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE platform.plans IS 'retention=config encryption=E0 | limits and price that a tenant starts from';
COMMENT ON COLUMN platform.plans.default_quotas IS 'resource -> limit; what a tenant has unless its own spec names a limit';

CREATE TABLE platform.feature_flags (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  key text NOT NULL UNIQUE,
  description text,
  enabled boolean NOT NULL DEFAULT false,
  rollout_percent numeric(5, 2) NOT NULL DEFAULT 0 CHECK (rollout_percent BETWEEN 0 AND 100),
  variants jsonb NOT NULL DEFAULT '[]',
  targeting jsonb NOT NULL DEFAULT '[]',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE platform.feature_flags IS 'retention=config encryption=E0 | a tenant''s own value is in feature_flag_overrides';
COMMENT ON COLUMN platform.feature_flags.enabled IS 'master switch: false is off for everybody';
COMMENT ON COLUMN platform.feature_flags.rollout_percent IS 'on for tenants whose stable hash with the key is below';
COMMENT ON COLUMN platform.feature_flags.variants IS '[{name, weight}]';
COMMENT ON COLUMN platform.feature_flags.targeting IS 'rules in the order they are tried: by plan, region, tenant, attribute of a user';
CREATE INDEX ON platform.feature_flags (enabled);

SELECT platform.guard_table('platform.plans'), platform.guard_table('platform.feature_flags');

-- A tenant sees what there is to buy, and what is being tried out.
CREATE POLICY everybody ON platform.plans FOR SELECT TO callplane_tenant USING (true);
CREATE POLICY everybody ON platform.feature_flags FOR SELECT TO callplane_tenant USING (true);
GRANT SELECT ON platform.plans TO callplane_tenant;
-- Without targeting, which may name other tenants.
GRANT SELECT (id, key, description, enabled, rollout_percent, variants, created_at, updated_at)
  ON platform.feature_flags TO callplane_tenant;

INSERT INTO platform.plans (key, name, default_quotas) VALUES
  ('free',       'Free',       '{"phone_numbers": 1,   "users": 5,    "concurrent_calls": 2,    "monthly_minutes": 100,     "documents_per_kb": 100}'),
  ('trial',      'Trial',      '{"phone_numbers": 1,   "users": 5,    "concurrent_calls": 10,   "monthly_minutes": 1000,    "documents_per_kb": 100}'),
  ('starter',    'Starter',    '{"phone_numbers": 5,   "users": 10,   "concurrent_calls": 20,   "monthly_minutes": 5000,    "documents_per_kb": 100}'),
  ('pro',        'Pro',        '{"phone_numbers": 20,  "users": 50,   "concurrent_calls": 50,   "monthly_minutes": 20000,   "documents_per_kb": 100}'),
  ('growth',     'Growth',     '{"phone_numbers": 100, "users": 200,  "concurrent_calls": 200,  "monthly_minutes": 100000,  "documents_per_kb": 100}'),
  ('enterprise', 'Enterprise', '{"phone_numbers": null, "users": null, "concurrent_calls": 1000, "monthly_minutes": null, "documents_per_kb": 1000}');
