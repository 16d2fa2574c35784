//! Paragraphs and headings out of lines.

use super::glyphs::Line;
use crate::Unreadable;
use crate::document::Writer;

/// Lines of one paragraph are not further apart than this many times what lines of the page usually are.
const LEADING: f64 = 1.3;

/// Letters of a heading are at least this many times as high as most are; those of higher headings more.
const HEADINGS: [(f64, u8); 3] = [(1.5, 1), (1.25, 2), (1.1, 3)];

/// Words of a heading; what is longer is a paragraph in large letters.
const MAX_HEADING: usize = 25;

pub(super) fn write(writer: &mut Writer, lines: &[Line]) -> Result<(), Unreadable> {
    let body = usual_size(lines);
    let mut paragraph = Paragraph::default();
    let pages = lines.chunk_by(|one, other| one.page == other.page);
    for page in pages {
        let leading = usual_leading(page);
        let mut before: Option<&Line> = None;
        for line in page {
            let goes_on = match before {
                Some(before) => is_next(before, line, leading),
                None => paragraph.is_cut(line),
            };
            if !goes_on {
                paragraph.write(writer, body)?;
            }
            paragraph.add(line);
            before = Some(line);
        }
    }
    paragraph.write(writer, body)
}

/// The height of most letters.
fn usual_size(lines: &[Line]) -> f64 {
    let mut sizes: Vec<(f64, usize)> = lines
        .iter()
        .map(|line| (line.size, line.text.len()))
        .collect();
    sizes.sort_by(|one, other| one.0.total_cmp(&other.0));
    let all: usize = sizes.iter().map(|(_, letters)| letters).sum();
    let mut seen = 0;
    sizes
        .iter()
        .find(|(_, letters)| {
            seen += letters;
            seen * 2 >= all
        })
        .map_or(0.0, |(size, _)| *size)
}

/// How far lines of a page are from each other, most of them, in heights of their letters.
fn usual_leading(page: &[Line]) -> f64 {
    let mut steps: Vec<f64> = page
        .windows(2)
        .filter_map(|pair| match pair {
            [one, other] => Some((other.y - one.y) / one.size),
            _ => None,
        })
        .filter(|step| (0.8..2.5).contains(step))
        .collect();
    steps.sort_by(f64::total_cmp);
    // A paragraph of its own, where there is nothing to compare with.
    steps.get(steps.len() / 2).copied().unwrap_or(1.2)
}

fn is_next(before: &Line, line: &Line, leading: f64) -> bool {
    let step = (line.y - before.y) / before.size;
    let is_alike = (line.size / before.size - 1.0).abs() < 0.08;
    step > 0.0 && step < leading * LEADING && is_alike && line.x < before.x + 20.0 * before.size
}

/// Lines that belong together.
#[derive(Debug, Default)]
struct Paragraph {
    text: String,
    size: f64,
}

impl Paragraph {
    /// Whether it goes on at the top of the next page.
    fn is_cut(&self, line: &Line) -> bool {
        let ends = self
            .text
            .trim_end()
            .ends_with(['.', '!', '?', ':', ';', '"', '”', '»']);
        let begins = line.text.chars().next().is_some_and(char::is_lowercase);
        begins && !ends && (line.size / self.size - 1.0).abs() < 0.08
    }

    fn add(&mut self, line: &Line) {
        if self.text.is_empty() {
            self.size = line.size;
        } else if !joins_word(&mut self.text, &line.text) {
            self.text.push(' ');
        }
        self.text.push_str(&line.text);
    }

    fn write(&mut self, writer: &mut Writer, body: f64) -> Result<(), Unreadable> {
        let text = std::mem::take(&mut self.text);
        let ratio = self.size / body;
        let level = HEADINGS.iter().find(|(least, _)| ratio >= *least);
        let is_short = text.split_whitespace().nth(MAX_HEADING).is_none();
        writer.block(level.filter(|_| is_short).map(|(_, level)| *level), &text)
    }
}

/// Takes the hyphen off a word that a line break cut, if `next` is the rest of it.
fn joins_word(text: &mut String, next: &str) -> bool {
    let Some(word) = text.strip_suffix(['-', '\u{2010}', '\u{ad}']) else {
        return false;
    };
    let is_cut = word.chars().next_back().is_some_and(char::is_lowercase)
        && next.chars().next().is_some_and(char::is_lowercase);
    if is_cut {
        text.truncate(word.len());
    }
    is_cut
}
