-- SMS, MMS and e-mail.

CREATE TABLE sms_messages (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  direction platform.call_direction NOT NULL CHECK (direction IN ('inbound', 'outbound')),
  from_number text NOT NULL,
  to_number text NOT NULL,
  phone_number_id uuid REFERENCES phone_numbers (id) ON DELETE SET NULL,
  contact_id uuid REFERENCES contacts (id) ON DELETE SET NULL,
  campaign_id uuid REFERENCES campaigns (id) ON DELETE SET NULL,
  body text,
  media_urls text[] NOT NULL DEFAULT '{}',
  status platform.message_status NOT NULL DEFAULT 'queued',
  carrier_message_sid text,
  segments smallint NOT NULL DEFAULT 1,
  cost_micros bigint NOT NULL DEFAULT 0,
  error_code text,
  sent_at timestamptz,
  delivered_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE sms_messages IS
  'retention=operational encryption=E1 | short messages of both directions';
CREATE INDEX ON sms_messages (status);
CREATE INDEX ON sms_messages (phone_number_id);
CREATE INDEX ON sms_messages (contact_id);
CREATE INDEX ON sms_messages (campaign_id);

CREATE TABLE emails (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  direction platform.call_direction NOT NULL CHECK (direction IN ('inbound', 'outbound')),
  from_address public.citext NOT NULL,
  to_addresses public.citext[] NOT NULL,
  contact_id uuid REFERENCES contacts (id) ON DELETE SET NULL,
  campaign_id uuid REFERENCES campaigns (id) ON DELETE SET NULL,
  subject text,
  body_text text,
  body_html text,
  status platform.message_status NOT NULL DEFAULT 'queued',
  provider_message_id text,
  error text,
  sent_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE emails IS 'retention=operational encryption=E1 | e-mail of both directions';
CREATE INDEX ON emails (status);
CREATE INDEX ON emails (contact_id);
CREATE INDEX ON emails (campaign_id);
