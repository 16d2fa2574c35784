-- Carriers, trunks, numbers and where numbers lead. The operator writes trunks, numbers and routes from
-- the custom resources Trunk and PhoneNumber.
--
-- Left out until their tables exist: phone_numbers.queue_id, publisher_id, emergency_location_id;
-- number_routes.schedule_id, queue_id, buyer_endpoint_id.

CREATE TABLE carriers (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  platform_carrier_id uuid,
  key text NOT NULL UNIQUE,
  name text NOT NULL,
  config jsonb NOT NULL DEFAULT '{}',
  credentials_enc bytea,
  status platform.entity_status NOT NULL DEFAULT 'active',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON carriers (status);

CREATE TABLE trunks (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  carrier_id uuid REFERENCES carriers (id) ON DELETE SET NULL,
  name text NOT NULL UNIQUE,
  protocol platform.trunk_protocol NOT NULL,
  direction platform.direction_scope NOT NULL DEFAULT 'both',
  host text,
  port integer CHECK (port BETWEEN 1 AND 65535),
  addresses text[] NOT NULL DEFAULT '{}',
  allowed_cidrs cidr[] NOT NULL DEFAULT '{}',
  transport text CHECK (transport IN ('udp', 'tcp', 'tls', 'ws', 'wss')),
  username text,
  password_enc bytea,
  challenge_inbound boolean NOT NULL DEFAULT false,
  codecs text[] NOT NULL DEFAULT '{opus,PCMU,PCMA}',
  max_channels integer,
  priority integer NOT NULL DEFAULT 100,
  status platform.entity_status NOT NULL DEFAULT 'active',
  metadata jsonb NOT NULL DEFAULT '{}',
  k8s_namespace text,
  k8s_name text,
  k8s_uid uuid UNIQUE,
  k8s_generation bigint,
  spec_hash text,
  synced_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN trunks.addresses IS 'host:port of the carrier, tried in this order; host and port are for imported trunks';
COMMENT ON COLUMN trunks.allowed_cidrs IS 'where calls may come in from';
COMMENT ON COLUMN trunks.password_enc IS 'sealed with the tenant''s data key for trunk:<k8s_uid>';
CREATE INDEX ON trunks (carrier_id);
CREATE UNIQUE INDEX trunks_object ON trunks (k8s_namespace, k8s_name) WHERE status <> 'archived';
CREATE INDEX ON trunks (status);

CREATE SEQUENCE phone_numbers_row_no_seq;
CREATE TABLE phone_numbers (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  row_no bigint NOT NULL DEFAULT nextval('phone_numbers_row_no_seq'),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  e164 text NOT NULL UNIQUE CHECK (e164 ~ '^\+[1-9][0-9]{1,14}$'),
  label text,
  country_code text NOT NULL DEFAULT 'US',
  number_type platform.number_type NOT NULL DEFAULT 'local',
  carrier text NOT NULL DEFAULT 'twilio',
  carrier_id uuid REFERENCES carriers (id) ON DELETE SET NULL,
  carrier_sid text,
  trunk_id uuid REFERENCES trunks (id) ON DELETE SET NULL,
  voice_enabled boolean NOT NULL DEFAULT true,
  sms_enabled boolean NOT NULL DEFAULT true,
  mms_enabled boolean NOT NULL DEFAULT false,
  inbound_enabled boolean NOT NULL DEFAULT true,
  outbound_enabled boolean NOT NULL DEFAULT true,
  status platform.number_status NOT NULL DEFAULT 'active',
  agent_id uuid REFERENCES agents (id) ON DELETE SET NULL,
  flow_id uuid REFERENCES flows (id) ON DELETE SET NULL,
  campaign_id uuid,
  inbound_call_webhook_url text,
  inbound_sms_webhook_url text,
  fallback_webhook_url text,
  monthly_cost_micros bigint NOT NULL DEFAULT 1000000 CHECK (monthly_cost_micros >= 0),
  per_minute_cost_micros bigint NOT NULL DEFAULT 10000 CHECK (per_minute_cost_micros >= 0),
  currency text NOT NULL DEFAULT 'USD',
  assigned_at timestamptz,
  released_at timestamptz,
  metadata jsonb NOT NULL DEFAULT '{}',
  k8s_namespace text,
  k8s_name text,
  k8s_uid uuid UNIQUE,
  k8s_generation bigint,
  spec_hash text,
  synced_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  deleted_at timestamptz
);
COMMENT ON COLUMN phone_numbers.id IS 'the same as in platform.phone_numbers';
CREATE UNIQUE INDEX phone_numbers_object ON phone_numbers (k8s_namespace, k8s_name) WHERE deleted_at IS NULL;
CREATE INDEX ON phone_numbers (status);
CREATE INDEX ON phone_numbers (updated_at);
CREATE INDEX ON phone_numbers (carrier_id);
CREATE INDEX ON phone_numbers (trunk_id);
CREATE INDEX ON phone_numbers (agent_id);
CREATE INDEX ON phone_numbers (flow_id);
CREATE INDEX ON phone_numbers (campaign_id);
CREATE INDEX ON phone_numbers (deleted_at) WHERE deleted_at IS NOT NULL;
ALTER TABLE agents ADD FOREIGN KEY (phone_number_id) REFERENCES phone_numbers (id) ON DELETE SET NULL;

CREATE TABLE number_routes (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  phone_number_id uuid NOT NULL REFERENCES phone_numbers (id) ON DELETE CASCADE,
  priority integer NOT NULL DEFAULT 100,
  weight integer NOT NULL DEFAULT 1,
  days_of_week smallint[],
  from_time time,
  to_time time,
  time_zone text,
  agent_id uuid REFERENCES agents (id) ON DELETE CASCADE,
  flow_id uuid REFERENCES flows (id) ON DELETE CASCADE,
  webhook_url text,
  is_active boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE NULLS NOT DISTINCT (phone_number_id, priority, weight, agent_id, flow_id),
  CHECK (num_nonnulls(agent_id, flow_id, webhook_url) = 1)
);
CREATE INDEX ON number_routes (agent_id);
CREATE INDEX ON number_routes (flow_id);
