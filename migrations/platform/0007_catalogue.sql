-- The catalogue of the installation: carriers and voices, which are copied into each tenant's schema so
-- that no foreign key leaves it (data model, D3), and price lists.

CREATE TABLE platform.carriers (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  key text NOT NULL UNIQUE,
  name text NOT NULL,
  credentials_secret text,
  config jsonb NOT NULL DEFAULT '{}',
  status platform.entity_status NOT NULL DEFAULT 'active',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE platform.carriers IS 'retention=config encryption=E0';
COMMENT ON COLUMN platform.carriers.credentials_secret IS 'name of a Secret, never its value';
CREATE INDEX ON platform.carriers (status);

CREATE TABLE platform.voices (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  name text NOT NULL UNIQUE,
  gender text,
  description text,
  avatar text,
  tags text[] NOT NULL DEFAULT '{}',
  provider text NOT NULL,
  provider_voice_id text NOT NULL,
  language text,
  audio_url text,
  status platform.voice_status NOT NULL DEFAULT 'ready',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE platform.voices IS 'retention=config encryption=E0';
COMMENT ON COLUMN platform.voices.avatar IS 'hex colour or URL';
COMMENT ON COLUMN platform.voices.audio_url IS 'a sample';
CREATE INDEX ON platform.voices (status);

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
COMMENT ON TABLE platform.rate_cards IS 'retention=billing encryption=E0 | what a plan costs a minute, a number, a token';
COMMENT ON COLUMN platform.rate_cards.rates IS '{resource: {unit, unit_price_micros, billing_increment_seconds, minimum_seconds}}';
COMMENT ON COLUMN platform.rate_cards.plan_key IS 'NULL holds for plans without a card of their own';
CREATE INDEX ON platform.rate_cards (plan_key);

SELECT platform.guard_table(t)
  FROM unnest('{platform.carriers, platform.voices, platform.rate_cards}'::regclass[]) AS t;

-- A tenant prices its own calls. Carriers and voices it reads from its own schema.
CREATE POLICY everybody ON platform.rate_cards FOR SELECT TO callplane_tenant USING (true);
GRANT SELECT ON platform.rate_cards TO callplane_tenant;

INSERT INTO platform.rate_cards (key, rates) VALUES
  ('standard', '{"call_minute": {"unit": "minute", "unit_price_micros": 10000, "billing_increment_seconds": 6, "minimum_seconds": 0}}');
