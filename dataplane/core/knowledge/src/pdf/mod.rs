//! PDF, ISO 32000: text has no paragraphs there, only glyphs with places, so words, lines, paragraphs and headings are
//! what these places say.

mod glyphs;
mod layout;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use hayro_interpret::kurbo::Rect;
use hayro_interpret::{
    Context, InterpreterCache, InterpreterSettings, RenderContent, TransformExt as _,
    interpret_page,
};
use hayro_syntax::{DecryptionError, LoadPdfError, Pdf};

use crate::document::Writer;
use crate::{Document, Limits, Unreadable};
use glyphs::Glyphs;

const DAMAGED: Unreadable = Unreadable::Damaged("PDF");

pub(crate) fn read(octets: &[u8], limits: &Limits) -> Result<Document, Unreadable> {
    // What the library makes of a broken file is not ours: where it gives up, the file is unreadable.
    catch_unwind(AssertUnwindSafe(|| pages(octets, limits))).unwrap_or(Err(DAMAGED))
}

fn pages(octets: &[u8], limits: &Limits) -> Result<Document, Unreadable> {
    let pdf = Pdf::new(Arc::new(octets.to_vec())).map_err(|error| match error {
        LoadPdfError::Decryption(DecryptionError::PasswordProtected) => Unreadable::Protected,
        LoadPdfError::Decryption(_) | LoadPdfError::Invalid => DAMAGED,
    })?;
    if pdf.pages().len() > limits.pages {
        return Err(Unreadable::TooManyPages(limits.pages));
    }
    let mut glyphs = Glyphs::new(limits);
    for page in pdf.pages().iter() {
        let (width, height) = page.render_dimensions();
        let mut context = Context::new(
            page.initial_transform(true).to_kurbo(),
            Rect::new(0.0, 0.0, f64::from(width), f64::from(height)),
            // What is kept of a page would grow with the document.
            &InterpreterCache::new(),
            pdf.xref(),
            InterpreterSettings {
                render_content: RenderContent::PAGE,
                ..InterpreterSettings::default()
            },
        );
        interpret_page(page, &mut context, &mut glyphs);
        glyphs.end_page()?;
    }
    let mut writer = Writer::new(limits);
    if let Some(title) = &pdf.metadata().title {
        writer.title(&title_text(title));
    }
    layout::write(&mut writer, &glyphs.finish()?)?;
    Ok(writer.finish())
}

/// A text string, ISO 32000-1 section 7.9.2.2; of the encoding of its own that PDF has, only what it shares with others.
fn title_text(octets: &[u8]) -> String {
    let title = crate::charset::decode(octets, None);
    // What producers write that were not told a title.
    match title.trim() {
        "untitled" | "(anonymous)" => String::new(),
        title => title.to_owned(),
    }
}
