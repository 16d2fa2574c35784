-- People, and who must not be called.
--
-- Left out until its table exists: contacts.created_by_user_id.

CREATE SEQUENCE contacts_row_no_seq;
CREATE TABLE contacts (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  row_no bigint NOT NULL DEFAULT nextval('contacts_row_no_seq'),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  first_name text,
  last_name text,
  company text,
  email public.citext,
  phone text,
  phone_2 text,
  title text,
  address_line1 text,
  address_line2 text,
  city text,
  state text,
  postal_code text,
  country text,
  tags text[] NOT NULL DEFAULT '{}',
  status platform.contact_status NOT NULL DEFAULT 'active',
  do_not_call boolean NOT NULL DEFAULT false,
  do_not_sms boolean NOT NULL DEFAULT false,
  time_zone text,
  custom_fields jsonb NOT NULL DEFAULT '{}',
  metadata jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  deleted_at timestamptz
);
CREATE INDEX ON contacts (phone);
CREATE INDEX ON contacts (email);
CREATE INDEX ON contacts USING gin (tags);
CREATE INDEX ON contacts (status);
CREATE INDEX ON contacts (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE dnc_lists (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  name text NOT NULL UNIQUE,
  kind platform.dnc_kind NOT NULL DEFAULT 'internal',
  status platform.entity_status NOT NULL DEFAULT 'active',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN dnc_lists.kind IS 'internal bars from every campaign, others from the campaigns that name the list';
CREATE INDEX ON dnc_lists (status);

CREATE TABLE dnc_list_entries (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  dnc_list_id uuid NOT NULL REFERENCES dnc_lists (id) ON DELETE CASCADE,
  phone_number text NOT NULL CHECK (phone_number ~ '^\+[1-9][0-9]{1,14}$'),
  reason text,
  source text,
  expires_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (dnc_list_id, phone_number)
);
CREATE INDEX ON dnc_list_entries (phone_number);
