//! How the operator's connections to PostgreSQL are used, read at each scrape.

use std::fmt;

use callplane_store::OperatorDatabase;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;

/// Encodes [`OperatorDatabase::connections`].
#[derive(Debug)]
pub(crate) struct ConnectionCollector {
    pub(crate) database: OperatorDatabase,
}

impl Collector for ConnectionCollector {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let used = self.database.connections();
        let mut connections = encoder.encode_descriptor(
            "database_connections",
            "Connections to PostgreSQL, by whether they work",
            None,
            MetricType::Gauge,
        )?;
        for (state, count) in [("busy", used.busy), ("idle", used.idle)] {
            let labels = [("state", state)];
            ConstGauge::new(i64::from(count)).encode(connections.encode_family(&labels)?)?;
        }
        let limit = encoder.encode_descriptor(
            "database_connections_limit",
            "Connections to PostgreSQL that the operator may have",
            None,
            MetricType::Gauge,
        )?;
        ConstGauge::new(i64::from(used.limit)).encode(limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus_client::encoding::text::encode;
    use prometheus_client::registry::Registry;

    #[tokio::test]
    async fn the_alert_asks_for_what_is_exported() {
        let url = "postgres://nobody@127.0.0.1:1/none";
        let database = OperatorDatabase::connect_lazy(url, 7).unwrap();
        let mut registry = Registry::with_prefix("callplane_operator");
        registry.register_collector(Box::new(ConnectionCollector { database }));
        let mut page = String::new();
        encode(&mut page, &registry).unwrap();
        for line in [
            "callplane_operator_database_connections{state=\"busy\"} 0",
            "callplane_operator_database_connections_limit 7",
        ] {
            assert!(page.contains(line), "{line} in {page}");
        }
        let alerts = include_str!("../../charts/callplane/alerts/database.yaml");
        for name in ["connections{", "connections_limit"] {
            assert!(alerts.contains(&format!("callplane_operator_database_{name}")));
        }
    }
}
