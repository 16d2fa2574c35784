//! `call_segments`. The node is that of the newest version of the call's flow that was there when the
//! call began, which is the one it runs.

use callplane_types::{AgentId, SegmentId};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{below, small};
use crate::Result;
use crate::records::{CallRecord, Segment};
use crate::time::{sql, sql_opt};

/// The columns, each as one array.
#[derive(Default)]
struct Columns<'a> {
    calls: Vec<Uuid>,
    numbers: Vec<i16>,
    ids: Vec<Uuid>,
    kinds: Vec<&'static str>,
    begins: Vec<DateTime<Utc>>,
    ends: Vec<Option<DateTime<Utc>>>,
    agents: Vec<Option<Uuid>>,
    nodes: Vec<Option<&'a str>>,
    metadata: Vec<&'a serde_json::Value>,
}

pub(super) async fn insert(connection: &mut PgConnection, records: &[&CallRecord]) -> Result<()> {
    let mut rows = Columns::default();
    for (call, number, segment) in below(records, |record| record.segments.as_slice()) {
        let Segment {
            id,
            kind,
            started_at,
            ended_at,
            agent_id,
            node,
            metadata,
        } = segment;
        rows.calls.push(call.uuid());
        rows.numbers.push(small(number));
        rows.ids.push(SegmentId::uuid(*id));
        rows.kinds.push(kind.as_str());
        rows.begins.push(sql(*started_at));
        rows.ends.push(sql_opt(*ended_at));
        rows.agents.push(agent_id.map(AgentId::uuid));
        rows.nodes.push(node.as_deref());
        rows.metadata.push(metadata);
    }
    if rows.calls.is_empty() {
        return Ok(());
    }
    // The nodes of a call are looked up once for each name, not for each segment.
    sqlx::query(
        "WITH r AS MATERIALIZED (
            SELECT * FROM unnest($1::uuid[], $2::smallint[], $3::uuid[], $4::text[],
                       $5::timestamptz[], $6::timestamptz[], $7::uuid[], $8::text[], $9::jsonb[])
                AS r(call, number, id, kind, started_at, ended_at, agent, node, metadata)),
         named AS MATERIALIZED (
            SELECT d.call, d.node, (
                SELECT n.id FROM calls c
                  JOIN flow_versions v ON v.flow_id = c.flow_id
                  JOIN flow_nodes n ON n.flow_version_id = v.id AND n.node_key = d.node
                 WHERE c.id = d.call
                 ORDER BY v.created_at <= c.initiated_at DESC, v.version DESC LIMIT 1) AS id
              FROM (SELECT DISTINCT call, node FROM r WHERE node IS NOT NULL) d)
         INSERT INTO call_segments (call_id, seq, id, kind, started_at, ended_at, agent_id,
                flow_node_id, metadata)
         SELECT r.call, r.number, r.id, r.kind::platform.segment_kind, r.started_at, r.ended_at,
                (SELECT a.id FROM agents a WHERE a.id = r.agent), named.id, r.metadata
           FROM r LEFT JOIN named ON named.call = r.call AND named.node = r.node",
    )
    .bind(rows.calls)
    .bind(rows.numbers)
    .bind(rows.ids)
    .bind(rows.kinds)
    .bind(rows.begins)
    .bind(rows.ends)
    .bind(rows.agents)
    .bind(rows.nodes)
    .bind(rows.metadata)
    .execute(connection)
    .await?;
    Ok(())
}
