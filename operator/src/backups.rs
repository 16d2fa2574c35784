//! Metrics of backups, read from the database again and again.
//!
//! They are moments and not ages: when nobody reads them any more, their age still grows, and so the
//! alerts on them are heard (`charts/callplane/alerts/backup.yaml`).

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use callplane_store::OperatorDatabase;
use callplane_store::backups::{Standing, standing};
use callplane_types::WallTime;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

/// How often they are read.
const INTERVAL: Duration = Duration::from_secs(30);

type Seconds = Gauge<f64, AtomicU64>;

/// A family of one, which is not there until something is known.
type Alone = Family<[(&'static str, &'static str); 0], Seconds>;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    kind: &'static str,
}

/// What is exported. Of what never happened there is no sample.
#[derive(Debug, Clone, Default)]
pub(crate) struct BackupMetrics {
    recovered_to: Alone,
    last: Family<Kind, Seconds>,
    drill: Alone,
}

impl BackupMetrics {
    /// Registers every metric; the registry's prefix comes before their names.
    pub(crate) fn register(&self, registry: &mut Registry) {
        let Self {
            recovered_to,
            last,
            drill,
        } = self;
        registry.register_with_unit(
            "backup_recovered_to_timestamp",
            "The newest moment that is proven to be restorable",
            Unit::Seconds,
            recovered_to.clone(),
        );
        registry.register_with_unit(
            "backup_last_timestamp",
            "End of the last backup that succeeded, or of the last drill; any is full or incremental",
            Unit::Seconds,
            last.clone(),
        );
        registry.register_with_unit(
            "backup_drill_restore",
            "Time of the last drill until it took a write; infinite when it failed",
            Unit::Seconds,
            drill.clone(),
        );
    }

    /// Reads them until the process ends.
    pub(crate) async fn follow(self, database: OperatorDatabase) {
        let mut tick = tokio::time::interval(INTERVAL);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            match standing(&database).await {
                Ok(standing) => self.set(&standing),
                // It is away, which others tell, or has no schema yet.
                Err(error) => tracing::debug!(
                    error = %callplane_kit::sentence(&error),
                    "Could not read how it stands with backups"
                ),
            }
        }
    }

    fn set(&self, standing: &Standing) {
        let Standing {
            now: _,
            recovered_to,
            last_full,
            last_incremental,
            last_drill,
        } = standing;
        if let Some(moment) = recovered_to {
            self.recovered_to.get_or_create(&[]).set(seconds(*moment));
        }
        let drilled = last_drill.map(|drill| drill.finished_at);
        for (kind, moment) in [
            ("full", *last_full),
            ("any", *last_incremental),
            ("drill", drilled),
        ] {
            if let Some(moment) = moment {
                self.last.get_or_create(&Kind { kind }).set(seconds(moment));
            }
        }
        if let Some(drill) = last_drill {
            let took = drill.took.map_or(f64::INFINITY, |took| took.as_secs_f64());
            self.drill.get_or_create(&[]).set(took);
        }
    }
}

fn seconds(moment: WallTime) -> f64 {
    // To the microsecond a double holds moments for another 250 years.
    let micros = moment.unix_micros() as f64;
    micros / 1e6
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use callplane_store::backups::LastDrill;

    use super::*;

    fn exported(standing: &Standing) -> String {
        let metrics = BackupMetrics::default();
        let mut registry = Registry::with_prefix("callplane_operator");
        metrics.register(&mut registry);
        metrics.set(standing);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        text
    }

    fn standing_at(moment: Option<WallTime>, took: Option<Duration>) -> Standing {
        Standing {
            now: WallTime::from_unix_micros(0),
            recovered_to: moment,
            last_full: moment,
            last_incremental: moment,
            last_drill: moment.map(|finished_at| LastDrill { finished_at, took }),
        }
    }

    #[test]
    fn the_alerts_ask_for_what_is_exported() {
        let moment = WallTime::from_unix_micros(1_700_000_000_250_000);
        let text = exported(&standing_at(Some(moment), Some(Duration::from_secs(5))));
        let alerts = include_str!("../../charts/callplane/alerts/backup.yaml");
        let asked: BTreeSet<&str> = alerts
            .split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
            .filter(|word| word.starts_with("callplane_operator_backup_"))
            .collect();
        assert_eq!(asked.len(), 3);
        for name in asked {
            assert!(
                text.contains(&format!("\n{name}")),
                "{name} is not in\n{text}"
            );
        }
        let line = "callplane_operator_backup_recovered_to_timestamp_seconds{} 1700000000.25";
        assert!(text.contains(line), "{text}");
    }

    #[test]
    fn what_never_happened_has_no_sample_and_a_drill_that_failed_takes_forever() {
        let none = exported(&standing_at(None, None));
        assert!(none.lines().all(|line| line.starts_with('#')), "{none}");
        let failed = exported(&standing_at(Some(WallTime::from_unix_micros(0)), None));
        assert!(failed.contains("drill_restore_seconds{} inf"), "{failed}");
    }
}
