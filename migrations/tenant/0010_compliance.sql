-- Who must not be called, proofs of consent, and who was erased. Kept as long as an audit may ask.

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

-- === Erasures ===

-- Whom an erasure concerned, so that they stay erased: the record of a call from before arrives later from
-- the spool of a media node, and its audio lies on the disk of one.
CREATE TABLE erasures (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  subjects text[] NOT NULL
    CHECK (array_to_string(subjects, ' ') ~ '^(sha256:[0-9a-f]{64}( sha256:[0-9a-f]{64})*)?$'),
  calls uuid[] NOT NULL DEFAULT '{}',
  held uuid[] NOT NULL DEFAULT '{}',
  called_before timestamptz NOT NULL DEFAULT clock_timestamp(),
  erased_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE erasures IS
  'retention=audit encryption=E1 | who was erased, by hash: records and audio that turn up later';
COMMENT ON COLUMN erasures.subjects IS
  'platform.erased_number of each number (E.164) and each address in small letters';
COMMENT ON COLUMN erasures.calls IS 'calls of the person, whose audio a media node deletes';
COMMENT ON COLUMN erasures.held IS 'calls of the person that stay, under legal hold';
COMMENT ON COLUMN erasures.called_before IS
  'calls that began earlier are concerned; who calls again later is not erased by it';
COMMENT ON COLUMN erasures.erased_at IS
  'when the rows were erased; from then on media nodes look through their disks';
CREATE INDEX ON erasures (called_before);

CREATE TABLE erasure_nodes (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  erasure_id uuid NOT NULL REFERENCES erasures (id) ON DELETE CASCADE,
  media_node text NOT NULL,
  recordings_deleted integer NOT NULL DEFAULT 0 CHECK (recordings_deleted >= 0),
  records_scrubbed integer NOT NULL DEFAULT 0 CHECK (records_scrubbed >= 0),
  confirmed_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (erasure_id, media_node)
);
COMMENT ON TABLE erasure_nodes IS
  'retention=audit encryption=E0 | what each media node has done for an erasure';
COMMENT ON COLUMN erasure_nodes.confirmed_at IS
  'when its disk had nothing of the person left, and no call from before was going on; NULL is not yet';
COMMENT ON COLUMN erasure_nodes.records_scrubbed IS 'call records in its spool';
