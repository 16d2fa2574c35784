//! What the SIP task tells about itself, for metrics.

use callplane_sip::Counters;

/// The SIP task at one moment. **Whoever has seen an event or an answer finds it counted.**
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// What the agent counted since it began.
    pub agent: Counters,
    /// Sessions under way, those included whose BYE waits for an ACK.
    pub sessions: usize,
    /// Transactions held, those included that only absorb repetitions.
    pub transactions: usize,
    /// TCP connections, those included that are being opened.
    pub connections: usize,
    /// What full queues cost.
    pub dropped: Dropped,
    /// Datagrams that the system would not send: nobody has such an address.
    pub send_failures: u64,
}

/// What was dropped since the task began because a queue was full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Messages to a connection that takes none; it is closed.
    pub to_connection: u64,
    /// Calls that nobody took from [`super::Incoming`]; they are refused with 503.
    pub incoming_calls: u64,
    /// Events of sessions that nobody took; those are hung up.
    pub session_events: u64,
    /// Messages that are missing in traces.
    pub traced_messages: u64,
}
