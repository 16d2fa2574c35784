-- AI agents with their immutable versions, and what they are made of: voices, tools, knowledge,
-- flows, providers of models. The operator writes agents and their links from the custom resource
-- Agent, and providers from Provider; voices and tools are rows of the API.

CREATE TABLE voices (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  system_voice_id uuid UNIQUE,
  name text NOT NULL,
  gender text,
  description text,
  avatar text,
  tags text[] NOT NULL DEFAULT '{}',
  is_custom boolean GENERATED ALWAYS AS (system_voice_id IS NULL) STORED,
  status platform.voice_status NOT NULL DEFAULT 'ready',
  provider text,
  provider_voice_id text,
  language text,
  audio_url text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  deleted_at timestamptz
);
COMMENT ON TABLE voices IS
  'retention=config encryption=E0 | copies of the system''s voices, and the tenant''s own';
COMMENT ON COLUMN voices.system_voice_id IS 'platform.voices.id; NULL is the tenant''s own';
CREATE INDEX ON voices USING gin (tags);
CREATE INDEX ON voices (status);
CREATE INDEX ON voices (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE tools (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  name text NOT NULL,
  description text,
  category text,
  logo text,
  icon_bg_color text,
  is_connected boolean NOT NULL DEFAULT false,
  connected_at timestamptz,
  configuration jsonb NOT NULL DEFAULT '{}',
  credentials_enc bytea,
  has_credentials boolean GENERATED ALWAYS AS (credentials_enc IS NOT NULL) STORED,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  deleted_at timestamptz
);
COMMENT ON TABLE tools IS
  'retention=config encryption=E0 | what an agent may use: calendars, CRM, payment and the like';
COMMENT ON COLUMN tools.credentials_enc IS 'encryption=E2 | tokens and keys of the integration';
CREATE UNIQUE INDEX tools_name ON tools (name) WHERE deleted_at IS NULL;
CREATE INDEX ON tools (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE providers (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  name text NOT NULL UNIQUE,
  protocol text NOT NULL CHECK (protocol IN
    ('openaiChat', 'openaiTranscription', 'openaiSpeech', 'openaiEmbeddings', 'http')),
  base_url text NOT NULL,
  model text CHECK ((model IS NULL) = (protocol = 'http')),
  timeouts jsonb NOT NULL,
  key_header text,
  key_enc bytea,
  has_key boolean GENERATED ALWAYS AS (key_enc IS NOT NULL) STORED,
  k8s_namespace text,
  k8s_name text,
  k8s_uid uuid UNIQUE,
  k8s_generation bigint,
  spec_hash text NOT NULL,
  synced_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE providers IS
  'retention=config encryption=E0 | models of language, speech and embeddings, voices, and endpoints of tools, that agents ask';
COMMENT ON COLUMN providers.name IS 'namespace/name of the Provider; Programs name it so';
COMMENT ON COLUMN providers.protocol IS 'the field of the Provider''s spec';
COMMENT ON COLUMN providers.timeouts IS 'when an answer is given up, in milliseconds, by protocol';
COMMENT ON COLUMN providers.key_header IS 'shows the key; Authorization: Bearer where it is NULL';
COMMENT ON COLUMN providers.key_enc IS 'encryption=E2 | the API key';
CREATE UNIQUE INDEX providers_object ON providers (k8s_namespace, k8s_name);

-- agents.phone_number_id and agents.current_version_id get their foreign keys with their tables.
CREATE TABLE agents (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  name text NOT NULL,
  description text,
  type text,
  status platform.agent_status NOT NULL DEFAULT 'active',
  caller_type platform.direction_scope NOT NULL DEFAULT 'inbound',
  phone_number_id uuid,
  voice_id uuid REFERENCES voices (id) ON DELETE SET NULL,
  configuration jsonb NOT NULL DEFAULT '{}',
  prompt text,
  first_sentence text,
  training jsonb NOT NULL DEFAULT '{}',
  max_concurrent_calls integer,
  current_version_id uuid,
  total_calls bigint NOT NULL DEFAULT 0,
  successful_calls bigint NOT NULL DEFAULT 0,
  success_rate numeric(5, 2) GENERATED ALWAYS AS (
    CASE WHEN total_calls = 0 THEN NULL
         ELSE round(100.0 * successful_calls / total_calls, 2) END) STORED,
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
COMMENT ON TABLE agents IS
  'retention=config encryption=E0 | the latest state of an Agent; its counters are rolled up';
COMMENT ON COLUMN agents.name IS
  'for people; objects are told apart by k8s_namespace and k8s_name, so two may show the same name';
CREATE UNIQUE INDEX agents_object ON agents (k8s_namespace, k8s_name) WHERE deleted_at IS NULL;
CREATE INDEX ON agents (name) WHERE deleted_at IS NULL;
CREATE INDEX ON agents (tenant_id, status, caller_type);
CREATE INDEX ON agents (deleted_at);
CREATE INDEX ON agents (updated_at);
CREATE INDEX ON agents (phone_number_id);
CREATE INDEX ON agents (voice_id);
CREATE INDEX ON agents (current_version_id);

CREATE TABLE agent_versions (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  agent_id uuid NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
  version integer NOT NULL,
  k8s_generation bigint,
  spec_hash text NOT NULL,
  spec jsonb NOT NULL,
  program jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (agent_id, version),
  UNIQUE (agent_id, spec_hash)
);
COMMENT ON TABLE agent_versions IS
  'retention=config encryption=E0 | one row a generation; a call keeps the version it began with';
COMMENT ON COLUMN agent_versions.program IS
  'compiled, self-contained: all that a media node needs to run the agent';
CREATE TRIGGER agent_versions_append_only BEFORE UPDATE OR DELETE ON agent_versions
  FOR EACH ROW EXECUTE FUNCTION platform.forbid_change();
ALTER TABLE agents ADD FOREIGN KEY (current_version_id) REFERENCES agent_versions (id)
  ON DELETE SET NULL;

CREATE TABLE agent_knowledge_bases (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  agent_id uuid NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
  knowledge_base_id uuid NOT NULL REFERENCES knowledge_bases (id) ON DELETE CASCADE,
  priority integer NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (agent_id, knowledge_base_id)
);
COMMENT ON TABLE agent_knowledge_bases IS
  'retention=config encryption=E0 | where an agent looks things up';
CREATE INDEX ON agent_knowledge_bases (knowledge_base_id);

CREATE TABLE agent_tools (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  agent_id uuid NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
  tool_id uuid NOT NULL REFERENCES tools (id) ON DELETE CASCADE,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (agent_id, tool_id)
);
COMMENT ON TABLE agent_tools IS 'retention=config encryption=E0 | what an agent may use';
CREATE INDEX ON agent_tools (tool_id);

CREATE TABLE agent_flows (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  agent_id uuid NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
  flow_id uuid NOT NULL REFERENCES flows (id) ON DELETE CASCADE,
  priority integer NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (agent_id, flow_id)
);
COMMENT ON TABLE agent_flows IS
  'retention=config encryption=E0 | what an agent may talk along, first one first';
CREATE INDEX ON agent_flows (flow_id);
