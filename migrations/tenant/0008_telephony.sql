-- Carriers, trunks, numbers, where numbers lead, and what they show to the called. The operator
-- writes trunks, numbers and routes from the custom resources Trunk and PhoneNumber.

CREATE TABLE carriers (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  platform_carrier_id uuid,
  key text NOT NULL UNIQUE,
  name text NOT NULL,
  config jsonb NOT NULL DEFAULT '{}',
  credentials_enc bytea,
  has_credentials boolean GENERATED ALWAYS AS (credentials_enc IS NOT NULL) STORED,
  status platform.entity_status NOT NULL DEFAULT 'active',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE carriers IS
  'retention=config encryption=E0 | copies of the platform''s carriers, and the tenant''s own';
COMMENT ON COLUMN carriers.credentials_enc IS 'encryption=E2 | of the tenant''s own carrier';
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
  has_password boolean GENERATED ALWAYS AS (password_enc IS NOT NULL) STORED,
  challenge_inbound boolean NOT NULL DEFAULT false,
  codecs text[] NOT NULL DEFAULT '{G722,PCMU,PCMA}' CHECK (cardinality(codecs) > 0),
  srtp text NOT NULL DEFAULT 'allowed' CHECK (srtp IN ('disabled', 'allowed', 'required')),
  key_exchange text NOT NULL DEFAULT 'sdes' CHECK (key_exchange IN ('sdes', 'dtls')),
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
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT trunks_handshake_encrypts CHECK (key_exchange = 'sdes' OR srtp = 'required')
);
COMMENT ON TABLE trunks IS
  'retention=config encryption=E0 | SIP, IAX2 or WebRTC connections to a carrier';
COMMENT ON COLUMN trunks.addresses IS
  'host:port of the carrier, tried in this order; host and port are for imported trunks';
COMMENT ON COLUMN trunks.allowed_cidrs IS 'where calls may come in from';
COMMENT ON COLUMN trunks.codecs IS 'what is spoken over it, best first';
COMMENT ON COLUMN trunks.srtp IS
  'whether media is encrypted: never, as the other side offers, or always';
COMMENT ON COLUMN trunks.key_exchange IS
  'where keys are from in offers of ours: the description, or a handshake';
COMMENT ON COLUMN trunks.password_enc IS
  'encryption=E2 | of the digest credentials';
CREATE INDEX ON trunks (carrier_id);
CREATE UNIQUE INDEX trunks_object ON trunks (k8s_namespace, k8s_name) WHERE status <> 'archived';
CREATE INDEX ON trunks (status);

CREATE TABLE emergency_locations (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  label text NOT NULL,
  system platform.emergency_system NOT NULL DEFAULT 'e911',
  caller_name text NOT NULL,
  address_line1 text NOT NULL,
  address_line2 text,
  city text NOT NULL,
  state text,
  postal_code text NOT NULL,
  country text NOT NULL,
  latitude numeric(9, 6) CHECK (latitude BETWEEN -90 AND 90),
  longitude numeric(9, 6) CHECK (longitude BETWEEN -180 AND 180),
  geocode jsonb,
  validation_status platform.validation_status NOT NULL DEFAULT 'pending',
  validated_at timestamptz,
  provider_ref text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  deleted_at timestamptz
);
COMMENT ON TABLE emergency_locations IS
  'retention=config encryption=E1 | dispatchable addresses for E911 and E112';
CREATE INDEX ON emergency_locations (deleted_at) WHERE deleted_at IS NOT NULL;

-- phone_numbers.campaign_id gets its foreign key with campaigns.
CREATE SEQUENCE phone_numbers_row_no_seq;
CREATE TABLE phone_numbers (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  row_no bigint NOT NULL DEFAULT nextval('phone_numbers_row_no_seq') UNIQUE,
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
  queue_id uuid REFERENCES queues (id) ON DELETE SET NULL,
  campaign_id uuid,
  publisher_id uuid REFERENCES publishers (id) ON DELETE SET NULL,
  emergency_location_id uuid REFERENCES emergency_locations (id) ON DELETE SET NULL,
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
COMMENT ON TABLE phone_numbers IS
  'retention=config encryption=E1 | the tenant''s numbers, registered in platform.phone_numbers';
COMMENT ON COLUMN phone_numbers.id IS 'the same as in platform.phone_numbers';
CREATE UNIQUE INDEX phone_numbers_object ON phone_numbers (k8s_namespace, k8s_name)
  WHERE deleted_at IS NULL;
CREATE INDEX ON phone_numbers (status);
CREATE INDEX ON phone_numbers (updated_at);
CREATE INDEX ON phone_numbers (carrier_id);
CREATE INDEX ON phone_numbers (trunk_id);
CREATE INDEX ON phone_numbers (agent_id);
CREATE INDEX ON phone_numbers (flow_id);
CREATE INDEX ON phone_numbers (queue_id);
CREATE INDEX ON phone_numbers (campaign_id);
CREATE INDEX ON phone_numbers (publisher_id);
CREATE INDEX ON phone_numbers (emergency_location_id);
CREATE INDEX ON phone_numbers (deleted_at) WHERE deleted_at IS NOT NULL;
ALTER TABLE agents ADD FOREIGN KEY (phone_number_id) REFERENCES phone_numbers (id)
  ON DELETE SET NULL;

CREATE TABLE number_routes (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  phone_number_id uuid NOT NULL REFERENCES phone_numbers (id) ON DELETE CASCADE,
  priority integer NOT NULL DEFAULT 100,
  weight integer NOT NULL DEFAULT 1,
  schedule_id uuid REFERENCES schedules (id) ON DELETE SET NULL,
  days_of_week smallint[],
  from_time time,
  to_time time,
  time_zone text,
  agent_id uuid REFERENCES agents (id) ON DELETE CASCADE,
  flow_id uuid REFERENCES flows (id) ON DELETE CASCADE,
  queue_id uuid REFERENCES queues (id) ON DELETE CASCADE,
  buyer_endpoint_id uuid REFERENCES buyer_endpoints (id) ON DELETE CASCADE,
  webhook_url text,
  is_active boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT number_routes_once
    UNIQUE NULLS NOT DISTINCT (phone_number_id, priority, weight, agent_id, flow_id, queue_id),
  CONSTRAINT number_routes_one_target
    CHECK (num_nonnulls(agent_id, flow_id, queue_id, buyer_endpoint_id, webhook_url) = 1)
);
COMMENT ON TABLE number_routes IS
  'retention=config encryption=E0 | where a number leads, by priority and time';
CREATE INDEX ON number_routes (schedule_id);
CREATE INDEX ON number_routes (agent_id);
CREATE INDEX ON number_routes (flow_id);
CREATE INDEX ON number_routes (queue_id);
CREATE INDEX ON number_routes (buyer_endpoint_id);

CREATE TABLE caller_id_pools (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  name text NOT NULL UNIQUE,
  strategy text NOT NULL DEFAULT 'round_robin'
    CHECK (strategy IN ('round_robin', 'random', 'local_presence', 'least_used')),
  status platform.entity_status NOT NULL DEFAULT 'active',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE caller_id_pools IS 'retention=config encryption=E0 | numbers to call from';
CREATE INDEX ON caller_id_pools (status);

CREATE TABLE caller_id_pool_numbers (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  caller_id_pool_id uuid NOT NULL REFERENCES caller_id_pools (id) ON DELETE CASCADE,
  phone_number_id uuid NOT NULL REFERENCES phone_numbers (id) ON DELETE CASCADE,
  weight integer NOT NULL DEFAULT 1,
  last_used_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (caller_id_pool_id, phone_number_id)
);
COMMENT ON TABLE caller_id_pool_numbers IS
  'retention=config encryption=E0 | which numbers are in a pool';
CREATE INDEX ON caller_id_pool_numbers (phone_number_id);
