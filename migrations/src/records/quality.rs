//! How a call sounded, for figures over many calls.

use callplane_types::WallTime;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use super::Call;
use crate::Result;
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

/// The month is the sample's, in UTC.
pub(super) async fn insert_quality(
    connection: &mut PgConnection,
    call: &Call,
    samples: &[QualitySample],
) -> Result<()> {
    for sample in samples {
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
        sqlx::query(
            "INSERT INTO voice_quality_metrics (metric_date, sampled_at, call_id, leg_no, mos_score,
                    r_factor, jitter_ms, packet_loss_percent, rtt_ms, codec, media_node)
             VALUES (($1 AT TIME ZONE 'UTC')::date, $1, $2, $3, $4::float8::numeric,
                    $5::float8::numeric, $6::float8::numeric, $7::float8::numeric,
                    $8::float8::numeric, $9, $10)",
        )
        .bind(sql(*sampled_at))
        .bind(call.id.uuid())
        .bind(leg_no)
        .bind(mos_score.clamp(1.0, 5.0))
        .bind(r_factor.clamp(0.0, 100.0))
        .bind(milliseconds(*jitter_ms))
        .bind(packet_loss_percent.clamp(0.0, 100.0))
        .bind(rtt_ms.map(milliseconds))
        .bind(codec)
        .bind(&call.media_node)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// What the column holds at most.
fn milliseconds(value: f64) -> f64 {
    value.clamp(0.0, 999_999.0)
}
