//! What Prometheus sees of this node. Units are in the names, and no label holds a number or a name
//! of a person.

mod atomic_histogram;
mod database;
mod models;
mod quality;
mod sip;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use callplane_call::{Facts, Stage};
use callplane_types::{CallId, CallStatus, Direction, ObserverMode};
use prometheus_client::encoding::{EncodeLabelSet, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::recordings::Seconds;
use atomic_histogram::AtomicHistogram;
pub(crate) use database::DatabaseCollector;
pub(crate) use models::LookedUp;
use models::ModelMetrics;
use quality::QualityMetrics;
pub(crate) use sip::SipCollector;

/// Setup times: INVITE to 200.
const SETUP_SECONDS: [f64; 10] = [0.002, 0.005, 0.01, 0.02, 0.035, 0.05, 0.1, 0.25, 1.0, 5.0];
/// Stages of a turn.
const TURN_SECONDS: [f64; 11] = [0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.2, 2.0, 5.0];
/// Lateness of the media clock; what is above 40 ms can be heard.
const LATE_SECONDS: [f64; 10] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.08, 0.2, 1.0,
];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    tenant: Arc<str>,
    direction: &'static str,
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TenantLabels {
    tenant: Arc<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ModeLabels {
    tenant: Arc<str>,
    mode: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    tenant: Arc<str>,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabels {
    tenant: Arc<str>,
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StageLabels {
    stage: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResourceLabels {
    tenant: Arc<str>,
    resource: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ThreadLabels {
    thread: u32,
}

#[derive(Debug, Clone, Copy)]
struct Buckets(&'static [f64]);

impl MetricConstructor<Histogram> for Buckets {
    fn new_metric(&self) -> Histogram {
        Histogram::new(self.0.iter().copied())
    }
}

/// What media threads count themselves, without a lock.
#[derive(Debug)]
pub(crate) struct MediaMetrics {
    /// How late a slot was.
    pub(crate) tick_late: AtomicHistogram<10>,
    /// Datagrams at the ports of browsers that were nobody's.
    pub(crate) browser_strangers: Counter,
    busy: Family<ThreadLabels, Gauge<f64, AtomicU64>>,
}

/// What one media thread counts.
#[derive(Debug)]
pub(crate) struct ThreadMetrics {
    pub(crate) media: Arc<MediaMetrics>,
    /// Share of its time in which it works.
    pub(crate) busy: Gauge<f64, AtomicU64>,
}

impl MediaMetrics {
    /// Those of the thread with this number.
    pub(crate) fn thread(self: &Arc<Self>, number: usize) -> ThreadMetrics {
        let thread = u32::try_from(number).unwrap_or(u32::MAX);
        ThreadMetrics {
            media: Arc::clone(self),
            busy: self.busy.get_or_create(&ThreadLabels { thread }).clone(),
        }
    }
}

/// The registry's view of what the media threads count.
#[derive(Debug)]
struct TickLate(Arc<MediaMetrics>);

impl EncodeMetric for TickLate {
    fn encode(&self, encoder: MetricEncoder) -> fmt::Result {
        self.0.tick_late.encode(encoder)
    }

    fn metric_type(&self) -> MetricType {
        self.0.tick_late.metric_type()
    }
}

/// All metrics of the node.
#[derive(Debug)]
pub(crate) struct Metrics {
    tenant: Arc<str>,
    pub(crate) media: Arc<MediaMetrics>,
    calls: Family<CallLabels, Counter>,
    active: Family<TenantLabels, Gauge>,
    observers: Family<ModeLabels, Gauge>,
    rejected: Family<ReasonLabels, Counter>,
    setup: Histogram,
    turn: Family<StageLabels, Histogram, Buckets>,
    received: Counter,
    lost: Counter,
    late: Counter,
    refused_rtp: Counter,
    refused_rtcp: Counter,
    quality: QualityMetrics,
    pub(crate) models: ModelMetrics,
    quota_used: Family<ResourceLabels, Gauge>,
    quota_limit: Family<ResourceLabels, Gauge>,
    claims: Family<ResultLabels, Counter>,
    pub(crate) dialer_rounds: Counter,
    pub(crate) recordings_waiting: Gauge,
    pub(crate) recordings_carried: Counter,
    pub(crate) recordings_refused: Counter,
    pub(crate) recordings_encoding: Seconds,
    pub(crate) spool_records: Gauge,
    pub(crate) spool_refused: Counter,
    pub(crate) spool_delivered: Counter,
    pub(crate) speech_failures: Counter,
    pub(crate) database_up: Gauge,
    pub(crate) whip_connections_refused: Counter,
}

impl Metrics {
    /// Registers everything for `tenant`.
    pub(crate) fn register(tenant: &str, registry: &mut Registry) -> Self {
        let metrics = Self {
            tenant: tenant.into(),
            media: Arc::new(MediaMetrics {
                tick_late: AtomicHistogram::new(LATE_SECONDS),
                browser_strangers: Counter::default(),
                busy: Family::default(),
            }),
            calls: Family::default(),
            active: Family::default(),
            observers: Family::default(),
            rejected: Family::default(),
            setup: Histogram::new(SETUP_SECONDS),
            turn: Family::new_with_constructor(Buckets(&TURN_SECONDS)),
            received: Counter::default(),
            lost: Counter::default(),
            late: Counter::default(),
            refused_rtp: Counter::default(),
            refused_rtcp: Counter::default(),
            quality: QualityMetrics::default(),
            models: ModelMetrics::new(tenant.into()),
            quota_used: Family::default(),
            quota_limit: Family::default(),
            claims: Family::default(),
            dialer_rounds: Counter::default(),
            recordings_waiting: Gauge::default(),
            recordings_carried: Counter::default(),
            recordings_refused: Counter::default(),
            recordings_encoding: Seconds::default(),
            spool_records: Gauge::default(),
            spool_refused: Counter::default(),
            spool_delivered: Counter::default(),
            speech_failures: Counter::default(),
            database_up: Gauge::default(),
            whip_connections_refused: Counter::default(),
        };
        metrics.enter_calls(registry);
        metrics.enter_dialing(registry);
        metrics.enter_media(registry);
        metrics.enter_records(registry);
        metrics.active();
        metrics
    }

    fn enter_calls(&self, registry: &mut Registry) {
        registry.register(
            "callplane_calls",
            "Calls that ended, by how they ended",
            self.calls.clone(),
        );
        registry.register(
            "callplane_calls_active",
            "Calls that are going on",
            self.active.clone(),
        );
        registry.register(
            "callplane_call_observers",
            "Supervisors in running calls, by what they do there",
            self.observers.clone(),
        );
        registry.register(
            "callplane_calls_rejected",
            "Inbound calls refused before they began, by why",
            self.rejected.clone(),
        );
        registry.register(
            "callplane_call_setup_seconds",
            "Time from INVITE to 200 of inbound calls",
            self.setup.clone(),
        );
        registry.register(
            "callplane_turn_seconds",
            "Time between the caller's last word and the agent's first, by stage",
            self.turn.clone(),
        );
        registry.register(
            "callplane_quota_used",
            "Use of the tenant's quotas",
            self.quota_used.clone(),
        );
        registry.register(
            "callplane_quota_limit",
            "Limits of the tenant's quotas; -1 is unlimited",
            self.quota_limit.clone(),
        );
    }

    fn enter_dialing(&self, registry: &mut Registry) {
        registry.register(
            "callplane_dialer_rounds",
            "Times the dialer looked at every running campaign",
            self.dialer_rounds.clone(),
        );
        registry.register(
            "callplane_campaign_claims",
            "Looks at one running campaign, by whether recipients were claimed or why not",
            self.claims.clone(),
        );
    }

    fn enter_media(&self, registry: &mut Registry) {
        registry.register(
            "callplane_rtp_packets_received",
            "RTP packets received, duplicates left out",
            self.received.clone(),
        );
        registry.register(
            "callplane_rtp_packets_lost",
            "RTP packets that never came",
            self.lost.clone(),
        );
        registry.register(
            "callplane_rtp_packets_late",
            "RTP packets that came too late to be played",
            self.late.clone(),
        );
        registry.register(
            "callplane_rtp_packets_refused",
            "RTP packets of somebody who is not in the call",
            self.refused_rtp.clone(),
        );
        registry.register(
            "callplane_rtcp_packets_refused",
            "RTCP packets of somebody who is not in the call",
            self.refused_rtcp.clone(),
        );
        registry.register(
            "callplane_webrtc_datagrams_refused",
            "Datagrams at the ports for browsers of somebody who is not in a call",
            self.media.browser_strangers.clone(),
        );
        registry.register(
            "callplane_whip_connections_refused",
            "Connections to the WHIP port closed because there were too many",
            self.whip_connections_refused.clone(),
        );
        self.quality.enter(registry);
        self.models.enter(registry);
        registry.register(
            "callplane_media_tick_late_seconds",
            "How late the media threads served a slot",
            TickLate(Arc::clone(&self.media)),
        );
        registry.register(
            "callplane_media_thread_busy_ratio",
            "Share of the time in which a media thread works",
            self.media.busy.clone(),
        );
        registry.register(
            "callplane_speech_failures",
            "Syntheses and recognitions that failed",
            self.speech_failures.clone(),
        );
    }

    fn enter_records(&self, registry: &mut Registry) {
        registry.register(
            "callplane_recordings_waiting",
            "Recordings on the disk whose call is over, and whose record the database does not have",
            self.recordings_waiting.clone(),
        );
        registry.register(
            "callplane_recordings_carried",
            "Recordings that were carried to the object storage",
            self.recordings_carried.clone(),
        );
        registry.register(
            "callplane_recordings_refused",
            "Times that recordings could not be carried to the object storage",
            self.recordings_refused.clone(),
        );
        registry.register(
            "callplane_recordings_encoding_seconds",
            "Time that threads spent on making Opus of recordings",
            self.recordings_encoding.clone(),
        );
        registry.register(
            "callplane_spool_records",
            "Call records on disk that PostgreSQL does not have",
            self.spool_records.clone(),
        );
        registry.register(
            "callplane_spool_records_refused",
            "Call records that were set aside because they do not read or PostgreSQL refused them",
            self.spool_refused.clone(),
        );
        registry.register(
            "callplane_spool_records_delivered",
            "Call records that PostgreSQL took",
            self.spool_delivered.clone(),
        );
        registry.register(
            "callplane_database_up",
            "Whether PostgreSQL answered the last time it was asked",
            self.database_up.clone(),
        );
    }

    /// Calls that are going on.
    pub(crate) fn active(&self) -> Gauge {
        self.active
            .get_or_create(&TenantLabels {
                tenant: Arc::clone(&self.tenant),
            })
            .clone()
    }

    /// How many supervisors are in calls in this mode.
    pub(crate) fn observers(&self, mode: ObserverMode) -> Gauge {
        self.observers
            .get_or_create(&ModeLabels {
                tenant: Arc::clone(&self.tenant),
                mode: mode.as_str(),
            })
            .clone()
    }

    /// An inbound call was refused.
    pub(crate) fn rejected(&self, reason: &'static str) {
        self.rejected
            .get_or_create(&ReasonLabels {
                tenant: Arc::clone(&self.tenant),
                reason,
            })
            .inc();
    }

    /// An inbound call was answered.
    pub(crate) fn answered_after(&self, took: Duration) {
        self.setup.observe(took.as_secs_f64());
    }

    /// A stage of a turn.
    pub(crate) fn stage(&self, stage: Stage, took: Duration) {
        self.turn
            .get_or_create(&StageLabels {
                stage: stage.as_str(),
            })
            .observe(took.as_secs_f64());
    }

    /// A call ended.
    pub(crate) fn ended(&self, call: CallId, direction: Direction, facts: &Facts) {
        self.ended_with(direction, facts.status);
        self.refused_rtp.inc_by(facts.refused.rtp);
        self.refused_rtcp.inc_by(facts.refused.rtcp);
        if let Some(quality) = &facts.quality {
            self.received.inc_by(quality.received.packets);
            self.lost.inc_by(quality.received.lost);
            self.late.inc_by(quality.received.late);
            self.quality.observe(call, quality);
        }
    }

    fn ended_with(&self, direction: Direction, status: CallStatus) {
        self.calls
            .get_or_create(&CallLabels {
                tenant: Arc::clone(&self.tenant),
                direction: direction.as_str(),
                status: status.as_str(),
            })
            .inc();
    }

    /// The dialer looked at a running campaign.
    pub(crate) fn claim(&self, result: &'static str) {
        self.claims
            .get_or_create(&ResultLabels {
                tenant: Arc::clone(&self.tenant),
                result,
            })
            .inc();
    }

    /// Use and limit of a quota.
    pub(crate) fn quota(&self, resource: String, used: i64, limit: Option<i64>) {
        let labels = ResourceLabels {
            tenant: Arc::clone(&self.tenant),
            resource,
        };
        self.quota_used.get_or_create(&labels).set(used);
        self.quota_limit
            .get_or_create(&labels)
            .set(limit.unwrap_or(-1));
    }
}
