-- What was said: conversations and their turns. Same partitioning as `calls`; a conversation of a
-- call falls into the month of the call.
--
-- Added to the data model: messages.intended, what the agent was going to say when it was
-- interrupted.

CREATE TABLE conversations (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' CHECK (tenant_id = '{{tenant_id}}'),
  call_id uuid REFERENCES calls (id) ON DELETE CASCADE,
  agent_id uuid REFERENCES agents (id) ON DELETE SET NULL,
  contact_id uuid REFERENCES contacts (id) ON DELETE SET NULL,
  session_id text,
  previous_conversation_id uuid,
  channel text NOT NULL DEFAULT 'voice' CHECK (channel IN ('voice', 'sms', 'chat', 'email')),
  status platform.conversation_status NOT NULL DEFAULT 'active',
  context jsonb NOT NULL DEFAULT '{}',
  context_enc bytea,
  started_at timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT conversations_month_of_call
    CHECK (call_id IS NULL OR platform.uuid_v7_month(id) = platform.uuid_v7_month(call_id))
) PARTITION BY RANGE (id);
CREATE TABLE conversations_default PARTITION OF conversations DEFAULT;
COMMENT ON TABLE conversations IS
  'retention=operational encryption=E1 | one call may have several; one of chat or SMS has none';
COMMENT ON COLUMN conversations.context_enc IS
  'encryption=E2 | instead of context, when the tenant asks for it';
CREATE INDEX ON conversations (session_id);
CREATE INDEX ON conversations (call_id) WHERE call_id IS NOT NULL;
CREATE INDEX ON conversations (agent_id) WHERE agent_id IS NOT NULL;
CREATE INDEX ON conversations (contact_id) WHERE contact_id IS NOT NULL;
CREATE INDEX ON conversations (status);
CREATE INDEX conversations_sealed ON conversations (id) WHERE context_enc IS NOT NULL;

CREATE TABLE messages (
  id uuid NOT NULL DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' CHECK (tenant_id = '{{tenant_id}}'),
  conversation_id uuid NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
  seq integer NOT NULL,
  role platform.message_role NOT NULL,
  content text,
  content_enc bytea,
  intended text,
  intended_enc bytea,
  sentiment platform.sentiment,
  sentiment_score numeric(4, 3) CHECK (sentiment_score BETWEEN -1 AND 1),
  intent text,
  intent_confidence numeric(4, 3),
  tool_call jsonb,
  token_count integer,
  latency_ms integer,
  spoken_at timestamptz NOT NULL DEFAULT now(),
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (conversation_id, id),
  UNIQUE (conversation_id, seq),
  CONSTRAINT messages_one_content CHECK (content IS NULL OR content_enc IS NULL),
  CONSTRAINT messages_one_intended CHECK (intended IS NULL OR intended_enc IS NULL)
) PARTITION BY RANGE (conversation_id);
CREATE TABLE messages_default PARTITION OF messages DEFAULT;
COMMENT ON TABLE messages IS 'retention=operational encryption=E1 | the turns, as they were heard';
COMMENT ON COLUMN messages.content_enc IS
  'encryption=E2 | instead of content, when the tenant asks for it';
COMMENT ON COLUMN messages.intended_enc IS
  'encryption=E2 | instead of intended, when the tenant asks for it';
COMMENT ON COLUMN messages.content IS
  'what was heard, which for an interrupted agent is less than intended';
CREATE INDEX ON messages (intent) WHERE intent IS NOT NULL;
CREATE INDEX ON messages (id);
CREATE INDEX messages_sealed ON messages (id)
  WHERE content_enc IS NOT NULL OR intended_enc IS NOT NULL;
CREATE TRIGGER messages_append_only BEFORE UPDATE OR DELETE ON messages
  FOR EACH ROW EXECUTE FUNCTION platform.forbid_change();
