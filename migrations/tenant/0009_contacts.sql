-- The address book: people of the outside, and lists of them.

CREATE SEQUENCE contacts_row_no_seq;
CREATE TABLE contacts (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  row_no bigint NOT NULL DEFAULT nextval('contacts_row_no_seq') UNIQUE,
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  created_by_user_id uuid REFERENCES members (id) ON DELETE SET NULL,
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
COMMENT ON TABLE contacts IS
  'retention=pii encryption=E1 | an erased contact keeps its row without personal data';
CREATE INDEX ON contacts (phone);
CREATE INDEX ON contacts (email);
CREATE INDEX ON contacts USING gin (tags);
CREATE INDEX ON contacts (status);
CREATE INDEX ON contacts (created_by_user_id);
CREATE INDEX ON contacts (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE SEQUENCE contact_lists_row_no_seq;
CREATE TABLE contact_lists (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  row_no bigint NOT NULL DEFAULT nextval('contact_lists_row_no_seq') UNIQUE,
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  name text NOT NULL UNIQUE,
  description text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE contact_lists IS 'retention=config encryption=E0 | lists of people';

CREATE TABLE contact_list_members (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  contact_list_id uuid NOT NULL REFERENCES contact_lists (id) ON DELETE CASCADE,
  contact_id uuid NOT NULL REFERENCES contacts (id) ON DELETE CASCADE,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (contact_list_id, contact_id)
);
COMMENT ON TABLE contact_list_members IS 'retention=pii encryption=E0 | who is on which list';
CREATE INDEX ON contact_list_members (contact_id);
