//! Passages: what a search finds, and a model is given.

use serde::{Deserialize, Serialize};

use crate::split::{pieces, tokens, weight};
use crate::{Block, Document};

/// A part of a document that can be understood by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passage {
    /// Its words, with a line for each heading and paragraph.
    pub text: String,
    /// About how many tokens models see in it.
    pub tokens: u32,
}

/// How long passages are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Words that no passage exceeds; at least 16.
    pub words: usize,
    /// Words at the end of a passage that the next one repeats, where a paragraph is cut.
    pub overlap: usize,
}

impl Default for Cut {
    /// About what a person says in a minute and a half: an answer, with what is needed to understand it.
    fn default() -> Self {
        Self {
            words: 200,
            overlap: 25,
        }
    }
}

/// Cuts a document into passages, in its order.
///
/// A paragraph stays whole if it can, else it is cut between sentences, and the next passage repeats the last ones. A
/// heading stands before its text and never at the end of a passage; a section that goes on in another passage begins it
/// with its heading again. A title that the text does not begin with becomes its first heading.
///
/// **Nothing but white space is lost**: the passages hold every word of every block in order.
#[must_use]
pub fn passages(document: &Document, cut: Cut) -> Vec<Passage> {
    let mut builder = Builder::new(cut);
    if let (Some(title), Some(first)) = (&document.title, document.blocks.first())
        && title != first.text()
    {
        builder.heading(title);
    }
    for block in &document.blocks {
        match block {
            Block::Heading { text, .. } => builder.heading(text),
            Block::Paragraph(text) => builder.paragraph(text),
        }
    }
    builder.finish()
}

struct Builder<'a> {
    words: usize,
    overlap: usize,
    done: Vec<Passage>,
    text: String,
    /// Words of `text`.
    size: usize,
    /// Headings that wait for their text.
    waiting: Vec<&'a str>,
    /// What the text is about now.
    section: Option<&'a str>,
}

impl<'a> Builder<'a> {
    fn new(cut: Cut) -> Self {
        let words = cut.words.max(16);
        Self {
            words,
            // A new passage has room for a heading, what it repeats, and the longest piece.
            overlap: cut.overlap.min(words / 8),
            done: Vec::new(),
            text: String::new(),
            size: 0,
            waiting: Vec::new(),
            section: None,
        }
    }

    fn heading(&mut self, text: &'a str) {
        let size = weight(text);
        if size > self.words / 8 {
            // Nobody's heading: text in large letters.
            self.paragraph(text);
            self.section = None;
            return;
        }
        if self.waiting_size() + size > self.words / 4 {
            self.write_waiting();
        }
        if self.size >= self.words / 2 {
            self.close();
        }
        self.waiting.push(text);
    }

    fn paragraph(&mut self, text: &'a str) {
        let size = weight(text);
        let needed = self.size + self.waiting_size() + size;
        if needed <= self.words {
            self.open();
            return self.line(text);
        }
        let pieces = pieces(text, self.words / 2);
        let least = needed - size + pieces.first().map_or(0, |piece| weight(piece));
        // One that has hardly begun takes the beginning of a long paragraph rather than ending here.
        if self.size >= self.words / 3 || least > self.words {
            self.close();
        }
        self.open();
        match self.size + size <= self.words {
            true => self.line(text),
            false => self.cut(&pieces),
        }
    }

    /// Adds the pieces of a paragraph that is longer than the room for it.
    fn cut(&mut self, pieces: &[&'a str]) {
        let mut first = 0;
        self.end_line();
        for (at, piece) in pieces.iter().enumerate() {
            if at > first && self.size + weight(piece) > self.words {
                self.close();
                self.open();
                self.end_line();
                for again in repeated(&pieces[first..at], self.overlap) {
                    self.add(again);
                }
                first = at;
            }
            self.add(piece);
        }
    }

    /// Begins to write what the next text is about.
    fn open(&mut self) {
        if !self.waiting.is_empty() {
            return self.write_headings();
        }
        if let (true, Some(section)) = (self.text.is_empty(), self.section) {
            self.line(section);
        }
    }

    fn write_headings(&mut self) {
        for heading in std::mem::take(&mut self.waiting) {
            self.line(heading);
            self.section = Some(heading);
        }
    }

    /// Headings that are all text there is: a table of contents, or the end.
    fn write_waiting(&mut self) {
        if self.size + self.waiting_size() > self.words {
            self.close();
        }
        self.write_headings();
    }

    fn waiting_size(&self) -> usize {
        self.waiting.iter().map(|heading| weight(heading)).sum()
    }

    fn line(&mut self, text: &str) {
        self.end_line();
        self.add(text);
    }

    fn end_line(&mut self) {
        let length = self.text.trim_end().len();
        self.text.truncate(length);
        if !self.text.is_empty() {
            self.text.push('\n');
        }
    }

    fn add(&mut self, text: &str) {
        self.text.push_str(text);
        self.size += weight(text);
    }

    fn close(&mut self) {
        let text = std::mem::take(&mut self.text);
        self.size = 0;
        let text = text.trim();
        if !text.is_empty() {
            self.done.push(Passage {
                text: text.to_owned(),
                tokens: tokens(text),
            });
        }
    }

    fn finish(mut self) -> Vec<Passage> {
        self.write_waiting();
        self.close();
        self.done
    }
}

/// The last of `pieces` that have at most `overlap` words together.
fn repeated<'a, 'b>(pieces: &'b [&'a str], overlap: usize) -> &'b [&'a str] {
    let mut left = overlap;
    let mut from = pieces.len();
    while let Some(size) = from.checked_sub(1).map(|at| weight(pieces[at]))
        && size <= left
    {
        left -= size;
        from -= 1;
    }
    &pieces[from..]
}
