//! Calls, what happened in them, and what was told of them.

use crate::import::platforms::common;
use crate::import::step::{Measure, Step};

pub(super) const STEPS: &[Step<'static>] = &[
    Step {
        table: "calls",
        columns: "id bigint, uuid uuid, call_sid text, parent_call_sid text, carrier_call_sid text,
                  direction text, call_type text, from_number text, to_number text, status text,
                  initiated_at timestamptz, ringing_at timestamptz, answered_at timestamptz,
                  ended_at timestamptz, duration_seconds numeric, billable_seconds numeric,
                  mos_score numeric, jitter_ms integer, packet_loss_percent numeric,
                  queue_id bigint, campaign_id bigint, recording_url text,
                  recording_duration_seconds numeric, recording_sid text, transcription_text text,
                  transcription_confidence numeric, cost_cents numeric,
                  rate_cents_per_minute numeric, hangup_cause text, hangup_by text, metadata jsonb,
                  tags text[], created_at timestamptz, updated_at timestamptz",
        joined: &[
            ("from_e164", "text", "fp.phone_number"),
            ("to_e164", "text", "tp.phone_number"),
            ("user_uuid", "uuid", "u.uuid"),
            ("user_email", "text", "u.email"),
            ("parent_uuid", "text", "p.uuid"),
            ("parent_at", "timestamptz", "p.initiated_at"),
        ],
        joins: "LEFT JOIN phone_numbers fp ON fp.id = s.from_phone_number_id
                LEFT JOIN phone_numbers tp ON tp.id = s.to_phone_number_id
                LEFT JOIN users u ON u.id = s.user_id
                LEFT JOIN calls p ON p.call_sid = s.parent_call_sid AND p.tenant_id = s.tenant_id",
        scratch: "call_id uuid, ended timestamptz, is_new boolean",
        key: ("s.id", "bigint"),
        refuse: &[
            (
                "initiated_at: it is no time that a call can have",
                "NOT pg_temp.is_time_of_call(s.initiated_at)",
            ),
            ("call_sid: it is empty", "coalesce(s.call_sid, '') = ''"),
            (
                "call_sid: another call has it",
                "row_number() OVER (PARTITION BY s.call_sid ORDER BY s.id) > 1
                 OR EXISTS (SELECT FROM call_keys k
                             WHERE k.kind = 'call_sid' AND k.key = s.call_sid
                               AND k.call_id <> pg_temp.call_uid(s.uuid::text, s.initiated_at))",
            ),
            (
                "direction: it is none of inbound, outbound, internal",
                "coalesce(pg_temp.word(s.direction) NOT IN ('inbound', 'outbound', 'internal'), true)",
            ),
            (
                "call_type: it is none of voice, voicemail, conference",
                "coalesce(pg_temp.word(s.call_type) NOT IN ('voice', 'voicemail', 'conference'), true)",
            ),
            common::no_whole!("duration_seconds", "s.duration_seconds"),
            common::no_whole!("billable_seconds", "s.billable_seconds"),
            common::no_whole!("recording_duration_seconds", "s.recording_duration_seconds"),
            common::no_cents!("cost_cents", "s.cost_cents"),
            common::no_cents!("rate_cents_per_minute", "s.rate_cents_per_minute"),
            ("status: the word is not known", common::UNKNOWN_CALL_STATUS),
        ],
        note: &[
            (
                "duration_seconds: not what its times say, kept in metadata.import",
                "s.duration_seconds <> platform.seconds_between(s.initiated_at, s.ended_at)",
            ),
            (
                "mos_score, packet_loss_percent: out of range, kept in metadata.import",
                "s.mos_score NOT BETWEEN 1 AND 5 OR s.packet_loss_percent NOT BETWEEN 0 AND 100",
            ),
            (
                "hangup_by: the word is not known, kept in metadata.import",
                "pg_temp.word(s.hangup_by) NOT IN ('caller', 'callee', 'system')",
            ),
            (
                "queue_id, campaign_id: IRISX has no such tables yet, kept in metadata.import",
                "s.queue_id IS NOT NULL OR s.campaign_id IS NOT NULL",
            ),
        ],
        before: &[
            // A call that tells how long it took and not when it ended, ended then.
            "UPDATE source s
                SET call_id = pg_temp.call_uid(s.uuid::text, s.initiated_at),
                    duration_seconds = trunc(s.duration_seconds),
                    billable_seconds = trunc(s.billable_seconds),
                    ended = coalesce(s.ended_at, CASE WHEN s.duration_seconds >= 0
                      THEN s.initiated_at + make_interval(secs => s.duration_seconds) END)",
            "UPDATE source s SET is_new = NOT EXISTS (SELECT FROM calls c WHERE c.id = s.call_id)",
        ],
        write: "INSERT INTO calls (id, call_sid, carrier_call_sid, parent_call_id, parent_call_sid,
                       direction, call_type, status, from_number, to_number, from_phone_number_id,
                       to_phone_number_id, customer_number, member_id, initiated_at, ringing_at,
                       answered_at, connected_at, ended_at, mos_score, jitter_ms,
                       packet_loss_percent, cost_micros, rate_micros_per_minute, hangup_cause,
                       hangup_by, tags, metadata, created_at, updated_at)
                SELECT s.call_id, s.call_sid, s.carrier_call_sid,
                       CASE WHEN pg_temp.is_time_of_call(s.parent_at)
                            THEN pg_temp.call_uid(s.parent_uuid, s.parent_at) END,
                       s.parent_call_sid, pg_temp.word(s.direction)::platform.call_direction,
                       pg_temp.word(s.call_type)::platform.call_type,
                       pg_temp.word(s.status)::platform.call_status, s.from_number, s.to_number,
                       fp.id, tp.id,
                       CASE pg_temp.word(s.direction) WHEN 'outbound' THEN s.to_number
                                                      ELSE s.from_number END,
                       pg_temp.member(s.user_uuid, s.user_email), s.initiated_at, s.ringing_at,
                       s.answered_at, s.answered_at, s.ended,
                       CASE WHEN s.mos_score BETWEEN 1 AND 5 THEN s.mos_score END, s.jitter_ms,
                       CASE WHEN s.packet_loss_percent BETWEEN 0 AND 100
                            THEN s.packet_loss_percent END,
                       coalesce(s.cost_cents, 0) * 10000, s.rate_cents_per_minute * 10000,
                       s.hangup_cause,
                       CASE WHEN pg_temp.word(s.hangup_by) IN ('caller', 'callee', 'system')
                            THEN pg_temp.word(s.hangup_by)::platform.hangup_party END,
                       pg_temp.tag_set(s.tags),
                       pg_temp.noted(s.metadata, s.source_key, jsonb_build_object(
                         'uuid', s.uuid, 'queue_id', s.queue_id, 'campaign_id', s.campaign_id,
                         'duration_seconds', CASE WHEN s.duration_seconds IS DISTINCT FROM
                           platform.seconds_between(s.initiated_at, s.ended)
                           THEN s.duration_seconds END,
                         'billable_seconds', CASE WHEN s.billable_seconds IS DISTINCT FROM
                           platform.round_up(platform.seconds_between(s.answered_at, s.ended), 6)
                           THEN s.billable_seconds END,
                         'mos_score', CASE WHEN s.mos_score NOT BETWEEN 1 AND 5
                           THEN s.mos_score END,
                         'packet_loss_percent', CASE WHEN s.packet_loss_percent NOT BETWEEN 0
                           AND 100 THEN s.packet_loss_percent END,
                         'hangup_by', CASE WHEN pg_temp.word(s.hangup_by)
                           NOT IN ('caller', 'callee', 'system') THEN s.hangup_by END)),
                       s.created_at, s.updated_at
                  FROM source s
                  LEFT JOIN phone_numbers fp ON fp.e164 = s.from_e164
                  LEFT JOIN phone_numbers tp ON tp.e164 = s.to_e164
                 WHERE s.is_new",
        after: &[
            "INSERT INTO call_recordings (id, call_id, recording_sid, status, object_url,
                    duration_seconds, encryption, created_at, updated_at)
             SELECT pg_temp.uid_at('call_recordings', s.source_key, s.initiated_at), s.call_id,
                    s.recording_sid, 'available', s.recording_url, s.recording_duration_seconds,
                    'none', s.created_at, s.updated_at
               FROM source s
              WHERE s.is_new AND num_nonnulls(s.recording_url, s.recording_sid,
                                              s.recording_duration_seconds) > 0",
            "INSERT INTO transcriptions (id, call_id, provider, status, text, confidence,
                    created_at, updated_at)
             SELECT pg_temp.uid_at('transcriptions', s.source_key, s.initiated_at), s.call_id,
                    'irisx', 'completed', s.transcription_text, s.transcription_confidence,
                    s.created_at, s.updated_at
               FROM source s
              WHERE s.is_new AND num_nonnulls(s.transcription_text, s.transcription_confidence) > 0",
            "INSERT INTO call_costs (id, call_id, component, provider, amount_micros, created_at)
             SELECT pg_temp.uid_at('call_costs', s.source_key, s.initiated_at), s.call_id, 'other',
                    'irisx', s.cost_cents * 10000, s.created_at
               FROM source s WHERE s.is_new AND s.cost_cents <> 0",
            common::TAGS,
            common::CALL_TAGS,
        ],
        found: "FROM calls t JOIN source s ON t.id = s.call_id",
        sums: &[
            Measure {
                name: "seconds of duration",
                source: "s.duration_seconds",
                target: "CASE WHEN s.duration_seconds IS NOT NULL THEN
                           coalesce((t.metadata #>> '{import,duration_seconds}')::bigint,
                                    t.duration_seconds) END",
            },
            Measure {
                name: "billable seconds",
                source: "s.billable_seconds",
                target: "CASE WHEN s.billable_seconds IS NOT NULL THEN
                           coalesce((t.metadata #>> '{import,billable_seconds}')::bigint,
                                    t.billable_seconds) END",
            },
            Measure {
                name: "millionths of cost",
                source: common::millionths_of_cents!("s.cost_cents"),
                target: "t.cost_micros",
            },
            Measure {
                name: "millionths of cost by component",
                source: common::millionths_of_cents!("s.cost_cents"),
                target: "(SELECT sum(k.amount_micros) FROM call_costs k WHERE k.call_id = t.id)",
            },
        ],
        ..Step::BLANK
    },
    Step {
        table: "call_logs",
        columns: "id bigint, event_type text, event_timestamp timestamptz, from_status text,
                  to_status text, metadata jsonb, raw_event jsonb, created_at timestamptz",
        joined: &[
            ("call_uuid", "text", "c.uuid"),
            ("call_at", "timestamptz", "c.initiated_at"),
            ("user_uuid", "uuid", "u.uuid"),
            ("user_email", "text", "u.email"),
        ],
        joins: "LEFT JOIN calls c ON c.id = s.call_id LEFT JOIN users u ON u.id = s.user_id",
        scratch: "call_id uuid",
        key: ("s.id", "bigint"),
        refuse: &[
            (
                "call_id: its call was not imported",
                "s.call_at IS NULL OR NOT pg_temp.is_time_of_call(s.call_at)
                 OR NOT EXISTS (SELECT FROM calls c
                                 WHERE c.id = pg_temp.call_uid(s.call_uuid, s.call_at))",
            ),
            (
                "event_timestamp: it is no time that can be kept",
                "NOT pg_temp.is_time_of_call(s.event_timestamp)",
            ),
        ],
        note: &[(
            "from_status, to_status: the word is not known, kept in metadata.import",
            "pg_temp.word(s.from_status) <> ALL ((SELECT enum_range(NULL::platform.call_status)::text[])::text[])
             OR pg_temp.word(s.to_status) <> ALL ((SELECT enum_range(NULL::platform.call_status)::text[])::text[])",
        )],
        before: &["UPDATE source s SET call_id = pg_temp.call_uid(s.call_uuid, s.call_at)"],
        write: "INSERT INTO call_events (id, call_id, event_type, event_timestamp, from_status,
                       to_status, member_id, metadata, raw_event, created_at)
                SELECT pg_temp.uid_at('call_events', s.source_key, s.event_timestamp), s.call_id,
                       s.event_type, s.event_timestamp, f.word::platform.call_status,
                       t.word::platform.call_status, pg_temp.member(s.user_uuid, s.user_email),
                       pg_temp.noted(s.metadata, s.source_key, jsonb_build_object(
                         'from_status', CASE WHEN f.word IS NULL THEN s.from_status END,
                         'to_status', CASE WHEN t.word IS NULL THEN s.to_status END)),
                       s.raw_event, s.created_at
                  FROM source s
                  LEFT JOIN unnest(enum_range(NULL::platform.call_status)::text[]) AS f (word)
                    ON f.word = pg_temp.word(s.from_status)
                  LEFT JOIN unnest(enum_range(NULL::platform.call_status)::text[]) AS t (word)
                    ON t.word = pg_temp.word(s.to_status)
                ON CONFLICT (call_id, id) DO NOTHING",
        found: "FROM call_events t
                JOIN source s ON t.call_id = s.call_id
                 AND t.id = pg_temp.uid_at('call_events', s.source_key, s.event_timestamp)",
        ..Step::BLANK
    },
    Step {
        table: "webhook_deliveries",
        columns: "id bigint, event_type text, event_id uuid, request_url text, request_method text,
                  request_headers jsonb, request_body jsonb, request_signature text,
                  response_status_code integer, response_headers jsonb, response_body text,
                  response_time_ms numeric, status text, error_message text,
                  attempt_number integer, created_at timestamptz, delivered_at timestamptz",
        joined: &[
            ("webhook_uuid", "uuid", "w.uuid"),
            ("call_at", "timestamptz", "c.initiated_at"),
        ],
        joins: "LEFT JOIN webhooks w ON w.id = s.webhook_id
                LEFT JOIN calls c ON c.uuid = s.event_id AND c.tenant_id = s.tenant_id",
        key: ("s.id", "bigint"),
        refuse: &[
            (
                "webhook_id: its webhook was not imported",
                "NOT EXISTS (SELECT FROM webhooks w WHERE w.id = s.webhook_uuid)",
            ),
            common::no_whole!("response_time_ms", "s.response_time_ms"),
            (
                "status: it is none of pending, success, failed",
                "coalesce(pg_temp.word(s.status) NOT IN ('pending', 'success', 'failed'), true)",
            ),
            (
                "created_at: it is no time that can be kept",
                "NOT pg_temp.is_time_of_call(s.created_at)",
            ),
        ],
        note: &[(
            "attempt_number: below 1, it became 1",
            "s.attempt_number < 1",
        )],
        // What an event is about is a call where it was one: that has another identifier here.
        write: "INSERT INTO webhook_deliveries (id, webhook_id, event_type, event_id, request_url,
                       request_method, request_headers, request_body, request_signature,
                       response_status_code, response_headers, response_body, response_time_ms,
                       status, error_message, attempt_number, delivered_at, created_at)
                SELECT pg_temp.uid_at('webhook_deliveries', s.source_key, s.created_at),
                       s.webhook_uuid, s.event_type,
                       CASE WHEN pg_temp.is_time_of_call(s.call_at)
                            THEN pg_temp.call_uid(s.event_id::text, s.call_at)
                            ELSE s.event_id END,
                       s.request_url, coalesce(s.request_method, 'POST'), s.request_headers,
                       s.request_body, s.request_signature, s.response_status_code,
                       s.response_headers, s.response_body, s.response_time_ms,
                       pg_temp.word(s.status)::platform.delivery_status, s.error_message,
                       greatest(coalesce(s.attempt_number, 1), 1), s.delivered_at, s.created_at
                  FROM source s
                ON CONFLICT (id, created_at) DO NOTHING",
        found: "FROM webhook_deliveries t
                JOIN source s ON t.created_at = s.created_at
                 AND t.id = pg_temp.uid_at('webhook_deliveries', s.source_key, s.created_at)",
        ..Step::BLANK
    },
];
