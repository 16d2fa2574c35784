//! How many rows of large tenants no month was made for, read from the database again and again.

use std::collections::HashSet;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use callplane_store::OperatorDatabase;
use callplane_store::months::{Strays, strays};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// How often they are counted.
const INTERVAL: Duration = Duration::from_secs(300);

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfTenant {
    tenant: String,
}

/// One sample for each tenant with its calls by month, which are few.
#[derive(Debug, Clone, Default)]
pub(crate) struct StrayMetrics {
    rows: Family<OfTenant, Gauge<i64, AtomicI64>>,
}

impl StrayMetrics {
    /// Registers the metric; the registry's prefix comes before its name.
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "default_partition_rows",
            "Rows in DEFAULT partitions of a tenant with calls by month that belong into a month, counted up to 10,000",
            self.rows.clone(),
        );
    }

    /// Counts them until the process ends.
    pub(crate) async fn follow(self, database: OperatorDatabase) {
        let mut tick = tokio::time::interval(INTERVAL);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut told = HashSet::new();
        loop {
            tick.tick().await;
            match strays(&database).await {
                Ok(strays) => told = self.set(&strays, &told),
                // It is away, which others tell, or has no schema yet.
                Err(error) => tracing::debug!(
                    error = %callplane_kit::sentence(&error),
                    "Could not count rows in DEFAULT partitions"
                ),
            }
        }
    }

    /// Sets what is there, takes away what is no more, and says what is there.
    fn set(&self, strays: &[Strays], told: &HashSet<OfTenant>) -> HashSet<OfTenant> {
        let mut now = HashSet::new();
        for Strays {
            tenant: _,
            name,
            rows,
        } in strays
        {
            let label = OfTenant {
                tenant: name.to_string(),
            };
            self.rows.get_or_create(&label).set(*rows);
            now.insert(label);
        }
        for gone in told.difference(&now) {
            self.rows.remove(gone);
        }
        now
    }
}

#[cfg(test)]
mod tests {
    use callplane_types::TenantId;

    use super::*;

    #[test]
    fn a_tenant_that_is_gone_has_no_sample_and_the_alert_reads_this_name() {
        let metrics = StrayMetrics::default();
        let mut registry = Registry::with_prefix("callplane_operator");
        metrics.register(&mut registry);
        let text = || {
            let mut text = String::new();
            prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
            text
        };
        let strays = [Strays {
            tenant: TenantId::new(uuid::Uuid::nil()),
            name: "acme".parse().unwrap(),
            rows: 7,
        }];
        let told = metrics.set(&strays, &HashSet::new());
        assert!(text().contains("callplane_operator_default_partition_rows{tenant=\"acme\"} 7"));
        metrics.set(&[], &told);
        assert!(!text().contains("acme"));
        let alert = include_str!("../../charts/callplane/alerts/partitions.yaml");
        assert!(alert.contains("callplane_operator_default_partition_rows"));
    }
}
