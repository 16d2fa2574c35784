//! How calls sound: one observation a call and stream when it ends, each bucket with a call as exemplar.
//!
//! The call is no label, so the number of series does not grow with the calls: readers that ask for
//! OpenMetrics see the last call of each bucket beside it, and `kubectl callplane call show` tells the rest.

use std::time::Duration;

use callplane_call::Quality;
use callplane_store::records::MediaStream;
use callplane_types::CallId;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::exemplar::HistogramWithExemplars;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::registry::Registry;

const JITTER_SECONDS: [f64; 9] = [0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25];
/// Mean opinion scores; above 4.0 nobody complains, below 3.6 many do (G.107 annex B).
const MOS: [f64; 9] = [1.5, 2.0, 2.5, 3.0, 3.6, 3.8, 4.0, 4.2, 4.4];
/// Parts of all: lost packets, concealed time.
const RATIO: [f64; 9] = [0.0, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2];
const ROUND_TRIP_SECONDS: [f64; 10] = [0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0];
const BUFFER_SECONDS: [f64; 9] = [0.02, 0.03, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3];

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StreamLabels {
    stream: &'static str,
}

/// What an exemplar says.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Exemplar {
    call_id: String,
}

type Measured = HistogramWithExemplars<Exemplar>;

#[derive(Debug, Clone, Copy)]
struct Buckets(&'static [f64]);

impl MetricConstructor<Measured> for Buckets {
    fn new_metric(&self) -> Measured {
        Measured::new(self.0.iter().copied())
    }
}

type Streams = Family<StreamLabels, Measured, Buckets>;

/// The histograms.
#[derive(Debug)]
pub(super) struct QualityMetrics {
    mos: Streams,
    loss: Streams,
    jitter: Streams,
    round_trip: Measured,
    concealed: Measured,
    buffer: Measured,
}

impl Default for QualityMetrics {
    fn default() -> Self {
        Self {
            mos: Family::new_with_constructor(Buckets(&MOS)),
            loss: Family::new_with_constructor(Buckets(&RATIO)),
            jitter: Family::new_with_constructor(Buckets(&JITTER_SECONDS)),
            round_trip: Buckets(&ROUND_TRIP_SECONDS).new_metric(),
            concealed: Buckets(&RATIO).new_metric(),
            buffer: Buckets(&BUFFER_SECONDS).new_metric(),
        }
    }
}

impl QualityMetrics {
    pub(super) fn enter(&self, registry: &mut Registry) {
        for (name, help, metric) in [
            (
                "callplane_call_mos",
                "Mean opinion score (ITU-T G.107) of each call, of what was received and of what the far end says it heard",
                &self.mos,
            ),
            (
                "callplane_call_packet_loss_ratio",
                "Part of the RTP packets of each call that was lost or came too late",
                &self.loss,
            ),
            (
                "callplane_rtp_jitter_seconds",
                "Interarrival jitter at the end of each call",
                &self.jitter,
            ),
        ] {
            registry.register(name, help, metric.clone());
        }
        for (name, help, metric) in [
            (
                "callplane_call_round_trip_seconds",
                "Mean time that RTP takes there and back in each call, as RTCP measures it",
                &self.round_trip,
            ),
            (
                "callplane_call_concealed_ratio",
                "Part of the time heard in each call that was made up",
                &self.concealed,
            ),
            (
                "callplane_call_buffer_seconds",
                "Mean delay of the jitter buffer in each call",
                &self.buffer,
            ),
        ] {
            registry.register(name, help, metric.clone());
        }
    }

    /// A call ended.
    pub(super) fn observe(&self, call: CallId, quality: &Quality) {
        let call_id = call.to_string();
        let observe = |metric: &Measured, value: f64| {
            let call_id = call_id.clone();
            metric.observe(value, Some(Exemplar { call_id }), None);
        };
        let of_stream = |stream: MediaStream, mos: f64, loss: f64, jitter: Duration| {
            let labels = StreamLabels {
                stream: stream.as_str(),
            };
            observe(&self.mos.get_or_create(&labels), mos);
            observe(&self.loss.get_or_create(&labels), loss);
            observe(&self.jitter.get_or_create(&labels), jitter.as_secs_f64());
        };
        let received = &quality.received;
        let (heard, loss) = (quality.heard.mos, received.loss());
        of_stream(MediaStream::Received, heard, loss, received.jitter);
        if let Some(far_end) = &quality.far_end {
            let (mos, told) = (far_end.score.mos, &far_end.received);
            of_stream(MediaStream::Sent, mos, told.loss(), told.jitter);
        }
        if let Some(round_trip) = quality.round_trip {
            observe(&self.round_trip, round_trip.as_secs_f64());
        }
        observe(&self.concealed, received.concealed());
        observe(&self.buffer, received.mean_delay.as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alert_asks_for_what_is_exported() {
        let alerts = include_str!("../../../../charts/callplane/alerts/quality.yaml");
        assert!(alerts.contains("callplane_call_mos_bucket{le=\"3.6\"}"));
        let mut registry = Registry::default();
        let metrics = QualityMetrics::default();
        metrics.enter(&mut registry);
        let labels = StreamLabels {
            stream: MediaStream::Received.as_str(),
        };
        metrics.mos.get_or_create(&labels).observe(3.6, None, None);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        let bucket = "callplane_call_mos_bucket{le=\"3.6\",stream=\"received\"} 1";
        assert!(text.contains(bucket), "{text}");
    }
}
