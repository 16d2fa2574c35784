-- Every telephone number of the installation, so that none is assigned twice.

CREATE TABLE platform.phone_numbers (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  row_no bigint NOT NULL GENERATED ALWAYS AS IDENTITY UNIQUE,
  e164 text NOT NULL UNIQUE CHECK (e164 ~ '^\+[1-9][0-9]{1,14}$'),
  tenant_id uuid REFERENCES platform.tenants (id) ON DELETE SET NULL,
  status platform.number_status NOT NULL DEFAULT 'available',
  country_code text NOT NULL,
  number_type platform.number_type NOT NULL DEFAULT 'local',
  carrier text NOT NULL DEFAULT 'twilio',
  carrier_sid text,
  assigned_at timestamptz,
  released_at timestamptz,
  quarantine_until timestamptz,
  metadata jsonb NOT NULL DEFAULT '{}',
  k8s_namespace text,
  k8s_name text,
  k8s_uid uuid UNIQUE,
  k8s_generation bigint,
  spec_hash text,
  synced_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CHECK ((tenant_id IS NULL) = (status IN ('available', 'released')))
);
COMMENT ON TABLE platform.phone_numbers IS 'retention=config encryption=E1 | all of the installation, pool included';
COMMENT ON COLUMN platform.phone_numbers.tenant_id IS 'NULL is in the pool';
CREATE INDEX ON platform.phone_numbers (status);
CREATE INDEX ON platform.phone_numbers (carrier);
CREATE INDEX ON platform.phone_numbers (tenant_id);

-- A number that loses its tenant goes back to the pool.
CREATE FUNCTION platform.phone_numbers_release() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.tenant_id IS NULL AND NEW.status NOT IN ('available', 'released') THEN
    NEW.status := 'available';
    NEW.released_at := now();
    NEW.assigned_at := NULL;
    NEW.k8s_uid := NULL;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER phone_numbers_release BEFORE UPDATE OF tenant_id ON platform.phone_numbers
  FOR EACH ROW EXECUTE FUNCTION platform.phone_numbers_release();

-- No tenant reads the registry: its own numbers are in its schema.
SELECT platform.guard_table('platform.phone_numbers');
