//! How much of a document is read.

/// How much of a document is read. What is beyond a limit is no part of the document that is left out, but makes the whole
/// of it unreadable: an answer out of half a document would be a wrong one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Octets of the file.
    pub source: usize,
    /// Octets of one packed part of a file when it is unpacked.
    pub unpacked: u64,
    /// Octets of text.
    pub text: usize,
    /// Pages of a PDF.
    pub pages: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            source: 8 << 20,
            unpacked: 32 << 20,
            text: 4 << 20,
            pages: 2_000,
        }
    }
}
