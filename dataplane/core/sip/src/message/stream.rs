//! Framing on streams: bytes in any portions to whole messages.

use std::collections::VecDeque;

use bytes::Bytes;

use super::Message;
use super::parse::{Head, MAX_MESSAGE_BYTES, Malformed, find_head_end};
use super::status::StatusCode;

/// Cuts a stream into messages by their `Content-Length`, which a stream must carry
/// (RFC 3261 section 18.3). Holds at most one message.
#[derive(Debug, Default)]
pub struct StreamReader {
    buffer: VecDeque<u8>,
    /// Where the search for the end of the headers goes on.
    searched: usize,
    /// The length of the message whose headers have been read, until its body is there.
    needed: Option<usize>,
    /// The octets of the message that was given last.
    last: Bytes,
    broken: bool,
}

/// What a stream gave.
#[derive(Debug)]
pub enum Framed {
    /// A message.
    Message(Box<Message>),
    /// A message with a fault that leaves the framing intact; the stream goes on.
    Malformed(Malformed),
    /// A fault after which nobody knows where the next message starts: answer, then close.
    Broken(Malformed),
    /// CR LF CR LF between messages: answer CR LF (RFC 5626 section 4.4.1).
    Ping,
}

impl StreamReader {
    /// Takes what was read. After this [`StreamReader::next`] is called until it gives nothing.
    pub fn push(&mut self, bytes: &[u8]) {
        if !self.broken {
            self.buffer.extend(bytes);
        }
    }

    /// The next message or event of the stream; `None` when more bytes are needed.
    #[allow(
        clippy::should_implement_trait,
        reason = "more may come after None, unlike an iterator"
    )]
    pub fn next(&mut self) -> Option<Framed> {
        let incomplete = self.needed.is_some_and(|needed| self.buffer.len() < needed);
        if self.broken || incomplete {
            return None;
        }
        if let Some(ping) = self.skip_empty_lines() {
            return Some(ping);
        }
        let text = self.buffer.make_contiguous();
        let Some(end) = find_head_end(&text[self.searched..]).map(|at| at + self.searched) else {
            self.searched = text.len().saturating_sub(3);
            return self.refuse_overlong();
        };
        let head = Head::parse(&Bytes::copy_from_slice(&text[..end]));
        let length = match head.content_length() {
            Ok(Some(length)) => length,
            Ok(None) => return Some(self.break_off(head, "no Content-Length on a stream")),
            Err(reason) => return Some(self.break_off(head, reason)),
        };
        let total = (end + 4).saturating_add(length);
        if total > MAX_MESSAGE_BYTES {
            self.broken = true;
            return Some(Framed::Broken(
                head.malformed(StatusCode::MESSAGE_TOO_LARGE, "message too large"),
            ));
        }
        if self.buffer.len() < total {
            self.searched = end;
            self.needed = Some(total);
            return None;
        }
        self.searched = 0;
        self.needed = None;
        let message: Bytes = self.buffer.drain(..total).collect();
        self.last = message.clone();
        Some(match head.into_message(message.slice(end + 4..)) {
            Ok(message) => Framed::Message(Box::new(message)),
            Err(malformed) => Framed::Malformed(malformed),
        })
    }

    /// The octets of the message that [`StreamReader::next`] gave last, once.
    #[must_use]
    pub fn last_message(&mut self) -> Bytes {
        std::mem::take(&mut self.last)
    }

    fn skip_empty_lines(&mut self) -> Option<Framed> {
        if self.searched > 0 {
            return None;
        }
        if self.buffer.iter().take(4).eq(b"\r\n\r\n") {
            self.buffer.drain(..4);
            return Some(Framed::Ping);
        }
        while self.buffer.len() > 2
            && self.buffer.iter().take(2).eq(b"\r\n")
            && self.buffer.get(2) != Some(&b'\r')
        {
            self.buffer.drain(..2);
        }
        None
    }

    fn break_off(&mut self, head: Head, reason: &'static str) -> Framed {
        self.broken = true;
        Framed::Broken(head.malformed(StatusCode::BAD_REQUEST, reason))
    }

    fn refuse_overlong(&mut self) -> Option<Framed> {
        if self.buffer.len() <= MAX_MESSAGE_BYTES {
            return None;
        }
        self.broken = true;
        Some(Framed::Broken(Malformed {
            reason: "headers too large",
            answer: None,
        }))
    }
}
