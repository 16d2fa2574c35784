//! `calls`: opened when a call begins, closed with what is known at its end.

use callplane_types::{
    AgentId, CallStatus, CampaignId, E164, FlowId, HangupParty, Micros, NumberId, Pii,
};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use crate::Result;
use crate::records::{Call, CallRecord, EARLIER_CALLS};
use crate::time::{sql, sql_opt};

use super::int;

/// Inserts the rows with what is known at the start, unless they are there.
pub(in crate::records) async fn open(connection: &mut PgConnection, calls: &[&Call]) -> Result<()> {
    let mut rows = Opening::default();
    for call in calls {
        rows.push(call);
    }
    sqlx::query(
        "INSERT INTO calls (id, external_call_id, direction, status, initiated_at, ringing_at,
                from_number, to_number, from_uri, to_uri, from_phone_number_id,
                to_phone_number_id, customer_number, agent_id, agent_version_id, flow_id,
                campaign_id, billing_increment_seconds, currency, media_node, media_node_epoch)
         SELECT r.id, r.external_call_id, r.direction::platform.call_direction,
                r.status::platform.call_status, r.initiated_at, r.ringing_at, r.from_number,
                r.to_number, r.from_uri, r.to_uri,
                (SELECT n.id FROM phone_numbers n WHERE n.id = r.from_phone),
                (SELECT n.id FROM phone_numbers n WHERE n.id = r.to_phone), r.customer,
                (SELECT a.id FROM agents a WHERE a.id = r.agent), r.agent_version,
                (SELECT f.id FROM flows f WHERE f.id = r.flow),
                (SELECT c.id FROM campaigns c WHERE c.id = r.campaign), r.increment, r.currency,
                r.media_node, r.media_node_epoch
           FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[],
                       $6::timestamptz[], $7::text[], $8::text[], $9::text[], $10::text[],
                       $11::uuid[], $12::uuid[], $13::text[], $14::uuid[], $15::uuid[],
                       $16::uuid[], $17::uuid[], $18::smallint[], $19::text[], $20::text[],
                       $21::bigint[])
                AS r(id, external_call_id, direction, status, initiated_at, ringing_at, from_number,
                     to_number, from_uri, to_uri, from_phone, to_phone, customer, agent,
                     agent_version, flow, campaign, increment, currency, media_node,
                     media_node_epoch)
          ORDER BY r.id
         ON CONFLICT (id) DO NOTHING",
    )
    .bind(rows.ids)
    .bind(rows.external_call_ids)
    .bind(rows.directions)
    .bind(rows.statuses)
    .bind(rows.initiated)
    .bind(rows.ringing)
    .bind(rows.from_numbers)
    .bind(rows.to_numbers)
    .bind(rows.from_uris)
    .bind(rows.to_uris)
    .bind(rows.from_phones)
    .bind(rows.to_phones)
    .bind(rows.customers)
    .bind(rows.agents)
    .bind(rows.agent_versions)
    .bind(rows.flows)
    .bind(rows.campaigns)
    .bind(rows.increments)
    .bind(rows.currencies)
    .bind(rows.media_nodes)
    .bind(rows.media_node_epochs)
    .execute(connection)
    .await?;
    Ok(())
}

/// The columns of a call that begins, each as one array.
#[derive(Default)]
struct Opening<'a> {
    ids: Vec<Uuid>,
    external_call_ids: Vec<Option<&'a str>>,
    directions: Vec<&'static str>,
    statuses: Vec<&'static str>,
    initiated: Vec<DateTime<Utc>>,
    ringing: Vec<Option<DateTime<Utc>>>,
    from_numbers: Vec<Option<&'a str>>,
    to_numbers: Vec<Option<&'a str>>,
    from_uris: Vec<Option<&'a str>>,
    to_uris: Vec<Option<&'a str>>,
    from_phones: Vec<Option<Uuid>>,
    to_phones: Vec<Option<Uuid>>,
    customers: Vec<Option<&'a str>>,
    agents: Vec<Option<Uuid>>,
    agent_versions: Vec<Option<Uuid>>,
    flows: Vec<Option<Uuid>>,
    campaigns: Vec<Option<Uuid>>,
    increments: Vec<i16>,
    currencies: Vec<&'a str>,
    media_nodes: Vec<Option<&'a str>>,
    media_node_epochs: Vec<Option<i64>>,
}

impl<'a> Opening<'a> {
    fn push(&mut self, call: &'a Call) {
        self.ids.push(call.id.uuid());
        self.external_call_ids
            .push(call.external_call_id.as_deref());
        self.directions.push(call.direction.as_str());
        self.statuses.push(if call.status.is_final() {
            // The final status comes with the rest, in the same transaction.
            CallStatus::Initiated.as_str()
        } else {
            call.status.as_str()
        });
        self.initiated.push(sql(call.initiated_at));
        self.ringing.push(sql_opt(call.ringing_at));
        self.from_numbers
            .push(call.from_number.as_ref().map(E164::as_str));
        self.to_numbers
            .push(call.to_number.as_ref().map(E164::as_str));
        self.from_uris.push(exposed(call.from_uri.as_ref()));
        self.to_uris.push(exposed(call.to_uri.as_ref()));
        self.from_phones
            .push(call.from_phone_number_id.map(NumberId::uuid));
        self.to_phones
            .push(call.to_phone_number_id.map(NumberId::uuid));
        self.customers
            .push(call.customer_number().map(E164::as_str));
        self.agents.push(call.agent_id.map(AgentId::uuid));
        self.agent_versions.push(call.agent_version_id);
        self.flows.push(call.flow_id.map(FlowId::uuid));
        self.campaigns.push(call.campaign_id.map(CampaignId::uuid));
        self.increments.push(increment(call));
        self.currencies.push(call.currency.as_str());
        self.media_nodes.push(call.media_node.as_deref());
        self.media_node_epochs.push(call.media_node_epoch);
    }
}

/// Writes how the calls went into their rows. References to configuration that was deleted meanwhile
/// become NULL instead of losing the record.
pub(super) async fn close(connection: &mut PgConnection, records: &[&CallRecord]) -> Result<()> {
    let mut rows = Closing::default();
    for record in records {
        rows.push(record);
    }
    // The bound on c.id prunes months, and keeps a plan made for few rows from reading the table. OFFSET 0 keeps `earlier` from being looked up for each time it is named.
    sqlx::query(
        "UPDATE calls c SET
            status = r.status::platform.call_status, status_reason = r.status_reason,
            from_number = coalesce(r.from_number, c.from_number),
            to_number = coalesce(r.to_number, c.to_number),
            customer_number = coalesce(r.customer, c.customer_number),
            from_uri = coalesce(r.from_uri, c.from_uri), to_uri = coalesce(r.to_uri, c.to_uri),
            from_phone_number_id = coalesce(
                (SELECT n.id FROM phone_numbers n WHERE n.id = r.from_phone), c.from_phone_number_id),
            to_phone_number_id = coalesce(
                (SELECT n.id FROM phone_numbers n WHERE n.id = r.to_phone), c.to_phone_number_id),
            customer_name = coalesce(r.customer_name, c.customer_name),
            contact_id = coalesce(c.contact_id, (SELECT p.id FROM contacts p
                WHERE p.phone = r.customer AND p.deleted_at IS NULL ORDER BY p.id LIMIT 1)),
            agent_id = coalesce((SELECT a.id FROM agents a WHERE a.id = r.agent), c.agent_id),
            agent_version_id = coalesce(r.agent_version, c.agent_version_id),
            flow_id = coalesce((SELECT f.id FROM flows f WHERE f.id = r.flow), c.flow_id,
                (SELECT l.flow_id FROM agent_flows l WHERE l.agent_id = r.agent
                  ORDER BY l.priority, l.id LIMIT 1)),
            campaign_id = coalesce(
                (SELECT k.id FROM campaigns k WHERE k.id = r.campaign), c.campaign_id),
            initiated_at = r.initiated_at, ringing_at = r.ringing_at, answered_at = r.answered_at,
            connected_at = r.connected_at, ended_at = r.ended_at,
            billing_increment_seconds = r.increment,
            mos_score = r.mos::numeric, jitter_ms = r.jitter,
            packet_loss_percent = r.packet_loss::numeric,
            rate_micros_per_minute = r.rate, currency = r.currency, cost_micros = r.cost,
            outcome = r.outcome, hangup_cause = r.hangup_cause,
            hangup_by = r.hangup_by::platform.hangup_party,
            sip_code = r.sip_code, media_node = coalesce(r.media_node, c.media_node),
            media_node_epoch = coalesce(r.media_node_epoch, c.media_node_epoch),
            caller_id_area_code = r.area_code,
            missed_call = r.status IN ('busy', 'no_answer', 'cancelled'),
            blocked = r.status = 'blocked',
            block_reason = CASE WHEN r.status = 'blocked' THEN r.status_reason END,
            previously_connected = r.earlier IS NOT NULL, previously_connected_at = r.earlier,
            tags = CASE r.tags WHEN '[]' THEN c.tags ELSE ARRAY(
                SELECT t.name FROM unnest(c.tags) AS t(name)
                 UNION SELECT t.name FROM jsonb_array_elements_text(r.tags) AS t(name)
                 ORDER BY 1) END,
            metadata = CASE WHEN r.variables IS NULL THEN c.metadata
                ELSE c.metadata || jsonb_build_object('variables', r.variables) END,
            variables_enc = r.variables_enc
           FROM (SELECT r.*, (
                    SELECT p.connected_at FROM (
                        SELECT e.connected_at, e.initiated_at FROM calls e
                         WHERE e.customer_number = r.customer AND e.initiated_at < r.initiated_at
                         ORDER BY e.initiated_at DESC LIMIT $36) p
                     WHERE p.connected_at IS NOT NULL
                     ORDER BY p.initiated_at DESC LIMIT 1) AS earlier
                   FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[],
                        $6::text[], $7::text[], $8::text[], $9::uuid[], $10::uuid[], $11::text[],
                        $12::uuid[], $13::uuid[], $14::uuid[], $15::uuid[], $16::timestamptz[],
                        $17::timestamptz[], $18::timestamptz[], $19::timestamptz[],
                        $20::timestamptz[], $21::smallint[], $22::real[], $23::integer[],
                        $24::real[], $25::bigint[], $26::text[], $27::bigint[], $28::text[],
                        $29::text[], $30::text[], $31::integer[], $32::text[], $33::bigint[],
                        $34::text[], $35::jsonb[], $37::jsonb[], $38::bytea[])
                     AS r(id, status, status_reason, from_number, to_number, customer, from_uri,
                        to_uri, from_phone, to_phone, customer_name, agent, agent_version, flow,
                        campaign, initiated_at, ringing_at, answered_at, connected_at, ended_at,
                        increment, mos, jitter, packet_loss, rate, currency, cost, outcome,
                        hangup_cause, hangup_by, sip_code, media_node, media_node_epoch, area_code,
                        variables, tags, variables_enc)
                  OFFSET 0) r
          WHERE c.id = r.id AND c.id = ANY ($1)",
    )
    .bind(rows.ids)
    .bind(rows.statuses)
    .bind(rows.status_reasons)
    .bind(rows.from_numbers)
    .bind(rows.to_numbers)
    .bind(rows.customers)
    .bind(rows.from_uris)
    .bind(rows.to_uris)
    .bind(rows.from_phones)
    .bind(rows.to_phones)
    .bind(rows.customer_names)
    .bind(rows.agents)
    .bind(rows.agent_versions)
    .bind(rows.flows)
    .bind(rows.campaigns)
    .bind(rows.initiated)
    .bind(rows.ringing)
    .bind(rows.answered)
    .bind(rows.connected)
    .bind(rows.ended)
    .bind(rows.increments)
    .bind(rows.mos)
    .bind(rows.jitter)
    .bind(rows.packet_loss)
    .bind(rows.rates)
    .bind(rows.currencies)
    .bind(rows.costs)
    .bind(rows.outcomes)
    .bind(rows.hangup_causes)
    .bind(rows.hangup_by)
    .bind(rows.sip_codes)
    .bind(rows.media_nodes)
    .bind(rows.media_node_epochs)
    .bind(rows.area_codes)
    .bind(rows.variables)
    .bind(EARLIER_CALLS)
    .bind(rows.tags)
    .bind(rows.variables_enc)
    .execute(connection)
    .await?;
    Ok(())
}

/// The columns of a call that has ended, each as one array.
#[derive(Default)]
struct Closing<'a> {
    ids: Vec<Uuid>,
    statuses: Vec<&'static str>,
    status_reasons: Vec<Option<&'a str>>,
    from_numbers: Vec<Option<&'a str>>,
    to_numbers: Vec<Option<&'a str>>,
    customers: Vec<Option<&'a str>>,
    from_uris: Vec<Option<&'a str>>,
    to_uris: Vec<Option<&'a str>>,
    from_phones: Vec<Option<Uuid>>,
    to_phones: Vec<Option<Uuid>>,
    customer_names: Vec<Option<&'a str>>,
    agents: Vec<Option<Uuid>>,
    agent_versions: Vec<Option<Uuid>>,
    flows: Vec<Option<Uuid>>,
    campaigns: Vec<Option<Uuid>>,
    initiated: Vec<DateTime<Utc>>,
    ringing: Vec<Option<DateTime<Utc>>>,
    answered: Vec<Option<DateTime<Utc>>>,
    connected: Vec<Option<DateTime<Utc>>>,
    ended: Vec<Option<DateTime<Utc>>>,
    increments: Vec<i16>,
    mos: Vec<Option<f32>>,
    jitter: Vec<Option<i32>>,
    packet_loss: Vec<Option<f32>>,
    rates: Vec<Option<i64>>,
    currencies: Vec<&'a str>,
    costs: Vec<i64>,
    outcomes: Vec<Option<&'a str>>,
    hangup_causes: Vec<Option<&'a str>>,
    hangup_by: Vec<Option<&'static str>>,
    sip_codes: Vec<Option<i32>>,
    media_nodes: Vec<Option<&'a str>>,
    media_node_epochs: Vec<Option<i64>>,
    area_codes: Vec<Option<&'a str>>,
    variables: Vec<Option<Json<&'a serde_json::Map<String, serde_json::Value>>>>,
    variables_enc: Vec<Option<&'a [u8]>>,
    tags: Vec<Json<&'a Vec<String>>>,
}

impl<'a> Closing<'a> {
    fn push(&mut self, record: &'a CallRecord) {
        // Destructured without `..`: a new field must be stored or left out on purpose.
        let Call {
            id,
            tenant_id: _,
            external_call_id: _,
            direction: _,
            status,
            status_reason,
            from_number,
            to_number,
            from_uri,
            to_uri,
            from_phone_number_id,
            to_phone_number_id,
            customer_name,
            agent_id,
            agent_version_id,
            flow_id,
            campaign_id,
            initiated_at,
            ringing_at,
            answered_at,
            connected_at,
            ended_at,
            billing_increment_seconds: _,
            mos_score,
            jitter_ms,
            packet_loss_percent,
            rate_micros_per_minute,
            currency,
            outcome,
            hangup_cause,
            hangup_by,
            sip_code,
            media_node,
            media_node_epoch,
            tags,
            variables,
        } = &record.call;
        let cost: Micros = record.costs.iter().map(|cost| cost.amount).sum();
        self.ids.push(id.uuid());
        self.statuses.push(status.as_str());
        self.status_reasons.push(status_reason.as_deref());
        self.from_numbers
            .push(from_number.as_ref().map(E164::as_str));
        self.to_numbers.push(to_number.as_ref().map(E164::as_str));
        self.customers
            .push(record.call.customer_number().map(E164::as_str));
        self.from_uris.push(exposed(from_uri.as_ref()));
        self.to_uris.push(exposed(to_uri.as_ref()));
        self.from_phones
            .push(from_phone_number_id.map(NumberId::uuid));
        self.to_phones.push(to_phone_number_id.map(NumberId::uuid));
        self.customer_names.push(exposed(customer_name.as_ref()));
        self.agents.push(agent_id.map(AgentId::uuid));
        self.agent_versions.push(*agent_version_id);
        self.flows.push(flow_id.map(FlowId::uuid));
        self.campaigns.push(campaign_id.map(CampaignId::uuid));
        self.initiated.push(sql(*initiated_at));
        self.ringing.push(sql_opt(*ringing_at));
        self.answered.push(sql_opt(*answered_at));
        self.connected.push(sql_opt(*connected_at));
        self.ended.push(sql_opt(*ended_at));
        self.increments.push(increment(&record.call));
        self.mos.push(mos_score.map(|mos| mos.clamp(1.0, 5.0)));
        self.jitter.push(jitter_ms.map(int));
        self.packet_loss
            .push(packet_loss_percent.map(|percent| percent.clamp(0.0, 100.0)));
        self.rates.push(rate_micros_per_minute.map(|rate| rate.0));
        self.currencies.push(currency.as_str());
        self.costs.push(cost.0);
        self.outcomes.push(outcome.as_deref());
        self.hangup_causes.push(hangup_cause.as_deref());
        self.hangup_by.push(hangup_by.map(HangupParty::as_str));
        self.sip_codes.push(sip_code.map(i32::from));
        self.media_nodes.push(media_node.as_deref());
        self.media_node_epochs.push(*media_node_epoch);
        self.area_codes.push(record.call.caller_area_code());
        self.variables.push(variables.as_clear().map(Json));
        self.variables_enc.push(variables.as_sealed());
        self.tags.push(Json(tags));
    }
}

fn exposed(text: Option<&Pii<String>>) -> Option<&str> {
    text.map(|text| text.expose().as_str())
}

fn increment(call: &Call) -> i16 {
    i16::try_from(call.billing_increment_seconds).unwrap_or(i16::MAX)
}
