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
    /// Whose ears.
    #[serde(default)]
    pub stream: MediaStream,
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
    /// Packets that came there.
    #[serde(default)]
    pub packets: Option<u64>,
    /// Packets that never came.
    #[serde(default)]
    pub packets_lost: Option<u64>,
    /// What only the receiver itself knows.
    #[serde(default)]
    pub playout: Option<Playout>,
    /// `PCMU`, `PCMA`.
    pub codec: Option<String>,
}

/// The direction of media that a sample is about, by whose ears it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaStream {
    /// What we heard.
    #[default]
    Received,
    /// What the far end heard of us, as it reported.
    Sent,
}

impl MediaStream {
    /// The word in the column, and in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Sent => "sent",
        }
    }
}

/// What became of the packets that came.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Playout {
    /// Too late to be played.
    pub packets_late: u64,
    /// Seen before.
    pub packets_duplicate: u64,
    /// Out of order.
    pub packets_reordered: u64,
    /// Time that was made up, of the time that was played, 0 to 100.
    pub concealed_percent: f64,
    /// Mean delay of the jitter buffer in milliseconds.
    pub buffer_ms: f64,
    /// The largest it was.
    pub max_buffer_ms: f64,
}

/// The columns, each as one array.
#[derive(Default)]
struct Columns<'a> {
    calls: Vec<Uuid>,
    nodes: Vec<Option<&'a str>>,
    sampled: Vec<DateTime<Utc>>,
    legs: Vec<i16>,
    streams: Vec<&'static str>,
    mos: Vec<f64>,
    r_factors: Vec<f64>,
    jitter: Vec<f64>,
    packet_loss: Vec<f64>,
    round_trips: Vec<Option<f64>>,
    packets: Vec<Option<i64>>,
    lost: Vec<Option<i64>>,
    late: Vec<Option<i64>>,
    duplicates: Vec<Option<i64>>,
    reordered: Vec<Option<i64>>,
    concealed: Vec<Option<f64>>,
    buffers: Vec<Option<f64>>,
    max_buffers: Vec<Option<f64>>,
    codecs: Vec<Option<&'a str>>,
}

impl<'a> Columns<'a> {
    fn push(&mut self, record: &'a CallRecord, sample: &'a QualitySample) {
        let QualitySample {
            sampled_at,
            leg_no,
            stream,
            mos_score,
            r_factor,
            jitter_ms,
            packet_loss_percent,
            rtt_ms,
            packets,
            packets_lost,
            playout,
            codec,
        } = sample;
        self.calls.push(record.call.id.uuid());
        self.nodes.push(record.call.media_node.as_deref());
        self.sampled.push(sql(*sampled_at));
        self.legs.push(*leg_no);
        self.streams.push(stream.as_str());
        self.mos.push(mos_score.clamp(1.0, 5.0));
        self.r_factors.push(r_factor.clamp(0.0, 100.0));
        self.jitter.push(milliseconds(*jitter_ms));
        self.packet_loss.push(packet_loss_percent.clamp(0.0, 100.0));
        self.round_trips.push(rtt_ms.map(milliseconds));
        self.packets.push(packets.map(count));
        self.lost.push(packets_lost.map(count));
        self.late.push(playout.map(|p| count(p.packets_late)));
        self.duplicates
            .push(playout.map(|p| count(p.packets_duplicate)));
        self.reordered
            .push(playout.map(|p| count(p.packets_reordered)));
        self.concealed
            .push(playout.map(|p| p.concealed_percent.clamp(0.0, 100.0)));
        self.buffers
            .push(playout.map(|p| milliseconds(p.buffer_ms)));
        self.max_buffers
            .push(playout.map(|p| milliseconds(p.max_buffer_ms)));
        self.codecs.push(codec.as_deref());
    }
}

/// The month is the sample's, in UTC.
pub(super) async fn insert(connection: &mut PgConnection, records: &[&CallRecord]) -> Result<()> {
    let mut rows = Columns::default();
    for record in records {
        for sample in &record.quality {
            rows.push(record, sample);
        }
    }
    if rows.calls.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO voice_quality_metrics (metric_date, sampled_at, call_id, leg_no, stream, mos_score,
                r_factor, jitter_ms, packet_loss_percent, rtt_ms, packets, packets_lost,
                packets_late, packets_duplicate, packets_reordered, concealed_percent, buffer_ms,
                max_buffer_ms, codec, media_node)
         SELECT (r.sampled_at AT TIME ZONE 'UTC')::date, r.sampled_at, r.call, r.leg, r.stream,
                r.mos::numeric, r.r_factor::numeric, r.jitter::numeric, r.packet_loss::numeric,
                r.rtt::numeric, r.packets, r.lost, r.late, r.duplicates, r.reordered,
                r.concealed::numeric, r.buffer::numeric, r.max_buffer::numeric, r.codec, r.node
           FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::smallint[], $5::text[],
                       $6::float8[], $7::float8[], $8::float8[], $9::float8[], $10::float8[],
                       $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[],
                       $16::float8[], $17::float8[], $18::float8[], $19::text[])
                AS r(call, node, sampled_at, leg, stream, mos, r_factor, jitter, packet_loss, rtt,
                     packets, lost, late, duplicates, reordered, concealed, buffer, max_buffer,
                     codec)",
    )
    .bind(rows.calls)
    .bind(rows.nodes)
    .bind(rows.sampled)
    .bind(rows.legs)
    .bind(rows.streams)
    .bind(rows.mos)
    .bind(rows.r_factors)
    .bind(rows.jitter)
    .bind(rows.packet_loss)
    .bind(rows.round_trips)
    .bind(rows.packets)
    .bind(rows.lost)
    .bind(rows.late)
    .bind(rows.duplicates)
    .bind(rows.reordered)
    .bind(rows.concealed)
    .bind(rows.buffers)
    .bind(rows.max_buffers)
    .bind(rows.codecs)
    .execute(connection)
    .await?;
    Ok(())
}

/// What the column holds at most.
fn milliseconds(value: f64) -> f64 {
    value.clamp(0.0, 999_999.0)
}

fn count(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
