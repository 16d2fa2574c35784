//! What went over the wire, for whoever looks into calls.

use std::fmt;
use std::net::SocketAddr;

use bytes::Bytes;
use callplane_types::Instant;

use crate::input::Transport;
use crate::mask::mask;

/// A message that was received or sent, as it was: **with numbers and keys**, see [`mask()`].
#[derive(Clone)]
pub struct Traced {
    /// When the agent saw it.
    pub at: Instant,
    /// Which way it went.
    pub heading: Heading,
    /// The other end.
    pub peer: SocketAddr,
    /// What carried it.
    pub transport: Transport,
    /// The call that it belongs to.
    pub call_id: Bytes,
    /// The message.
    pub bytes: Bytes,
}

/// Without what it says.
impl fmt::Debug for Traced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Traced")
            .field("heading", &self.heading)
            .field("peer", &self.peer)
            .field("length", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

/// Which way a message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Heading {
    /// To us.
    Received,
    /// By us.
    Sent,
}

impl Heading {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Sent => "sent",
        }
    }
}

/// The Call-ID of a message, by its header or the compact form of it.
pub(crate) fn call_id(message: &Bytes) -> Option<Bytes> {
    for line in message.split(|octet| *octet == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            return None;
        }
        let Some(colon) = line.iter().position(|octet| *octet == b':') else {
            continue;
        };
        let name = line[..colon].trim_ascii();
        if name.eq_ignore_ascii_case(b"call-id") || name.eq_ignore_ascii_case(b"i") {
            return Some(message.slice_ref(line[colon + 1..].trim_ascii()));
        }
    }
    None
}

/// The messages of one call, masked, oldest first. **It holds at most [`Ladder::MAX_STEPS`] heads of at most
/// [`Ladder::MAX_OCTETS`] octets**, and counts what comes after them.
#[derive(Clone, Debug, Default)]
pub struct Ladder<T> {
    steps: Vec<Step<T>>,
    left_out: u64,
}

/// A message of a [`Ladder`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step<T> {
    /// When it came or went first.
    pub at: T,
    /// Which way it went.
    pub heading: Heading,
    /// The other end.
    pub peer: SocketAddr,
    /// What carried it.
    pub transport: Transport,
    /// How often: it was repeated if more than once.
    pub times: u32,
    /// Its headers, masked and perhaps cut.
    pub head: Box<str>,
}

impl<T> Ladder<T> {
    /// Messages kept of a call.
    pub const MAX_STEPS: usize = 64;
    /// Octets kept of a message.
    pub const MAX_OCTETS: usize = 1_024;

    /// Adds a message that was seen at `at`.
    pub fn push(&mut self, at: T, message: &Traced) {
        let end = message
            .bytes
            .windows(4)
            .position(|octets| octets == b"\r\n\r\n")
            .unwrap_or(message.bytes.len());
        // Masked before it is cut: half a number is not told from something else.
        let mut head = message.bytes[..end].to_vec();
        mask(&mut head);
        head.truncate(Self::MAX_OCTETS);
        let head = String::from_utf8_lossy(&head);
        let Traced {
            at: _,
            heading,
            peer,
            transport,
            call_id: _,
            bytes: _,
        } = *message;
        let again = self
            .steps
            .iter_mut()
            .rev()
            .take(8)
            .find(|step| (step.heading, step.peer) == (heading, peer) && *step.head == *head);
        if let Some(again) = again {
            again.times = again.times.saturating_add(1);
        } else if self.steps.len() < Self::MAX_STEPS {
            self.steps.push(Step {
                at,
                heading,
                peer,
                transport,
                times: 1,
                head: head.into(),
            });
        } else {
            self.left_out += 1;
        }
    }

    /// What is kept.
    #[must_use]
    pub fn steps(&self) -> &[Step<T>] {
        &self.steps
    }

    /// Messages that there was no room for.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.left_out
    }
}

impl<T> Step<T> {
    /// The first line: method and address, or status.
    #[must_use]
    pub fn start_line(&self) -> &str {
        self.head.lines().next().unwrap_or_default()
    }

    /// A header, by its name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found
                .trim()
                .eq_ignore_ascii_case(name)
                .then(|| value.trim())
        })
    }
}
