-- Who must not be called, and proofs of consent. Kept as long as an audit may ask.

CREATE TABLE dnc_lists (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  name text NOT NULL UNIQUE,
  kind platform.dnc_kind NOT NULL DEFAULT 'internal',
  status platform.entity_status NOT NULL DEFAULT 'active',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE dnc_lists IS
  'retention=config encryption=E0 | lists of numbers that must not be called';
COMMENT ON COLUMN dnc_lists.kind IS
  'internal bars from every campaign, others from the campaigns that name the list';
CREATE INDEX ON dnc_lists (status);

CREATE TABLE dnc_list_entries (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  dnc_list_id uuid NOT NULL REFERENCES dnc_lists (id) ON DELETE CASCADE,
  phone_number text NOT NULL CHECK (phone_number ~ '^(\+[1-9][0-9]{1,14}|sha256:[0-9a-f]{64})$'),
  reason text,
  source text,
  expires_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (dnc_list_id, phone_number)
);
COMMENT ON TABLE dnc_list_entries IS
  'retention=audit encryption=E1 | the numbers, proof of their opting out';
COMMENT ON COLUMN dnc_list_entries.phone_number IS
  'E.164, or platform.erased_number of it after an erasure: it bars on';
CREATE INDEX ON dnc_list_entries (phone_number);

CREATE TABLE consent_tokens (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  provider platform.consent_provider NOT NULL,
  token text NOT NULL,
  certificate_url text,
  phone_number text,
  contact_id uuid REFERENCES contacts (id) ON DELETE SET NULL,
  call_id uuid,
  status platform.consent_status NOT NULL DEFAULT 'pending',
  captured_at timestamptz,
  verified_at timestamptz,
  expires_at timestamptz,
  raw jsonb,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (provider, token)
);
COMMENT ON TABLE consent_tokens IS
  'retention=audit encryption=E1 | certificates of consent by TrustedForm, Jornaya and others';
COMMENT ON COLUMN consent_tokens.call_id IS
  'without a foreign key: months of calls leave on their own';
CREATE INDEX ON consent_tokens (phone_number);
CREATE INDEX ON consent_tokens (contact_id);
CREATE INDEX ON consent_tokens (status);
