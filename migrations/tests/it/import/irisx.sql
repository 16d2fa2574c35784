-- IRISX, phases 0 and 1, as its document states it, without its indexes and triggers.

CREATE TABLE tenants (
  id BIGSERIAL PRIMARY KEY,
  uuid UUID UNIQUE NOT NULL DEFAULT gen_random_uuid(),
  name VARCHAR(255) NOT NULL,
  slug VARCHAR(100) UNIQUE NOT NULL, -- URL-safe identifier
  status VARCHAR(20) NOT NULL DEFAULT 'active', -- active, suspended, cancelled
  plan VARCHAR(50) NOT NULL DEFAULT 'trial', -- trial, starter, growth, enterprise

  -- Billing
  stripe_customer_id VARCHAR(255),
  billing_email VARCHAR(255),

  -- Limits (based on plan)
  max_phone_numbers INTEGER DEFAULT 1,
  max_users INTEGER DEFAULT 5,
  max_concurrent_calls INTEGER DEFAULT 10,
  max_monthly_minutes INTEGER DEFAULT 1000,

  -- Usage tracking
  current_phone_numbers INTEGER DEFAULT 0,
  current_users INTEGER DEFAULT 0,
  current_monthly_minutes INTEGER DEFAULT 0,

  -- Metadata
  settings JSONB DEFAULT '{}', -- tenant-specific settings
  metadata JSONB DEFAULT '{}', -- custom fields

  -- Timestamps
  created_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT NOW(),
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT NOW(),
  deleted_at TIMESTAMP WITH TIME ZONE -- soft delete
);

CREATE TABLE users (
  id BIGSERIAL PRIMARY KEY,
  uuid UUID UNIQUE NOT NULL DEFAULT gen_random_uuid(),
  tenant_id BIGINT NOT NULL REFERENCES tenants(id) ON DELETE CASCADE,

  -- Authentication
  email VARCHAR(255) NOT NULL,
  password_hash VARCHAR(255) NOT NULL,
  email_verified BOOLEAN DEFAULT FALSE,
  email_verified_at TIMESTAMP WITH TIME ZONE,

  -- Profile
  first_name VARCHAR(100),
  last_name VARCHAR(100),
  phone VARCHAR(50),
  avatar_url TEXT,

  -- Role & Permissions
  role VARCHAR(50) NOT NULL DEFAULT 'agent', -- owner, admin, manager, agent, api
  permissions JSONB DEFAULT '[]', -- array of permission strings

  -- Status
  status VARCHAR(20) NOT NULL DEFAULT 'active', -- active, inactive, suspended
  last_login_at TIMESTAMP WITH TIME ZONE,

  -- Agent-specific (if role = agent)
  agent_extension VARCHAR(20), -- internal extension number
  agent_status VARCHAR(20) DEFAULT 'offline', -- online, busy, away, offline

  -- Metadata
  settings JSONB DEFAULT '{}', -- user preferences
  metadata JSONB DEFAULT '{}',

  -- Timestamps
  created_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT NOW(),
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT NOW(),
  deleted_at TIMESTAMP WITH TIME ZONE,

  UNIQUE(tenant_id, email)
);

CREATE TABLE api_keys (
  id BIGSERIAL PRIMARY KEY,
  uuid UUID UNIQUE NOT NULL DEFAULT gen_random_uuid(),
  tenant_id BIGINT NOT NULL REFERENCES tenants(id) ON DELETE CASCADE,
  created_by_user_id BIGINT REFERENCES users(id) ON DELETE SET NULL,

  -- Key details
  name VARCHAR(255) NOT NULL, -- "Production API Key"
  key_prefix VARCHAR(20) NOT NULL, -- "sk_live_" or "sk_test_"
  key_hash VARCHAR(255) NOT NULL, -- hashed API key
  key_hint VARCHAR(20) NOT NULL, -- last 4 chars (for display)

  -- Permissions
  scopes JSONB DEFAULT '[]', -- ["calls:read", "calls:write", "sms:send"]

  -- Status
  status VARCHAR(20) NOT NULL DEFAULT 'active', -- active, revoked
  last_used_at TIMESTAMP WITH TIME ZONE,

  -- Expiration
  expires_at TIMESTAMP WITH TIME ZONE,

  -- Rate limiting
  rate_limit_rpm INTEGER DEFAULT 100, -- requests per minute

  -- Metadata
  metadata JSONB DEFAULT '{}',

  -- Timestamps
  created_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT NOW(),
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT NOW(),
  revoked_at TIMESTAMP WITH TIME ZONE,

  UNIQUE(key_hash)
);

CREATE TABLE phone_numbers (
  id BIGSERIAL PRIMARY KEY,
  uuid UUID UNIQUE NOT NULL DEFAULT gen_random_uuid(),
  tenant_id BIGINT REFERENCES tenants(id) ON DELETE SET NULL, -- NULL = available in pool

  -- Number details
  phone_number VARCHAR(20) NOT NULL UNIQUE, -- E.164 format: +12025551234
  country_code VARCHAR(3) NOT NULL, -- US, CA, GB
  number_type VARCHAR(20) NOT NULL, -- local, toll-free, mobile

  -- Carrier
  carrier VARCHAR(50) NOT NULL DEFAULT 'twilio', -- twilio, telnyx
  carrier_sid VARCHAR(100), -- carrier's identifier for this number

  -- Capabilities
  sms_enabled BOOLEAN DEFAULT TRUE,
  voice_enabled BOOLEAN DEFAULT TRUE,
  mms_enabled BOOLEAN DEFAULT FALSE,

  -- Status
  status VARCHAR(20) NOT NULL DEFAULT 'active', -- active, released, porting

  -- Routing (for inbound)
  inbound_call_webhook_url TEXT,
  inbound_sms_webhook_url TEXT,
  fallback_webhook_url TEXT,

  -- Pricing
  monthly_cost_cents INTEGER DEFAULT 100, -- $1.00/mo
  per_minute_cost_cents INTEGER DEFAULT 1, -- $0.01/min

  -- Metadata
  friendly_name VARCHAR(255), -- "Main Office Line"
  metadata JSONB DEFAULT '{}',

  -- Timestamps
  created_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT NOW(),
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT NOW(),
  assigned_at TIMESTAMP WITH TIME ZONE, -- when assigned to tenant
  released_at TIMESTAMP WITH TIME ZONE
);

CREATE TABLE calls (
  id BIGSERIAL PRIMARY KEY,
  uuid UUID UNIQUE NOT NULL DEFAULT gen_random_uuid(),
  tenant_id BIGINT NOT NULL REFERENCES tenants(id) ON DELETE CASCADE,

  -- Call SIDs (external identifiers)
  call_sid VARCHAR(100) UNIQUE NOT NULL, -- our internal call ID
  parent_call_sid VARCHAR(100), -- for child calls (transfers, conferences)
  carrier_call_sid VARCHAR(100), -- Twilio/Telnyx call ID

  -- Direction & Type
  direction VARCHAR(20) NOT NULL, -- inbound, outbound, internal
  call_type VARCHAR(20) NOT NULL DEFAULT 'voice', -- voice, voicemail, conference

  -- Participants
  from_number VARCHAR(20) NOT NULL,
  to_number VARCHAR(20) NOT NULL,
  from_phone_number_id BIGINT REFERENCES phone_numbers(id),
  to_phone_number_id BIGINT REFERENCES phone_numbers(id),

  -- User/Agent (if applicable)
  user_id BIGINT REFERENCES users(id) ON DELETE SET NULL,

  -- Status
  status VARCHAR(20) NOT NULL DEFAULT 'initiated',
  -- initiated, ringing, in-progress, completed, busy, no-answer, failed, cancelled

  -- Timing
  initiated_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT NOW(),
  ringing_at TIMESTAMP WITH TIME ZONE,
  answered_at TIMESTAMP WITH TIME ZONE,
  ended_at TIMESTAMP WITH TIME ZONE,
  duration_seconds INTEGER, -- total call duration
  billable_seconds INTEGER, -- rounded up to nearest 6-second increment

  -- Quality metrics
  mos_score DECIMAL(3,2), -- Mean Opinion Score (1.0-5.0)
  jitter_ms INTEGER,
  packet_loss_percent DECIMAL(5,2),

  -- Routing
  queue_id BIGINT, -- if routed through queue (add later)
  campaign_id BIGINT, -- if part of campaign (add later)

  -- Recording
  recording_url TEXT,
  recording_duration_seconds INTEGER,
  recording_sid VARCHAR(100),

  -- Transcription (if enabled)
  transcription_text TEXT,
  transcription_confidence DECIMAL(5,2),

  -- Pricing
  cost_cents INTEGER, -- total cost in cents
  rate_cents_per_minute INTEGER, -- rate charged

  -- Hang up reason
  hangup_cause VARCHAR(50), -- normal_clearing, user_busy, no_answer, etc.
  hangup_by VARCHAR(20), -- caller, callee, system

  -- Metadata
  metadata JSONB DEFAULT '{}',
  tags VARCHAR(255)[], -- searchable tags

  -- Timestamps
  created_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT NOW(),
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT NOW()
);

CREATE TABLE call_logs (
  id BIGSERIAL PRIMARY KEY,
  call_id BIGINT NOT NULL REFERENCES calls(id) ON DELETE CASCADE,
  tenant_id BIGINT NOT NULL REFERENCES tenants(id) ON DELETE CASCADE,

  -- Event details
  event_type VARCHAR(50) NOT NULL, -- initiated, ringing, answered, transferred, hold, ended
  event_timestamp TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT NOW(),

  -- Event data
  from_status VARCHAR(20), -- state before event
  to_status VARCHAR(20), -- state after event

  -- Additional context
  user_id BIGINT REFERENCES users(id) ON DELETE SET NULL,
  metadata JSONB DEFAULT '{}',

  -- Raw data (for debugging)
  raw_event JSONB,

  created_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT NOW()
);

CREATE TABLE webhooks (
  id BIGSERIAL PRIMARY KEY,
  uuid UUID UNIQUE NOT NULL DEFAULT gen_random_uuid(),
  tenant_id BIGINT NOT NULL REFERENCES tenants(id) ON DELETE CASCADE,
  created_by_user_id BIGINT REFERENCES users(id) ON DELETE SET NULL,

  -- Webhook details
  url TEXT NOT NULL,
  name VARCHAR(255),
  description TEXT,

  -- Events to subscribe to
  events VARCHAR(50)[], -- ["call.initiated", "call.completed", "sms.received"]

  -- Authentication
  secret_key VARCHAR(255) NOT NULL, -- for HMAC signature verification

  -- Status
  status VARCHAR(20) NOT NULL DEFAULT 'active', -- active, paused, failed

  -- Retry configuration
  max_retries INTEGER DEFAULT 3,
  retry_backoff_seconds INTEGER DEFAULT 60,

  -- Stats
  total_deliveries INTEGER DEFAULT 0,
  successful_deliveries INTEGER DEFAULT 0,
  failed_deliveries INTEGER DEFAULT 0,
  last_delivery_at TIMESTAMP WITH TIME ZONE,
  last_success_at TIMESTAMP WITH TIME ZONE,
  last_failure_at TIMESTAMP WITH TIME ZONE,

  -- Metadata
  metadata JSONB DEFAULT '{}',

  -- Timestamps
  created_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT NOW(),
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT NOW(),
  deleted_at TIMESTAMP WITH TIME ZONE
);

CREATE TABLE webhook_deliveries (
  id BIGSERIAL PRIMARY KEY,
  webhook_id BIGINT NOT NULL REFERENCES webhooks(id) ON DELETE CASCADE,
  tenant_id BIGINT NOT NULL REFERENCES tenants(id) ON DELETE CASCADE,

  -- Delivery details
  event_type VARCHAR(50) NOT NULL,
  event_id UUID NOT NULL, -- ID of the event (call.uuid, sms.uuid, etc.)

  -- Request
  request_url TEXT NOT NULL,
  request_method VARCHAR(10) DEFAULT 'POST',
  request_headers JSONB,
  request_body JSONB,
  request_signature VARCHAR(255), -- HMAC signature

  -- Response
  response_status_code INTEGER,
  response_headers JSONB,
  response_body TEXT,
  response_time_ms INTEGER,

  -- Status
  status VARCHAR(20) NOT NULL, -- pending, success, failed
  error_message TEXT,
  attempt_number INTEGER DEFAULT 1,

  -- Timestamps
  created_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT NOW(),
  delivered_at TIMESTAMP WITH TIME ZONE
);

CREATE TABLE contacts (
  id BIGSERIAL PRIMARY KEY,
  uuid UUID UNIQUE NOT NULL DEFAULT gen_random_uuid(),
  tenant_id BIGINT NOT NULL REFERENCES tenants(id) ON DELETE CASCADE,
  created_by_user_id BIGINT REFERENCES users(id) ON DELETE SET NULL,

  -- Contact details
  first_name VARCHAR(100),
  last_name VARCHAR(100),
  company VARCHAR(255),
  email VARCHAR(255),
  phone VARCHAR(20), -- primary phone
  phone_2 VARCHAR(20), -- alternate phone

  -- Additional fields
  title VARCHAR(100),
  address_line1 VARCHAR(255),
  address_line2 VARCHAR(255),
  city VARCHAR(100),
  state VARCHAR(50),
  postal_code VARCHAR(20),
  country VARCHAR(3),

  -- Segmentation
  tags VARCHAR(255)[],
  lists BIGINT[], -- array of list IDs they belong to

  -- Status
  status VARCHAR(20) DEFAULT 'active', -- active, unsubscribed, bounced
  do_not_call BOOLEAN DEFAULT FALSE,
  do_not_sms BOOLEAN DEFAULT FALSE,

  -- Metadata
  custom_fields JSONB DEFAULT '{}',
  metadata JSONB DEFAULT '{}',

  -- Timestamps
  created_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT NOW(),
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT NOW(),
  deleted_at TIMESTAMP WITH TIME ZONE
);

CREATE TABLE sessions (
  id BIGSERIAL PRIMARY KEY,
  user_id BIGINT NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  tenant_id BIGINT NOT NULL REFERENCES tenants(id) ON DELETE CASCADE,

  -- Session details
  session_token VARCHAR(255) UNIQUE NOT NULL,
  refresh_token VARCHAR(255) UNIQUE,

  -- Device/Client info
  ip_address INET,
  user_agent TEXT,
  device_type VARCHAR(50), -- web, mobile, api

  -- Status
  status VARCHAR(20) DEFAULT 'active', -- active, expired, revoked

  -- Timestamps
  created_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT NOW(),
  last_activity_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT NOW(),
  expires_at TIMESTAMP WITH TIME ZONE NOT NULL
);
