//! Markdown: CommonMark with tables.

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use crate::document::Writer;
use crate::{Document, Limits, Unreadable, html};

/// Between the cells of a row, as people and models read it.
pub(crate) const CELL: &str = " | ";

pub(crate) fn read(text: &str, limits: &Limits) -> Result<Document, Unreadable> {
    let mut reader = Reader {
        writer: Writer::new(limits),
        words: String::new(),
        limits,
    };
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS;
    for event in Parser::new_ext(text, options) {
        reader.event(event)?;
    }
    reader.flush(None)?;
    Ok(reader.writer.finish())
}

struct Reader<'a> {
    writer: Writer,
    /// Of the block that is being read.
    words: String,
    limits: &'a Limits,
}

impl Reader<'_> {
    fn event(&mut self, event: Event<'_>) -> Result<(), Unreadable> {
        match event {
            // Of a block of HTML these are its lines.
            Event::Text(more) | Event::Code(more) | Event::Html(more) => self.words.push_str(&more),
            Event::InlineMath(more) | Event::DisplayMath(more) => self.words.push_str(&more),
            Event::SoftBreak => self.words.push(' '),
            Event::HardBreak => self.words.push('\n'),
            Event::TaskListMarker(true) => self.words.push_str("[x] "),
            Event::TaskListMarker(false) => self.words.push_str("[ ] "),
            Event::Start(tag) => self.begin(&tag)?,
            Event::End(tag) => self.end(tag)?,
            Event::InlineHtml(_) | Event::FootnoteReference(_) | Event::Rule => {}
        }
        Ok(())
    }

    /// A block ends what came before it: items of a tight list hold no paragraphs.
    fn begin(&mut self, tag: &Tag<'_>) -> Result<(), Unreadable> {
        match tag {
            Tag::TableCell if !self.words.is_empty() => {
                self.words.push_str(CELL);
                Ok(())
            }
            tag if is_inline(tag) => Ok(()),
            _ => self.flush(None),
        }
    }

    fn end(&mut self, tag: TagEnd) -> Result<(), Unreadable> {
        match tag {
            TagEnd::Heading(level) => {
                if level == HeadingLevel::H1 {
                    self.writer.title(&self.words);
                }
                self.flush(Some(level as u8))
            }
            TagEnd::MetadataBlock(_) => {
                self.front_matter();
                Ok(())
            }
            TagEnd::HtmlBlock => {
                let source = std::mem::take(&mut self.words);
                for block in html::read(&source, self.limits)?.blocks {
                    self.writer.block(None, block.text())?;
                }
                Ok(())
            }
            TagEnd::Paragraph
            | TagEnd::CodeBlock
            | TagEnd::Item
            | TagEnd::TableHead
            | TagEnd::TableRow => self.flush(None),
            _ => Ok(()),
        }
    }

    /// Front matter is for the tool that publishes the text, but for its title.
    fn front_matter(&mut self) {
        let lines = std::mem::take(&mut self.words);
        for line in lines.lines() {
            if let Some(title) = line.strip_prefix("title:") {
                self.writer.title(title.trim().trim_matches(['"', '\'']));
            }
        }
    }

    fn flush(&mut self, level: Option<u8>) -> Result<(), Unreadable> {
        let words = std::mem::take(&mut self.words);
        self.writer.block(level, &words)
    }
}

fn is_inline(tag: &Tag<'_>) -> bool {
    matches!(
        tag,
        Tag::TableCell
            | Tag::Emphasis
            | Tag::Strong
            | Tag::Strikethrough
            | Tag::Superscript
            | Tag::Subscript
            | Tag::Link { .. }
            | Tag::Image { .. }
    )
}
