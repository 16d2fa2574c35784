//! Campaigns, their recipients, calls, and what the platform calls events: webhooks.

use super::people::OF;
use crate::import::platforms::common;
use crate::import::step::{Measure, Secret, Step};

pub(super) const STEPS: &[Step<'static>] = &[
    Step {
        table: "\"Campaign\"",
        columns: "id text, \"batchName\" text, status text, \"totalCalls\" integer,
                  \"completedCalls\" integer, \"agentId\" text, \"conversationPathId\" text,
                  \"firstSentence\" text, \"taskPrompt\" text, \"postCallSummary\" text,
                  \"startDate\" date, \"startTime\" time, \"callStartTime\" time,
                  \"callEndTime\" time, \"createdAt\" timestamptz, \"updatedAt\" timestamptz",
        scratch: "object_name text",
        of_tenant: OF,
        key: ("s.id", "text"),
        refuse: &[(
            "status: it is none of DRAFT, PLANNED, CONTINUING, COMPLETED, STOPPED",
            "coalesce(pg_temp.word(s.status)
               NOT IN ('draft', 'planned', 'continuing', 'completed', 'stopped'), true)",
        )],
        before: &[common::object_names!("campaigns", "s.\"batchName\"")],
        // Nothing is dialled before an object of its name says so.
        write: "INSERT INTO campaigns (id, kind, name, status, desired_state, agent_id, flow_id,
                       first_sentence, task_prompt, post_call_summary, start_date, start_time,
                       call_start_time, call_end_time, total_calls, completed_calls, metadata,
                       k8s_name, created_at, updated_at)
                SELECT pg_temp.uid('campaigns', s.id), 'outbound', coalesce(s.\"batchName\", ''),
                       CASE pg_temp.word(s.status) WHEN 'planned' THEN 'scheduled'
                            WHEN 'continuing' THEN 'running' ELSE pg_temp.word(s.status)
                       END::platform.campaign_status,
                       'draft',
                       (SELECT a.id FROM agents a WHERE a.id = pg_temp.uid('agents', s.\"agentId\")),
                       (SELECT f.id FROM flows f
                         WHERE f.id = pg_temp.uid('flows', s.\"conversationPathId\")),
                       s.\"firstSentence\", s.\"taskPrompt\", s.\"postCallSummary\", s.\"startDate\",
                       s.\"startTime\", s.\"callStartTime\", s.\"callEndTime\",
                       coalesce(s.\"totalCalls\", 0), coalesce(s.\"completedCalls\", 0),
                       pg_temp.noted(NULL, s.source_key), s.object_name,
                       coalesce(s.\"createdAt\", now()), coalesce(s.\"updatedAt\", now())
                  FROM source s
                ON CONFLICT (id) DO NOTHING",
        found: "FROM campaigns t JOIN source s ON t.id = pg_temp.uid('campaigns', s.id)",
        ..Step::BLANK
    },
    Step {
        table: "\"CampaignRecipient\"",
        columns: "id text, \"campaignId\" text, name text, \"phoneNumber\" text, notes text,
                  status text",
        joins: "JOIN \"Campaign\" c ON c.id = s.\"campaignId\"",
        of_tenant: "c.\"organizationId\" = $1",
        key: ("s.id", "text"),
        refuse: &[
            (
                "status: it is neither READY nor ERROR",
                "coalesce(pg_temp.word(s.status) NOT IN ('ready', 'error'), true)",
            ),
            (
                "campaignId: its campaign was not imported",
                "NOT EXISTS (SELECT FROM campaigns c
                              WHERE c.id = pg_temp.uid('campaigns', s.\"campaignId\"))",
            ),
            (
                "phoneNumber: the campaign has it already",
                "row_number() OVER (PARTITION BY s.\"campaignId\", s.\"phoneNumber\"
                                    ORDER BY s.id) > 1
                 OR EXISTS (SELECT FROM campaign_recipients r
                             WHERE r.campaign_id = pg_temp.uid('campaigns', s.\"campaignId\")
                               AND r.phone_number = s.\"phoneNumber\"
                               AND r.id <> pg_temp.uid('campaign_recipients', s.id))",
            ),
        ],
        write: "INSERT INTO campaign_recipients (id, campaign_id, name, phone_number, notes, status)
                SELECT pg_temp.uid('campaign_recipients', s.id),
                       pg_temp.uid('campaigns', s.\"campaignId\"), s.name,
                       coalesce(s.\"phoneNumber\", ''), s.notes,
                       pg_temp.word(s.status)::platform.recipient_status
                  FROM source s
                ON CONFLICT (id) DO NOTHING",
        found: "FROM campaign_recipients t
                JOIN source s ON t.id = pg_temp.uid('campaign_recipients', s.id)",
        ..Step::BLANK
    },
    Step {
        table: "\"CallLog\"",
        columns: "id text, \"callType\" text, \"agentId\" text, \"campaignId\" text, \"callId\" text,
                  customer text, \"phoneNumber\" text, \"timestamp\" timestamptz, duration numeric,
                  status text, transcript text, \"recordingUrl\" text, metadata jsonb",
        scratch: "call_id uuid, ended timestamptz, is_new boolean, word text",
        of_tenant: OF,
        key: ("s.id", "text"),
        refuse: &[
            (
                "timestamp: it is no time that a call can have",
                "NOT pg_temp.is_time_of_call(s.\"timestamp\")",
            ),
            ("callId: it is empty", "coalesce(s.\"callId\", '') = ''"),
            (
                "callId: another call has it",
                "row_number() OVER (PARTITION BY s.\"callId\" ORDER BY s.id) > 1
                 OR EXISTS (SELECT FROM call_keys k
                             WHERE k.kind = 'call_sid' AND k.key = s.\"callId\"
                               AND k.call_id <> pg_temp.call_uid(s.id, s.\"timestamp\"))",
            ),
            common::no_whole!("duration", "s.duration"),
            (
                "callType: it is neither INBOUND nor OUTBOUND",
                "coalesce(pg_temp.word(s.\"callType\") NOT IN ('inbound', 'outbound'), true)",
            ),
            (
                "status: it is none of COMPLETED, FAILED, MISSED, IN_PROGRESS",
                "coalesce(pg_temp.word(s.status)
                   NOT IN ('completed', 'failed', 'missed', 'in_progress'), true)",
            ),
        ],
        note: &[(
            "duration: below zero, kept in metadata.import",
            "s.duration < 0",
        )],
        before: &[
            "UPDATE source s
                SET call_id = pg_temp.call_uid(s.id, s.\"timestamp\"), duration = trunc(s.duration),
                    word = CASE pg_temp.word(s.status) WHEN 'missed' THEN 'no_answer'
                                ELSE pg_temp.word(s.status) END,
                    ended = CASE WHEN s.duration >= 0
                      THEN s.\"timestamp\" + make_interval(secs => s.duration) END",
            "UPDATE source s SET is_new = NOT EXISTS (SELECT FROM calls c WHERE c.id = s.call_id)",
        ],
        write: "INSERT INTO calls (id, call_sid, direction, status, from_number, to_number,
                       customer_number, customer_name, agent_id, campaign_id, campaign_name,
                       initiated_at, answered_at, connected_at, ended_at, metadata, created_at)
                SELECT s.call_id, s.\"callId\",
                       pg_temp.word(s.\"callType\")::platform.call_direction,
                       s.word::platform.call_status,
                       CASE pg_temp.word(s.\"callType\") WHEN 'inbound' THEN s.\"phoneNumber\" END,
                       CASE pg_temp.word(s.\"callType\") WHEN 'outbound' THEN s.\"phoneNumber\" END,
                       s.\"phoneNumber\", s.customer, a.id, c.id, c.name, s.\"timestamp\",
                       CASE s.word WHEN 'completed' THEN s.\"timestamp\" END,
                       CASE s.word WHEN 'completed' THEN s.\"timestamp\" END, s.ended,
                       pg_temp.noted(s.metadata, s.source_key, jsonb_build_object(
                         'duration', CASE WHEN s.duration < 0 THEN s.duration END)),
                       s.\"timestamp\"
                  FROM source s
                  LEFT JOIN agents a ON a.id = pg_temp.uid('agents', s.\"agentId\")
                  LEFT JOIN campaigns c ON c.id = pg_temp.uid('campaigns', s.\"campaignId\")
                 WHERE s.is_new",
        after: &[
            "INSERT INTO transcriptions (id, call_id, provider, status, text, created_at)
             SELECT pg_temp.uid_at('transcriptions', s.source_key, s.\"timestamp\"), s.call_id,
                    'organization', 'completed', s.transcript, s.\"timestamp\"
               FROM source s WHERE s.is_new AND s.transcript IS NOT NULL",
            "INSERT INTO call_recordings (id, call_id, status, object_url, encryption, created_at)
             SELECT pg_temp.uid_at('call_recordings', s.source_key, s.\"timestamp\"), s.call_id,
                    'available', s.\"recordingUrl\", 'none', s.\"timestamp\"
               FROM source s WHERE s.is_new AND s.\"recordingUrl\" IS NOT NULL",
        ],
        found: "FROM calls t JOIN source s ON t.id = s.call_id",
        sums: &[Measure {
            name: "seconds of duration",
            source: "s.duration",
            target: "coalesce((t.metadata #>> '{import,duration}')::bigint, t.duration_seconds)",
        }],
        ..Step::BLANK
    },
    Step {
        table: "\"Event\"",
        columns: "id text, name text, description text, \"isEnabled\" boolean, \"agentId\" text,
                  \"webhookUrl\" text, \"triggerCount\" bigint",
        scratch: "secret_enc bytea",
        of_tenant: OF,
        key: ("s.id", "text"),
        secrets: &[Secret::Fresh {
            table: "webhooks",
            column: "secret_enc",
            id: "id",
        }],
        refuse: &[
            (
                "webhookUrl: it is neither http nor https",
                "coalesce(s.\"webhookUrl\" !~ '^https?://', true)",
            ),
            (
                "there is no data key to seal the secret of its signature with; give the tenant one and import again",
                "s.secret_enc IS NULL",
            ),
        ],
        write: "INSERT INTO webhooks (id, name, description, url, agent_id, secret_enc, status,
                       trigger_count, metadata)
                SELECT pg_temp.uid('webhooks', s.id), s.name, s.description, s.\"webhookUrl\",
                       (SELECT a.id FROM agents a WHERE a.id = pg_temp.uid('agents', s.\"agentId\")),
                       s.secret_enc,
                       CASE WHEN s.\"isEnabled\" THEN 'active' ELSE 'paused' END::platform.webhook_status,
                       coalesce(s.\"triggerCount\", 0), pg_temp.noted(NULL, s.source_key)
                  FROM source s
                ON CONFLICT (id) DO NOTHING",
        found: "FROM webhooks t JOIN source s ON t.id = pg_temp.uid('webhooks', s.id)",
        ..Step::BLANK
    },
];
