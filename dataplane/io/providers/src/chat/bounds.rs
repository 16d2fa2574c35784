//! How much of a stream is read at all.

use crate::error::ModelError;

/// Octets of a line beyond what an answer may have: its envelope.
const ENVELOPE: usize = 64 * 1024;
/// What a whole stream may be of what is in it: each word comes in an envelope of its own.
const OVERHEAD: usize = 100;

/// What was read, and what may be. The parser of events looks at an unfinished line anew with each chunk, so a line
/// that does not end would cost more and more.
#[derive(Debug)]
pub(super) struct Bounds {
    limit: usize,
    octets: usize,
    line: usize,
}

impl Bounds {
    /// Of an answer of at most so many octets.
    pub(super) const fn new(limit: usize) -> Self {
        Self {
            limit,
            octets: 0,
            line: 0,
        }
    }

    /// The next octets came.
    pub(super) fn take(&mut self, chunk: &[u8]) -> Result<(), ModelError> {
        self.octets += chunk.len();
        self.line = match chunk.iter().rposition(|octet| *octet == b'\n') {
            Some(end) => chunk.len() - end - 1,
            None => self.line + chunk.len(),
        };
        let is_within = self.octets <= OVERHEAD * self.limit && self.line <= self.limit + ENVELOPE;
        is_within.then_some(()).ok_or(ModelError::TooLong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_short_lines_pass_and_one_that_does_not_end_does_not() {
        let mut bounds = Bounds::new(1_000);
        for _ in 0..99 {
            bounds
                .take(&[b"x".repeat(999), b"\n".to_vec()].concat())
                .unwrap();
        }
        assert_eq!(bounds.take(&[b'\n'; 2_000]), Err(ModelError::TooLong));
        let mut bounds = Bounds::new(100_000);
        bounds.take(&[b'x'; 160_000]).unwrap();
        assert_eq!(bounds.take(&[b'x'; 10_000]), Err(ModelError::TooLong));
    }
}
