-- Figures over time: rolled up from calls by the worker, and samples of voice quality by media
-- nodes.
--
-- Partitioned by month for every tenant, see 0018: a month of figures is dropped, never deleted row
-- by row. Dimensions have no foreign keys, except the agent.

CREATE TABLE call_metrics (
  id uuid NOT NULL DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' CHECK (tenant_id = '{{tenant_id}}'),
  metric_date date NOT NULL,
  granularity platform.metric_granularity NOT NULL,
  bucket_start timestamptz NOT NULL,
  direction platform.call_direction,
  campaign_id uuid,
  phone_number_id uuid,
  total_calls integer NOT NULL DEFAULT 0,
  completed_calls integer NOT NULL DEFAULT 0,
  failed_calls integer NOT NULL DEFAULT 0,
  missed_calls integer NOT NULL DEFAULT 0,
  total_duration_seconds bigint NOT NULL DEFAULT 0,
  billable_seconds bigint NOT NULL DEFAULT 0,
  avg_mos numeric(3, 2),
  revenue_micros bigint NOT NULL DEFAULT 0,
  payout_micros bigint NOT NULL DEFAULT 0,
  cost_micros bigint NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (id, metric_date),
  CONSTRAINT call_metrics_bucket UNIQUE NULLS NOT DISTINCT
    (metric_date, granularity, bucket_start, direction, campaign_id, phone_number_id)
) PARTITION BY RANGE (metric_date);
CREATE TABLE call_metrics_default PARTITION OF call_metrics DEFAULT;
COMMENT ON TABLE call_metrics IS
  'retention=metrics encryption=E0 | calls by time, direction, campaign and number';
COMMENT ON COLUMN call_metrics.metric_date IS 'UTC date of bucket_start';
COMMENT ON COLUMN call_metrics.direction IS
  'NULL is all; the same holds for campaign_id and phone_number_id';
CREATE INDEX ON call_metrics (metric_date);

CREATE TABLE agent_metrics (
  id uuid NOT NULL DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' CHECK (tenant_id = '{{tenant_id}}'),
  metric_date date NOT NULL,
  granularity platform.metric_granularity NOT NULL DEFAULT 'day',
  bucket_start timestamptz NOT NULL,
  agent_id uuid NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
  total_calls integer NOT NULL DEFAULT 0,
  completed_calls integer NOT NULL DEFAULT 0,
  failed_calls integer NOT NULL DEFAULT 0,
  total_duration_seconds bigint NOT NULL DEFAULT 0,
  avg_duration double precision GENERATED ALWAYS AS (
    CASE WHEN completed_calls = 0 THEN 0
         ELSE total_duration_seconds::double precision / completed_calls END) STORED,
  successful_calls integer NOT NULL DEFAULT 0,
  avg_csat numeric(3, 1),
  csat_responses integer NOT NULL DEFAULT 0,
  avg_response_ms integer,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (id, metric_date),
  CONSTRAINT agent_metrics_bucket UNIQUE (metric_date, granularity, bucket_start, agent_id)
) PARTITION BY RANGE (metric_date);
CREATE TABLE agent_metrics_default PARTITION OF agent_metrics DEFAULT;
COMMENT ON TABLE agent_metrics IS 'retention=metrics encryption=E0 | calls by time and agent';
COMMENT ON COLUMN agent_metrics.avg_duration IS 'seconds, of completed calls';
CREATE INDEX ON agent_metrics (tenant_id, metric_date);
CREATE INDEX ON agent_metrics (agent_id);

CREATE TABLE voice_quality_metrics (
  id uuid NOT NULL DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' CHECK (tenant_id = '{{tenant_id}}'),
  metric_date date NOT NULL,
  sampled_at timestamptz NOT NULL,
  call_id uuid NOT NULL,
  leg_no smallint NOT NULL DEFAULT 1,
  stream text NOT NULL DEFAULT 'received' CHECK (stream IN ('received', 'sent')),
  mos_score numeric(3, 2) CHECK (mos_score BETWEEN 1 AND 5),
  r_factor numeric(5, 2),
  jitter_ms numeric(8, 2),
  packet_loss_percent numeric(5, 2),
  rtt_ms numeric(8, 2),
  packets bigint,
  packets_lost bigint,
  packets_late bigint,
  packets_duplicate bigint,
  packets_reordered bigint,
  concealed_percent numeric(5, 2),
  buffer_ms numeric(8, 2),
  max_buffer_ms numeric(8, 2),
  codec text,
  media_node text,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (id, metric_date)
) PARTITION BY RANGE (metric_date);
CREATE TABLE voice_quality_metrics_default PARTITION OF voice_quality_metrics DEFAULT;
COMMENT ON TABLE voice_quality_metrics IS
  'retention=metrics encryption=E0 | samples of one leg; the last one of each stream is of the whole call';
COMMENT ON COLUMN voice_quality_metrics.stream IS
  'whose ears: received is what we heard, sent what the far end heard of us, as its RTCP says';
COMMENT ON COLUMN voice_quality_metrics.packets_late IS
  'too late to be played; like those that follow, only of what was received';
COMMENT ON COLUMN voice_quality_metrics.concealed_percent IS 'time that was made up, of the time that was played';
COMMENT ON COLUMN voice_quality_metrics.buffer_ms IS 'mean delay of the jitter buffer';
COMMENT ON COLUMN voice_quality_metrics.call_id IS
  'without a foreign key: months of calls leave on their own';
CREATE INDEX ON voice_quality_metrics (call_id, sampled_at);

CREATE TABLE usage_metrics (
  id uuid NOT NULL DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' CHECK (tenant_id = '{{tenant_id}}'),
  metric_date date NOT NULL,
  resource text NOT NULL,
  provider text NOT NULL DEFAULT '',
  quantity numeric(20, 6) NOT NULL DEFAULT 0,
  unit text NOT NULL DEFAULT '',
  cost_micros bigint NOT NULL DEFAULT 0,
  billed_micros bigint NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (id, metric_date),
  CONSTRAINT usage_metrics_day UNIQUE (metric_date, resource, provider, unit)
) PARTITION BY RANGE (metric_date);
CREATE TABLE usage_metrics_default PARTITION OF usage_metrics DEFAULT;
COMMENT ON TABLE usage_metrics IS 'retention=billing encryption=E0 | what is billed, by day';
COMMENT ON COLUMN usage_metrics.provider IS 'whom it is paid to; empty for ourselves';
