//! How the node's connections to PostgreSQL are used, read at each scrape.

use std::fmt;

use callplane_store::TenantPools;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// Encodes [`TenantPools::usage`].
#[derive(Debug)]
pub(crate) struct DatabaseCollector {
    pools: TenantPools,
}

impl DatabaseCollector {
    pub(crate) fn new(pools: TenantPools) -> Self {
        Self { pools }
    }
}

impl Collector for DatabaseCollector {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let usage = self.pools.usage();
        let mut connections = encoder.encode_descriptor(
            "callplane_database_connections",
            "Connections to PostgreSQL, by what their logins are for and whether they work",
            None,
            MetricType::Gauge,
        )?;
        for of in &usage.purposes {
            for (state, count) in [("busy", of.busy), ("idle", of.idle)] {
                let labels = [("purpose", of.purpose.as_str()), ("state", state)];
                ConstGauge::new(i64::from(count)).encode(connections.encode_family(&labels)?)?;
            }
        }
        let limit = encoder.encode_descriptor(
            "callplane_database_connections_limit",
            "Connections to PostgreSQL that this process may have in all",
            None,
            MetricType::Gauge,
        )?;
        ConstGauge::new(i64::from(usage.limit)).encode(limit)?;
        let mut pools = encoder.encode_descriptor(
            "callplane_database_pools",
            "Tenants with open connections, by what their logins are for",
            None,
            MetricType::Gauge,
        )?;
        for of in &usage.purposes {
            let labels = [("purpose", of.purpose.as_str())];
            ConstGauge::new(i64::from(of.pools)).encode(pools.encode_family(&labels)?)?;
        }
        for (name, help, count) in [
            (
                "callplane_database_pool_waits",
                "Times that work waited because every connection was promised to a tenant",
                usage.waits,
            ),
            (
                "callplane_database_pool_refusals",
                "Times that it waited in vain",
                usage.refusals,
            ),
        ] {
            let counter = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            ConstCounter::new(count).encode(counter)?;
        }
        Ok(())
    }
}
