-- Call queues and who serves them, people or AI agents.

CREATE SEQUENCE queues_row_no_seq;
CREATE TABLE queues (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  row_no bigint NOT NULL DEFAULT nextval('queues_row_no_seq') UNIQUE,
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  name text NOT NULL UNIQUE,
  strategy platform.queue_strategy NOT NULL DEFAULT 'longest_idle',
  max_wait_seconds integer NOT NULL DEFAULT 300,
  max_size integer,
  schedule_id uuid REFERENCES schedules (id) ON DELETE SET NULL,
  overflow jsonb NOT NULL DEFAULT '{}',
  hold_music_url text,
  status platform.entity_status NOT NULL DEFAULT 'active',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  deleted_at timestamptz
);
COMMENT ON TABLE queues IS 'retention=config encryption=E0 | where calls wait';
COMMENT ON COLUMN queues.overflow IS 'where to go when the queue is full or closed';
CREATE INDEX ON queues (schedule_id);
CREATE INDEX ON queues (status);
CREATE INDEX ON queues (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE queue_members (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  queue_id uuid NOT NULL REFERENCES queues (id) ON DELETE CASCADE,
  member_id uuid REFERENCES members (id) ON DELETE CASCADE,
  agent_id uuid REFERENCES agents (id) ON DELETE CASCADE,
  penalty integer NOT NULL DEFAULT 0,
  is_paused boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE NULLS NOT DISTINCT (queue_id, member_id, agent_id),
  CONSTRAINT queue_members_one CHECK (num_nonnulls(member_id, agent_id) = 1)
);
COMMENT ON TABLE queue_members IS 'retention=config encryption=E0 | who serves a queue';
CREATE INDEX ON queue_members (member_id);
CREATE INDEX ON queue_members (agent_id);
