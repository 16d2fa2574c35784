//! `voice_quality_metrics`: how a call sounded, for figures over many calls.

use callplane_types::WallTime;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::Result;
use crate::records::CallRecord;
use crate::time::sql;

/// A row of `voice_quality_metrics`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QualitySample {
    /// End of the time that it is about.
    pub sampled_at: WallTime,
    /// The leg it is about, as numbered in `call_legs`.
    pub leg_no: i16,
    /// Mean opinion score, 1 to 5.
    pub mos_score: f64,
    /// Rating of the E-model (ITU-T G.107), 0 to 100.
    pub r_factor: f64,
    /// Interarrival jitter in milliseconds.
    pub jitter_ms: f64,
    /// Packets of no use, of those expected, 0 to 100.
    pub packet_loss_percent: f64,
    /// There and back in milliseconds, when RTCP told.
    pub rtt_ms: Option<f64>,
    /// `PCMU`, `PCMA`.
    pub codec: Option<String>,
}

/// The columns, each as one array.
#[derive(Default)]
struct Columns<'a> {
    calls: Vec<Uuid>,
    nodes: Vec<Option<&'a str>>,
    sampled: Vec<DateTime<Utc>>,
    legs: Vec<i16>,
    mos: Vec<f64>,
    r_factors: Vec<f64>,
    jitter: Vec<f64>,
    packet_loss: Vec<f64>,
    round_trips: Vec<Option<f64>>,
    codecs: Vec<Option<&'a str>>,
}

/// The month is the sample's, in UTC.
pub(super) async fn insert(connection: &mut PgConnection, records: &[&CallRecord]) -> Result<()> {
    let mut rows = Columns::default();
    for record in records {
        for sample in &record.quality {
            let QualitySample {
                sampled_at,
                leg_no,
                mos_score,
                r_factor,
                jitter_ms,
                packet_loss_percent,
                rtt_ms,
                codec,
            } = sample;
            rows.calls.push(record.call.id.uuid());
            rows.nodes.push(record.call.media_node.as_deref());
            rows.sampled.push(sql(*sampled_at));
            rows.legs.push(*leg_no);
            rows.mos.push(mos_score.clamp(1.0, 5.0));
            rows.r_factors.push(r_factor.clamp(0.0, 100.0));
            rows.jitter.push(milliseconds(*jitter_ms));
            rows.packet_loss.push(packet_loss_percent.clamp(0.0, 100.0));
            rows.round_trips.push(rtt_ms.map(milliseconds));
            rows.codecs.push(codec.as_deref());
        }
    }
    if rows.calls.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO voice_quality_metrics (metric_date, sampled_at, call_id, leg_no, mos_score,
                r_factor, jitter_ms, packet_loss_percent, rtt_ms, codec, media_node)
         SELECT (r.sampled_at AT TIME ZONE 'UTC')::date, r.sampled_at, r.call, r.leg,
                r.mos::numeric, r.r_factor::numeric, r.jitter::numeric, r.packet_loss::numeric,
                r.rtt::numeric, r.codec, r.node
           FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::smallint[], $5::float8[],
                       $6::float8[], $7::float8[], $8::float8[], $9::float8[], $10::text[])
                AS r(call, node, sampled_at, leg, mos, r_factor, jitter, packet_loss, rtt, codec)",
    )
    .bind(rows.calls)
    .bind(rows.nodes)
    .bind(rows.sampled)
    .bind(rows.legs)
    .bind(rows.mos)
    .bind(rows.r_factors)
    .bind(rows.jitter)
    .bind(rows.packet_loss)
    .bind(rows.round_trips)
    .bind(rows.codecs)
    .execute(connection)
    .await?;
    Ok(())
}

/// What the column holds at most.
fn milliseconds(value: f64) -> f64 {
    value.clamp(0.0, 999_999.0)
}
