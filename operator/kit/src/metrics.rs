//! What the runner counts. Labels name kinds and reasons, never objects.

use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use tokio::time::Instant;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ControllerResult {
    controller: &'static str,
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ControllerReason {
    controller: &'static str,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ControllerName {
    controller: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WatchName {
    watch: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VerbCode {
    verb: &'static str,
    code: u16,
}

/// The metrics of the runner. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Metrics {
    reconciles: Family<ControllerResult, Counter>,
    durations: Family<ControllerName, Histogram>,
    errors: Family<ControllerReason, Counter>,
    status_patches: Family<ControllerResult, Counter>,
    watch_errors: Family<WatchName, Counter>,
    requests: Family<VerbCode, Counter>,
    leader: Gauge<i64, AtomicI64>,
    watches: Watches,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            reconciles: Family::default(),
            durations: Family::new_with_constructor(|| {
                Histogram::new([0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0])
            }),
            errors: Family::default(),
            status_patches: Family::default(),
            watch_errors: Family::default(),
            requests: Family::default(),
            leader: Gauge::default(),
            watches: Watches::default(),
        }
    }
}

impl Metrics {
    /// Registers every metric; the registry's prefix comes before their names.
    pub fn register(&self, registry: &mut Registry) {
        let Self {
            reconciles,
            durations,
            errors,
            status_patches,
            watch_errors,
            requests,
            leader,
            watches,
        } = self;
        registry.register("reconcile", "Reconciles by result", reconciles.clone());
        registry.register_with_unit(
            "reconcile_duration",
            "Time that a reconcile took",
            Unit::Seconds,
            durations.clone(),
        );
        registry.register(
            "reconcile_errors",
            "Failed reconciles by reason",
            errors.clone(),
        );
        registry.register(
            "status_patches",
            "Statuses that were written (patched) or already as they should be (unchanged)",
            status_patches.clone(),
        );
        registry.register(
            "watch_errors",
            "Lists and watches that failed and were retried",
            watch_errors.clone(),
        );
        registry.register(
            "apiserver_requests",
            "Requests to the API server by verb and HTTP status, 0 when none came back",
            requests.clone(),
        );
        registry.register(
            "leader",
            "1 while this process holds the Lease",
            leader.clone(),
        );
        registry.register_collector(Box::new(watches.clone()));
    }

    pub(crate) fn reconciled(
        &self,
        controller: &'static str,
        result: &'static str,
        took: Duration,
    ) {
        self.reconciles
            .get_or_create(&ControllerResult { controller, result })
            .inc();
        self.durations
            .get_or_create(&ControllerName { controller })
            .observe(took.as_secs_f64());
    }

    pub(crate) fn failed(&self, controller: &'static str, reason: &'static str) {
        self.errors
            .get_or_create(&ControllerReason { controller, reason })
            .inc();
    }

    pub(crate) fn status_written(&self, controller: &'static str, result: &'static str) {
        self.status_patches
            .get_or_create(&ControllerResult { controller, result })
            .inc();
    }

    pub(crate) fn watch_failed(&self, watch: &str) {
        let watch = watch.to_owned();
        self.watch_errors.get_or_create(&WatchName { watch }).inc();
    }

    pub(crate) fn requested(&self, verb: &'static str, code: u16) {
        self.requests.get_or_create(&VerbCode { verb, code }).inc();
    }

    pub(crate) fn set_leader(&self, is_leader: bool) {
        self.leader.set(i64::from(is_leader));
    }

    /// The clock of a new watch that fills a cache.
    pub(crate) fn watch(&self, name: String) -> WatchAge {
        self.add(WatchAge::new(name, true))
    }

    /// The clock of a new watch that keeps nothing.
    pub(crate) fn metadata_watch(&self, name: String) -> WatchAge {
        self.add(WatchAge::new(name, false))
    }

    fn add(&self, age: WatchAge) -> WatchAge {
        self.watches.lock().push(age.clone());
        age
    }

    /// The clocks of all watches.
    pub(crate) fn watches(&self) -> Vec<WatchAge> {
        self.watches.lock().clone()
    }
}

/// How long ago the API server last gave a sign of life on one watch: a good answer, an event, a
/// bookmark. Errors are no sign of life.
#[derive(Debug, Clone)]
pub struct WatchAge(Arc<AgeOf>);

#[derive(Debug)]
struct AgeOf {
    name: String,
    fills_cache: bool,
    origin: Instant,
    /// Milliseconds after `origin`.
    seen: AtomicU64,
}

impl WatchAge {
    fn new(name: String, fills_cache: bool) -> Self {
        Self(Arc::new(AgeOf {
            name,
            fills_cache,
            origin: Instant::now(),
            seen: AtomicU64::new(0),
        }))
    }

    /// The watched kind, and the selector where there are several watches of the kind.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Whether controllers read what the watch brings; else it only wakes them.
    pub(crate) fn fills_cache(&self) -> bool {
        self.0.fills_cache
    }

    /// Time since the last sign of life.
    #[must_use]
    pub fn age(&self) -> Duration {
        let seen = Duration::from_millis(self.0.seen.load(Ordering::Relaxed));
        self.0.origin.elapsed().saturating_sub(seen)
    }

    pub(crate) fn seen(&self) {
        let now = u64::try_from(self.0.origin.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.seen.store(now, Ordering::Relaxed);
    }
}

#[derive(Clone, Default)]
struct Watches(Arc<Mutex<Vec<WatchAge>>>);

impl Watches {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<WatchAge>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Watches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.lock().iter()).finish()
    }
}

impl Collector for Watches {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let watches = self.lock().clone();
        let mut ages = encoder.encode_descriptor(
            "watch_age",
            "Time since the API server last gave a sign of life on the watch",
            Some(&Unit::Seconds),
            MetricType::Gauge,
        )?;
        for watch in watches {
            let labels = WatchName {
                watch: watch.name().to_owned(),
            };
            ConstGauge::new(watch.age().as_secs_f64()).encode(ages.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_has_a_name_with_its_unit() {
        let metrics = Metrics::default();
        let mut registry = Registry::with_prefix("callplane_operator");
        metrics.register(&mut registry);
        metrics.reconciled("tenant", "ok", Duration::from_millis(3));
        metrics.failed("tenant", "Apply");
        metrics.status_written("tenant", "patched");
        metrics.set_leader(true);
        metrics.watch("Tenant".to_owned());
        metrics.requested("get", 200);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in [
            "callplane_operator_reconcile_total{controller=\"tenant\",result=\"ok\"} 1",
            "callplane_operator_reconcile_duration_seconds_count{controller=\"tenant\"} 1",
            "callplane_operator_reconcile_errors_total{controller=\"tenant\",reason=\"Apply\"} 1",
            "callplane_operator_status_patches_total{controller=\"tenant\",result=\"patched\"} 1",
            "callplane_operator_leader 1",
            "callplane_operator_watch_age_seconds{watch=\"Tenant\"}",
            "callplane_operator_apiserver_requests_total{verb=\"get\",code=\"200\"} 1",
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
    }
}
