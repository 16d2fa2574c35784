-- Where tenants live and what they are sold: database clusters, plans, price lists.

CREATE TABLE platform.database_clusters (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  name text NOT NULL UNIQUE,
  region text NOT NULL,
  role text NOT NULL DEFAULT 'primary' CHECK (role IN ('primary', 'replica', 'dr')),
  primary_cluster_id uuid REFERENCES platform.database_clusters (id),
  pooled_dsn_secret text NOT NULL,
  direct_dsn_secret text NOT NULL,
  max_tenants integer NOT NULL DEFAULT 500 CHECK (max_tenants > 0),
  status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'draining', 'offline')),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN platform.database_clusters.direct_dsn_secret IS 'name of a Secret, never its value';
CREATE INDEX ON platform.database_clusters (primary_cluster_id);
CREATE INDEX ON platform.database_clusters (status);

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
COMMENT ON COLUMN platform.plans.default_quotas IS 'resource -> limit; what a tenant has unless its own spec names a limit';

CREATE TABLE platform.rate_cards (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  key text NOT NULL,
  plan_key text REFERENCES platform.plans (key) ON DELETE CASCADE,
  currency text NOT NULL DEFAULT 'USD',
  rates jsonb NOT NULL,
  effective_from timestamptz NOT NULL DEFAULT now(),
  effective_to timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (key, effective_from)
);
COMMENT ON COLUMN platform.rate_cards.rates IS '{resource: {unit, unit_price_micros, billing_increment_seconds, minimum_seconds}}';
COMMENT ON COLUMN platform.rate_cards.plan_key IS 'NULL holds for plans without a card of their own';
CREATE INDEX ON platform.rate_cards (plan_key);

CREATE TRIGGER update_database_clusters_updated_at BEFORE UPDATE ON platform.database_clusters
  FOR EACH ROW EXECUTE FUNCTION platform.update_updated_at_column();
CREATE TRIGGER update_plans_updated_at BEFORE UPDATE ON platform.plans
  FOR EACH ROW EXECUTE FUNCTION platform.update_updated_at_column();
CREATE TRIGGER update_rate_cards_updated_at BEFORE UPDATE ON platform.rate_cards
  FOR EACH ROW EXECUTE FUNCTION platform.update_updated_at_column();

-- A tenant sees what there is to buy, and prices its own calls with it.
GRANT SELECT ON platform.plans, platform.rate_cards TO callplane_tenant;

INSERT INTO platform.plans (key, name, default_quotas) VALUES
  ('free',       'Free',       '{"phone_numbers": 1,   "users": 5,    "concurrent_calls": 2,    "monthly_minutes": 100,     "documents_per_kb": 100}'),
  ('trial',      'Trial',      '{"phone_numbers": 1,   "users": 5,    "concurrent_calls": 10,   "monthly_minutes": 1000,    "documents_per_kb": 100}'),
  ('starter',    'Starter',    '{"phone_numbers": 5,   "users": 10,   "concurrent_calls": 20,   "monthly_minutes": 5000,    "documents_per_kb": 100}'),
  ('pro',        'Pro',        '{"phone_numbers": 20,  "users": 50,   "concurrent_calls": 50,   "monthly_minutes": 20000,   "documents_per_kb": 100}'),
  ('growth',     'Growth',     '{"phone_numbers": 100, "users": 200,  "concurrent_calls": 200,  "monthly_minutes": 100000,  "documents_per_kb": 100}'),
  ('enterprise', 'Enterprise', '{"phone_numbers": null, "users": null, "concurrent_calls": 1000, "monthly_minutes": null, "documents_per_kb": 1000}');

INSERT INTO platform.rate_cards (key, rates) VALUES
  ('standard', '{"call_minute": {"unit": "minute", "unit_price_micros": 10000, "billing_increment_seconds": 6, "minimum_seconds": 0}}');
