//! `call_legs`.

use callplane_types::{AgentId, LegId, Pii, TrunkId};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{below, small};
use crate::Result;
use crate::records::{CallRecord, Leg};
use crate::time::{sql, sql_opt};

/// The columns, each as one array.
#[derive(Default)]
struct Columns<'a> {
    calls: Vec<Uuid>,
    numbers: Vec<i16>,
    ids: Vec<Uuid>,
    kinds: Vec<&'static str>,
    endpoint_kinds: Vec<&'static str>,
    directions: Vec<&'static str>,
    from_uris: Vec<Option<&'a str>>,
    to_uris: Vec<Option<&'a str>>,
    trunks: Vec<Option<Uuid>>,
    agents: Vec<Option<Uuid>>,
    carrier_leg_ids: Vec<Option<&'a str>>,
    statuses: Vec<&'static str>,
    initiated: Vec<DateTime<Utc>>,
    answered: Vec<Option<DateTime<Utc>>>,
    ended: Vec<Option<DateTime<Utc>>>,
    hangup_causes: Vec<Option<&'a str>>,
    sip_codes: Vec<Option<i32>>,
    codecs: Vec<Option<&'a str>>,
    srtp_suites: Vec<Option<&'a str>>,
    media: Vec<&'a serde_json::Value>,
}

pub(super) async fn insert(connection: &mut PgConnection, records: &[&CallRecord]) -> Result<()> {
    let mut rows = Columns::default();
    for (call, number, leg) in below(records, |record| record.legs.as_slice()) {
        let Leg {
            id,
            kind,
            endpoint_kind,
            direction,
            from_uri,
            to_uri,
            trunk_id,
            agent_id,
            carrier_leg_id,
            status,
            initiated_at,
            answered_at,
            ended_at,
            hangup_cause,
            sip_code,
            codec,
            srtp_suite,
            media,
        } = leg;
        rows.calls.push(call.uuid());
        rows.numbers.push(small(number));
        rows.ids.push(LegId::uuid(*id));
        rows.kinds.push(kind.as_str());
        rows.endpoint_kinds.push(endpoint_kind.as_str());
        rows.directions.push(direction.as_str());
        rows.from_uris
            .push(from_uri.as_ref().map(|uri| Pii::expose(uri).as_str()));
        rows.to_uris
            .push(to_uri.as_ref().map(|uri| Pii::expose(uri).as_str()));
        rows.trunks.push(trunk_id.map(TrunkId::uuid));
        rows.agents.push(agent_id.map(AgentId::uuid));
        rows.carrier_leg_ids.push(carrier_leg_id.as_deref());
        rows.statuses.push(status.as_str());
        rows.initiated.push(sql(*initiated_at));
        rows.answered.push(sql_opt(*answered_at));
        rows.ended.push(sql_opt(*ended_at));
        rows.hangup_causes.push(hangup_cause.as_deref());
        rows.sip_codes.push(sip_code.map(i32::from));
        rows.codecs.push(codec.as_deref());
        rows.srtp_suites.push(srtp_suite.as_deref());
        rows.media.push(media);
    }
    if rows.calls.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO call_legs (call_id, leg_no, id, kind, endpoint_kind, direction, from_uri,
                to_uri, trunk_id, agent_id, carrier_leg_id, status, initiated_at, answered_at,
                ended_at, hangup_cause, sip_code, codec, srtp_suite, media)
         SELECT r.call, r.number, r.id, r.kind::platform.leg_kind,
                r.endpoint_kind::platform.endpoint_kind, r.direction::platform.call_direction,
                r.from_uri, r.to_uri, (SELECT t.id FROM trunks t WHERE t.id = r.trunk),
                (SELECT a.id FROM agents a WHERE a.id = r.agent), r.carrier_leg_id,
                r.status::platform.call_status, r.initiated_at, r.answered_at, r.ended_at,
                r.hangup_cause, r.sip_code, r.codec, r.srtp_suite, r.media
           FROM unnest($1::uuid[], $2::smallint[], $3::uuid[], $4::text[], $5::text[], $6::text[],
                       $7::text[], $8::text[], $9::uuid[], $10::uuid[], $11::text[], $12::text[],
                       $13::timestamptz[], $14::timestamptz[], $15::timestamptz[], $16::text[],
                       $17::integer[], $18::text[], $19::text[], $20::jsonb[])
                AS r(call, number, id, kind, endpoint_kind, direction, from_uri, to_uri, trunk,
                     agent, carrier_leg_id, status, initiated_at, answered_at, ended_at,
                     hangup_cause, sip_code, codec, srtp_suite, media)",
    )
    .bind(rows.calls)
    .bind(rows.numbers)
    .bind(rows.ids)
    .bind(rows.kinds)
    .bind(rows.endpoint_kinds)
    .bind(rows.directions)
    .bind(rows.from_uris)
    .bind(rows.to_uris)
    .bind(rows.trunks)
    .bind(rows.agents)
    .bind(rows.carrier_leg_ids)
    .bind(rows.statuses)
    .bind(rows.initiated)
    .bind(rows.answered)
    .bind(rows.ended)
    .bind(rows.hangup_causes)
    .bind(rows.sip_codes)
    .bind(rows.codecs)
    .bind(rows.srtp_suites)
    .bind(rows.media)
    .execute(connection)
    .await?;
    Ok(())
}
