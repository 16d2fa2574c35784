//! What all kinds of documents become: a title, headings, paragraphs.

use crate::{Limits, Unreadable};

/// A document without its looks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Document {
    /// What it calls itself, where its format has a place for that.
    pub title: Option<String>,
    /// Its text, in the order of reading. No block is empty.
    pub blocks: Vec<Block>,
}

/// A piece of a document: words with single spaces between them, and line breaks that the author wrote. It holds no
/// control characters, so that every database takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// What the text after it is about.
    Heading {
        /// 1 is the highest.
        level: u8,
        /// Its words, on one line.
        text: String,
    },
    /// What belongs together: a paragraph, an item of a list, a row of a table.
    Paragraph(String),
}

impl Block {
    /// Its words.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Heading { text, .. } | Self::Paragraph(text) => text,
        }
    }
}

/// A document that is being read.
#[derive(Debug)]
pub(crate) struct Writer {
    document: Document,
    /// Octets of text that may still come.
    left: usize,
    limit: usize,
}

impl Writer {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            document: Document::default(),
            left: limits.text,
            limit: limits.text,
        }
    }

    /// Ends a block. White space alone makes none.
    pub(crate) fn block(&mut self, level: Option<u8>, text: &str) -> Result<(), Unreadable> {
        let text = match level {
            Some(_) => tidy(text).replace('\n', " "),
            None => tidy(text),
        };
        if text.is_empty() {
            return Ok(());
        }
        self.left = self
            .left
            .checked_sub(text.len())
            .ok_or(Unreadable::TooMuchText(self.limit))?;
        self.document.blocks.push(match level {
            Some(level) => Block::Heading { level, text },
            None => Block::Paragraph(text),
        });
        Ok(())
    }

    pub(crate) fn title(&mut self, text: &str) {
        let text = tidy(text).replace('\n', " ");
        if self.document.title.is_none() && !text.is_empty() && text.len() <= MAX_TITLE {
            self.document.title = Some(text);
        }
    }

    pub(crate) fn finish(self) -> Document {
        self.document
    }
}

/// Octets of a title; a longer one is none.
const MAX_TITLE: usize = 512;

/// `text` with single spaces, at most one line break in a row, and no characters that only control something.
pub(crate) fn tidy(text: &str) -> String {
    let mut tidied = String::with_capacity(text.len().min(1 << 16));
    let mut gap = None;
    for one in text.chars() {
        match one {
            '\n' => gap = Some('\n'),
            space if space.is_whitespace() => gap = gap.or(Some(' ')),
            nothing if is_nothing(nothing) => {}
            other => {
                if let Some(gap) = gap.take()
                    && !tidied.is_empty()
                {
                    tidied.push(gap);
                }
                tidied.push(other);
            }
        }
    }
    tidied
}

/// Whether a character is neither seen nor heard: one of control, a soft hyphen, a space without width, a mark of the
/// order of octets.
pub(crate) fn is_nothing(one: char) -> bool {
    one.is_control()
        || matches!(
            one,
            '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
        )
}
