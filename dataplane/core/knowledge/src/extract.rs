//! Text out of octets.

use crate::charset::decode;
use crate::{Document, Limits, MediaType, Unreadable, docx, html, markdown, pdf, plain};

/// Reads `octets` as a document of `media_type`. `charset` is what the server said of it, or nothing.
///
/// # Errors
/// When it is none, is beyond a limit, or has no words.
pub fn extract(
    media_type: MediaType,
    charset: Option<&str>,
    octets: &[u8],
    limits: &Limits,
) -> Result<Document, Unreadable> {
    if octets.len() > limits.source {
        return Err(Unreadable::TooLong(limits.source));
    }
    let document = match media_type {
        MediaType::Text => plain::read(&decode(octets, charset), limits),
        MediaType::Markdown => markdown::read(&decode(octets, charset), limits),
        MediaType::Html => {
            let declared = html::charset(octets);
            html::read(&decode(octets, charset.or(declared.as_deref())), limits)
        }
        MediaType::Pdf => pdf::read(octets, limits),
        MediaType::Docx => docx::read(octets, limits),
    }?;
    if document.blocks.is_empty() {
        return Err(Unreadable::NoText);
    }
    Ok(document)
}
