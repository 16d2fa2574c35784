//! Why a document has no text.

/// Why a document has no text. The messages are for whoever wrote it: they say what to do, and nothing of its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// More octets than [`Limits::source`](crate::Limits::source).
    #[error("it is longer than {0} octets: split it")]
    TooLong(usize),
    /// A part of it unpacks to more than [`Limits::unpacked`](crate::Limits::unpacked).
    #[error("a part of it unpacks to more than {0} octets: split it")]
    Unpacked(u64),
    /// More text than [`Limits::text`](crate::Limits::text).
    #[error("it has more than {0} octets of text: split it")]
    TooMuchText(usize),
    /// More pages than [`Limits::pages`](crate::Limits::pages).
    #[error("it has more than {0} pages: split it")]
    TooManyPages(usize),
    /// A PDF that opens with a password only.
    #[error("it is protected by a password: store it without one")]
    Protected,
    /// The octets are none of that type.
    #[error("it is no {0} that can be read, or it is damaged: write it anew")]
    Damaged(&'static str),
    /// There are no words in it.
    #[error("it has no text: of pictures of pages, store the recognised text")]
    NoText,
}
