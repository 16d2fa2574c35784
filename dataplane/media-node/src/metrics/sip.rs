//! What the SIP task counts, read at each scrape. Labels have the few values of
//! [`callplane_sip::ByMethod`] and its like, whatever a peer sends.

use std::fmt;

use callplane_sip::Counters;
use callplane_transport::sip::Stats;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use tokio::sync::watch;

/// Encodes the last [`Stats`] of the SIP task.
#[derive(Debug)]
pub(crate) struct SipCollector {
    stats: watch::Receiver<Stats>,
}

impl SipCollector {
    pub(crate) fn new(stats: watch::Receiver<Stats>) -> Self {
        Self { stats }
    }
}

impl Collector for SipCollector {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let stats = *self.stats.borrow();
        let mut page = Page(&mut encoder);
        page.messages(&stats.agent)?;
        page.troubles(&stats)?;
        page.held(&stats)
    }
}

/// The metrics written so far.
struct Page<'a, 'b>(&'a mut DescriptorEncoder<'b>);

impl Page<'_, '_> {
    fn messages(&mut self, agent: &Counters) -> fmt::Result {
        self.family(
            "callplane_sip_requests_received",
            "SIP requests received, repetitions included",
            "method",
            agent.requests_received.iter(),
        )?;
        self.family(
            "callplane_sip_requests_sent",
            "SIP requests sent, repetitions included",
            "method",
            agent.requests_sent.iter(),
        )?;
        self.family(
            "callplane_sip_responses_received",
            "SIP responses received, repetitions included, by class",
            "class",
            agent.responses_received.iter(),
        )?;
        self.family(
            "callplane_sip_responses_sent",
            "SIP responses sent, repetitions included, by class",
            "class",
            agent.responses_sent.iter(),
        )?;
        self.counter(
            "callplane_sip_retransmissions",
            "SIP messages sent again for lack of an answer or because the peer repeated its own",
            agent.retransmissions,
        )
    }

    fn troubles(&mut self, stats: &Stats) -> fmt::Result {
        let (agent, dropped) = (&stats.agent, &stats.dropped);
        self.counter(
            "callplane_sip_malformed_messages",
            "Datagrams and parts of streams that were no SIP message",
            agent.malformed,
        )?;
        self.counter(
            "callplane_sip_transactions_timed_out",
            "SIP transactions that nobody answered or acknowledged",
            agent.transactions_timed_out,
        )?;
        self.counter(
            "callplane_sip_overload_refusals",
            "INVITEs refused with 503 at a limit of the SIP agent or while it drains",
            agent.overload_refusals,
        )?;
        self.counter(
            "callplane_sip_send_failures",
            "SIP datagrams that the system would not send",
            stats.send_failures,
        )?;
        let dropped = [
            ("connecting", agent.unsent),
            ("connection", dropped.to_connection),
            ("incoming_calls", dropped.incoming_calls),
            ("session_events", dropped.session_events),
            ("traced_messages", dropped.traced_messages),
        ];
        self.family(
            "callplane_sip_dropped",
            "Messages, calls and events dropped because a queue of the SIP task was full",
            "queue",
            dropped.into_iter(),
        )
    }

    fn held(&mut self, stats: &Stats) -> fmt::Result {
        self.gauge(
            "callplane_sip_sessions",
            "SIP sessions held",
            stats.sessions,
        )?;
        self.gauge(
            "callplane_sip_transactions",
            "SIP transactions held",
            stats.transactions,
        )?;
        self.gauge(
            "callplane_sip_connections",
            "TCP connections of SIP held",
            stats.connections,
        )
    }

    fn family(
        &mut self,
        name: &str,
        help: &str,
        label: &'static str,
        counts: impl Iterator<Item = (&'static str, u64)>,
    ) -> fmt::Result {
        let help = sentence(help);
        let mut metric = self
            .0
            .encode_descriptor(name, &help, None, MetricType::Counter)?;
        for (value, count) in counts {
            let labels = [(label, value)];
            ConstCounter::new(count).encode(metric.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn counter(&mut self, name: &str, help: &str, count: u64) -> fmt::Result {
        let help = sentence(help);
        let metric = self
            .0
            .encode_descriptor(name, &help, None, MetricType::Counter)?;
        ConstCounter::new(count).encode(metric)
    }

    fn gauge(&mut self, name: &str, help: &str, value: usize) -> fmt::Result {
        let help = sentence(help);
        let metric = self
            .0
            .encode_descriptor(name, &help, None, MetricType::Gauge)?;
        ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX)).encode(metric)
    }
}

/// As the registry ends the help texts of the other metrics.
fn sentence(help: &str) -> String {
    format!("{help}.")
}
