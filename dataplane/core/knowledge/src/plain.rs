//! Text without marks: paragraphs are what empty lines divide.

use crate::document::Writer;
use crate::{Document, Limits, Unreadable};

pub(crate) fn read(text: &str, limits: &Limits) -> Result<Document, Unreadable> {
    let mut writer = Writer::new(limits);
    let mut paragraph = String::new();
    for line in text.lines() {
        // A page that was printed ends with a form feed.
        if line.trim().is_empty() || line.starts_with('\u{c}') {
            writer.block(None, &paragraph)?;
            paragraph.clear();
        }
        paragraph.push_str(line);
        paragraph.push('\n');
    }
    writer.block(None, &paragraph)?;
    Ok(writer.finish())
}
