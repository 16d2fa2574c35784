//! What a user agent counts, for metrics.

use crate::message::{Message, StatusCode};

/// The methods that are told apart. A peer may invent others, and no peer shall make a metric grow.
const METHODS: [&str; 13] = [
    "INVITE",
    "ACK",
    "BYE",
    "CANCEL",
    "OPTIONS",
    "REGISTER",
    "INFO",
    "PRACK",
    "UPDATE",
    "REFER",
    "NOTIFY",
    "SUBSCRIBE",
    "MESSAGE",
];
/// The classes of responses.
const CLASSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "6xx"];

/// What a user agent counted since it was made. **Messages are counted as they come and go,
/// repetitions included.**
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Requests that came.
    pub requests_received: ByMethod,
    /// Requests that were sent.
    pub requests_sent: ByMethod,
    /// Responses that came.
    pub responses_received: ByClass,
    /// Responses that were sent.
    pub responses_sent: ByClass,
    /// Bytes that were no SIP message.
    pub malformed: u64,
    /// Messages sent again because no answer came, or because the peer repeated its own.
    pub retransmissions: u64,
    /// Transactions that ended because nobody answered (timers B and F) or acknowledged (H).
    pub transactions_timed_out: u64,
    /// INVITEs refused with 503 because a limit was reached or the agent drains.
    pub overload_refusals: u64,
    /// Messages dropped because as many as may waited for their connection to open.
    pub unsent: u64,
}

/// A count for each method, unknown ones together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByMethod([u64; METHODS.len() + 1]);

/// A count for each class of responses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByClass([u64; CLASSES.len()]);

impl Counters {
    pub(crate) fn received(&mut self, message: &Message) {
        match message {
            Message::Request(request) => self.requests_received.add(request.method.as_bytes()),
            Message::Response(response) => self.responses_received.add(response.status),
        }
    }

    pub(crate) fn sent(&mut self, message: &[u8]) {
        if let Some(rest) = message.strip_prefix(b"SIP/2.0 ") {
            let digits = rest
                .get(..3)
                .and_then(|code| std::str::from_utf8(code).ok());
            let status = digits.and_then(|code| StatusCode::new(code.parse().ok()?));
            if let Some(status) = status {
                self.responses_sent.add(status);
            }
        } else if let Some(space) = message.iter().position(|byte| *byte == b' ') {
            self.requests_sent.add(&message[..space]);
        }
    }
}

impl ByMethod {
    fn add(&mut self, method: &[u8]) {
        let known = METHODS.iter().position(|name| name.as_bytes() == method);
        self.0[known.unwrap_or(METHODS.len())] += 1;
    }

    /// Every method that is told apart with its count, and last `other`.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        METHODS.into_iter().chain(["other"]).zip(self.0)
    }
}

impl ByClass {
    fn add(&mut self, status: StatusCode) {
        // A status code is between 100 and 699.
        self.0[usize::from(status.code() / 100) - 1] += 1;
    }

    /// `1xx` to `6xx` with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        CLASSES.into_iter().zip(self.0)
    }
}
